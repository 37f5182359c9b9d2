/**
 * The work area of the soft floating point, and exact arithmetic on 64-bit significands in 32-bit halves.
 *
 * An operand or result is sign, exponent and significand: value = significand × 2^(exponent − 63), with the
 * significand normalized (bit 63 set). A result has a third word, EXT, for the bits below the significand; its
 * lowest bit is sticky: set if anything that is not 0 was lost below it.
 */

/** The work area. Not re-entrant: every operation fills the operands, works, and takes the result out. */
export const w = new Int32Array(32);

/** Cells of the first operand. */
export const A_SIGN = 0, A_EXP = 1, A_HI = 2, A_LO = 3;
/** Cells of the second operand. */
export const B_SIGN = 4, B_EXP = 5, B_HI = 6, B_LO = 7;
/** Cells of the result. */
export const R_SIGN = 8, R_EXP = 9, R_HI = 10, R_LO = 11, R_EXT = 12;
/** Exceptions raised, at the bits of MXCSR and of the x87 status word. */
export const FLAGS = 13;
/** Upper half of the 64 bits that an operation returns. */
export const OUT_HI = 14;
/** Whether rounding increased the magnitude (C1 of the x87 status word). */
export const ROUNDED_UP = 16;
/** What the operands and the result are: a {@linkcode FpClass}. */
export const A_CLASS = 17, B_CLASS = 18, R_CLASS = 19;
/** Words of a 128-bit intermediate, most significant first. */
const P3 = 20, P2 = 21, P1 = 22, P0 = 23;

/** Exceptions: bits of MXCSR and of the x87 status word. SDM vol. 1, sections 8.1.3 and 10.2.3. */
export const FpException = { IE: 1, DE: 2, ZE: 4, OE: 8, UE: 16, PE: 32 } as const;

/** Classes of operands and results. Only `FINITE` has exponent and significand. */
export const FpClass = {
  ZERO: 0,
  FINITE: 1,
  INFINITY: 2,
  QNAN: 3,
  SNAN: 4,
  /** Results only: the first operand quieted, the second operand quieted, the default NaN, the second operand as it is. */
  NAN_A: 5,
  NAN_B: 6,
  NAN_DEFAULT: 7,
} as const; // deno-fmt-ignore

/** Upper 32 bits of the unsigned product. */
export function multiplyHigh(a: number, b: number): number {
  const al = a & 0xffff, ah = a >>> 16, bl = b & 0xffff, bh = b >>> 16;
  const m1 = (Math.imul(ah, bl) + (Math.imul(al, bl) >>> 16)) | 0;
  const m2 = (Math.imul(al, bh) + (m1 & 0xffff)) | 0;
  return (Math.imul(ah, bh) + (m1 >>> 16) + (m2 >>> 16)) | 0;
}

/** The 128-bit product of two 64-bit numbers into P3…P0. */
function multiplyWide(ahi: number, alo: number, bhi: number, blo: number): void {
  const l1 = Math.imul(ahi, blo), l2 = Math.imul(alo, bhi), l3 = Math.imul(ahi, bhi);
  let w1 = (multiplyHigh(alo, blo) + l1) | 0;
  let c = (w1 >>> 0) < (l1 >>> 0) ? 1 : 0;
  w1 = (w1 + l2) | 0;
  if ((w1 >>> 0) < (l2 >>> 0)) c++;
  let w2 = (multiplyHigh(ahi, blo) + c) | 0; // a high word is at most 2^32 − 2, so adding two never carries here
  let d = (w2 >>> 0) < c ? 1 : 0;
  const h2 = multiplyHigh(alo, bhi);
  w2 = (w2 + h2) | 0;
  if ((w2 >>> 0) < (h2 >>> 0)) d++;
  w2 = (w2 + l3) | 0;
  if ((w2 >>> 0) < (l3 >>> 0)) d++;
  w[P0] = Math.imul(alo, blo);
  w[P1] = w1;
  w[P2] = w2;
  w[P3] = (multiplyHigh(ahi, bhi) + d) | 0;
}

