/** Single-precision soft operations on bits. */
import {
  A_CLASS,
  A_SIGN,
  B_CLASS,
  B_SIGN,
  FLAGS,
  FpClass,
  FpException,
  R_CLASS,
  R_EXP,
  R_HI,
  R_SIGN,
  w,
} from "./significand.ts"; // deno-fmt-ignore
import { arithmetic, Mxcsr, SINGLE } from "./soft.ts";
import { Order } from "./float64.ts";

/** Unpacks into the operand at cell `slot`, its class into `classCell`. Returns whether it is denormal (not with DAZ). */
export function unpack32(slot: number, classCell: number, bits: number, mxcsr: number): boolean {
  w[slot] = bits >>> 31;
  const field = (bits >>> 23) & 0xff;
  let high = bits << 8;
  if (field === 0xff) {
    w[classCell] = (bits & 0x7fffff) === 0
      ? FpClass.INFINITY
      : (bits & 0x400000) !== 0
      ? FpClass.QNAN
      : FpClass.SNAN;
    return false;
  }
  let exp = field - 127;
  const denormal = field === 0;
  if (denormal) {
    high &= 0x7fff_ffff;
    if (high === 0 || (mxcsr & Mxcsr.DAZ) !== 0) {
      w[classCell] = FpClass.ZERO;
      return false;
    }
    const n = Math.clz32(high);
    high <<= n;
    exp = -126 - n;
  } else high |= 0x8000_0000;
  w[classCell] = FpClass.FINITE;
  w[slot + 1] = exp;
  w[slot + 2] = high;
  w[slot + 3] = 0;
  return denormal;
}

/** Packs the result; NaN classes take the payload from the operands given. */
export function pack32(a: number, b: number): number {
  const sign = w[R_SIGN]! << 31;
  switch (w[R_CLASS]) {
    case FpClass.FINITE: {
      const hi = w[R_HI]!;
      const field = hi < 0 ? w[R_EXP]! + 127 : 0;
      return sign | (field << 23) | ((hi >>> 8) & 0x7fffff);
    }
    case FpClass.INFINITY:
      return sign | 0x7f800000;
    case FpClass.NAN_A:
      return a | 0x400000;
    case FpClass.NAN_B:
      return b | 0x400000;
    case FpClass.NAN_DEFAULT:
      return 0xffc00000 | 0;
    default:
      return sign;
  }
}

/** ADD, SUB, MUL, DIV (`op` of soft.ts). Exceptions in FLAGS. */
export function binary32(op: number, a: number, b: number, mxcsr: number): number {
  const da = unpack32(A_SIGN, A_CLASS, a, mxcsr);
  const db = unpack32(B_SIGN, B_CLASS, b, mxcsr);
  arithmetic(op, SINGLE, mxcsr, da || db);
  return pack32(a, b);
}

/** Square root. */
export function unary32(op: number, a: number, mxcsr: number): number {
  const denormal = unpack32(A_SIGN, A_CLASS, a, mxcsr);
  arithmetic(op, SINGLE, mxcsr, denormal);
  return pack32(a, 0);
}

/** Whether the bits are a NaN. */
export function isNan32(bits: number): boolean {
  return (bits & 0x7fffffff) > 0x7f800000;
}

/** Compares; raises as compare64 of float64.ts does. */
export function compare32(a: number, b: number, signaling: boolean, mxcsr: number): number {
  const aNan = isNan32(a), bNan = isNan32(b);
  if (aNan || bNan) {
    const quietA = !aNan || (a & 0x400000) !== 0, quietB = !bNan || (b & 0x400000) !== 0;
    w[FLAGS] = signaling || !quietA || !quietB ? FpException.IE : 0;
    return Order.UNORDERED;
  }
  let x = a & 0x7fffffff, y = b & 0x7fffffff;
  w[FLAGS] = 0;
  if (x !== 0 && x < 0x800000) {
    if ((mxcsr & Mxcsr.DAZ) !== 0) x = 0;
    else w[FLAGS] = FpException.DE;
  }
  if (y !== 0 && y < 0x800000) {
    if ((mxcsr & Mxcsr.DAZ) !== 0) y = 0;
    else w[FLAGS] = FpException.DE;
  }
  if (a < 0) x = -x;
  if (b < 0) y = -y;
  return x < y ? Order.LESS : x > y ? Order.GREATER : Order.EQUAL;
}

/** MINSS or MAXSS: the second operand on NaNs and equal values. */
export function minMax32(max: boolean, a: number, b: number, mxcsr: number): number {
  const order = compare32(a, b, true, mxcsr);
  const bits = order === (max ? Order.GREATER : Order.LESS) ? a : b;
  return (mxcsr & Mxcsr.DAZ) !== 0 && (bits & 0x7f800000) === 0 ? bits & 0x8000_0000 : bits;
}
