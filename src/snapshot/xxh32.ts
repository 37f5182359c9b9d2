/**
 * The checksum of snapshot files: XXH32 with the seed 0, which takes a sixth of the time of a CRC here: all of a file is
 * checked before anything is done with it. xxHash, doc/xxhash_spec.md.
 */

const PRIME1 = 0x9e37_79b1,
  PRIME2 = 0x85eb_ca77,
  PRIME3 = 0xc2b2_ae3d,
  PRIME4 = 0x27d4_eb2f,
  PRIME5 = 0x1656_67b1;
/** Bytes taken at a time: a word in each of four lanes. */
const STRIPE = 16;

const rotate = (value: number, by: number): number => (value << by) | (value >>> (32 - by));
const round = (lane: number, word: number): number =>
  Math.imul(rotate((lane + Math.imul(word, PRIME2)) | 0, 13), PRIME1);

/** The checksum of some bytes, without sign. */
export function xxh32(bytes: Uint8Array): number {
  const { length } = bytes, view = new DataView(bytes.buffer, bytes.byteOffset, length);
  let a = (PRIME1 + PRIME2) | 0, b = PRIME2 | 0, c = 0, d = -PRIME1 | 0, at = 0;
  for (; at + STRIPE <= length; at += STRIPE) {
    a = round(a, view.getInt32(at, true));
    b = round(b, view.getInt32(at + 4, true));
    c = round(c, view.getInt32(at + 8, true));
    d = round(d, view.getInt32(at + 12, true));
  }
  let sum = length >= STRIPE ? rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18) : PRIME5;
  sum = (sum + length) | 0;
  for (; at + 4 <= length; at += 4) {
    sum = Math.imul(rotate((sum + Math.imul(view.getInt32(at, true), PRIME3)) | 0, 17), PRIME4);
  }
  for (; at < length; at++) {
    sum = Math.imul(rotate((sum + Math.imul(bytes[at]!, PRIME5)) | 0, 11), PRIME1);
  }
  sum = Math.imul(sum ^ (sum >>> 15), PRIME2);
  sum = Math.imul(sum ^ (sum >>> 13), PRIME3);
  return (sum ^ (sum >>> 16)) >>> 0;
}
