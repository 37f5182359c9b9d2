/** Vector operations that move, widen and narrow lanes. Calling convention: words.ts. */
import type { Words } from "./words.ts";

/** Sources of `vshuffle32` as its `imm` carries them: 0-3 of the first operand, 4-7 of the second. */
export function shuffle32(
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
  const words = [a0, a1, a2, a3, b0, b1, b2, b3];
  for (let i = 0; i < 4; i++) out[i] = words[(imm >>> (4 * i)) & 7]!;
}

const lane16 = (low: number, high: number, n: number): number =>
  ((n & 2) === 0 ? low : high) >>> (16 * (n & 1)) & 0xffff;
export function shufflelow16(
  out: Words,
  a0: number,
  a1: number,
  a2: number,
  a3: number,
  imm: number,
): void {
  out[0] = lane16(a0, a1, imm & 3) | (lane16(a0, a1, (imm >> 2) & 3) << 16);
  out[1] = lane16(a0, a1, (imm >> 4) & 3) | (lane16(a0, a1, (imm >> 6) & 3) << 16);
  out[2] = a2;
  out[3] = a3;
}
export function shufflehigh16(
  out: Words,
  a0: number,
  a1: number,
  a2: number,
  a3: number,
  imm: number,
): void {
  out[0] = a0;
  out[1] = a1;
  out[2] = lane16(a2, a3, imm & 3) | (lane16(a2, a3, (imm >> 2) & 3) << 16);
  out[3] = lane16(a2, a3, (imm >> 4) & 3) | (lane16(a2, a3, (imm >> 6) & 3) << 16);
}

const source = new Int32Array(8);
const bytes = new Uint8Array(source.buffer);

function chosenByte(selector: number): number {
  return (selector & 0x80) !== 0 ? 0 : bytes[selector & 15]!;
}
function chosenBytes(selectors: number): number {
  return chosenByte(selectors) | (chosenByte(selectors >>> 8) << 8) | (chosenByte(selectors >>> 16) << 16) |
    (chosenByte(selectors >>> 24) << 24);
}
export function shuffle8(
  out: Words,
  a0: number,
  a1: number,
  a2: number,
  a3: number,
  b0: number,
  b1: number,
  b2: number,
  b3: number,
): void {
  source[0] = a0;
  source[1] = a1;
  source[2] = a2;
  source[3] = a3;
  out[0] = chosenBytes(b0);
  out[1] = chosenBytes(b1);
  out[2] = chosenBytes(b2);
  out[3] = chosenBytes(b3);
}

export function alignr(
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
  source[0] = b0;
  source[1] = b1;
  source[2] = b2;
  source[3] = b3;
  source[4] = a0;
  source[5] = a1;
  source[6] = a2;
  source[7] = a3;
  for (let i = 0; i < 4; i++) out[i] = fourBytes(imm + 4 * i);
}
/** Four bytes of the source from byte `at`, zeros beyond its end. */
function fourBytes(at: number): number {
  const word = at >> 2, shift = (at & 3) * 8;
  const low = word < 8 ? source[word]! : 0, high = word < 7 ? source[word + 1]! : 0;
  return shift === 0 ? low : (low >>> shift) | (high << (32 - shift));
}
export function shlbytes(out: Words, a0: number, a1: number, a2: number, a3: number, imm: number): void {
  if (imm > 15) return zero(out);
  alignr(out, a0, a1, a2, a3, 0, 0, 0, 0, 16 - imm);
}
export function shrbytes(out: Words, a0: number, a1: number, a2: number, a3: number, imm: number): void {
  alignr(out, 0, 0, 0, 0, a0, a1, a2, a3, imm > 15 ? 16 : imm);
}
function zero(out: Words): void {
  out[0] =
    out[1] =
    out[2] =
    out[3] =
      0;
}

// Bytes 0, 1 or 2, 3 of two words, interleaved.
const lowBytes = (a: number, b: number): number =>
  (a & 0xff) | ((b & 0xff) << 8) | ((a & 0xff00) << 8) | ((b & 0xff00) << 16);