/** Shifts the result's 96 bits right by `count` ≥ 0, keeping the sticky bit. */
export function shiftRight(count: number): void {
  let hi = w[R_HI]!, lo = w[R_LO]!, ext = w[R_EXT]!;
  let n = count;
  if (n >= 96) {
    ext = (hi | lo | ext) !== 0 ? 1 : 0;
    hi = lo = 0;
    n = 0;
  }
  while (n >= 32) {
    ext = ext !== 0 ? lo | 1 : lo;
    lo = hi;
    hi = 0;
    n -= 32;
  }
  if (n !== 0) {
    const lost = ext << (32 - n);
    ext = (ext >>> n) | (lo << (32 - n)) | (lost !== 0 ? 1 : 0);
    lo = (lo >>> n) | (hi << (32 - n));
    hi >>>= n;
  }
  w[R_HI] = hi;
  w[R_LO] = lo;
  w[R_EXT] = ext;
}

/** Shifts the result left until bit 63 is set, and lowers its exponent. The result must not be 0. */
export function normalize(): void {
  let hi = w[R_HI]!, lo = w[R_LO]!, ext = w[R_EXT]!, exp = w[R_EXP]!;
  while (hi === 0) {
    hi = lo;
    lo = ext;
    ext = 0;
    exp -= 32;
  }
  const n = Math.clz32(hi);
  if (n !== 0) {
    hi = (hi << n) | (lo >>> (32 - n));
    lo = (lo << n) | (ext >>> (32 - n));
    ext <<= n;
  }
  w[R_HI] = hi;
  w[R_LO] = lo;
  w[R_EXT] = ext;
  w[R_EXP] = exp - n;
}

/** R ← |A| + |B|; the sign is not set. */
export function addMagnitudes(): void {
  const swap = w[A_EXP]! < w[B_EXP]!;
  const big = swap ? B_SIGN : A_SIGN, small = swap ? A_SIGN : B_SIGN;
  const exp = w[big + 1]!;
  w[R_HI] = w[small + 2]!;
  w[R_LO] = w[small + 3]!;
  w[R_EXT] = 0;
  const distance = exp - w[small + 1]!;
  if (distance !== 0) shiftRight(distance);
  const lo = (w[R_LO]! + w[big + 3]!) | 0;
  const carry = (lo >>> 0) < (w[big + 3]! >>> 0) ? 1 : 0;
  const sum = (w[R_HI]! >>> 0) + (w[big + 2]! >>> 0) + carry;
  w[R_HI] = sum | 0;
  w[R_LO] = lo;
  w[R_EXP] = exp;
  if (sum >= 4294967296) {
    shiftRight(1);
    w[R_HI] = w[R_HI]! | 0x8000_0000;
    w[R_EXP] = exp + 1;
  }
}

/** R ← ||A| − |B||. Returns 0 if they are equal (R is not set), 1 if |A| is greater, −1 if |B| is. */
export function subtractMagnitudes(): number {
  let order = w[A_EXP]! - w[B_EXP]!;
  if (order === 0) order = (w[A_HI]! >>> 0) - (w[B_HI]! >>> 0);
  if (order === 0) order = (w[A_LO]! >>> 0) - (w[B_LO]! >>> 0);
  if (order === 0) return 0;
  const big = order < 0 ? B_SIGN : A_SIGN, small = order < 0 ? A_SIGN : B_SIGN;
  const exp = w[big + 1]!;
  w[R_HI] = w[small + 2]!;
  w[R_LO] = w[small + 3]!;
  w[R_EXT] = 0;
  const distance = exp - w[small + 1]!;
  if (distance !== 0) shiftRight(distance);
  const ext = w[R_EXT]!;
  const borrow = ext !== 0 ? 1 : 0;
  const subtrahend = w[R_LO]!, lo = w[big + 3]!;
  const next = (lo >>> 0) < (subtrahend >>> 0) + borrow ? 1 : 0;
  w[R_EXT] = -ext;
  w[R_LO] = lo - subtrahend - borrow;
  w[R_HI] = w[big + 2]! - w[R_HI]! - next;
  w[R_EXP] = exp;
  if (w[R_HI]! >= 0) normalize();
  return order < 0 ? -1 : 1;
}

