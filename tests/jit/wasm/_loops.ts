/** Runs blocks in the interpreter's two loops over one memory, and compares what they leave. */
import { assertEquals } from "@std/assert";
import { parse } from "../../../src/ir/parse.ts";
import {
  BUDGET,
  EVENT,
  EVENT_ERROR,
  EVENT_VECTOR,
  GPR,
  PROCESSOR_BYTES,
  RETURN_HI,
  RETURN_V128,
  RIP,
  XMM,
} from "../../../src/cpu/state.ts";
import { Interpreter } from "../../../src/jit/interpreter/interpreter.ts";
import { WasmEngine } from "../../../src/jit/wasm/engine.ts";
import type { ProcessorConfiguration } from "../../../src/machine/engines.ts";
import { PAGE_SIZE, RAM_BASE } from "../../../src/memory/physical.ts";
import { Bare } from "../_bare.ts";

/** Linear pages: two whose frames do not follow each other, one that is not writable, and one that is not mapped. */
export const DATA = 0x10_0000;
export const READ_ONLY: number = DATA + 0x2000;
export const ABSENT: number = DATA + 0x3000;
const FRAMES = [0x3_0000, 0x5_0000, 0x7_0000] as const;
/** A page in which a translated instruction lies, at its start. */
export const CODE = 0x9_0000;
export const CODE_BYTES = 8;
/** Bytes of a frame that are accessed at its start, and at its end. */
const END_BYTES = 32;
const PRESENT_USER = 5, PRESENT_WRITABLE_USER = 7;

export const BUDGET_AT_START = 1000;
/** What is in RCX; XMM0 has it in its halves, a bit changed. */
export const VALUE = 0x1122_3344_5566_7788n;

/** What a block leaves. */
export interface Outcome {
  readonly stopped: boolean;
  readonly rip: bigint;
  readonly event: number;
  readonly vector: number;
  readonly error: number;
  readonly budget: number;
  /** The processor's state, and the memory that blocks access. */
  readonly state: Uint8Array;
  readonly data: Uint8Array;
}

/** Both loops. */
export class Loops {
  readonly #bare: Bare;
  readonly #view: DataView;
  readonly interpreters: readonly Interpreter[];

  constructor(configuration: ProcessorConfiguration) {
    const bare = new Bare(configuration), { bindings } = bare.processor.dispatcher;
    this.#bare = bare;
    this.#view = bare.memory.view;
    this.interpreters = [new Interpreter(bindings), new Interpreter(bindings, new WasmEngine(bindings))];
    for (const [n, frame] of FRAMES.entries()) {
      const linear = DATA + 0x1000 * n;
      bare.mapPage(linear, frame, linear === READ_ONLY ? PRESENT_USER : PRESENT_WRITABLE_USER);
    }
    bare.mapPage(ABSENT, 0, 0);
    const { codePages } = bindings.access.mmu;
    codePages.setOwner({
      overlaps: (hpa, length) => hpa < CODE + CODE_BYTES && hpa + length > CODE,
      invalidate: () => {},
    });
    codePages.mark(CODE >> 12);
  }

  /** Runs a block in both, with numbers in RAX. They must leave the same; returns what they have left at last. */
  run(text: string, ...numbers: readonly bigint[]): Outcome {
    const runs = this.interpreters.map((interpreter) => {
      const program = interpreter.prepare(parse(text));
      return (rax: bigint): Outcome => {
        this.#begin(rax);
        return this.#outcome(interpreter.run(program));
      };
    });
    let last: Outcome | undefined;
    for (const rax of numbers) {
      const [reference, other] = runs.map((run) => run(rax));
      assertEquals(other, reference, `RAX 0x${rax.toString(16)}:\n${text}`);
      last = reference;
    }
    return last!;
  }

  #begin(rax: bigint): void {
    const { memory, processor } = this.#bare;
    for (const frame of [...FRAMES, CODE]) {
      for (const end of this.#ends(frame)) {
        for (let n = 0; n < END_BYTES; n++) end[n] = Math.imul(n ^ frame, 0x9e37_79b1) >>> 24;
      }
    }
    memory.u8.fill(0, XMM, XMM + 32);
    const cells: [number, bigint][] = [[GPR, rax], [GPR + 8, VALUE], [GPR + 16, 0n], [RIP, 0n]];
    for (const [cell, value] of cells) this.#view.setBigUint64(cell, value, true);
    for (const cell of [XMM, XMM + 8]) this.#view.setBigUint64(cell, VALUE ^ BigInt(cell), true);
    for (const cell of [EVENT, EVENT_VECTOR, EVENT_ERROR]) memory.i32[cell >> 2] = 0;
    memory.i32[BUDGET >> 2] = BUDGET_AT_START;
    processor.mmu.enterWorld();
  }

  #outcome(stopped: boolean): Outcome {
    const { i32, u8 } = this.#bare.memory, state = u8.slice(0, PROCESSOR_BYTES);
    // What functions return is nobody's afterwards.
    state.fill(0, RETURN_HI, RETURN_V128 + 16);
    return {
      stopped,
      rip: this.#view.getBigUint64(RIP, true),
      event: i32[EVENT >> 2]!,
      vector: i32[EVENT_VECTOR >> 2]!,
      error: i32[EVENT_ERROR >> 2]!,
      budget: i32[BUDGET >> 2]!,
      state,
      data: Uint8Array.from(
        [...FRAMES, CODE].flatMap((frame) => this.#ends(frame).flatMap((end) => [...end])),
      ),
    };
  }

  /** The first and the last bytes of a frame. */
  #ends(frame: number): Uint8Array[] {
    const start = RAM_BASE + frame, { u8 } = this.#bare.memory;
    return [start, start + PAGE_SIZE - END_BYTES].map((at) => u8.subarray(at, at + END_BYTES));
  }
}
