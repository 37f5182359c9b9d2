/** Locals for the values of a block: taken when a value is computed, and free again behind its last mention. */
import type { Slices } from "../slices.ts";
import type { FunctionCode } from "./encoder.ts";

type Taken = readonly [type: number, local: number];

/** The locals of one function. */
export class LocalPool {
  readonly #free = new Map<number, number[]>();
  /** Those in use until the operation, or the block, that is being written ends. */
  #scratch: Taken[] = [];
  #block: Taken[] = [];

  constructor(readonly code: FunctionCode) {}

  take(type: number): number {
    return this.#free.get(type)?.pop() ?? this.code.local(type);
  }
  release(type: number, local: number): void {
    const list = this.#free.get(type);
    if (list === undefined) this.#free.set(type, [local]);
    else list.push(local);
  }

  /** A local that is free when the operation has been written. */
  scratch(type: number): number {
    const local = this.take(type);
    this.#scratch.push([type, local]);
    return local;
  }
  /** A local that is free when the block has been written. */
  forBlock(type: number): number {
    const local = this.take(type);
    this.#block.push([type, local]);
    return local;
  }

  endOperation(): void {
    for (const [type, local] of this.#scratch) this.release(type, local);
    this.#scratch = [];
  }

  /** Writes a block, perhaps inside another, which keeps its locals. */
  *inBlock(write: () => Slices<void>): Slices<void> {
    const scratch = this.#scratch, block = this.#block;
    this.#scratch = [];
    this.#block = [];
    yield* write();
    this.endOperation();
    for (const [type, local] of this.#block) this.release(type, local);
    this.#scratch = scratch;
    this.#block = block;
  }
}
