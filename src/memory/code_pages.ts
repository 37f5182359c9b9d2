/** What the memory side must know of translated code: which frames hold some, and whom to tell of stores to it. */
import { type LinearMemory, PAGE_SIZE } from "./physical.ts";
import type { Worlds } from "./worlds.ts";

/** Who owns translated code. */
export interface CodeOwner {
  /** Whether some translated instruction occupies a byte of the host-physical range (inside one page). */
  overlaps(hpa: number, length: number): boolean;
  /** Drops all translated code that occupies a byte of the range. */
  invalidate(hpa: number, length: number): void;
}

/** Marks of the frames that hold translated code: stores there take the slow path. */
export class CodePages {
  readonly #marks: Uint8Array;
  #owner: CodeOwner | undefined;

  constructor(memory: LinearMemory, readonly worlds: Worlds) {
    this.#marks = new Uint8Array(memory.ramBytes / PAGE_SIZE);
  }

  /** Names the owner of translated code. */
  setOwner(owner: CodeOwner): void {
    this.#owner = owner;
  }

  /** Whether the frame holds translated code. */
  has(frame: number): boolean {
    return this.#marks[frame] === 1;
  }

  /** Called when code of the frame has been translated. */
  mark(frame: number): void {
    if (this.#marks[frame] === 1) return;
    this.#marks[frame] = 1;
    this.worlds.protectFrame(frame);
  }

  /** Called when the frame's last translated code has been dropped. */
  unmark(frame: number): void {
    this.#marks[frame] = 0;
  }

  /** Whether translated instructions lie in the range. */
  overlaps(hpa: number, length: number): boolean {
    return this.#owner !== undefined && this.#owner.overlaps(hpa, length);
  }

  /** Drops translated code in a range of any length. */
  invalidate(hpa: number, length: number): void {
    const end = hpa + length;
    for (let at = hpa; at < end;) {
      const pageEnd = Math.min(end, at - at % PAGE_SIZE + PAGE_SIZE);
      if (this.#marks[Math.floor(at / PAGE_SIZE)] === 1) this.#owner?.invalidate(at, pageEnd - at);
      at = pageEnd;
    }
  }
}
