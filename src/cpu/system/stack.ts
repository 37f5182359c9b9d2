/** A stack as far transfers and interrupt delivery see it: nothing of RSP changes until they commit. */
import { MemoryFlag } from "../../ir/types.ts";
import { EVENT, GPR, Gpr, RETURN_HI, SEG_ATTRIBUTES, SEG_BASE, Segment } from "../state.ts";
import type { SystemContext } from "./context.ts";
import { Attribute } from "./descriptor.ts";
import { segmentCell } from "./segments.ts";

/** Bytes of a stack slot, or of a stack pointer. */
export type SlotSize = 2 | 4 | 8;

/** A pointer into a stack that moves as values are pushed and popped. */
export class StackPointer {
  lo = 0;
  hi = 0;
  /** What the last `pop` read. */
  poppedLo = 0;
  poppedHi = 0;
  #width: SlotSize = 8;
  #base = 0;

  constructor(readonly context: SystemContext) {}

  /** The current stack. */
  current(): this {
    const { m, is64 } = this.context, cell = segmentCell(Segment.SS);
    const big = (m[(cell + SEG_ATTRIBUTES) >> 2]! & Attribute.DB) !== 0;
    const word = (GPR >> 2) + 2 * Gpr.RSP;
    return this.at(m[word]!, m[word + 1]!, is64 ? 8 : big ? 4 : 2, m[(cell + SEG_BASE) >> 2]!);
  }

  /** A stack with a pointer of `width` bytes and its segment's base. */
  at(lo: number, hi: number, width: SlotSize, base: number): this {
    this.lo = lo;
    this.hi = hi;
    this.#width = width;
    this.#base = base;
    return this;
  }

  /** Moves the pointer. */
  move(bytes: number): void {
    const lo = (this.lo + bytes) | 0;
    if (this.#width === 8) {
      if (bytes < 0) this.hi = (this.hi - (lo >>> 0 > this.lo >>> 0 ? 1 : 0)) | 0;
      else this.hi = (this.hi + (lo >>> 0 < this.lo >>> 0 ? 1 : 0)) | 0;
    }
    this.lo = lo;
  }

  /** Pushes; false after a fault. */
  push(size: SlotSize, lo: number, hi = 0): boolean {
    this.move(-size);
    const { access, m } = this.context, at = this.#linear();
    const upper = this.#width === 8 ? this.hi : 0;
    if (size === 8) access.store64(at, upper, lo, hi, MemoryFlag.STACK);
    else if (size === 4) access.store32(at, upper, lo, MemoryFlag.STACK);
    else access.store16(at, upper, lo, MemoryFlag.STACK);
    return m[EVENT >> 2] === 0;
  }

  /** Reads the slot `offset` bytes up into `poppedLo` and `poppedHi`; false after a fault. The pointer stays. */
  peek(size: SlotSize, offset: number): boolean {
    const { lo, hi } = this;
    this.move(offset);
    const { access, m } = this.context, at = this.#linear();
    const upper = this.#width === 8 ? this.hi : 0;
    this.poppedHi = 0;
    if (size === 8) {
      this.poppedLo = access.load64(at, upper, MemoryFlag.STACK);
      this.poppedHi = m[RETURN_HI >> 2]!;
    } else {
      this.poppedLo = size === 4
        ? access.load32(at, upper, MemoryFlag.STACK)
        : access.load16(at, upper, MemoryFlag.STACK);
    }
    this.lo = lo;
    this.hi = hi;
    return m[EVENT >> 2] === 0;
  }

  /** Writes RSP, ESP or SP. */
  commit(): void {
    const { m } = this.context, word = (GPR >> 2) + 2 * Gpr.RSP;
    if (this.#width === 2) {
      m[word] = (m[word]! & ~0xffff) | (this.lo & 0xffff);
      return;
    }
    m[word] = this.lo;
    m[word + 1] = this.#width === 8 ? this.hi : 0;
  }

  #linear(): number {
    if (this.#width === 8) return this.lo;
    return (this.#base + (this.#width === 2 ? this.lo & 0xffff : this.lo)) | 0;
  }
}
