/**
 * RCPSS and RSQRTSS. The SDM allows a relative error of 1.5 × 2^−12; these are the values of Intel processors, which
 * read a table by the upper 11 bits (RSQRTSS: upper 10 bits and the exponent's parity): entries are the function at
 * the middle of the interval, rounded to 12 bits behind the leading one. Neither looks at MXCSR or raises anything.
 */

/** 13-bit significand of 1/m for the m in [1, 2) in the middle of one of 2048 intervals. */
const reciprocal = (interval: number): number => Math.floor(8192 / (1 + (interval + 0.5) / 2048) + 0.5);

/** The same of 1/√m, for m in [1, 2) and then for m in [2, 4), 1024 intervals each. */
function root(interval: number): number {
  const m = (1 + ((interval & 1023) + 0.5) / 1024) * (interval < 1024 ? 1 : 2);
  return Math.floor(8192 / Math.sqrt(m) + 0.5);
}

const INFINITY = 0x7f800000;

/** RCPSS on the bits of a single. */
export function RCPSS(bits: number): number {
  const sign = bits & 0x8000_0000, field = (bits >>> 23) & 0xff;
  if (field === 0) return sign | INFINITY; // denormals count as 0
  if (field === 0xff) return (bits & 0x7fffff) !== 0 ? bits | 0x400000 : sign;
  const exponent = 253 - field;
  if (exponent <= 0) return sign; // results below the smallest normal number are 0
  return sign | (exponent << 23) | ((reciprocal((bits >>> 12) & 0x7ff) << 11) & 0x7fffff);
}

/** RSQRTSS on the bits of a single. */
export function RSQRTSS(bits: number): number {
  const field = (bits >>> 23) & 0xff;
  if (field === 0) return (bits & 0x8000_0000) | INFINITY;
  if (field === 0xff && (bits & 0x7fffff) !== 0) return bits | 0x400000;
  if (bits < 0) return 0xffc00000 | 0;
  if (field === 0xff) return 0;
  const odd = (field & 1) ^ 1; // the bias is odd: an even field is an odd exponent
  const exponent = 126 - ((field - 127 - odd) >> 1);
  return (exponent << 23) | ((root((odd << 10) | ((bits >>> 13) & 0x3ff)) << 11) & 0x7fffff);
}
