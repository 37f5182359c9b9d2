/** Executes instructions alone: single steps, breakpoints, and what may happen in no block. SDM vol. 3B, section 18.3. */
import { Event, Vector } from "../cpu/fault.ts";
import { Flag } from "../cpu/rflags.ts";
import {
  EVENT,
  RFLAGS_SYSTEM,
  RIP,
  SEG_ATTRIBUTES,
  SEG_BASE,
  SEGMENT,
  Segment,
  SEGMENT_STRIDE,
} from "../cpu/state.ts";
import { type Breakpoints, DebugCause } from "../cpu/system/breakpoints.ts";
import { WorldSwitch, type WorldSwitches } from "../cpu/system/world_switches.ts";
import type { Bindings } from "./bindings.ts";
import type { CodeFinder } from "./code_finder.ts";
import type { Interpreter } from "./interpreter/interpreter.ts";
import { SingleInstructions } from "./single_instructions.ts";

const CS = (SEGMENT + SEGMENT_STRIDE * Segment.CS) >> 2;
/** Segment attributes: 64-bit code. */
const ATTRIBUTE_L = 0x2000;

/** Executes instructions one at a time. */
export class SingleStepper {
  readonly #m: Int32Array;
  readonly #breakpoints: Breakpoints;
  readonly #instructions: SingleInstructions;

  constructor(
    readonly bindings: Bindings,
    finder: CodeFinder,
    readonly interpreter: Interpreter,
    readonly switches: WorldSwitches,
    readonly counts: { singleSteps: number },
  ) {
    this.#m = bindings.memory.i32;
    this.#breakpoints = bindings.access.mmu.breakpoints;
    this.#instructions = new SingleInstructions(finder, interpreter);
  }

  /**
   * Executes one instruction, with stores to translated code allowed. EVENT tells what it raised. Returns whether it is a
   * repeated string instruction with iterations left.
   */
  alone(mode: number): boolean {
    const m = this.#m;
    const { access } = this.bindings;
    const instruction = this.#instructions.find(mode);
    if (instruction === undefined) return false;
    const { program, repeats } = instruction;
    this.counts.singleSteps++;
    access.allowCodeWrites = true;
    this.interpreter.run(program);
    access.allowCodeWrites = false;
    if (m[EVENT >> 2] === Event.REDISPATCH) m[EVENT >> 2] = Event.NONE;
    const event = m[EVENT >> 2]!;
    if (event === Event.INTERRUPT || event === Event.SYSCALL) return false;
    // A fault starts the instruction again, and with it what it accesses.
    if (event !== Event.NONE && event !== Event.HALT) {
      this.#breakpoints.hits = 0;
      this.#breakpoints.outside.undo();
      return false;
    }
    return repeats && m[RIP >> 2] === program.lo;
  }

  /**
   * Executes the instruction at RIP, with RFLAGS.TF or RF, or where a breakpoint may lie. EVENT tells what came of it: #DB as a
   * fault before it, or as a trap behind it.
   */
  step(mode: number): void {
    const m = this.#m, breakpoints = this.#breakpoints, flags = m[RFLAGS_SYSTEM >> 2]!;
    const traps = (flags & Flag.TF) !== 0, resumes = (flags & Flag.RF) !== 0;
    if (breakpoints.executes) {
      const linear = this.#linear();
      if (breakpoints.outside.executes && breakpoints.outside.stops(...linear)) {
        m[EVENT >> 2] = Event.ATTENTION;
        return;
      }
      const checks = !resumes && breakpoints.guestExecutes && !breakpoints.followsStackLoad();
      if (checks && breakpoints.stops(...linear)) {
        return this.bindings.access.raise(Vector.DB, -1);
      }
    }
    m[RFLAGS_SYSTEM >> 2] = flags & ~Flag.RF;
    breakpoints.hits |= breakpoints.deferred;
    breakpoints.deferred = 0;
    const calls = this.switches.counted(WorldSwitch.WORLD_CALL);
    const isUnfinished = this.alone(mode);
    // RF stays until the last iteration of a repeated string instruction.
    if (resumes && isUnfinished) m[RFLAGS_SYSTEM >> 2]! |= Flag.RF;
    if (!traps) return;
    // A single step goes on behind HLT.
    if (m[EVENT >> 2] === Event.HALT) m[EVENT >> 2] = Event.NONE;
    if (m[EVENT >> 2] !== Event.NONE) return;
    // A world call ends single-stepping: the callee sees nothing of how its caller was being run.
    if (this.switches.counted(WorldSwitch.WORLD_CALL) !== calls) return;
    this.#trap(DebugCause.BS);
  }

  /** Raises #DB for what the instruction before met. Returns whether it did. */
  trapped(): boolean {
    if (this.#breakpoints.hits === 0) return false;
    this.#trap(0);
    return true;
  }

  /** Whether a breakpoint lies in `length` bytes of code at RIP. */
  mayStop(length: number): boolean {
    return this.#breakpoints.liesIn(...this.#linear(), length);
  }

  #trap(cause: number): void {
    const breakpoints = this.#breakpoints;
    breakpoints.raised(cause | breakpoints.hits, false);
    this.bindings.access.raise(Vector.DB, -1);
  }

  /** RIP as a linear address. */
  #linear(): [lo: number, hi: number] {
    const m = this.#m, lo = m[RIP >> 2]!;
    const long = (m[CS + SEG_ATTRIBUTES / 4]! & ATTRIBUTE_L) !== 0;
    return long ? [lo, m[(RIP >> 2) + 1]!] : [(lo + m[CS + SEG_BASE / 4]!) | 0, 0];
  }
}
