/** The interpreter: executes IR blocks as they are. It runs cold code, and it is the reference for the other engines. */
import { OPCODES } from "../../ir/opcodes.ts";
import type { Block } from "../../ir/types.ts";
import { BUDGET, EVENT, EVENT_ERROR, EVENT_VECTOR, RIP } from "../../cpu/state.ts";
import { Event } from "../../cpu/fault.ts";
import type { Bindings } from "../bindings.ts";
import { createReference } from "./reference.ts";
import { type Step, VALUE_WORDS, wordOf } from "./step.ts";

/** Values that the value file holds: far more than a block of the longest kind has (frontend/translate.ts). */
const MAX_VALUES = 0x4000;

/** Executes blocks over the state in the linear memory. */
export class Interpreter {
  readonly #m: Int32Array;
  readonly #values = new Int32Array(MAX_VALUES * VALUE_WORDS);
  readonly #reference: ReturnType<typeof createReference>;

  constructor(bindings: Bindings) {
    this.#m = bindings.memory.i32;
    this.#reference = createReference(bindings, this.#values);
  }

  /** Prepares a block for execution. The steps belong to this interpreter. */
  prepare(block: Block): Step[] {
    if (block.insts.length > MAX_VALUES) {
      throw new RangeError(
        `Cannot interpret a block of ${block.insts.length} operations: at most ${MAX_VALUES}`,
      );
    }
    return block.insts.map((inst): Step => ({
      run: this.#reference[inst.op],
      exits: "exits" in OPCODES[inst.op],
      to: wordOf(inst),
      a: wordOf(inst.args[0]),
      b: wordOf(inst.args[1]),
      c: wordOf(inst.args[2]),
      imm: inst.imm,
      imm2: inst.imm2,
      inst,
    }));
  }

  /**
   * Executes a prepared block. Afterwards RIP says where to go on, EVENT why it ended early, and BUDGET has gone down
   * by the instructions executed.
   *
   * @returns whether the mode may have changed
   */
  run(block: Block, steps: readonly Step[]): boolean {
    const m = this.#m;
    const count = block.offsets.length - 1;
    m[BUDGET >> 2] = m[BUDGET >> 2]! - count;
    for (let i = 0; i < steps.length; i++) {
      const step = steps[i]!;
      step.run(step);
      if (step.exits && m[EVENT >> 2] !== Event.NONE) {
        const { guest } = step.inst;
        m[BUDGET >> 2] = m[BUDGET >> 2]! + count - guest;
        this.#setRip(block.pc + BigInt(block.offsets[guest]!));
        return true;
      }
    }
    return this.#finish(block);
  }

  #finish({ terminal }: Block): boolean {
    const m = this.#m;
    const v = this.#values;
    switch (terminal.kind) {
      case "jump":
        this.#setRip(terminal.target);
        return false;
      case "branch":
        this.#setRip(v[wordOf(terminal.condition)] !== 0 ? terminal.taken : terminal.next);
        return false;
      case "indirect":
      case "redispatch": {
        const at = wordOf(terminal.target);
        m[RIP >> 2] = v[at]!;
        m[(RIP >> 2) + 1] = v[at + 1]!;
        return terminal.kind === "redispatch";
      }
      case "event":
        m[EVENT >> 2] = terminal.event;
        m[EVENT_VECTOR >> 2] = terminal.vector;
        m[EVENT_ERROR >> 2] = terminal.error;
        if (!terminal.retired) m[BUDGET >> 2] = m[BUDGET >> 2]! + 1;
        this.#setRip(terminal.rip);
        return true;
    }
  }

  #setRip(rip: bigint): void {
    this.#m[RIP >> 2] = Number(BigInt.asIntN(32, rip));
    this.#m[(RIP >> 2) + 1] = Number(BigInt.asIntN(32, rip >> 32n));
  }
}
