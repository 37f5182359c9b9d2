/** Images between a buffer and guest memory, page by page: at once, or where that cannot be in pieces of four bytes and less. */
import { MemoryFlag } from "../../ir/types.ts";
import type { GuestMemory } from "../guest_memory.ts";
import { EFER, EVENT, SEG_ATTRIBUTES, SEGMENT, Segment, SEGMENT_STRIDE } from "../state.ts";

const EFER_LMA = 1 << 10;
const CS_ATTRIBUTES = SEGMENT + SEGMENT_STRIDE * Segment.CS + SEG_ATTRIBUTES;
/** L in a code segment's attributes. */
const CODE_64 = 1 << 13;
const PAGE_SIZE = 0x1000;

/** Upper half of a linear address `offset` bytes on; outside 64-bit mode addresses start again at 0 behind 4 GB. */
export function upperHalf(m: Int32Array, lo: number, hi: number, offset: number): number {
  if ((lo >>> 0) + offset <= 0xffff_ffff) return hi;
  const long = (m[EFER >> 2]! & EFER_LMA) !== 0 && (m[CS_ATTRIBUTES >> 2]! & CODE_64) !== 0;
  return long ? (hi + 1) | 0 : hi;
}

/**
 * Whether an area can be read. The processor looks at the last byte of an image first, so that it loads all or nothing.
 * Returns false after a fault.
 */
export function readable(
  access: GuestMemory,
  m: Int32Array,
  lo: number,
  hi: number,
  flags: number,
  bytes: number,
): boolean {
  access.load8((lo + bytes - 1) | 0, upperHalf(m, lo, hi, bytes - 1), flags);
  return m[EVENT >> 2] === 0;
}

/** Whether an area can be written: see {@linkcode readable}. */
export function writable(
  access: GuestMemory,
  m: Int32Array,
  lo: number,
  hi: number,
  flags: number,
  bytes: number,
): boolean {
  return readable(access, m, lo, hi, flags | MemoryFlag.WRITE_INTENT, bytes);
}

/** Where the part of an image at an address ends that begins at byte `from` and lies in one page. */
const endOfPart = (lo: number, from: number, to: number): number =>
  Math.min(to, from + PAGE_SIZE - ((lo + from) & (PAGE_SIZE - 1)));

/**
 * Word index in the linear memory of bytes `from` to `to` - 1 of an image at an address, which lie in one page, where these are
 * words that can be accessed directly; else it is negative.
 */
function directWord(
  access: GuestMemory,
  m: Int32Array,
  lo: number,
  hi: number,
  from: number,
  to: number,
  write: boolean,
): number {
  const start = (lo + from) | 0;
  if (((start | (to - from)) & 3) !== 0) return -1;
  const at = access.offsetForCopy(start, upperHalf(m, lo, hi, from), write);
  return at < 0 ? -1 : at / 4;
}

/** Stores bytes `from` to `to` - 1 of `image` at the same offsets from the address. Returns false after a fault. */
export function storeBytes(
  access: GuestMemory,
  m: Int32Array,
  image: DataView,
  lo: number,
  hi: number,
  flags: number,
  from: number,
  to: number,
): boolean {
  let at = from;
  while (at < to) {
    const end = endOfPart(lo, at, to), direct = directWord(access, m, lo, hi, at, end, true);
    if (direct >= 0) {
      for (let word = direct; at < end; at += 4, word++) m[word] = image.getInt32(at, true);
      continue;
    }
    for (; at < end; at += 4) {
      const here = (lo + at) | 0, above = upperHalf(m, lo, hi, at);
      if (to - at >= 4) access.store32(here, above, image.getInt32(at, true), flags);
      else access.store16(here, above, image.getUint16(at, true), flags);
      if (m[EVENT >> 2] !== 0) return false;
    }
  }
  return true;
}

/** Loads bytes `from` to `to` - 1 of `image`. Returns false after a fault. */
export function loadBytes(
  access: GuestMemory,
  m: Int32Array,
  image: DataView,
  lo: number,
  hi: number,
  flags: number,
  from: number,
  to: number,
): boolean {
  let at = from;
  while (at < to) {
    const end = endOfPart(lo, at, to), direct = directWord(access, m, lo, hi, at, end, false);
    if (direct >= 0) {
      for (let word = direct; at < end; at += 4, word++) image.setInt32(at, m[word]!, true);
      continue;
    }
    for (; at < end; at += 4) {
      const here = (lo + at) | 0, above = upperHalf(m, lo, hi, at);
      if (to - at >= 4) image.setInt32(at, access.load32(here, above, flags), true);
      else image.setInt16(at, access.load16(here, above, flags), true);
      if (m[EVENT >> 2] !== 0) return false;
    }
  }
  return true;
}
