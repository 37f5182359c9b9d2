/** Vector arithmetic on 64-bit lanes. Calling convention: words.ts. */
import type { Words } from "./words.ts";

export function addi64(
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
  const low = (a0 + b0) | 0, high = (a2 + b2) | 0;
  out[0] = low;
  out[1] = a1 + b1 + (low >>> 0 < a0 >>> 0 ? 1 : 0);
  out[2] = high;
  out[3] = a3 + b3 + (high >>> 0 < a2 >>> 0 ? 1 : 0);
}
export function subi64(
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
  out[0] = a0 - b0;
  out[1] = a1 - b1 - (a0 >>> 0 < b0 >>> 0 ? 1 : 0);
  out[2] = a2 - b2;
  out[3] = a3 - b3 - (a2 >>> 0 < b2 >>> 0 ? 1 : 0);
}
export function cmpeq64(
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
  out[0] = out[1] = a0 === b0 && a1 === b1 ? -1 : 0;
  out[2] = out[3] = a2 === b2 && a3 === b3 ? -1 : 0;
}
const greater = (alo: number, ahi: number, blo: number, bhi: number): number =>
  ahi > bhi || (ahi === bhi && alo >>> 0 > blo >>> 0) ? -1 : 0;
export function cmpgts64(
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
  out[0] = out[1] = greater(a0, a1, b0, b1);
  out[2] = out[3] = greater(a2, a3, b2, b3);
}

export function shl64(
  out: Words,
  a0: number,
  a1: number,
  a2: number,
  a3: number,
  count: number,
): void {
  if (count >>> 0 > 31) {
    const n = count >>> 0 > 63 ? 0 : -1;
    out[0] = out[2] = 0;
    out[1] = (a0 << count) & n;
    out[3] = (a2 << count) & n;
  } else if (count === 0) {
    copy(out, a0, a1, a2, a3);
  } else {
    out[0] = a0 << count;
    out[1] = (a1 << count) | (a0 >>> (32 - count));
    out[2] = a2 << count;
    out[3] = (a3 << count) | (a2 >>> (32 - count));
  }
}
export function shr64(
  out: Words,
  a0: number,
  a1: number,
  a2: number,
  a3: number,
  count: number,
): void {
  if (count >>> 0 > 31) {
    const n = count >>> 0 > 63 ? 0 : -1;
    out[1] = out[3] = 0;
    out[0] = (a1 >>> count) & n;
    out[2] = (a3 >>> count) & n;
  } else if (count === 0) {
    copy(out, a0, a1, a2, a3);
  } else {
    out[0] = (a0 >>> count) | (a1 << (32 - count));
    out[1] = a1 >>> count;
    out[2] = (a2 >>> count) | (a3 << (32 - count));
    out[3] = a3 >>> count;
  }
}
function copy(out: Words, a0: number, a1: number, a2: number, a3: number): void {
  out[0] = a0;
  out[1] = a1;
  out[2] = a2;
  out[3] = a3;
}
