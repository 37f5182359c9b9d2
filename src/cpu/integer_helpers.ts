/** Implementations of the helpers of the integer instructions (rows: helpers/integer.ts). */
import { crc32c, depositBits, extractBits } from "./bit_selection.ts";
import { decimalAdjust } from "./decimal.ts";
import { divide128, divide64, divideSigned128, divideSigned64 } from "./division.ts";
import { Vector } from "./fault.ts";
import type { StateMemory } from "./guest_memory.ts";
import type { HelperImplementations } from "./helpers.ts";
import type { INTEGER_HELPERS } from "./helpers/integer.ts";
import { type CopyMemory, RepeatedStrings } from "./repeat.ts";
import { RETURN_HI } from "./state.ts";

const HI = RETURN_HI >> 2;

/** Creates the helpers over a linear memory. */
export function createIntegerHelpers(
  memory: StateMemory,
  access: CopyMemory,
): HelperImplementations<typeof INTEGER_HELPERS> {
  const m = memory.i32;
  const strings = new RepeatedStrings(memory, access);
  return {
    divide_64: divide64,
    divide_signed_64: (lo: number, hi: number, divisor: number) => divideSigned64(m, HI, lo, hi, divisor),
    divide_128: (l0: number, l1: number, h0: number, h1: number, d0: number, d1: number) =>
      divide128(m, HI, l0, l1, h0, h1, d0, d1),
    divide_signed_128: (l0: number, l1: number, h0: number, h1: number, d0: number, d1: number) => {
      const quotient = divideSigned128(m, HI, l0, l1, h0, h1, d0, d1);
      if (quotient === undefined) access.raise(Vector.DE, -1);
      return quotient ?? 0;
    },
    pdep: (lo: number, hi: number, maskLo: number, maskHi: number) =>
      depositBits(m, HI, lo, hi, maskLo, maskHi),
    pext: (lo: number, hi: number, maskLo: number, maskHi: number) =>
      extractBits(m, HI, lo, hi, maskLo, maskHi),
    crc32: crc32c,
    rep_movs: (form: number, sl: number, sh: number, dl: number, dh: number, pl: number, ph: number) =>
      strings.movs(form, sl, sh, dl, dh, pl, ph),
    rep_stos: (form: number, dl: number, dh: number, pl: number, ph: number) =>
      strings.stos(form, dl, dh, pl, ph),
    rep_lods: (form: number, sl: number, sh: number) => strings.lods(form, sl, sh),
    rep_cmps: (form: number, sl: number, sh: number, dl: number, dh: number) =>
      strings.cmps(form, sl, sh, dl, dh),
    rep_scas: (form: number, dl: number, dh: number) => strings.scas(form, dl, dh),
    store_16_if: (condition: number, lo: number, hi: number, value: number) => {
      if (condition !== 0) access.store16(lo, hi, value, 0);
    },
    decimal_adjust: (operation: number) => decimalAdjust(m, operation),
  };
}
