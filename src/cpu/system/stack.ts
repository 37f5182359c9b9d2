/** A stack as far transfers and interrupt delivery see it: nothing of RSP changes until they commit. */
import { MemoryFlag } from "../../ir/types.ts";
import { Vector } from "../fault.ts";
import { type Bounds, boundsOf, isInside } from "../segment_limits.ts";
import { EVENT, GPR, Gpr, RETURN_HI, SEG_ATTRIBUTES, SEG_BASE, SEG_LIMIT, Segment } from "../state.ts";
import type { SystemContext } from "./context.ts";
import { Attribute, attributesOf, baseOf, type Descriptor, isBig, limitOf } from "./descriptor.ts";
import { segmentCell, selectorError } from "./segments.ts";

/** Bytes of a stack slot, or of a stack pointer. */
export type SlotSize = 2 | 4 | 8;

/** Nothing is inside a segment that is not there. */
const NOTHING: Bounds = { first: 1, last: 0 };

/** A pointer into a stack that moves as values are pushed and popped. */
export class StackPointer {
  lo = 0;
  hi = 0;
  /** What the last `pop` read. */
  poppedLo = 0;
  poppedHi = 0;
  #width: SlotSize = 8;
  #base = 0;
  /** What the segment holds, and the error code of #SS where that is not enough. */
  #bounds = NOTHING;
  #error = 0;

  constructor(readonly context: SystemContext) {}

  /** The current stack. */
  current(): this {
    const { m, is64 } = this.context, cell = segmentCell(Segment.SS);
    const attributes = m[(cell + SEG_ATTRIBUTES) >> 2]!, present = (attributes & Attribute.P) !== 0;
    const word = (GPR >> 2) + 2 * Gpr.RSP;
    this.at(m[word]!, m[word + 1]!, is64 ? 8 : (attributes & Attribute.DB) !== 0 ? 4 : 2);
    this.#base = m[(cell + SEG_BASE) >> 2]!;
    this.#bounds = present ? boundsOf(m[(cell + SEG_LIMIT) >> 2]!, attributes) : NOTHING;
    this.#error = 0;
    return this;
  }

  /** A stack pointer of `width` bytes. Where that is not 8 it is only moved and committed. */
  at(lo: number, hi: number, width: SlotSize): this {
    this.lo = lo;
    this.hi = hi;
    this.#width = width;
    this.#bounds = NOTHING;
    return this;
  }

  /** A stack in another segment than SS, outside 64-bit mode. */
  inSegment(lo: number, selector: number, descriptor: Descriptor): this {
    this.at(lo, 0, isBig(descriptor) ? 4 : 2);
    this.#base = baseOf(descriptor);
    this.#bounds = boundsOf(limitOf(descriptor), attributesOf(descriptor));
    this.#error = selectorError(selector);
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
    if (!this.#reaches(size)) return false;
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
    if (!this.#reaches(size)) return false;
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

  /** Whether the segment holds a slot where the pointer is; raises #SS. SDM vol. 3A, section 5.3. */
  #reaches(size: SlotSize): boolean {
    if (this.#width === 8) return true;
    const offset = this.#width === 2 ? this.lo & 0xffff : this.lo;
    return isInside(this.#bounds, offset, size) || this.context.raise(Vector.SS, this.#error);
  }

  #linear(): number {
    if (this.#width === 8) return this.lo;
    return (this.#base + (this.#width === 2 ? this.lo & 0xffff : this.lo)) | 0;
  }
}
