/** Double-precision soft operations on bits: the low half is returned, the upper half left in OUT_HI of the work area. */
import {
  A_CLASS,
  A_SIGN,
  B_CLASS,
  B_SIGN,
  FLAGS,
  FpClass,
  FpException,
  OUT_HI,
  R_CLASS,
  R_EXP,
  R_HI,
  R_LO,
  R_SIGN,
  w,
} from "./significand.ts"; // deno-fmt-ignore
import { arithmetic, DOUBLE, Mxcsr } from "./soft.ts";

const MAX_FIELD = 0x7ff;

/** Unpacks into the operand at cell `slot`, its class into `classCell`. Returns whether it is denormal (not with DAZ). */
export function unpack64(slot: number, classCell: number, lo: number, hi: number, mxcsr: number): boolean {
  w[slot] = hi >>> 31;
  const field = (hi >>> 20) & MAX_FIELD;
  let high = (hi << 11) | (lo >>> 21), low = lo << 11;
  if (field === MAX_FIELD) {
    w[classCell] = ((hi & 0xfffff) | lo) === 0
      ? FpClass.INFINITY
      : (hi & 0x80000) !== 0
      ? FpClass.QNAN
      : FpClass.SNAN;
    return false;
  }
  let exp = field - 1023;
  const denormal = field === 0;
  if (denormal) {
    high &= 0x7fff_ffff;
    if ((high | low) === 0 || (mxcsr & Mxcsr.DAZ) !== 0) {
      w[classCell] = FpClass.ZERO;
      return false;
    }
    exp = -1022;
    if (high === 0) {
      high = low;
      low = 0;
      exp -= 32;
    }
    const n = Math.clz32(high);
    if (n !== 0) {
      high = (high << n) | (low >>> (32 - n));
      low <<= n;
    }
    exp -= n;
  } else high |= 0x8000_0000;
  w[classCell] = FpClass.FINITE;
  w[slot + 1] = exp;
  w[slot + 2] = high;
  w[slot + 3] = low;
  return denormal;
}

/** Packs the result; NaN classes take the payload from the operands given. */
export function pack64(alo: number, ahi: number, blo: number, bhi: number): number {
  const sign = w[R_SIGN]! << 31;
  switch (w[R_CLASS]) {
    case FpClass.FINITE: {
      const hi = w[R_HI]!, lo = w[R_LO]!;
      const field = hi < 0 ? w[R_EXP]! + 1023 : 0;
      w[OUT_HI] = sign | (field << 20) | ((hi >>> 11) & 0xfffff);
      return (hi << 21) | (lo >>> 11);
    }
    case FpClass.INFINITY:
      w[OUT_HI] = sign | 0x7ff00000;
      return 0;
    case FpClass.NAN_A:
      w[OUT_HI] = ahi | 0x80000;
      return alo;
    case FpClass.NAN_B:
      w[OUT_HI] = bhi | 0x80000;
      return blo;
    case FpClass.NAN_DEFAULT:
      w[OUT_HI] = 0xfff80000;
      return 0;
    default:
      w[OUT_HI] = sign;
      return 0;
  }
}

/** ADD, SUB, MUL, DIV (`op` of soft.ts). Exceptions in FLAGS. */
export function binary64(
  op: number,
  alo: number,
  ahi: number,
  blo: number,
  bhi: number,
  mxcsr: number,
): number {
  const da = unpack64(A_SIGN, A_CLASS, alo, ahi, mxcsr);
  const db = unpack64(B_SIGN, B_CLASS, blo, bhi, mxcsr);
  arithmetic(op, DOUBLE, mxcsr, da || db);
  return pack64(alo, ahi, blo, bhi);
}

/** Square root. */
export function unary64(op: number, lo: number, hi: number, mxcsr: number): number {
  const denormal = unpack64(A_SIGN, A_CLASS, lo, hi, mxcsr);
  arithmetic(op, DOUBLE, mxcsr, denormal);
  return pack64(lo, hi, 0, 0);
}

const MIN_NORMAL = 2.2250738585072014e-308;
const numbers = new Float64Array(2);
const halves = new Int32Array(numbers.buffer);

/** Whether the bits are a NaN. */
export function isNan64(lo: number, hi: number): boolean {
  return (hi & 0x7fffffff) + (lo !== 0 ? 1 : 0) > 0x7ff00000;
}

/** Orders of {@linkcode compare64}. */
export const Order = { LESS: 0, EQUAL: 1, GREATER: 2, UNORDERED: 3 } as const;

/**
 * Compares; raises DE for a denormal, and IE for a NaN if `signaling`, for a signaling NaN otherwise.
 * Appendix E of SDM vol. 1: a NaN hides the denormal.
 */
export function compare64(
  alo: number,
  ahi: number,
  blo: number,
  bhi: number,
  signaling: boolean,
  mxcsr: number,
): number {
  const aNan = isNan64(alo, ahi), bNan = isNan64(blo, bhi);
  if (aNan || bNan) {
    const quietA = !aNan || (ahi & 0x80000) !== 0, quietB = !bNan || (bhi & 0x80000) !== 0;
    w[FLAGS] = signaling || !quietA || !quietB ? FpException.IE : 0;
    return Order.UNORDERED;
  }
  halves[0] = alo;
  halves[1] = ahi;
  halves[2] = blo;
  halves[3] = bhi;
  let x = numbers[0]!, y = numbers[1]!;
  w[FLAGS] = 0;
  if (Math.abs(x) < MIN_NORMAL && x !== 0) {
    if ((mxcsr & Mxcsr.DAZ) !== 0) x = 0;
    else w[FLAGS] = FpException.DE;
  }
  if (Math.abs(y) < MIN_NORMAL && y !== 0) {
    if ((mxcsr & Mxcsr.DAZ) !== 0) y = 0;
    else w[FLAGS] = FpException.DE;
  }
  return x < y ? Order.LESS : x > y ? Order.GREATER : Order.EQUAL;
}

/** MINSD or MAXSD: the second operand on NaNs and equal values. */
export function minMax64(
  max: boolean,
  alo: number,
  ahi: number,
  blo: number,
  bhi: number,
  mxcsr: number,
): number {
  const order = compare64(alo, ahi, blo, bhi, true, mxcsr);
  const first = order === (max ? Order.GREATER : Order.LESS);
  const lo = first ? alo : blo, hi = first ? ahi : bhi;
  const flush = (mxcsr & Mxcsr.DAZ) !== 0 && (hi & 0x7ff00000) === 0;
  w[OUT_HI] = flush ? hi & 0x8000_0000 : hi;
  return flush ? 0 : lo;
}
