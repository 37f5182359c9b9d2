/** AES rounds on a state of four columns, a word each. SDM vol. 1, section 12.13; FIPS 197. */
import type { Words } from "./words.ts";

const SBOX = new Uint8Array(256), INVERSE_SBOX = new Uint8Array(256);
/** Column that one substituted byte in row 0 contributes: SubBytes and MixColumns in one look-up, and their inverses. */
const ROUND = new Int32Array(256), INVERSE_ROUND = new Int32Array(256);
/** InvMixColumns of a byte in row 0. */
const UNMIX = new Int32Array(256);

/** Product in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1. */
function multiply(x: number, y: number): number {
  let product = 0;
  for (let a = x, b = y; b !== 0; b >>= 1) {
    if ((b & 1) !== 0) product ^= a;
    a = (a << 1) ^ ((a & 0x80) !== 0 ? 0x11b : 0);
  }
  return product;
}

function fillTables(): void {
  // All but 0 are powers of 3, and x^255 = 1: the inverse of the nth is the one n before the end.
  const powers = [1];
  while (powers.length < 255) powers.push(multiply(powers.at(-1)!, 3));
  const inverses = [0];
  for (const [n, x] of powers.entries()) inverses[x] = powers[(255 - n) % 255]!;
  for (const [x, inverse] of inverses.entries()) {
    let s = inverse;
    for (let i = 1; i < 5; i++) s ^= ((inverse << i) | (inverse >> (8 - i))) & 0xff;
    s ^= 0x63;
    SBOX[x] = s;
    INVERSE_SBOX[s] = x;
  }
  for (let x = 0; x < 256; x++) {
    const s = SBOX[x]!;
    ROUND[x] = multiply(s, 2) | (s << 8) | (s << 16) | (multiply(s, 3) << 24);
    UNMIX[x] = multiply(x, 14) | (multiply(x, 9) << 8) | (multiply(x, 13) << 16) | (multiply(x, 11) << 24);
  }
  for (let x = 0; x < 256; x++) INVERSE_ROUND[x] = UNMIX[INVERSE_SBOX[x]!]!;
}
fillTables();

const rotate = (x: number, n: number): number => (x << n) | (x >>> (32 - n));

/** Joins one byte of each of four columns: a column of a shifted state, looked up and mixed. */
function mixed(table: Int32Array, c0: number, c1: number, c2: number, c3: number): number {
  return table[c0 & 0xff]! ^ rotate(table[(c1 >>> 8) & 0xff]!, 8) ^ rotate(table[(c2 >>> 16) & 0xff]!, 16) ^
    rotate(table[c3 >>> 24]!, 24);
}
function substituted(box: Uint8Array, c0: number, c1: number, c2: number, c3: number): number {
  return box[c0 & 0xff]! | (box[(c1 >>> 8) & 0xff]! << 8) | (box[(c2 >>> 16) & 0xff]! << 16) |
    (box[c3 >>> 24]! << 24);
}

/** An AES round with its round key. */
type Round = (
  out: Words,
  s0: number,
  s1: number,
  s2: number,
  s3: number,
  k0: number,
  k1: number,
  k2: number,
  k3: number,
) => void;

export const aesenc: Round = (out, s0, s1, s2, s3, k0, k1, k2, k3) => {
  out[0] = mixed(ROUND, s0, s1, s2, s3) ^ k0;
  out[1] = mixed(ROUND, s1, s2, s3, s0) ^ k1;
  out[2] = mixed(ROUND, s2, s3, s0, s1) ^ k2;
  out[3] = mixed(ROUND, s3, s0, s1, s2) ^ k3;
};
export const aesenclast: Round = (out, s0, s1, s2, s3, k0, k1, k2, k3) => {
  out[0] = substituted(SBOX, s0, s1, s2, s3) ^ k0;
  out[1] = substituted(SBOX, s1, s2, s3, s0) ^ k1;
  out[2] = substituted(SBOX, s2, s3, s0, s1) ^ k2;
  out[3] = substituted(SBOX, s3, s0, s1, s2) ^ k3;
};
export const aesdec: Round = (out, s0, s1, s2, s3, k0, k1, k2, k3) => {
  out[0] = mixed(INVERSE_ROUND, s0, s3, s2, s1) ^ k0;
  out[1] = mixed(INVERSE_ROUND, s1, s0, s3, s2) ^ k1;
  out[2] = mixed(INVERSE_ROUND, s2, s1, s0, s3) ^ k2;
  out[3] = mixed(INVERSE_ROUND, s3, s2, s1, s0) ^ k3;
};
export const aesdeclast: Round = (out, s0, s1, s2, s3, k0, k1, k2, k3) => {
  out[0] = substituted(INVERSE_SBOX, s0, s3, s2, s1) ^ k0;
  out[1] = substituted(INVERSE_SBOX, s1, s0, s3, s2) ^ k1;
  out[2] = substituted(INVERSE_SBOX, s2, s1, s0, s3) ^ k2;
  out[3] = substituted(INVERSE_SBOX, s3, s2, s1, s0) ^ k3;
};
export function aesimc(out: Words, s0: number, s1: number, s2: number, s3: number): void {
  out[0] = mixed(UNMIX, s0, s0, s0, s0);
  out[1] = mixed(UNMIX, s1, s1, s1, s1);
  out[2] = mixed(UNMIX, s2, s2, s2, s2);
  out[3] = mixed(UNMIX, s3, s3, s3, s3);
}
export function aeskeygen(
  out: Words,
  _s0: number,
  s1: number,
  _s2: number,
  s3: number,
  imm: number,
): void {
  const x1 = substituted(SBOX, s1, s1, s1, s1), x3 = substituted(SBOX, s3, s3, s3, s3);
  out[0] = x1;
  out[1] = rotate(x1, 24) ^ imm;
  out[2] = x3;
  out[3] = rotate(x3, 24) ^ imm;
}