const highBytes = (a: number, b: number): number => lowBytes(a >>> 16, b >>> 16);
export function unpacklow8(
  out: Words,
  a0: number,
  a1: number,
  _a2: number,
  _a3: number,
  b0: number,
  b1: number,
): void {
  out[0] = lowBytes(a0, b0);
  out[1] = highBytes(a0, b0);
  out[2] = lowBytes(a1, b1);
  out[3] = highBytes(a1, b1);
}
export function unpackhigh8(
  out: Words,
  _a0: number,
  _a1: number,
  a2: number,
  a3: number,
  _b0: number,
  _b1: number,
  b2: number,
  b3: number,
): void {
  unpacklow8(out, a2, a3, 0, 0, b2, b3);
}
export function unpacklow16(
  out: Words,
  a0: number,
  a1: number,
  _a2: number,
  _a3: number,
  b0: number,
  b1: number,
): void {
  out[0] = (a0 & 0xffff) | (b0 << 16);
  out[1] = (a0 >>> 16) | (b0 & ~0xffff);
  out[2] = (a1 & 0xffff) | (b1 << 16);
  out[3] = (a1 >>> 16) | (b1 & ~0xffff);
}
export function unpackhigh16(
  out: Words,
  _a0: number,
  _a1: number,
  a2: number,
  a3: number,
  _b0: number,
  _b1: number,
  b2: number,
  b3: number,
): void {
  unpacklow16(out, a2, a3, 0, 0, b2, b3);
}

/** A function that narrows both operands: `two(low, high)` makes a word of two. */
type Narrow = (
  out: Words,
  a0: number,
  a1: number,
  a2: number,
  a3: number,
  b0: number,
  b1: number,
  b2: number,
  b3: number,
) => void;
function narrow(two: (low: number, high: number) => number): Narrow {
  return (out, a0, a1, a2, a3, b0, b1, b2, b3) => {
    out[0] = two(a0, a1);
    out[1] = two(a2, a3);
    out[2] = two(b0, b1);
    out[3] = two(b2, b3);
  };
}
const signedByte = (x: number): number => (x > 0x7f ? 0x7f : x < -0x80 ? -0x80 : x) & 0xff;
const unsignedByte = (x: number): number => x > 0xff ? 0xff : x < 0 ? 0 : x;
const signedWord = (x: number): number => (x > 0x7fff ? 0x7fff : x < -0x8000 ? -0x8000 : x) & 0xffff;
const unsignedWord = (x: number): number => x > 0xffff ? 0xffff : x < 0 ? 0 : x;
const low16 = (a: number): number => (a << 16) >> 16;
export const packs16: Narrow = narrow((low, high) =>
  signedByte(low16(low)) | (signedByte(low >> 16) << 8) | (signedByte(low16(high)) << 16) |
  (signedByte(high >> 16) << 24)
);
export const packu16: Narrow = narrow((low, high) =>
  unsignedByte(low16(low)) | (unsignedByte(low >> 16) << 8) | (unsignedByte(low16(high)) << 16) |
  (unsignedByte(high >> 16) << 24)
);
export const packs32: Narrow = narrow((low, high) => signedWord(low) | (signedWord(high) << 16));
export const packu32: Narrow = narrow((low, high) => unsignedWord(low) | (unsignedWord(high) << 16));

