/** Images between a buffer and guest memory, in pieces of four bytes and less. */
import { MemoryFlag } from "../../ir/types.ts";
import type { GuestMemory } from "../guest_memory.ts";
import { EVENT } from "../state.ts";

/** Upper half of a linear address `offset` bytes on. */
export function upperHalf(lo: number, hi: number, offset: number): number {
  return (hi + ((lo >>> 0) + offset > 0xffff_ffff ? 1 : 0)) | 0;
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
  access.load8((lo + bytes - 1) | 0, upperHalf(lo, hi, bytes - 1), flags);
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
  for (let at = from; at < to; at += 4) {
    const here = (lo + at) | 0, above = upperHalf(lo, hi, at);
    if (to - at >= 4) access.store32(here, above, image.getInt32(at, true), flags);
    else access.store16(here, above, image.getUint16(at, true), flags);
    if (m[EVENT >> 2] !== 0) return false;
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
  for (let at = from; at < to; at += 4) {
    const here = (lo + at) | 0, above = upperHalf(lo, hi, at);
    if (to - at >= 4) image.setInt32(at, access.load32(here, above, flags), true);
    else image.setInt16(at, access.load16(here, above, flags), true);
    if (m[EVENT >> 2] !== 0) return false;
  }
  return true;
}
