/** Blocks by age, linked with each other: a `Set` would walk past all that were deleted before it finds its first. */
import type { Code } from "./code.ts";

/** Live blocks, oldest first. A block is in one queue at most. */
export class CodeQueue {
  size = 0;
  #oldest: Code | undefined;
  #newest: Code | undefined;

  get oldest(): Code | undefined {
    return this.#oldest;
  }

  /** Adds a block, as the newest. */
  add(code: Code): void {
    code.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = code;
    else this.#newest.newer = code;
    this.#newest = code;
    this.size++;
  }

  /** Takes out a block, which is in the queue. */
  remove(code: Code): void {
    const { older, newer } = code;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    code.older = code.newer = undefined;
    this.size--;
  }

  *[Symbol.iterator](): Generator<Code, void, void> {
    for (let code = this.#oldest; code !== undefined; code = code.newer) yield code;
  }
}
