/**
 * The SSE arithmetic on unpacked operands, with every exception. SDM vol. 1, section 11.5.2 and appendix E.
 * Operands: A and B of the work area with their classes; result: R with its class, FLAGS.
 */
import {
  A_CLASS,
  A_EXP,
  A_HI,
  A_LO,
  A_SIGN,
  addMagnitudes,
  B_CLASS,
  B_EXP,
  B_HI,
  B_LO,
  B_SIGN,
  divideMagnitudes,
  FLAGS,
  FpClass,
  FpException,
  multiplyMagnitudes,
  R_CLASS,
  R_EXP,
  R_EXT,
  R_HI,
  R_LO,
  R_SIGN,
  squareRootMagnitude,
  subtractMagnitudes,
  w,
} from "./significand.ts"; // deno-fmt-ignore
import { RoundControl, Rounding, roundResult } from "./round.ts";

/** MXCSR bits. SDM vol. 1, section 10.2.3. */
export const Mxcsr = {
  FLAGS: 0x3f,
  DAZ: 0x40,
  MASKS: 0x1f80,
  MASK_SHIFT: 7,
  OM: 0x400,
  UM: 0x800,
  RC_SHIFT: 13,
  FTZ: 0x8000,
} as const;

/** A format: significand bits and the range of exponents. */
export interface Format {
  readonly precision: 64 | 53 | 24;
  readonly minExponent: number;
  readonly maxExponent: number;
}
/** Double precision. */
export const DOUBLE: Format = { precision: 53, minExponent: -1022, maxExponent: 1023 };
/** Single precision. */
export const SINGLE: Format = { precision: 24, minExponent: -126, maxExponent: 127 };

/** Operations of {@linkcode arithmetic}. */
export const Op = { ADD: 0, SUB: 1, MUL: 2, DIV: 3, SQRT: 4 } as const;

/** Rounding controls for roundResult, from MXCSR. */
export function roundControl(mxcsr: number): number {
  const unmasked = (mxcsr & Mxcsr.UM) === 0;
  return ((mxcsr >>> Mxcsr.RC_SHIFT) & 3) | (unmasked ? RoundControl.UNDERFLOW_UNMASKED : 0) |
    (!unmasked && (mxcsr & Mxcsr.FTZ) !== 0 ? RoundControl.FLUSH : 0) |
    ((mxcsr & Mxcsr.OM) === 0 ? RoundControl.OVERFLOW_UNMASKED : 0);
}

function invalid(): void {
  w[FLAGS] = FpException.IE;
  w[R_CLASS] = FpClass.NAN_DEFAULT;
}

function infinity(sign: number): void {
  w[R_SIGN] = sign;
  w[R_CLASS] = FpClass.INFINITY;
}

function zero(sign: number): void {
  w[R_SIGN] = sign;
  w[R_CLASS] = FpClass.ZERO;
}

/** The NaN rule: the first operand if it is a NaN, else the second; a signaling one anywhere is invalid. */
export function selectNan(a: number, b: number): void {
  w[FLAGS] = a === FpClass.SNAN || b === FpClass.SNAN ? FpException.IE : 0;
  w[R_CLASS] = a >= FpClass.QNAN ? FpClass.NAN_A : FpClass.NAN_B;
}

/** R ← A op B, rounded as MXCSR says. `denormal`: a (used) operand is denormal. */
export function arithmetic(op: number, format: Format, mxcsr: number, denormal: boolean): void {
  const a = w[A_CLASS]!, b = op === Op.SQRT ? FpClass.ZERO : w[B_CLASS]!;
  if (a >= FpClass.QNAN || b >= FpClass.QNAN) return selectNan(a, b);
  w[FLAGS] = denormal ? FpException.DE : 0;
  if (op <= Op.SUB) addition(a, b, op === Op.SUB ? w[B_SIGN]! ^ 1 : w[B_SIGN]!, mxcsr);
  else if (op === Op.SQRT) root(a);
  else if (op === Op.MUL) multiplication(a, b);
  else division(a, b);
  if (w[R_CLASS] === FpClass.FINITE) {
    const unmasked = w[FLAGS]! & ~(mxcsr >>> Mxcsr.MASK_SHIFT);
    if (unmasked === 0) roundFinite(format, mxcsr);
  }
}

