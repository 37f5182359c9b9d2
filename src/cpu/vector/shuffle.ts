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
  if (imm > 15) return void out.fill(0);
  alignr(out, a0, a1, a2, a3, 0, 0, 0, 0, 16 - imm);
}
export function shrbytes(out: Words, a0: number, a1: number, a2: number, a3: number, imm: number): void {
  alignr(out, 0, 0, 0, 0, a0, a1, a2, a3, imm > 15 ? 16 : imm);
}

// Bytes 0, 1 or 2, 3 of two words, interleaved; 16-bit lanes likewise.
export function lowBytes(a: number, b: number): number {
  return (a & 0xff) | ((b & 0xff) << 8) | ((a & 0xff00) << 8) | ((b & 0xff00) << 16);
}
export function highBytes(a: number, b: number): number {
  return ((a >>> 16) & 0xff) | ((b >>> 8) & 0xff00) | ((a >>> 8) & 0xff_0000) | (b & 0xff00_0000);
}
export function lowHalves(a: number, b: number): number {
  return (a & 0xffff) | (b << 16);
}
export function highHalves(a: number, b: number): number {
  return (a >>> 16) | (b & ~0xffff);
}

// Narrowing of two words to one.
const signedByte = (x: number): number => (x > 0x7f ? 0x7f : x < -0x80 ? -0x80 : x) & 0xff;
const unsignedByte = (x: number): number => x > 0xff ? 0xff : x < 0 ? 0 : x;
const signedWord = (x: number): number => (x > 0x7fff ? 0x7fff : x < -0x8000 ? -0x8000 : x) & 0xffff;
const unsignedWord = (x: number): number => x > 0xffff ? 0xffff : x < 0 ? 0 : x;
export function low16(a: number): number {
  return (a << 16) >> 16;
}
export function packs16(low: number, high: number): number {
  return signedByte(low16(low)) | (signedByte(low >> 16) << 8) | (signedByte(low16(high)) << 16) |
    (signedByte(high >> 16) << 24);
}
export function packu16(low: number, high: number): number {
  return unsignedByte(low16(low)) | (unsignedByte(low >> 16) << 8) | (unsignedByte(low16(high)) << 16) |
    (unsignedByte(high >> 16) << 24);
}
export function packs32(low: number, high: number): number {
  return signedWord(low) | (signedWord(high) << 16);
}
export function packu32(low: number, high: number): number {
  return unsignedWord(low) | (unsignedWord(high) << 16);
}

// Parts of a word, extended: byte n, and for bytes to 16 bits the pair n.
export const byte0 = (a: number): number => (a << 24) >> 24;
export const byte1 = (a: number): number => (a << 16) >> 24;
export const byte2 = (a: number): number => (a << 8) >> 24;
export const byte3 = (a: number): number => a >> 24;
export const byteU0 = (a: number): number => a & 0xff;
export const byteU1 = (a: number): number => (a >>> 8) & 0xff;
export const byteU2 = (a: number): number => (a >>> 16) & 0xff;
export const byteU3 = (a: number): number => a >>> 24;
export const high16 = (a: number): number => a >> 16;
export const lowU16 = (a: number): number => a & 0xffff;
export const highU16 = (a: number): number => a >>> 16;
export const bytes01 = (a: number): number => (byte0(a) & 0xffff) | (byte1(a) << 16);
export const bytes23 = (a: number): number => (byte2(a) & 0xffff) | (byte3(a) << 16);
export const bytesU01 = (a: number): number => (a & 0xff) | ((a & 0xff00) << 8);
export const bytesU23 = (a: number): number => ((a >>> 16) & 0xff) | ((a >>> 8) & 0xff_0000);
export const same = (a: number): number => a;
// Upper halves of lanes extended to 64 bits.
export const zero = (): number => 0;
export const signOf = (a: number): number => a >> 31;
export const signOfByte0 = (a: number): number => (a << 24) >> 31;
export const signOfByte1 = (a: number): number => (a << 16) >> 31;
export const signOfLow16 = (a: number): number => (a << 16) >> 31;

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
