/** Conversions between formats and to and from integers, with every exception. SDM vol. 1, section 11.4.1.5. */
import {
  A_CLASS,
  A_EXP,
  A_HI,
  A_LO,
  A_SIGN,
  FLAGS,
  FpClass,
  FpException,
  normalize,
  OUT_HI,
  R_CLASS,
  R_EXP,
  R_EXT,
  R_HI,
  R_LO,
  R_SIGN,
  ROUNDED_UP,
  shiftRight,
  w,
} from "./significand.ts"; // deno-fmt-ignore
import { roundsUp } from "./round.ts";
import { DOUBLE, Mxcsr, roundFinite, SINGLE } from "./soft.ts";
import { pack64, unpack64 } from "./float64.ts";
import { pack32, unpack32 } from "./float32.ts";

/** CVTSD2SS. */
export function doubleToSingle(lo: number, hi: number, mxcsr: number): number {
  const denormal = unpack64(A_SIGN, A_CLASS, lo, hi, mxcsr);
  widen(denormal, mxcsr, SINGLE);
  // A NaN keeps its sign and the upper bits of its payload.
  return pack32((hi & 0x8000_0000) | 0x7fc00000 | (hi << 3) & 0x7fffff | (lo >>> 29), 0);
}

/** CVTSS2SD. Upper half in OUT_HI. */
export function singleToDouble(bits: number, mxcsr: number): number {
  const denormal = unpack32(A_SIGN, A_CLASS, bits, mxcsr);
  widen(denormal, mxcsr, DOUBLE);
  return pack64(bits << 29, (bits & 0x8000_0000) | 0x7ff80000 | (bits & 0x7fffff) >>> 3, 0, 0);
}

function widen(denormal: boolean, mxcsr: number, format: typeof DOUBLE): void {
  const a = w[A_CLASS]!;
  w[R_SIGN] = w[A_SIGN]!;
  w[R_CLASS] = a;
  w[FLAGS] = denormal ? FpException.DE : 0;
  if (a >= FpClass.QNAN) {
    w[R_CLASS] = FpClass.NAN_A;
    w[FLAGS] = a === FpClass.SNAN ? FpException.IE : 0;
  } else if (a === FpClass.FINITE) {
    w[R_EXP] = w[A_EXP]!;
    w[R_HI] = w[A_HI]!;
    w[R_LO] = w[A_LO]!;
    w[R_EXT] = 0;
    if ((w[FLAGS]! & ~(mxcsr >>> Mxcsr.MASK_SHIFT)) === 0) roundFinite(format, mxcsr);
  }
}

/**
 * The magnitude of finite A rounded to an integer: R_HI, R_LO; PE if it changed. For exponents below 64.
 * Returns whether it carried out of 64 bits.
 */
export function roundToInteger(rc: number): boolean {
  w[R_HI] = w[A_HI]!;
  w[R_LO] = w[A_LO]!;
  w[R_EXT] = 0;
  const places = 63 - w[A_EXP]!;
  if (places !== 0) shiftRight(places);
  const fraction = w[R_EXT]!, lo = w[R_LO]!;
  if (fraction !== 0) w[FLAGS] = w[FLAGS]! | FpException.PE;
  const up = roundsUp(rc, w[A_SIGN]!, fraction, lo & 1);
  w[ROUNDED_UP] = up ? 1 : 0;
  if (!up) return false;
  w[R_LO] = lo + 1;
  if (lo !== -1) return false;
  w[R_HI] = w[R_HI]! + 1;
  return w[R_HI] === 0;
}

/** Operand A as a signed integer of 32 bits; out of range: IE and the integer indefinite. */
export function toInt32(rc: number): number {
  const a = w[A_CLASS]!;
  w[FLAGS] = 0;
  if (a === FpClass.ZERO) return 0;
  if (a === FpClass.FINITE && w[A_EXP]! < 32) {
    roundToInteger(rc);
    const magnitude = w[R_LO]!;
    if (w[R_HI] === 0) {
      if (magnitude >= 0) return w[A_SIGN] !== 0 ? -magnitude | 0 : magnitude;
      if (magnitude === -0x8000_0000 && w[A_SIGN] !== 0) return magnitude;
    }
  }
  w[FLAGS] = FpException.IE;
  return -0x8000_0000;
}

