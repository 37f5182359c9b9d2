/** The dispatcher: runs the code where the processor is, on the tier it has reached, and settles what ends it. */
import { Event, Vector } from "../cpu/fault.ts";
import { Mode } from "../cpu/mode.ts";
import { Flag } from "../cpu/rflags.ts";
import { BUDGET, EVENT, EVENT_ERROR, EVENT_VECTOR, INSTRUCTIONS, RFLAGS_SYSTEM, RIP } from "../cpu/state.ts";
import { PAGE_SIZE } from "../memory/physical.ts";
import { WorldSwitches } from "../cpu/system/world_switches.ts";
import { isAttentive } from "./attention.ts";
import type { Bindings } from "./bindings.ts";
import { Budget } from "./budget.ts";
import type { Code, Entry } from "./code.ts";
import { CodeCache } from "./code_cache.ts";
import { CodeFinder, type Translate } from "./code_finder.ts";
import { currentMode } from "./current_mode.ts";
import type { Exit, Region } from "./engine.ts";
import { Interpreter } from "./interpreter/interpreter.ts";
import { type CompilationListener, mayCompile, RegionMaker } from "./region_maker.ts";
import { SingleStepper } from "./single_step.ts";
import type { DispatchCounts, Tiers } from "./tiers.ts";

/**
 * Interpreted executions of a block before it goes through the passes. They take as long as some hundred executions save;
 * most blocks of a booting kernel that run 16 times do not run 64 times.
 */
export const OPTIMIZE_RUNS = 64;

/** Cycles between slices of the work on a region. */
const MAKING_PAUSE = 8_000;

/**
 * Executions of blocks that are kept apart for breakpoints, none of which may stop them, until they may be compiled again:
 * they take about as long as making regions anew does.
 */
const MOST_UNSTOPPED = 100_000;

/** Mode.CODE_SIZE of 64-bit code. */
const CODE64 = 2;

/** V8 knows the values of a module's own constants, and reads those that are imported or exported each time. */
const RIP_LO = RIP >> 2, RIP_HI = (RIP >> 2) + 1, BUDGET_WORD = BUDGET >> 2, EVENT_WORD = EVENT >> 2;
const NO_EVENT = Event.NONE, VM_EXIT = Event.VM_EXIT, TRAP = Mode.TRAP;
const RUNS_TO_OPTIMIZE = OPTIMIZE_RUNS;

/** Runs guest code until an event that is not its own to settle. */
export class Dispatcher {
  readonly cache: CodeCache;
  readonly counts: DispatchCounts = {
    interpretedBlocks: 0,
    interpretedInstructions: 0,
    regionEntries: 0,
    regionsCompiled: 0,
    regionsEvicted: 0,
    singleSteps: 0,
  };
  readonly finder: CodeFinder;
  readonly #maker: RegionMaker;
  /** When the region that is being made is gone on with, in cycles. */
  #makeAt = 0;
  readonly #m: Int32Array;
  readonly #interpreter: Interpreter;
  readonly #stepper: SingleStepper;
  readonly switches: WorldSwitches;
  readonly #budget: Budget;
  /** Blocks that have been executed since a breakpoint was near, though they are kept apart for some. */
  #unstopped = 0;
  /** Where the last run stopped for want of budget: mostly in the middle of a block that starts elsewhere. */
  #rest: { readonly lo: number; readonly hi: number } | undefined;

  constructor(
    readonly bindings: Bindings,
    translate: Translate,
    readonly tiers: Tiers,
  ) {
    this.#m = bindings.memory.i32;
    this.#budget = new Budget(this.#m);
    this.switches = new WorldSwitches(bindings.memory);
    this.cache = new CodeCache(bindings.access.mmu.codePages, tiers.codeCacheBlocks);
    const { outside, places } = bindings.access.mmu.breakpoints;
    // Where CS may have a base, PCs are not linear addresses; their offsets into pages are known all the same.
    this.cache.isWatched = ({ lo, hi, hpa, length, mode }) => {
      const knows = (mode & Mode.CODE_SIZE) === CODE64, from = knows ? lo : hpa % PAGE_SIZE;
      const page = knows ? hi : undefined;
      return outside.mayLieIn(from, page, length) || places.mayLieIn(from, page, length);
    };
    outside.onBreakpoints = () => this.cache.watchAnew();
    places.onChange = () => this.cache.watchAnew();
    this.#interpreter = new Interpreter(bindings, tiers.engine);
    this.cache.onDropCode = (code) => this.#interpreter.release(code);
    this.finder = new CodeFinder(bindings, this.cache, translate, this.#interpreter);
    this.#maker = new RegionMaker(bindings, this.finder, tiers, this.counts);
    this.#stepper = new SingleStepper(
      bindings,
      this.finder,
      this.#interpreter,
      this.switches,
      this.counts,
    );
  }

