/** 80-bit numbers: unpacking, and the rule for NaNs. SDM vol. 1, sections 4.2.2 and 4.8.3.5, tables 4-7 and 8-3. */
import {
  A_CLASS,
  A_SIGN,
  B_CLASS,
  B_SIGN,
  FLAGS,
  FpClass,
  FpException,
  R_CLASS,
  R_HI,
  R_LO,
  R_SIGN,
  w,
} from "../significand.ts"; // deno-fmt-ignore

/** Class of unsupported encodings (unnormals, pseudo-NaNs, pseudo-infinities): invalid as operands. */
export const UNSUPPORTED = 8;

/**
 * Unpacks into the operand at cell `slot`, its class into `classCell`. Returns whether it is denormal or
 * pseudo-denormal. NaNs leave their significand in the operand too.
 */
export function unpack80(
  slot: number,
  classCell: number,
  lo: number,
  hi: number,
  signExponent: number,
): boolean {
  w[slot] = (signExponent >>> 15) & 1;
  const field = signExponent & 0x7fff;
  if (field !== 0 && field !== 0x7fff && hi < 0) {
    w[slot + 1] = field - 16383;
    w[slot + 2] = hi;
    w[slot + 3] = lo;
    w[classCell] = FpClass.FINITE;
    return false;
  }
  if (field === 0) {
    if ((hi | lo) === 0) {
      w[classCell] = FpClass.ZERO;
      return false;
    }
    let high = hi, low = lo, exp = -16382;
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
    w[slot + 1] = exp - n;
    w[slot + 2] = high;
    w[slot + 3] = low;
    w[classCell] = FpClass.FINITE;
    return true;
  }
  w[slot + 2] = hi;
  w[slot + 3] = lo;
  if (hi >= 0) w[classCell] = UNSUPPORTED;
  else if (((hi & 0x7fff_ffff) | lo) === 0) w[classCell] = FpClass.INFINITY;
  else w[classCell] = (hi & 0x4000_0000) !== 0 ? FpClass.QNAN : FpClass.SNAN;
  return false;
}

function takeNan(slot: number): void {
  w[R_CLASS] = FpClass.NAN_A;
  w[R_SIGN] = w[slot]!;
  w[R_HI] = w[slot + 2]!;
  w[R_LO] = w[slot + 3]!;
}

/** The result where A is a NaN or unsupported. */
export function unaryNan(): void {
  const a = w[A_CLASS]!;
  w[FLAGS] = a === FpClass.QNAN ? 0 : FpException.IE;
  if (a === UNSUPPORTED) w[R_CLASS] = FpClass.NAN_DEFAULT;
  else takeNan(A_SIGN);
}

/**
 * The result where A or B is a NaN or unsupported: a quiet NaN before a signaling one, else the one with the
 * larger significand, else the positive one.
 */
export function binaryNan(): void {
  const a = w[A_CLASS]!, b = w[B_CLASS]!;
  w[FLAGS] = a >= FpClass.SNAN || b >= FpClass.SNAN ? FpException.IE : 0;
  if (a === UNSUPPORTED || b === UNSUPPORTED) {
    w[R_CLASS] = FpClass.NAN_DEFAULT;
    return;
  }
  if (b < FpClass.QNAN) return takeNan(A_SIGN);
  if (a < FpClass.QNAN) return takeNan(B_SIGN);
  if (a !== b) return takeNan(a === FpClass.QNAN ? A_SIGN : B_SIGN);
  let order = (w[A_SIGN + 2]! >>> 0) - (w[B_SIGN + 2]! >>> 0);
  if (order === 0) order = (w[A_SIGN + 3]! >>> 0) - (w[B_SIGN + 3]! >>> 0);
  if (order === 0) order = w[B_SIGN]! - w[A_SIGN]!;
  takeNan(order >= 0 ? A_SIGN : B_SIGN);
}
