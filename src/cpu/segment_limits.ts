/** Segment limits and access rights. SDM vol. 3A, sections 5.3 and 5.5; in real-address mode vol. 3B, section 21.1. */
import { Flag } from "./rflags.ts";
import { CR0, RFLAGS_SYSTEM, SEG_ATTRIBUTES, SEG_LIMIT, SEGMENT, Segment, SEGMENT_STRIDE } from "./state.ts";

/**
 * What translated code must check at an access through a segment, two bits of the mode for each segment register.
 * In 64-bit mode nothing is checked.
 */
export const Reach = {
  /** Nothing: it can be read and written (a code segment: read) up to FFFFFFFFH. */
  FLAT: 0,
  /** The limit, which is FFFFH. */
  PARAGRAPH: 1,
  /** The limit, whatever it is. */
  LIMITED: 2,
  /** Limit, direction and rights: it is null, expands down, or cannot be read or written. */
  GENERAL: 3,
} as const;

/** Bits of a segment's attributes (system/descriptor.ts): code or data, and what kind of it. */
export const SegmentRights = {
  S: 0x10,
  CODE: 8,
  EXPANDS_DOWN: 4,
  READ_WRITE: 2,
  P: 0x80,
  B: 0x4000,
} as const;
const { S, CODE, EXPANDS_DOWN, READ_WRITE, P, B } = SegmentRights;
const CR0_PE = 1;

/** Masks of rights and what they are: a data segment that expands down; data that can be written; code that can be read, and that cannot. */
export const DOWN_MASK = S | CODE | EXPANDS_DOWN, DOWN = S | EXPANDS_DOWN;
export const WRITABLE_MASK = P | S | CODE | READ_WRITE, WRITABLE = P | S | READ_WRITE;
export const EXECUTE_ONLY_MASK = S | CODE | READ_WRITE, EXECUTE_ONLY = S | CODE;
const PLAIN_MASK = WRITABLE_MASK | EXPANDS_DOWN, READABLE_CODE = P | S | CODE | READ_WRITE;

const word = (segment: number, field: number): number => (SEGMENT + SEGMENT_STRIDE * segment + field) >> 2;

/** `Reach` of segment register `n`. */
export function reachOf(m: Int32Array, n: number, real: boolean): number {
  const attributes = m[word(n, SEG_ATTRIBUTES)]!, limit = m[word(n, SEG_LIMIT)]!;
  const plain = n === Segment.CS
    ? real || (attributes & WRITABLE_MASK) === READABLE_CODE
    : (attributes & PLAIN_MASK) === WRITABLE;
  if (!plain) return Reach.GENERAL;
  return limit === -1 ? Reach.FLAT : limit === 0xffff ? Reach.PARAGRAPH : Reach.LIMITED;
}

/** The first and the last offset that a segment has; the first is above the last if it has none. */
export interface Bounds {
  readonly first: number;
  readonly last: number;
}

/** Bounds by limit and attributes. SDM vol. 3A, section 5.3. */
export function boundsOf(limit: number, attributes: number): Bounds {
  if ((attributes & DOWN_MASK) !== DOWN) return { first: 0, last: limit >>> 0 };
  return { first: (limit >>> 0) + 1, last: (attributes & B) !== 0 ? 0xffff_ffff : 0xffff };
}

/** Whether `size` bytes from `offset` are inside. */
export function isInside({ first, last }: Bounds, offset: number, size: number): boolean {
  const from = offset >>> 0;
  return from >= first && from + size - 1 <= last;
}

/**
 * How many elements of a string there are inside segment register `n`, the first at `offset`; 0: the first one faults.
 *
 * @param step bytes from one element to the next: plus or minus `size`
 */
export function elementsInside(
  m: Int32Array,
  n: number,
  offset: number,
  size: number,
  step: number,
  write: boolean,
): number {
  const attributes = m[word(n, SEG_ATTRIBUTES)]!;
  if (!isAllowed(m, n, attributes, write)) return 0;
  const bounds = boundsOf(m[word(n, SEG_LIMIT)]!, attributes), from = offset >>> 0;
  if (!isInside(bounds, from, size)) return 0;
  return Math.floor((step > 0 ? bounds.last + 1 - from : from - bounds.first + size) / size);
}

/** Whether the rights allow an access. In real-address and virtual-8086 mode CS can be read and written. */
function isAllowed(m: Int32Array, n: number, attributes: number, write: boolean): boolean {
  if (n === Segment.CS && isReal(m)) return true;
  if (write) return (attributes & WRITABLE_MASK) === WRITABLE;
  return (attributes & P) !== 0 && (attributes & EXECUTE_ONLY_MASK) !== EXECUTE_ONLY;
}

/** Real-address or virtual-8086 mode. */
function isReal(m: Int32Array): boolean {
  return (m[CR0 >> 2]! & CR0_PE) === 0 || (m[RFLAGS_SYSTEM >> 2]! & Flag.VM) !== 0;
}