/** Operand A as a signed integer of 64 bits, upper half in OUT_HI. */
export function toInt64(rc: number): number {
  const a = w[A_CLASS]!;
  w[FLAGS] = 0;
  w[OUT_HI] = 0;
  if (a === FpClass.ZERO) return 0;
  if (a === FpClass.FINITE && w[A_EXP]! < 64) {
    const carried = roundToInteger(rc);
    const hi = w[R_HI]!, lo = w[R_LO]!, negative = w[A_SIGN] !== 0;
    if (!carried && (hi >= 0 || (negative && hi === -0x8000_0000 && lo === 0))) {
      w[OUT_HI] = negative ? ~hi + (lo === 0 ? 1 : 0) : hi;
      return negative ? -lo | 0 : lo;
    }
  }
  w[FLAGS] = FpException.IE;
  w[OUT_HI] = 0x8000_0000;
  return 0;
}

/** Unpacks a double for toInt32 and toInt64. */
export function operand64(lo: number, hi: number, mxcsr: number): void {
  unpack64(A_SIGN, A_CLASS, lo, hi, mxcsr);
}

/** Unpacks a single for toInt32 and toInt64. */
export function operand32(bits: number, mxcsr: number): void {
  unpack32(A_SIGN, A_CLASS, bits, mxcsr);
}

/** R ← a signed 64-bit integer. */
export function fromInt64(lo: number, hi: number): void {
  const negative = hi < 0;
  w[FLAGS] = 0;
  w[R_SIGN] = negative ? 1 : 0;
  if ((lo | hi) === 0) {
    w[R_CLASS] = FpClass.ZERO;
    return;
  }
  w[R_CLASS] = FpClass.FINITE;
  w[R_HI] = negative ? ~hi + (lo === 0 ? 1 : 0) : hi;
  w[R_LO] = negative ? -lo : lo;
  w[R_EXT] = 0;
  w[R_EXP] = 63;
  normalize();
}

/** CVTSI2SD with a 64-bit source. */
export function int64ToDouble(lo: number, hi: number, mxcsr: number): number {
  fromInt64(lo, hi);
  if (w[R_CLASS] === FpClass.FINITE) roundFinite(DOUBLE, mxcsr);
  return pack64(0, 0, 0, 0);
}

/** CVTSI2SS with a 64-bit source (sign-extend a 32-bit one). */
export function int64ToSingle(lo: number, hi: number, mxcsr: number): number {
  fromInt64(lo, hi);
  if (w[R_CLASS] === FpClass.FINITE) roundFinite(SINGLE, mxcsr);
  return pack32(0, 0);
}

/** Bits of the immediate of ROUNDSD and its kin. SDM vol. 2B, "ROUNDPD". */
const RoundImmediate = { MODE: 3, USE_MXCSR: 4, NO_PRECISION: 8 } as const;

/** Rounds operand A (unpacked) as the immediate says; the result is R with its class. */
function roundOperand(immediate: number, mxcsr: number): void {
  const a = w[A_CLASS]!;
  w[FLAGS] = a === FpClass.SNAN ? FpException.IE : 0;
  w[R_SIGN] = w[A_SIGN]!;
  w[R_CLASS] = a >= FpClass.QNAN ? FpClass.NAN_A : a;
  if (a !== FpClass.FINITE) return;
  const rc = (immediate & RoundImmediate.USE_MXCSR) !== 0
    ? (mxcsr >>> Mxcsr.RC_SHIFT) & 3
    : immediate & RoundImmediate.MODE;
  if (w[A_EXP]! >= 63) {
    w[R_EXP] = w[A_EXP]!;
    w[R_HI] = w[A_HI]!;
    w[R_LO] = w[A_LO]!;
    return;
  }
  roundToInteger(rc);
  if ((immediate & RoundImmediate.NO_PRECISION) !== 0) w[FLAGS] = 0;
  w[R_EXP] = 63;
  w[R_EXT] = 0;
  if ((w[R_HI]! | w[R_LO]!) === 0) w[R_CLASS] = FpClass.ZERO;
  else normalize();
}

/** ROUNDSD. */
export function round64(lo: number, hi: number, immediate: number, mxcsr: number): number {
  unpack64(A_SIGN, A_CLASS, lo, hi, mxcsr);
  roundOperand(immediate, mxcsr);
  return pack64(lo, hi, 0, 0);
}

/** ROUNDSS. */
export function round32(bits: number, immediate: number, mxcsr: number): number {
  unpack32(A_SIGN, A_CLASS, bits, mxcsr);
  roundOperand(immediate, mxcsr);
  return pack32(bits, 0);
}
