/** Division of 64- and 128-bit integers in 32-bit halves, as DIV and IDIV need it. SDM vol. 2A. */

const TWO_32 = 0x1_0000_0000;

/** Low 32 bits of the unsigned quotient of hi:lo and a divisor above `hi`. */
export function divide64(lo: number, hi: number, divisor: number): number {
  const d = divisor >>> 0;
  if (hi === 0) return (lo >>> 0) / d | 0;
  // Two digits of 16 bits: every partial dividend is below 2^48, exact in a double.
  const upper = (hi >>> 0) * 0x1_0000 + (lo >>> 16);
  const digit1 = Math.floor(upper / d);
  const lower = (upper - digit1 * d) * 0x1_0000 + (lo & 0xffff);
  return (digit1 << 16) + Math.floor(lower / d) | 0;
}

/** Unsigned remainder where the quotient is `divide64`'s. */
function remainder64(lo: number, quotient: number, divisor: number): number {
  return (lo - Math.imul(quotient, divisor)) | 0;
}

/** Signed quotient of hi:lo and a divisor that is not 0, modulo 2^64; the upper half goes to `out[at]`. */
export function divideSigned64(
  out: Int32Array,
  at: number,
  lo: number,
  hi: number,
  divisor: number,
): number {
  if (hi === lo >> 31) {
    const quotient = Math.trunc(lo / divisor);
    out[at] = quotient < 0 ? -1 : 0;
    return quotient | 0;
  }
  const negative = (hi ^ divisor) < 0;
  const d = Math.abs(divisor);
  let l = lo, h = hi;
  if (hi < 0) {
    l = -lo | 0;
    h = (~hi + (l === 0 ? 1 : 0)) | 0;
  }
  const upper = Math.floor((h >>> 0) / d);
  const quotient = divide64(l, ((h >>> 0) - upper * d) | 0, d);
  if (!negative) {
    out[at] = upper;
    return quotient;
  }
  const result = -quotient | 0;
  out[at] = ~upper + (result === 0 ? 1 : 0);
  return result;
}

/** Unsigned quotient of the 128-bit h1:h0:l1:l0 and d1:d0, which is above h1:h0; the upper half goes to `out[at]`. */
export function divide128(
  out: Int32Array,
  at: number,
  l0: number,
  l1: number,
  h0: number,
  h1: number,
  d0: number,
  d1: number,
): number {
  if (d1 === 0) {
    // One digit of 32 bits in the divisor: h1 is 0 and h0 below it.
    if (h0 === 0) {
      const upper = ((l1 >>> 0) / (d0 >>> 0)) | 0;
      out[at] = upper;
      return divide64(l0, remainder64(l1, upper, d0), d0);
    }
    const upper = divide64(l1, h0, d0);
    out[at] = upper;
    return divide64(l0, remainder64(l1, upper, d0), d0);
  }
  if ((h0 | h1) === 0) return quotientOf64(out, at, l0, l1, d0, d1);
  const dividend = (unsigned(h0, h1) << 64n) | unsigned(l0, l1);
  const quotient = dividend / unsigned(d0, d1);
  out[at] = Number((quotient >> 32n) & 0xffff_ffffn);
  return Number(quotient & 0xffff_ffffn) | 0;
}

/** l1:l0 / d1:d0 with d1 not 0: the quotient has 32 bits, and a double's estimate is wrong by one at most. */
function quotientOf64(out: Int32Array, at: number, l0: number, l1: number, d0: number, d1: number): number {
  out[at] = 0;
  const dividend = (l1 >>> 0) * TWO_32 + (l0 >>> 0), divisor = (d1 >>> 0) * TWO_32 + (d0 >>> 0);
  let estimate = Math.floor(dividend / divisor);
  // estimate * divisor, exactly: a digit of 32 bits times two. It can exceed the dividend, and 64 bits, by little.
  const low = productOf32(estimate, d0 >>> 0);
  const high = productOf32(estimate, d1 >>> 0);
  const p0 = low.lo, middle = low.hi + high.lo;
  const p1 = middle % TWO_32, p2 = high.hi + Math.floor(middle / TWO_32);
  const n0 = l0 >>> 0, n1 = l1 >>> 0;
  if (p2 > 0 || p1 > n1 || (p1 === n1 && p0 > n0)) {
    estimate--;
  } else {
    const borrow = n0 < p0 ? 1 : 0;
    const r0 = n0 - p0 + borrow * TWO_32, r1 = n1 - p1 - borrow;
    if (r1 > d1 >>> 0 || (r1 === d1 >>> 0 && r0 >= d0 >>> 0)) estimate++;
  }
  return estimate | 0;
}

/** Exact product of two numbers below 2^33 and 2^32, in halves. */
function productOf32(x: number, y: number): { lo: number; hi: number } {
  const low = x * (y & 0xffff), high = x * (y >>> 16);
  // low < 2^49, high < 2^49: high * 2^16 is split before it is added.
  const carry = (high % 0x1_0000) * 0x1_0000 + low;
  return { lo: carry % TWO_32, hi: Math.floor(high / 0x1_0000) + Math.floor(carry / TWO_32) };
}

function unsigned(lo: number, hi: number): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}

/**
 * Signed quotient of a 128-bit dividend and a 64-bit divisor; the upper half goes to `out[at]`.
 *
 * @returns the low half, or undefined for a divisor of 0 or a quotient that does not fit in 64 bits
 */
export function divideSigned128(
  out: Int32Array,
  at: number,
  l0: number,
  l1: number,
  h0: number,
  h1: number,
  d0: number,
  d1: number,
): number | undefined {
  const sign = l1 >> 31;
  if (h0 !== sign || h1 !== sign) return signedByBigInt(out, at, l0, l1, h0, h1, d0, d1);
  if ((d0 | d1) === 0) return undefined;
  // A 64-bit dividend: divide the magnitudes.
  let n0 = l0, n1 = l1, e0 = d0, e1 = d1;
  if (l1 < 0) {
    n0 = -l0 | 0;
    n1 = (~l1 + (n0 === 0 ? 1 : 0)) | 0;
  }
  if (d1 < 0) {
    e0 = -d0 | 0;
    e1 = (~d1 + (e0 === 0 ? 1 : 0)) | 0;
  }
  const quotient = divide128(out, at, n0, n1, 0, 0, e0, e1);
  if ((l1 ^ d1) >= 0) return out[at]! < 0 ? undefined : quotient; // -2^63 / -1
  const result = -quotient | 0;
  out[at] = ~out[at]! + (result === 0 ? 1 : 0);
  return result;
}

function signedByBigInt(
  out: Int32Array,
  at: number,
  l0: number,
  l1: number,
  h0: number,
  h1: number,
  d0: number,
  d1: number,
): number | undefined {
  const dividend = BigInt.asIntN(128, (unsigned(h0, h1) << 64n) | unsigned(l0, l1));
  const divisor = BigInt.asIntN(64, unsigned(d0, d1));
  if (divisor === 0n) return undefined;
  const quotient = dividend / divisor;
  if (BigInt.asIntN(64, quotient) !== quotient) return undefined;
  out[at] = Number(BigInt.asIntN(32, quotient >> 32n));
  return Number(BigInt.asIntN(32, quotient));
}