/** Rounds R to `format` and finds its class. */
export function roundFinite(format: Format, mxcsr: number): void {
  roundResult(format.precision, format.minExponent, format.maxExponent, roundControl(mxcsr));
  if (w[R_EXP]! > format.maxExponent && (mxcsr & Mxcsr.OM) !== 0) w[R_CLASS] = FpClass.INFINITY;
  else w[R_CLASS] = (w[R_HI]! | w[R_LO]!) === 0 ? FpClass.ZERO : FpClass.FINITE;
}

function copyA(): void {
  w[R_SIGN] = w[A_SIGN]!;
  w[R_EXP] = w[A_EXP]!;
  w[R_HI] = w[A_HI]!;
  w[R_LO] = w[A_LO]!;
  w[R_EXT] = 0;
}

function addition(a: number, b: number, bSign: number, mxcsr: number): void {
  const sign = w[A_SIGN]!;
  if (a === FpClass.INFINITY) return b === FpClass.INFINITY && bSign !== sign ? invalid() : infinity(sign);
  if (b === FpClass.INFINITY) return infinity(bSign);
  const cancelled = ((mxcsr >>> Mxcsr.RC_SHIFT) & 3) === Rounding.DOWN ? 1 : 0;
  if (b === FpClass.ZERO) {
    if (a === FpClass.ZERO) return zero(sign === bSign ? sign : cancelled);
    copyA();
  } else if (a === FpClass.ZERO) {
    w[R_SIGN] = bSign;
    w[R_EXP] = w[B_EXP]!;
    w[R_HI] = w[B_HI]!;
    w[R_LO] = w[B_LO]!;
    w[R_EXT] = 0;
  } else if (sign === bSign) {
    addMagnitudes();
    w[R_SIGN] = sign;
  } else {
    const order = subtractMagnitudes();
    if (order === 0) return zero(cancelled);
    w[R_SIGN] = order > 0 ? sign : bSign;
  }
  w[R_CLASS] = FpClass.FINITE;
}

function multiplication(a: number, b: number): void {
  const sign = w[A_SIGN]! ^ w[B_SIGN]!;
  if (a === FpClass.INFINITY || b === FpClass.INFINITY) {
    return a === FpClass.ZERO || b === FpClass.ZERO ? invalid() : infinity(sign);
  }
  if (a === FpClass.ZERO || b === FpClass.ZERO) return zero(sign);
  multiplyMagnitudes();
  w[R_SIGN] = sign;
  w[R_CLASS] = FpClass.FINITE;
}

function division(a: number, b: number): void {
  const sign = w[A_SIGN]! ^ w[B_SIGN]!;
  if (a === FpClass.INFINITY) return b === FpClass.INFINITY ? invalid() : infinity(sign);
  if (b === FpClass.INFINITY) return zero(sign);
  if (b === FpClass.ZERO) {
    if (a === FpClass.ZERO) return invalid();
    w[FLAGS] = FpException.ZE; // hides a denormal dividend
    return infinity(sign);
  }
  if (a === FpClass.ZERO) return zero(sign);
  divideMagnitudes();
  w[R_SIGN] = sign;
  w[R_CLASS] = FpClass.FINITE;
}

function root(a: number): void {
  const sign = w[A_SIGN]!;
  if (a === FpClass.ZERO) return zero(sign);
  if (sign !== 0) return invalid();
  if (a === FpClass.INFINITY) return infinity(0);
  squareRootMagnitude();
  w[R_SIGN] = 0;
  w[R_CLASS] = FpClass.FINITE;
}