  /** Is told of waits for regions. */
  set compilationListener(listener: CompilationListener | undefined) {
    this.#maker.listener = listener;
  }

  /**
   * Cycles that have passed, also inside a run (exact at block boundaries): one for each instruction, and what world
   * switches cost.
   */
  cycles(): number {
    return this.#budget.passed();
  }

  /** Guest instructions executed, also inside a run (exact at block boundaries). */
  instructions(): number {
    return this.cycles() - this.switches.cycles;
  }

  /** Sets the cycles that have passed so far, between runs. */
  setCycles(cycles: number): void {
    this.#budget.set(cycles);
    this.#makeAt = 0;
  }

  /**
   * Executes up to `budget` cycles: so many instructions, or fewer if there are world switches that cost. Returns with
   * EVENT set: BUDGET when they are used up, or what else ended the run. RIP and all state are exact.
   */
  run(budget: number): void {
    const m = this.#m;
    this.#budget.begin(budget);
    this.bindings.access.mmu.worlds.resize();
    if (this.#rest !== undefined && !isAt(this.#rest, m)) this.#rest = undefined;
    this.#loop();
    this.#rest = m[EVENT >> 2] === Event.BUDGET ? { lo: m[RIP_LO]!, hi: m[RIP_HI]! } : undefined;
    if (m[EVENT >> 2] === Event.FAULT && m[EVENT_VECTOR >> 2] === Vector.OF) this.#passInto();
    this.#budget.end();
    const instructions = this.instructions();
    m[INSTRUCTIONS >> 2] = instructions | 0;
    m[(INSTRUCTIONS >> 2) + 1] = Math.floor(instructions / 0x1_0000_0000);
  }

  /** INTO is stopped at, and is as many bytes long as EVENT_ERROR says; but it is a software interrupt, behind itself. */
  #passInto(): void {
    const m = this.#m;
    m[EVENT >> 2] = Event.INTERRUPT;
    m[RIP >> 2] = (m[RIP >> 2]! + m[EVENT_ERROR >> 2]!) | 0;
  }

  /** Gives the current run so many cycles from now on, instead of what is left to it. Compiled code must look at the cell again. */
  grantAnew(budget: number): void {
    this.#budget.grantAnew(budget);
  }

  /** Fills the budget cell up from the reserve. Returns whether there was any. */
  #refill(): boolean {
    if (!this.#budget.refill()) return false;
    this.bindings.access.mmu.worlds.resize();
    return true;
  }

