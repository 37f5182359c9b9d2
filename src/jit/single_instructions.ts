/** Programs of instructions that are executed alone: loops over device registers execute the same few again and again. */
import { Mode } from "../cpu/mode.ts";
import { RIP } from "../cpu/state.ts";
import type { Block } from "../ir/types.ts";
import { PAGE_SIZE, RAM_BASE } from "../memory/physical.ts";
import type { CodeFinder } from "./code_finder.ts";
import type { Interpreter } from "./interpreter/interpreter.ts";
import type { Program } from "./interpreter/program.ts";

/** V8 knows the values of a module's own constants, and reads imported ones each time. */
const RIP_LO = RIP >> 2, RIP_HI = (RIP >> 2) + 1;
/** Instructions that are kept: the low bits of RIP tell where. */
const PLACES = 64;

/** An instruction, and its program. */
export interface SingleInstruction {
  readonly program: Program;
  /** Whether it is a repeated string instruction. */
  readonly repeats: boolean;
}

/** What a program was made of: the same again makes the same. */
interface Kept extends SingleInstruction {
  readonly mode: number;
  readonly bytes: Uint8Array;
}

/** Finds or makes programs of single instructions at RIP. */
export class SingleInstructions {
  readonly #m: Int32Array;
  readonly #u8: Uint8Array;
  readonly #kept: (Kept | undefined)[] = new Array(PLACES).fill(undefined);

  constructor(readonly finder: CodeFinder, readonly interpreter: Interpreter) {
    const { memory } = finder.bindings;
    this.#m = memory.i32;
    this.#u8 = memory.u8;
  }

  /**
   * The instruction at RIP, whatever RFLAGS.TF; undefined after raising a fault. Its program may be executed until the next
   * is asked for.
   */
  find(mode: number): SingleInstruction | undefined {
    const untrapped = mode & ~Mode.TRAP, hpa = this.finder.fetch();
    if (hpa < 0) return undefined;
    const place = this.#m[RIP_LO]! & (PLACES - 1), kept = this.#kept[place];
    if (kept !== undefined && this.#isAt(kept, hpa, untrapped)) return kept;
    const block = this.finder.translate(untrapped, 1);
    if (block === undefined) return undefined;
    if (kept !== undefined) this.interpreter.release(kept.program);
    const start = RAM_BASE + hpa;
    // An instruction that goes on in another page is translated each time: only its first bytes are known to lie here.
    const crosses = hpa % PAGE_SIZE + block.length > PAGE_SIZE;
    const made: Kept = {
      program: this.interpreter.prepare(block),
      repeats: repeats(block),
      mode: untrapped,
      bytes: this.#u8.slice(start, crosses ? start : start + block.length),
    };
    this.#kept[place] = made;
    return made;
  }

  /** Whether an instruction is the one at RIP, which lies at `hpa`. */
  #isAt({ program, mode, bytes }: Kept, hpa: number, wanted: number): boolean {
    const m = this.#m, u8 = this.#u8, start = RAM_BASE + hpa;
    if (program.lo !== m[RIP_LO] || program.hi !== m[RIP_HI] || mode !== wanted) return false;
    for (let n = 0; n < bytes.length; n++) if (u8[start + n] !== bytes[n]) return false;
    return bytes.length > 0;
  }
}

/** Whether the only instruction of a block is a repeated string instruction: a helper tells whether it goes on. */
const repeats = ({ terminal }: Block): boolean =>
  terminal.kind === "branch" && terminal.condition.op === "call";
