/** Page frames of guest RAM: allocation and reference counts. */
import type { Mmu } from "../../memory/mmu.ts";
import { type LinearMemory, PAGE_SIZE, RAM_BASE } from "../../memory/physical.ts";
import { Errno, fail } from "../abi/errno.ts";

/** The frame whose bytes are all zero, mapped read-only wherever anonymous memory has only been read. */
export const ZERO_FRAME = 0;

/** Allocates page frames. A frame is known by its number: its host-physical address divided by 4096. */
export class Frames {
  readonly total: number;
  readonly #references: Int32Array;
  readonly #released: number[] = [];
  #next = 1;
  /** Frees frames that only caches hold; answers whether any came free. Set by the page cache. */
  reclaim: () => boolean = () => false;

  /**
   * @param limit bytes that may be used, at most the RAM there is
   */
  constructor(readonly memory: LinearMemory, readonly mmu: Mmu, limit: number = memory.ramBytes) {
    this.total = Math.floor(Math.min(limit, memory.ramBytes) / PAGE_SIZE);
    this.#references = new Int32Array(this.total);
    this.#references[ZERO_FRAME] = 1;
  }

  /** Frames nobody holds. */
  get free(): number {
    return this.total - this.#next + this.#released.length;
  }

  /** Takes a frame with one reference, its bytes zero. Fails with ENOMEM if there is none. */
  allocate(): number {
    let frame = this.#released.pop();
    if (frame === undefined) {
      if (this.#next < this.total) {
        frame = this.#next++; // never used: RAM starts as zeros
        this.#references[frame] = 1;
        return frame;
      }
      if (!this.reclaim()) fail(Errno.ENOMEM);
      frame = this.#released.pop();
      if (frame === undefined) fail(Errno.ENOMEM);
    }
    this.#references[frame] = 1;
    const start = RAM_BASE + frame * PAGE_SIZE;
    this.memory.u8.fill(0, start, start + PAGE_SIZE);
    this.mmu.wroteRam(frame * PAGE_SIZE, PAGE_SIZE);
    return frame;
  }

  /** Adds a reference. */
  retain(frame: number): void {
    this.#references[frame]!++;
  }

  /** Drops a reference; the last one frees the frame. */
  release(frame: number): void {
    if (--this.#references[frame]! === 0) this.#released.push(frame);
  }

  /** References to a frame. */
  references(frame: number): number {
    return this.#references[frame]!;
  }

  /** The bytes of a frame. Whoever writes them calls `wrote`. */
  bytes(frame: number): Uint8Array {
    const start = RAM_BASE + frame * PAGE_SIZE;
    return this.memory.u8.subarray(start, start + PAGE_SIZE);
  }

  /** Copies all bytes of a frame to another. */
  copy(from: number, to: number): void {
    const start = RAM_BASE + from * PAGE_SIZE;
    this.memory.u8.copyWithin(RAM_BASE + to * PAGE_SIZE, start, start + PAGE_SIZE);
    this.wrote(to, 0, PAGE_SIZE);
  }

  /** Tells the processor that the host has written into a frame. */
  wrote(frame: number, offset: number, length: number): void {
    this.mmu.wroteRam(frame * PAGE_SIZE + offset, length);
  }
}