  #loop(): void {
    const m = this.#m, { breakpoints } = this.bindings.access.mmu;
    for (;;) {
      m[EVENT_WORD] = NO_EVENT;
      if (breakpoints.hits !== 0 && this.#stepper.trapped()) return;
      if (breakpoints.outside.hit !== undefined) {
        m[EVENT >> 2] = Event.ATTENTION;
        return;
      }
      while (m[BUDGET_WORD]! <= 0) {
        if (this.#refill()) continue;
        m[EVENT >> 2] = Event.BUDGET;
        return;
      }
      if (isAttentive(m)) {
        m[EVENT >> 2] = Event.ATTENTION;
        return;
      }
      if (this.#maker.isMaking) this.#goOnMaking();
      const mode = currentMode(m);
      if ((mode & TRAP) === 0 && breakpoints.deferred === 0) {
        if (!this.#runMode(mode)) return;
        continue;
      }
      if (!breakpoints.executes && (m[RFLAGS_SYSTEM >> 2]! & Flag.RF) !== 0) {
        // There is nothing that RF would let pass.
        m[RFLAGS_SYSTEM >> 2]! &= ~Flag.RF;
        continue;
      }
      if (!this.#step(mode)) return;
    }
  }

  /** Runs blocks of one mode. Returns whether to go on (with the mode looked at again). */
  #runMode(mode: number): boolean {
    const m = this.#m, { outside } = this.bindings.access.mmu.breakpoints;
    let code = this.finder.lookup(mode);
    while (code !== undefined) {
      if ((code.watched || outside.executes) && this.#mayStop(code)) return this.#step(mode);
      const entry = this.finder.entry(code);
      if (entry !== undefined) {
        if (this.#runRegions(entry)) return this.#settle();
      } else {
        if (m[BUDGET_WORD]! < code.count) return this.#scarce(mode);
        if (this.#interpret(code)) return this.#settle();
      }
      if (m[BUDGET_WORD]! <= 0) return true;
      if (entry !== undefined) {
        code = this.finder.lookup(mode);
        continue;
      }
      const next = this.finder.follow(code);
      if (next !== undefined && code.mostTargets > 0) code.noteTarget(next);
      code = next;
    }
    return false;
  }

  /** Whether a breakpoint, or a debugger's point, lies in code that is about to be executed. */
  #mayStop({ watched, length }: Code): boolean {
    const { breakpoints } = this.bindings.access.mmu;
    if (watched) {
      if (breakpoints.executes && this.#stepper.mayStop(length)) {
        this.#unstopped = 0;
        return true;
      }
      if (++this.#unstopped === MOST_UNSTOPPED) {
        this.#unstopped = 0;
        breakpoints.release();
      }
    }
    breakpoints.outside.nothingStops();
    return false;
  }

  /** Executes the instruction at RIP, unless a breakpoint stops it. Returns as `#runMode` does. */
  #step(mode: number): boolean {
    this.#stepper.step(mode);
    return this.#stepped();
  }

  /** Whether to go on behind an instruction that has been executed alone. */
  #stepped(): boolean {
    const event = this.#m[EVENT >> 2];
    return event === Event.NONE || (event === Event.SYSCALL && this.bindings.systemCalls.make());
  }

  /** Deals with what ended a block: goes on (true) or leaves the event to the caller (false). */
  #settle(): boolean {
    const m = this.#m;
    switch (m[EVENT >> 2]) {
      case Event.NONE:
      case Event.REDISPATCH:
        return true;
      case Event.BUDGET:
        m[EVENT >> 2] = Event.NONE;
        return m[BUDGET >> 2]! <= 0 ? true : this.#scarce(currentMode(m));
      case Event.CODE_WRITE:
        m[EVENT >> 2] = Event.NONE;
        this.#stepper.alone(currentMode(m));
        return this.#stepped();
      case Event.SYSCALL:
        return this.bindings.systemCalls.make();
      default:
        return false;
    }
  }

  /** Executes one block in the interpreter. Returns whether the mode or an event must be looked at. */
  #interpret(code: Code): boolean {
    if (code.runs === RUNS_TO_OPTIMIZE) this.#optimize(code);
    this.counts.interpretedBlocks++;
    this.counts.interpretedInstructions += code.count;
    const stopped = this.#interpreter.run(code);
    // A rest of a block would become a second way into the loop around it.
    if (this.#rest?.lo !== code.lo || this.#rest.hi !== code.hi) code.runs++;
    this.#rest = undefined;
    // Looking for what belongs to the region could meet another refusal of EPT: that of a VM exit that is due is kept.
    const isQuiet = this.#m[EVENT_WORD] !== VM_EXIT;
    if (this.#maker.isMaking) this.#goOnMaking();
    else if (
      code.runs >= this.tiers.threshold && this.tiers.engine !== undefined && isQuiet && mayCompile(code)
    ) this.#compile(code, undefined);
    // Exact floating point may have set the sticky bit that makes the mode plain.
    return stopped || code.usesFloat;
  }

  /** Has the interpreter execute a block as the passes leave it. */
  #optimize(code: Code): void {
    const program = this.#interpreter.prepare(this.finder.optimized(code));
    this.#interpreter.release(code);
    code.take(program);
  }

  /** Goes on with the region that is being made, if it is time. */
  #goOnMaking(): void {
    const cycles = this.cycles();
    if (cycles < this.#makeAt) return;
    this.#maker.goOn();
    this.#makeAt = cycles + MAKING_PAUSE;
  }

  /** Makes the region around a block, or begins to, instead of `old`. Returns the way in if there is one now. */
  #compile(code: Code, old: Region | undefined): Entry | undefined {
    if (this.#maker.isMaking) return undefined;
    this.#makeAt = this.cycles() + MAKING_PAUSE;
    return this.#maker.make(code, old);
  }

  /** Runs compiled code and what follows it. Returns whether the mode or an event must be looked at. */
  #runRegions(first: Entry): boolean {
    const m = this.#m, engine = this.tiers.engine!;
    let mode = 0;
    let entry = first;
    for (;;) {
      let { region } = entry;
      if (region.place === undefined && ++region.entered === region.mostEntered) {
        entry = this.#compile(entry.code, region) ?? entry;
        region = entry.region;
      }
      this.counts.regionEntries++;
      const taken = region.run(entry.number);
      if (engine.left !== undefined) {
        const left = engine.left(taken);
        region = left.region;
        if (left.entry !== undefined) {
          const code = region.codes[left.entry]!, made = this.#compile(code, region);
          if (made === undefined) engine.postpone!(region);
          entry = made ?? { code, region, number: left.entry };
          continue;
        }
      }
      // On its way it may have come to another mode, by a world call.
      mode = region.codes[0]!.mode;
      const exit = region.exits[taken]!;
      if (exit.kind === "jump") {
        const { next } = exit;
        if (next !== undefined && this.#isLinked(next)) {
          engine.link?.(region, taken, next);
          entry = next;
          continue;
        }
        m[RIP_LO] = exit.lo;
        m[RIP_HI] = exit.hi;
      } else if (exit.kind === "indirect") {
        if (exit.redispatch) {
          if (m[EVENT >> 2] !== Event.NONE || m[BUDGET >> 2]! <= 0 || isAttentive(m)) return true;
          mode = currentMode(m);
          // In other modes the same RIP may be another place, as CS has a base.
          if ((mode & (Mode.CODE_SIZE | Mode.TRAP)) !== CODE64) return true;
        }
        // Where the region lies in place too, calls go on in it.
        if (exit.worldCall === true && !region.dropped) this.finder.isInPlace(region);
        const { next } = exit;
        if (next !== undefined && isAt(next.code, m) && next.code.mode === mode && this.#isLinked(next)) {
          engine.link?.(region, taken, next);
          entry = next;
          continue;
        }
      } else {
        this.#leave(exit);
        return true;
      }
      const found = this.finder.lookup(mode);
      if (found === undefined) return true;
      if (exit.kind === "indirect") region.codes[exit.block]!.noteTarget(found);
      const next = this.finder.entry(found);
      if (next === undefined) return mode !== first.code.mode;
      exit.next = next;
      engine.link?.(region, taken, next);
      entry = next;
    }
  }

  /** Whether compiled code can still be entered, in the current world. */
  #isLinked({ region }: Entry): boolean {
    return !region.dropped && this.finder.isInPlace(region);
  }