// Extensions of the low lanes.
const byteOf = (a: number, n: number): number => (a << (24 - 8 * n)) >> 24;
export function sext8to16(out: Words, a0: number, a1: number): void {
  out[0] = (byteOf(a0, 0) & 0xffff) | (byteOf(a0, 1) << 16);
  out[1] = (byteOf(a0, 2) & 0xffff) | (byteOf(a0, 3) << 16);
  out[2] = (byteOf(a1, 0) & 0xffff) | (byteOf(a1, 1) << 16);
  out[3] = (byteOf(a1, 2) & 0xffff) | (byteOf(a1, 3) << 16);
}
export function sext8to32(out: Words, a0: number): void {
  for (let i = 0; i < 4; i++) out[i] = byteOf(a0, i);
}
export function sext8to64(out: Words, a0: number): void {
  out[0] = byteOf(a0, 0);
  out[1] = byteOf(a0, 0) >> 31;
  out[2] = byteOf(a0, 1);
  out[3] = byteOf(a0, 1) >> 31;
}
export function sext16to32(out: Words, a0: number, a1: number): void {
  out[0] = low16(a0);
  out[1] = a0 >> 16;
  out[2] = low16(a1);
  out[3] = a1 >> 16;
}
export function sext16to64(out: Words, a0: number): void {
  out[0] = low16(a0);
  out[1] = low16(a0) >> 31;
  out[2] = a0 >> 16;
  out[3] = a0 >> 31;
}
export function sext32to64(out: Words, a0: number, a1: number): void {
  out[0] = a0;
  out[1] = a0 >> 31;
  out[2] = a1;
  out[3] = a1 >> 31;
}
export function zext8to16(out: Words, a0: number, a1: number): void {
  unpacklow8(out, a0, a1, 0, 0, 0, 0);
}
export function zext8to32(out: Words, a0: number): void {
  for (let i = 0; i < 4; i++) out[i] = (a0 >>> (8 * i)) & 0xff;
}
export function zext8to64(out: Words, a0: number): void {
  out[0] = a0 & 0xff;
  out[2] = (a0 >>> 8) & 0xff;
  out[1] = out[3] = 0;
}
export function zext16to32(out: Words, a0: number, a1: number): void {
  unpacklow16(out, a0, a1, 0, 0, 0, 0);
}
export function zext16to64(out: Words, a0: number): void {
  out[0] = a0 & 0xffff;
  out[2] = a0 >>> 16;
  out[1] = out[3] = 0;
}
export function zext32to64(out: Words, a0: number, a1: number): void {
  out[0] = a0;
  out[2] = a1;
  out[1] = out[3] = 0;
}

const mask = (a: number): number => Math.imul((a >>> 7) & 0x0101_0101, 0x1020_4080) >>> 28;
export function mask8(_out: Words, a0: number, a1: number, a2: number, a3: number): number {
  return mask(a0) | (mask(a1) << 4) | (mask(a2) << 8) | (mask(a3) << 12);
}
export function mask32(_out: Words, a0: number, a1: number, a2: number, a3: number): number {
  return (a0 >>> 31) | (a1 >>> 31 << 1) | (a2 >>> 31 << 2) | (a3 >>> 31 << 3);
}
export function mask64(_out: Words, _a0: number, a1: number, _a2: number, a3: number): number {
  return (a1 >>> 31) | (a3 >>> 31 << 1);
}
export function anytrue(_out: Words, a0: number, a1: number, a2: number, a3: number): number {
  return (a0 | a1 | a2 | a3) !== 0 ? 1 : 0;
}

export function extract8(
  _out: Words,
  a0: number,
  a1: number,
  a2: number,
  a3: number,
  imm: number,
): number {
  const word = imm < 8 ? (imm < 4 ? a0 : a1) : imm < 12 ? a2 : a3;
  return (word >>> (8 * (imm & 3))) & 0xff;
}
export function extract16(
  _out: Words,
  a0: number,
  a1: number,
  a2: number,
  a3: number,
  imm: number,
): number {
  const word = imm < 4 ? (imm < 2 ? a0 : a1) : imm < 6 ? a2 : a3;
  return (word >>> (16 * (imm & 1))) & 0xffff;
}
export function insert8(
  out: Words,
  a0: number,
  a1: number,
  a2: number,
  a3: number,
  value: number,
  imm: number,
): void {
  insert(out, a0, a1, a2, a3, value, imm >> 2, 8 * (imm & 3), 0xff);
}
export function insert16(
  out: Words,
  a0: number,
  a1: number,
  a2: number,
  a3: number,
  value: number,
  imm: number,
): void {
  insert(out, a0, a1, a2, a3, value, imm >> 1, 16 * (imm & 1), 0xffff);
}
function insert(
  out: Words,
  a0: number,
  a1: number,
  a2: number,
  a3: number,
  value: number,
  word: number,
  shift: number,
  bits: number,
): void {
  out[0] = a0;
  out[1] = a1;
  out[2] = a2;
  out[3] = a3;
  out[word] = (out[word]! & ~(bits << shift)) | ((value & bits) << shift);
}

export function spread8(out: Words, bits: number): void {
  for (let i = 0; i < 4; i++) {
    const four = bits >>> (4 * i);
    out[i] = Math.imul((four & 1) | ((four & 2) << 7) | ((four & 4) << 14) | ((four & 8) << 21), 0xff);
  }
}
export function spread16(out: Words, bits: number): void {
  for (let i = 0; i < 4; i++) {
    const two = bits >>> (2 * i);
    out[i] = Math.imul((two & 1) | ((two & 2) << 15), 0xffff);
  }
}
