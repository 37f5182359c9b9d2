/** The SHA extensions. SDM vol. 2B, "SHA1RNDS4" to "SHA256RNDS2". The manual's word A (or W0) is word 3 here. */
import type { Words } from "./words.ts";

const rotl = (x: number, n: number): number => (x << n) | (x >>> (32 - n));
const rotr = (x: number, n: number): number => (x >>> n) | (x << (32 - n));

const SHA1_K = [0x5a82_7999, 0x6ed9_eba1, 0x8f1b_bcdc, 0xca62_c1d6];
function sha1f(kind: number, b: number, c: number, d: number): number {
  if (kind === 0) return (b & c) ^ (~b & d);
  if (kind === 2) return (b & c) ^ (b & d) ^ (c & d);
  return b ^ c ^ d;
}

export function sha1rounds(
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
  const kind = imm & 3, k = SHA1_K[kind]!;
  let a = a3, b = a2, c = a1, d = a0, e = 0;
  for (const w of [b3, b2, b1, b0]) {
    const next = (sha1f(kind, b, c, d) + rotl(a, 5) + w + e + k) | 0;
    e = d;
    d = c;
    c = rotl(b, 30);
    b = a;
    a = next;
  }
  out[3] = a;
  out[2] = b;
  out[1] = c;
  out[0] = d;
}
export function sha1nexte(
  out: Words,
  _a0: number,
  _a1: number,
  _a2: number,
  a3: number,
  b0: number,
  b1: number,
  b2: number,
  b3: number,
): void {
  out[0] = b0;
  out[1] = b1;
  out[2] = b2;
  out[3] = b3 + rotl(a3, 30);
}
export function sha1msg1(
  out: Words,
  a0: number,
  a1: number,
  a2: number,
  a3: number,
  _b0: number,
  _b1: number,
  b2: number,
  b3: number,
): void {
  out[3] = a1 ^ a3;
  out[2] = a0 ^ a2;
  out[1] = b3 ^ a1;
  out[0] = b2 ^ a0;
}
export function sha1msg2(
  out: Words,
  a0: number,
  a1: number,
  a2: number,
  a3: number,
  b0: number,
  b1: number,
  b2: number,
): void {
  const w16 = rotl(a3 ^ b2, 1);
  out[3] = w16;
  out[2] = rotl(a2 ^ b1, 1);
  out[1] = rotl(a1 ^ b0, 1);
  out[0] = rotl(a0 ^ w16, 1);
}

export function sha256rounds(
  out: Words,
  a0: number,
  a1: number,
  a2: number,
  a3: number,
  b0: number,
  b1: number,
  b2: number,
  b3: number,
  wk0: number,
  wk1: number,
): void {
  // First operand: C D G H, second: A B E F, from the top.
  let a = b3, b = b2, c = a3, d = a2, e = b1, f = b0, g = a1, h = a0;
  for (const wk of [wk0, wk1]) {
    const t1 = h + wk + ((e & f) ^ (~e & g)) + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25));
    const t2 = ((a & b) ^ (a & c) ^ (b & c)) + (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22));
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  out[3] = a;
  out[2] = b;
  out[1] = e;
  out[0] = f;
}
const sigma0 = (x: number): number => rotr(x, 7) ^ rotr(x, 18) ^ (x >>> 3);
const sigma1 = (x: number): number => rotr(x, 17) ^ rotr(x, 19) ^ (x >>> 10);
export function sha256msg1(
  out: Words,
  a0: number,
  a1: number,
  a2: number,
  a3: number,
  b0: number,
): void {
  out[0] = a0 + sigma0(a1);
  out[1] = a1 + sigma0(a2);
  out[2] = a2 + sigma0(a3);
  out[3] = a3 + sigma0(b0);
}
export function sha256msg2(
  out: Words,
  a0: number,
  a1: number,
  a2: number,
  a3: number,
  _b0: number,
  _b1: number,
  b2: number,
  b3: number,
): void {
  const w16 = (a0 + sigma1(b2)) | 0, w17 = (a1 + sigma1(b3)) | 0;
  out[0] = w16;
  out[1] = w17;
  out[2] = a2 + sigma1(w16);
  out[3] = a3 + sigma1(w17);
}