/** R ← |A| × |B|; the sign is not set. */
export function multiplyMagnitudes(): void {
  multiplyWide(w[A_HI]!, w[A_LO]!, w[B_HI]!, w[B_LO]!);
  let hi = w[P3]!, lo = w[P2]!, ext = w[P1]!;
  const rest = w[P0]!;
  let exp = w[A_EXP]! + w[B_EXP]! + 1;
  if (hi >= 0) {
    hi = (hi << 1) | (lo >>> 31);
    lo = (lo << 1) | (ext >>> 31);
    ext = (ext << 1) | (rest >>> 31);
    exp--;
    if ((rest << 1) !== 0) ext |= 1;
  } else if (rest !== 0) ext |= 1;
  w[R_HI] = hi;
  w[R_LO] = lo;
  w[R_EXT] = ext;
  w[R_EXP] = exp;
}

/**
 * One digit of a division: floor((P3:P2:P1) / (d1:d0)), which must be below 2^32, for a normalized divisor.
 * The remainder is left in P2:P1, and P3 is 0.
 */
function divideDigit(d1: number, d0: number): number {
  const u1 = d1 >>> 0, u0 = d0 >>> 0;
  // The estimate is off by at most one or two: doubles have 53 bits and the quotient 32.
  let q = Math.floor(
    (((w[P3]! >>> 0) * 4294967296 + (w[P2]! >>> 0)) * 4294967296 + (w[P1]! >>> 0)) / (u1 * 4294967296 + u0),
  );
  if (q > 4294967295) q = 4294967295;
  const l1 = Math.imul(q | 0, d1);
  const m1 = (multiplyHigh(q | 0, d0) + l1) | 0;
  const m2 = (multiplyHigh(q | 0, d1) + ((m1 >>> 0) < (l1 >>> 0) ? 1 : 0)) | 0;
  const m0 = Math.imul(q | 0, d0);
  let r0 = (w[P1]! >>> 0) - (m0 >>> 0);
  let r1 = (w[P2]! >>> 0) - (m1 >>> 0);
  let r2 = w[P3]! - m2;
  if (r0 < 0) {
    r0 += 4294967296;
    r1--;
  }
  if (r1 < 0) {
    r1 += 4294967296;
    r2--;
  }
  r2 |= 0;
  while (r2 < 0) {
    q--;
    r0 += u0;
    r1 += u1;
    if (r0 >= 4294967296) {
      r0 -= 4294967296;
      r1++;
    }
    if (r1 >= 4294967296) {
      r1 -= 4294967296;
      r2++;
    }
  }
  while (r2 > 0 || r1 > u1 || (r1 === u1 && r0 >= u0)) {
    q++;
    r0 -= u0;
    r1 -= u1;
    if (r0 < 0) {
      r0 += 4294967296;
      r1--;
    }
    if (r1 < 0) {
      r1 += 4294967296;
      r2--;
    }
  }
  w[P1] = r0 | 0;
  w[P2] = r1 | 0;
  w[P3] = 0;
  return q | 0;
}

/** R ← |A| ÷ |B|; the sign is not set. */
export function divideMagnitudes(): void {
  const d1 = w[B_HI]!, d0 = w[B_LO]!;
  let n3 = w[A_HI]!, n2 = w[A_LO]!, n1 = 0;
  let exp = w[A_EXP]! - w[B_EXP]!;
  if ((n3 >>> 0) > (d1 >>> 0) || (n3 === d1 && (n2 >>> 0) >= (d0 >>> 0))) {
    n1 = n2 << 31;
    n2 = (n2 >>> 1) | (n3 << 31);
    n3 >>>= 1;
  } else exp--;
  w[P3] = n3;
  w[P2] = n2;
  w[P1] = n1;
  const hi = divideDigit(d1, d0);
  w[P3] = w[P2]!;
  w[P2] = w[P1]!;
  w[P1] = 0;
  const lo = divideDigit(d1, d0);
  // The remainder against half the divisor gives the round bit; anything else is sticky.
  const r1 = w[P2]!, r0 = w[P1]!;
  const carry = r1 < 0;
  const t1 = ((r1 << 1) | (r0 >>> 31)) >>> 0, t0 = (r0 << 1) >>> 0;
  const half = carry || t1 > (d1 >>> 0) || (t1 === (d1 >>> 0) && t0 >= (d0 >>> 0));
  const exact = (r1 | r0) === 0;
  const tie = !carry && t1 === (d1 >>> 0) && t0 === (d0 >>> 0);
  w[R_HI] = hi;
  w[R_LO] = lo;
  w[R_EXT] = exact ? 0 : half ? (tie ? 0x8000_0000 : 0xc000_0000) : 1;
  w[R_EXP] = exp;
}

