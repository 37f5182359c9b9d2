/** Rounding of the soft floating point: one routine for all formats and modes. SDM vol. 1, section 4.8.4. */
import {
  FLAGS,
  FpException,
  R_EXP,
  R_EXT,
  R_HI,
  R_LO,
  R_SIGN,
  ROUNDED_UP,
  shiftRight,
  w,
} from "./significand.ts"; // deno-fmt-ignore

/** Rounding controls, as in MXCSR.RC and FCW.RC. */
export const Rounding = { NEAREST: 0, DOWN: 1, UP: 2, ZERO: 3 } as const;

/** Controls of {@linkcode roundResult}. */
export const RoundControl = {
  /** Rounding control, bits 1:0. */
  RC: 3,
  /** Underflow is unmasked: a tiny result underflows although it is exact. */
  UNDERFLOW_UNMASKED: 4,
  /** A tiny result becomes 0. Only where underflow is masked. */
  FLUSH: 8,
  /** Overflow is unmasked: it is inexact only if the significand was rounded. */
  OVERFLOW_UNMASKED: 16,
} as const;

/** Whether a magnitude goes up: `fraction` is what is lost, as a part of 2^32 with a sticky bit; `odd` the last bit kept. */
export function roundsUp(rc: number, sign: number, fraction: number, odd: number): boolean {
  if (rc === Rounding.NEAREST) return fraction < 0 && ((fraction << 1) !== 0 || odd !== 0);
  if (rc === Rounding.ZERO) return false;
  return fraction !== 0 && (sign !== 0) === (rc === Rounding.DOWN);
}

/** Rounds the result's significand to `precision` bits (64, 53 or 24) in place. Returns whether it was inexact. */
function roundSignificand(precision: number, rc: number): boolean {
  let hi = w[R_HI]!, lo = w[R_LO]!;
  const ext = w[R_EXT]!;
  let fraction: number, odd: number;
  if (precision === 53) {
    fraction = (lo << 21) | (ext !== 0 ? 1 : 0);
    odd = lo & 0x800;
    lo &= ~0x7ff;
  } else if (precision === 64) {
    fraction = ext;
    odd = lo & 1;
  } else {
    fraction = (hi << 24) | ((lo | ext) !== 0 ? 1 : 0);
    odd = hi & 0x100;
    hi &= ~0xff;
    lo = 0;
  }
  const up = roundsUp(rc, w[R_SIGN]!, fraction, odd);
  if (up) {
    if (precision === 24) hi = (hi + 0x100) | 0;
    else {
      lo = (lo + (precision === 64 ? 1 : 0x800)) | 0;
      if (lo === 0) hi = (hi + 1) | 0;
    }
    if (hi === 0 && lo === 0) {
      hi = 0x8000_0000 | 0;
      w[R_EXP] = w[R_EXP]! + 1;
    }
  }
  w[ROUNDED_UP] = up ? 1 : 0;
  w[R_HI] = hi;
  w[R_LO] = lo;
  w[R_EXT] = 0;
  return fraction !== 0;
}

/** Whether rounding to `precision` bits would carry out of the significand. */
function carriesOut(precision: number, rc: number): boolean {
  const hi = w[R_HI]!, lo = w[R_LO]!, ext = w[R_EXT]!;
  if (precision === 53) {
    return hi === -1 && (lo | 0x7ff) === -1 && roundsUp(rc, w[R_SIGN]!, (lo << 21) | (ext !== 0 ? 1 : 0), 1);
  }
  if (precision === 64) return hi === -1 && lo === -1 && roundsUp(rc, w[R_SIGN]!, ext, 1);
  return (hi | 0xff) === -1 && roundsUp(rc, w[R_SIGN]!, (hi << 24) | ((lo | ext) !== 0 ? 1 : 0), 1);
}

/**
 * Rounds the normalized result (not 0) to `precision` bits and exponents from `minExponent` to `maxExponent`.
 * Raises UE, OE and PE. Afterwards bit 63 is clear if the result is denormal (its exponent is then `minExponent`);
 * after an overflow the exponent is `maxExponent` + 1 for infinity, or the largest finite number stands there.
 * With an overflow or underflow that is unmasked the exponent is simply out of range.
 */
export function roundResult(
  precision: number,
  minExponent: number,
  maxExponent: number,
  control: number,
): void {
  const rc = control & RoundControl.RC;
  const exp = w[R_EXP]!;
  if (exp < minExponent) {
    // Tininess is detected after rounding, as if the exponent had no bound.
    const tiny = exp !== minExponent - 1 || !carriesOut(precision, rc);
    if (tiny && (control & RoundControl.FLUSH) !== 0) {
      w[R_HI] = w[R_LO] = w[R_EXT] = 0;
      w[R_EXP] = minExponent;
      w[FLAGS] = w[FLAGS]! | FpException.UE | FpException.PE;
      w[ROUNDED_UP] = 0;
      return;
    }
    if (tiny && (control & RoundControl.UNDERFLOW_UNMASKED) !== 0) {
      w[FLAGS] = w[FLAGS]! | FpException.UE | (roundSignificand(precision, rc) ? FpException.PE : 0);
      return;
    }
    shiftRight(minExponent - exp);
    w[R_EXP] = minExponent;
    if (roundSignificand(precision, rc)) {
      w[FLAGS] = w[FLAGS]! | FpException.PE | (tiny ? FpException.UE : 0);
    }
    return;
  }
  if (roundSignificand(precision, rc)) w[FLAGS] = w[FLAGS]! | FpException.PE;
  if (w[R_EXP]! > maxExponent) {
    if ((control & RoundControl.OVERFLOW_UNMASKED) !== 0) w[FLAGS] = w[FLAGS]! | FpException.OE;
    else overflow(precision, maxExponent, rc);
  }
}

/** What the masked response to an overflow delivers: infinity, or the largest finite number. */
export function overflow(precision: number, maxExponent: number, rc: number): void {
  w[FLAGS] = w[FLAGS]! | FpException.OE | FpException.PE;
  const toInfinity = rc === Rounding.NEAREST ||
    (rc !== Rounding.ZERO && (w[R_SIGN] !== 0) === (rc === Rounding.DOWN));
  w[ROUNDED_UP] = toInfinity ? 1 : 0;
  w[R_EXT] = 0;
  if (toInfinity) {
    w[R_EXP] = maxExponent + 1;
    w[R_HI] = 0x8000_0000;
    w[R_LO] = 0;
  } else {
    w[R_EXP] = maxExponent;
    w[R_HI] = precision === 24 ? ~0xff : -1;
    w[R_LO] = precision === 64 ? -1 : precision === 53 ? ~0x7ff : 0;
  }
}
