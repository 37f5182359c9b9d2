/** Vector multiplication and sums across lanes. Word functions: see arithmetic.ts; others: see reference.ts. */
import type { Words } from "./words.ts";

const low16 = (a: number): number => (a << 16) >> 16;
const saturate16 = (x: number): number => x > 0x7fff ? 0x7fff : x < -0x8000 ? -0x8000 : x;
const join16 = (low: number, high: number): number => (low & 0xffff) | (high << 16);

export function mullo16(a: number, b: number): number {
  return join16(Math.imul(a, b), Math.imul(a >> 16, b >> 16));
}
export function mulhis16(a: number, b: number): number {
  return (Math.imul(low16(a), low16(b)) >>> 16) | (Math.imul(a >> 16, b >> 16) & ~0xffff);
}
export function mulhiu16(a: number, b: number): number {
  return (Math.imul(a & 0xffff, b & 0xffff) >>> 16) | (Math.imul(a >>> 16, b >>> 16) & ~0xffff);
}
export function mulhrs16(a: number, b: number): number {
  return join16(
    ((Math.imul(low16(a), low16(b)) >> 14) + 1) >> 1,
    ((Math.imul(a >> 16, b >> 16) >> 14) + 1) >> 1,
  );
}
export function mullo32(a: number, b: number): number {
  return Math.imul(a, b);
}
export function madd16(a: number, b: number): number {
  return (Math.imul(low16(a), low16(b)) + Math.imul(a >> 16, b >> 16)) | 0;
}
export function maddubs8(a: number, b: number): number {
  const low = Math.imul(a & 0xff, (b << 24) >> 24) + Math.imul((a >>> 8) & 0xff, (b << 16) >> 24);
  const high = Math.imul((a >>> 16) & 0xff, (b << 8) >> 24) + Math.imul(a >>> 24, b >> 24);
  return join16(saturate16(low), saturate16(high));
}

/** Upper half of the unsigned product of 32-bit numbers. */
export function multiplyHigh(a: number, b: number): number {
  const al = a & 0xffff, ah = a >>> 16, bl = b & 0xffff, bh = b >>> 16;
  const middle = Math.imul(ah, bl) + (Math.imul(al, bl) >>> 16);
  const carry = Math.imul(al, bh) + (middle & 0xffff);
  return (Math.imul(ah, bh) + (middle >>> 16) + (carry >>> 16)) | 0;
}
export function multiplyHighSigned(a: number, b: number): number {
  return (multiplyHigh(a, b) - (a < 0 ? b : 0) - (b < 0 ? a : 0)) | 0;
}

function byteDifferences(a: number, b: number): number {
  return Math.abs((a & 0xff) - (b & 0xff)) + Math.abs(((a >>> 8) & 0xff) - ((b >>> 8) & 0xff)) +
    Math.abs(((a >>> 16) & 0xff) - ((b >>> 16) & 0xff)) + Math.abs((a >>> 24) - (b >>> 24));
}
/** Sum of the absolute differences of the eight bytes of two pairs of words. */
export function sadu8(alo: number, ahi: number, blo: number, bhi: number): number {
  return byteDifferences(alo, blo) + byteDifferences(ahi, bhi);
}
/** MPSADBW: eight sums of four differences each: of the second operand's block, and of the first's bytes from each offset. */
export function mpsadu8(
  out: Words,
  a0: number,
  a1: number,
  a2: number,
  a3: number,
  b0: number,
  b1: number,
  b2: number,
  b3: number,
  imm: number,
): void {
  const block = [b0, b1, b2, b3][imm & 3]!;
  const [x0, x1, x2] = (imm & 4) === 0 ? [a0, a1, a2] : [a1, a2, a3];
  const at = (low: number, high: number, byte: number): number =>
    byteDifferences(byte === 0 ? low : (low >>> (8 * byte)) | (high << (32 - 8 * byte)), block);
  out[0] = join16(at(x0!, x1!, 0), at(x0!, x1!, 1));
  out[1] = join16(at(x0!, x1!, 2), at(x0!, x1!, 3));
  out[2] = join16(at(x1!, x2!, 0), at(x1!, x2!, 1));
  out[3] = join16(at(x1!, x2!, 2), at(x1!, x2!, 3));
}
export function minpos16(out: Words, a0: number, a1: number, a2: number, a3: number): void {
  let least = 0x1_0000, position = 0;
  const words = [a0, a1, a2, a3];
  for (let i = 0; i < 8; i++) {
    const lane = (words[i >> 1]! >>> (16 * (i & 1))) & 0xffff;
    if (lane < least) {
      least = lane;
      position = i;
    }
  }
  out[0] = least | (position << 16);
  out[1] = out[2] = out[3] = 0;
}

/** Two neighbouring pairs of 16-bit lanes, joined. */
const joinPairs = (join: (x: number, y: number) => number) => (low: number, high: number): number =>
  join16(join(low16(low), low >> 16), join(low16(high), high >> 16));
export const hadd16: (low: number, high: number) => number = joinPairs((x, y) => x + y);
export const haddsats16: (low: number, high: number) => number = joinPairs((x, y) => saturate16(x + y));
export const hsub16: (low: number, high: number) => number = joinPairs((x, y) => x - y);
export const hsubsats16: (low: number, high: number) => number = joinPairs((x, y) => saturate16(x - y));