/** R ← √|A|; the sign is not set. */
export function squareRootMagnitude(): void {
  const odd = (w[A_EXP]! & 1) !== 0;
  const ahi = w[A_HI]!, alo = w[A_LO]!;
  // The radicand has 128 bits: the significand times 2^63 or 2^64.
  const n3 = odd ? ahi : ahi >>> 1;
  const n2 = odd ? alo : (alo >>> 1) | (ahi << 31);
  const n1 = odd ? 0 : alo << 31;
  const top = (n3 >>> 0) * 4294967296 + (n2 >>> 0);
  const root = Math.sqrt(top);
  let s1 = Math.min(Math.floor(root), 4294967295);
  // Remainder of the upper half, exact because it is small: top − s1² in two parts.
  const square1 = multiplyHigh(s1 | 0, s1 | 0) >>> 0, square0 = Math.imul(s1 | 0, s1 | 0) >>> 0;
  let rest = ((n3 >>> 0) - square1) * 4294967296 + ((n2 >>> 0) - square0);
  if (rest < 0) { // `top` was rounded up to a square
    s1--;
    rest += 2 * s1 + 1;
  }
  const digit = Math.floor((rest * 4294967296 + (n1 >>> 0)) / (2 * s1));
  const s0 = Math.min(Math.max(digit, 0), 4294967295);
  let hi = s1 | 0, lo = s0 | 0;
  multiplyWide(hi, lo, hi, lo);
  let r0 = -(w[P0]! >>> 0);
  let r1 = (n1 >>> 0) - (w[P1]! >>> 0);
  let r2 = (n2 >>> 0) - (w[P2]! >>> 0);
  let r3 = (n3 >>> 0) - (w[P3]! >>> 0);
  const settle = (): void => {
    r1 += Math.floor(r0 / 4294967296);
    r0 = r0 >>> 0;
    r2 += Math.floor(r1 / 4294967296);
    r1 = r1 >>> 0;
    r3 += Math.floor(r2 / 4294967296);
    r2 = r2 >>> 0;
  };
  settle();
  while (r3 < 0) {
    // root − 1: the remainder grows by 2·root − 1 = 2·(root − 1) + 1.
    lo = (lo - 1) | 0;
    if (lo === -1) hi = (hi - 1) | 0;
    r0 += (lo >>> 0) * 2 + 1;
    r1 += (hi >>> 0) * 2;
    settle();
  }
  for (;;) {
    // The remainder of the floor is at most 2·root.
    const excess = r3 > 0 || r2 > 2;
    const high = r2 * 4294967296 + r1 - (hi >>> 0) * 2;
    const over = excess || high > 4 || (high >= -4 && high * 4294967296 + r0 - (lo >>> 0) * 2 > 0);
    if (!over) break;
    r0 -= (lo >>> 0) * 2 + 1;
    r1 -= (hi >>> 0) * 2;
    settle();
    lo = (lo + 1) | 0;
    if (lo === 0) hi = (hi + 1) | 0;
  }
  // Above root + ½ (never exactly at it) if the remainder is greater than the root.
  const above = r2 > 0 || r1 > (hi >>> 0) || (r1 === (hi >>> 0) && r0 > (lo >>> 0));
  w[R_HI] = hi;
  w[R_LO] = lo;
  w[R_EXT] = (r0 === 0 && r1 === 0 && r2 === 0) ? 0 : above ? 0xc000_0000 : 1;
  w[R_EXP] = w[A_EXP]! >> 1;
}