  /** Stores what an exit with an event says. */
  #leave(exit: Exclude<Exit, { kind: "jump" | "indirect" }>): void {
    const m = this.#m;
    m[RIP_LO] = exit.lo;
    m[RIP_HI] = exit.hi;
    switch (exit.kind) {
      case "budget":
        m[EVENT >> 2] = Event.BUDGET;
        return;
      case "side":
        m[BUDGET >> 2] = m[BUDGET >> 2]! + exit.undo;
        return;
      case "event":
        m[BUDGET >> 2] = m[BUDGET >> 2]! + exit.undo;
        m[EVENT >> 2] = exit.event;
        m[EVENT_VECTOR >> 2] = exit.vector;
        m[EVENT_ERROR >> 2] = exit.error;
    }
  }

  /** Goes on where the budget does not cover what comes: fills it up, or executes exactly what is left. */
  #scarce(mode: number): boolean {
    if (this.#refill()) return true;
    const m = this.#m, code = this.finder.lookup(mode), { outside } = this.bindings.access.mmu.breakpoints;
    if (code === undefined) return false;
    if ((code.watched || outside.executes) && this.#mayStop(code)) return this.#step(mode);
    // A region asks for more than its first block does.
    if (code.count <= m[BUDGET >> 2]!) {
      this.counts.interpretedInstructions += code.count;
      this.#interpreter.run(code);
      return this.#settle();
    }
    const block = this.finder.translate(mode, m[BUDGET >> 2]!);
    if (block === undefined) return false;
    this.counts.interpretedInstructions += block.offsets.length - 1;
    this.#interpreter.runOnce(block);
    return this.#settle();
  }
}

/** Whether code is where the processor is. */
function isAt({ lo, hi }: Pick<Code, "lo" | "hi">, m: Int32Array): boolean {
  return lo === m[RIP_LO] && hi === m[RIP_HI];
}
