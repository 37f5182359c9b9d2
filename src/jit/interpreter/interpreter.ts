/** The interpreter: executes assembled IR blocks. It runs cold code, and it is the reference for the other engines. */
import { type Opcode, OPCODE_NAMES } from "../../ir/opcodes.ts";
import type { Block } from "../../ir/types.ts";
import { type HelperFunction, helperId } from "../../cpu/helpers.ts";
import { BUDGET, EVENT, EVENT_ERROR, EVENT_VECTOR, RETURN_HI, RIP } from "../../cpu/state.ts";
import { VmxTransfer } from "../../cpu/system/vmx_instructions.ts";
import { Event } from "../../cpu/fault.ts";
import type { Bindings } from "../bindings.ts";
import type { BlockLoop, Engine } from "../engine.ts";
import { Constants } from "./constants.ts";
import { createLoop, type Loop, rowsByOperation } from "./operations.ts";
import { assemble, type Program } from "./program.ts";
import { MAX_VALUES, VALUE_FILE, VALUE_FILE_WORDS } from "./program_space.ts";
import { ProgramArrays, ProgramPages, type ProgramStore } from "./program_store.ts";
import { createReference, type Run } from "./reference.ts";
import { EndField, EndKind, Field, GUEST_SHIFT, OPERATION_MASK, VALUE_WORDS } from "./words.ts";

/** V8 knows the values of a module's own constants, and reads imported ones each time. */
const RIP_LO = RIP >> 2, RIP_HI = (RIP >> 2) + 1, BUDGET_WORD = BUDGET >> 2;
const { JUMP, BRANCH, INDIRECT, REDISPATCH, VMFUNC } = EndKind;
const { KIND, VALUE, LO, HI, TAKEN_LO, TAKEN_HI } = EndField;

/** Executes programs over the state in the linear memory. */
export class Interpreter {
  readonly #m: Int32Array;
  readonly #values: Int32Array;
  readonly #constants: Constants;
  readonly #store: ProgramStore;
  readonly #loop: Loop;
  /** The engine's loop, for programs in the linear memory; without one, none lie there. */
  readonly #blockLoop: BlockLoop | undefined;
  readonly #vmxTransfer: HelperFunction;

  constructor(bindings: Bindings, engine?: Engine) {
    const m = bindings.memory.i32, isShared = engine?.interpreterLoop !== undefined;
    this.#m = m;
    this.#values = isShared
      ? m.subarray(VALUE_FILE >> 2, (VALUE_FILE >> 2) + VALUE_FILE_WORDS)
      : new Int32Array(VALUE_FILE_WORDS);
    this.#constants = new Constants(this.#values, MAX_VALUES * VALUE_WORDS);
    this.#store = isShared ? new ProgramPages(m) : new ProgramArrays();
    const reference = createReference(bindings, this.#values);
    this.#vmxTransfer = bindings.helpers[helperId("vmx_transfer")]!;
    const rows = OPCODE_NAMES.map((name) => (reference as Partial<Record<Opcode, Run>>)[name]);
    this.#loop = createLoop(bindings, this.#values, rows);
    const byOperation = rowsByOperation(rows);
    this.#blockLoop = engine?.interpreterLoop?.((i) => byOperation[m[i]! & OPERATION_MASK]!(m, i));
  }

  /** Prepares a block for execution. Nothing of the block is kept. */
  prepare(block: Block): Program {
    if (block.insts.length > MAX_VALUES) {
      throw new RangeError(
        `Cannot interpret a block of ${block.insts.length} operations: at most ${MAX_VALUES}`,
      );
    }
    return assemble(block, this.#constants, this.#store);
  }

  /** Takes back the room of a program that is not executed any more. */
  release({ words, first }: Program): void {
    this.#store.release(words, first);
  }

  /** Executes a block once, as `run` does. */
  runOnce(block: Block): boolean {
    const program = this.prepare(block), stopped = this.run(program);
    this.release(program);
    return stopped;
  }

  /**
   * Executes a program. Afterwards RIP says where to go on, EVENT why it ended early, and BUDGET has gone down by the
   * instructions executed.
   *
   * @returns whether the mode may have changed, or an event was raised
   */
  run(program: Program): boolean {
    const { words, first, end } = program;
    let stopped: number;
    if (words === this.#m) {
      stopped = this.#blockLoop!(first, program.count);
      if (stopped === 0) return false;
    } else {
      this.#m[BUDGET_WORD]! -= program.count;
      stopped = this.#loop(words, first, end);
    }
    if (stopped === end) return this.#finish(program);
    this.#leave(program, words[stopped + Field.HEAD]! >>> GUEST_SHIFT);
    return true;
  }

  /** Leaves at guest instruction `guest`, which has not been executed. */
  #leave({ words, offsets, count, lo: startLo, hi: startHi }: Program, guest: number): void {
    const m = this.#m;
    m[BUDGET_WORD] = m[BUDGET_WORD]! + count - guest;
    const lo = (startLo + words[offsets + guest]!) | 0;
    m[RIP_LO] = lo;
    m[RIP_HI] = lo >>> 0 < startLo >>> 0 ? startHi + 1 : startHi;
  }

  #finish(program: Program): boolean {
    const { words, end } = program, m = this.#m, v = this.#values;
    const value = words[end + VALUE]!, lo = words[end + LO]!, hi = words[end + HI]!;
    switch (words[end + KIND]) {
      case JUMP:
        this.#setRip(lo, hi);
        return false;
      case BRANCH:
        if (v[value] === 0) this.#setRip(lo, hi);
        else this.#setRip(words[end + TAKEN_LO]!, words[end + TAKEN_HI]!);
        return false;
      case INDIRECT:
        this.#setRip(v[value]!, v[value + 1]!);
        return false;
      case REDISPATCH:
        this.#setRip(v[value]!, v[value + 1]!);
        return true;
      case VMFUNC: {
        const to = Number(this.#vmxTransfer(VmxTransfer.VMFUNC, lo, hi));
        if (m[EVENT >> 2] !== Event.NONE) this.#leave(program, program.count - 1);
        else this.#setRip(to, m[RETURN_HI >> 2]!);
        return true;
      }
      default:
        m[EVENT >> 2] = words[end + EndField.EVENT]!;
        m[EVENT_VECTOR >> 2] = words[end + EndField.VECTOR]!;
        m[EVENT_ERROR >> 2] = words[end + EndField.ERROR]!;
        m[BUDGET_WORD] = m[BUDGET_WORD]! + words[end + EndField.UNDO]!;
        this.#setRip(lo, hi);
        return true;
    }
  }

  #setRip(lo: number, hi: number): void {
    this.#m[RIP_LO] = lo;
    this.#m[RIP_HI] = hi;
  }
}
