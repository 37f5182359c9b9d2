/**
 * The plain family: rounding to nearest, PE already sticky, all exceptions masked, no DAZ, no FTZ. Each function is
 * the host's operation and range tests; what they reject (NaN, denormal, overflow, underflow) goes to the exact family.
 * Bits become numbers only through the work cells below, and only numbers that are not NaN leave them again.
 */
import { RETURN_HI } from "../state.ts";
import type { SseFloat } from "./sse.ts";

const f64 = new Float64Array(4);
const i32 = new Int32Array(f64.buffer);
const f32 = new Float32Array(f64.buffer);

const EXP64 = 0x7ff00000, EXP32 = 0x7f800000;
const MAX64 = 1.7976931348623157e308;
/** Least result of a multiplication or division that cannot have underflowed. */
const SAFE64 = 4.450147717014403e-308;
/** Bounds between which a result computed in double precision neither overflows nor underflows in single. */
const MAX32 = 3.4028234663852886e38, SAFE32 = 2.350988701644575e-38;
/** Adding and subtracting it rounds |x| < 2^51 to an integer, ties to even. */
const ROUNDER = 6755399441055744;

/** A denormal, as bits. */
const denormal64 = (lo: number, hi: number): boolean => (hi & EXP64) === 0 && ((hi << 1) | lo) !== 0;
const denormal32 = (a: number): boolean => (a & EXP32) === 0 && (a << 1) !== 0;

/** The plain family over the state cells in `state`; `exact` takes what is not plain. */
export function createPlain(state: Int32Array, exact: SseFloat): SseFloat {
  return {
    ADDSD(alo, ahi, blo, bhi) {
      i32[0] = alo;
      i32[1] = ahi;
      i32[2] = blo;
      i32[3] = bhi;
      const r = f64[0]! + f64[1]!;
      if (denormal64(alo, ahi) || denormal64(blo, bhi) || !(Math.abs(r) <= MAX64)) {
        return exact.ADDSD(alo, ahi, blo, bhi);
      }
      f64[2] = r;
      state[RETURN_HI >> 2] = i32[5]!;
      return i32[4]!;
    },
    SUBSD(alo, ahi, blo, bhi) {
      i32[0] = alo;
      i32[1] = ahi;
      i32[2] = blo;
      i32[3] = bhi;
      const r = f64[0]! - f64[1]!;
      if (denormal64(alo, ahi) || denormal64(blo, bhi) || !(Math.abs(r) <= MAX64)) {
        return exact.SUBSD(alo, ahi, blo, bhi);
      }
      f64[2] = r;
      state[RETURN_HI >> 2] = i32[5]!;
      return i32[4]!;
    },
    MULSD(alo, ahi, blo, bhi) {
      i32[0] = alo;
      i32[1] = ahi;
      i32[2] = blo;
      i32[3] = bhi;
      const x = f64[0]!, y = f64[1]!;
      const r = x * y;
      const size = Math.abs(r);
      if (
        denormal64(alo, ahi) || denormal64(blo, bhi) ||
        !(size <= MAX64 && (size >= SAFE64 || x === 0 || y === 0))
      ) {
        return exact.MULSD(alo, ahi, blo, bhi);
      }
      f64[2] = r;
      state[RETURN_HI >> 2] = i32[5]!;
      return i32[4]!;
    },
    DIVSD(alo, ahi, blo, bhi) {
      i32[0] = alo;
      i32[1] = ahi;
      i32[2] = blo;
      i32[3] = bhi;
      const x = f64[0]!, y = f64[1]!;
      const r = x / y;
      const size = Math.abs(r);
      if (
        denormal64(alo, ahi) || denormal64(blo, bhi) ||
        !(size <= MAX64 && (size >= SAFE64 || x === 0 || y === 0))
      ) {
        return exact.DIVSD(alo, ahi, blo, bhi);
      }
      f64[2] = r;
      state[RETURN_HI >> 2] = i32[5]!;
      return i32[4]!;
    },
    MINSD(alo, ahi, blo, bhi) {
      i32[0] = alo;
      i32[1] = ahi;
      i32[2] = blo;
      i32[3] = bhi;
      const x = f64[0]!, y = f64[1]!;
      if (x !== x || y !== y || denormal64(alo, ahi) || denormal64(blo, bhi)) {
        return exact.MINSD(alo, ahi, blo, bhi);
      }
      const first = x < y;
      state[RETURN_HI >> 2] = first ? ahi : bhi;
      return first ? alo : blo;
    },
    MAXSD(alo, ahi, blo, bhi) {
      i32[0] = alo;
      i32[1] = ahi;
      i32[2] = blo;
      i32[3] = bhi;
      const x = f64[0]!, y = f64[1]!;
      if (x !== x || y !== y || denormal64(alo, ahi) || denormal64(blo, bhi)) {
        return exact.MAXSD(alo, ahi, blo, bhi);
      }
      const first = x > y;
      state[RETURN_HI >> 2] = first ? ahi : bhi;
      return first ? alo : blo;
    },
    SQRTSD(lo, hi) {
      if (hi < 0x100000 || hi >= EXP64) return exact.SQRTSD(lo, hi);
      i32[0] = lo;
      i32[1] = hi;
      f64[2] = Math.sqrt(f64[0]!);
      state[RETURN_HI >> 2] = i32[5]!;
      return i32[4]!;
    },
    ROUNDSD(lo, hi, immediate) {
      i32[0] = lo;
      i32[1] = hi;
      const x = f64[0]!;
      if (!(Math.abs(x) < 2251799813685248) || x === 0) return exact.ROUNDSD(lo, hi, immediate);
      const mode = (immediate & 4) !== 0 ? 0 : immediate & 3;
      f64[2] = mode === 0
        ? (x + ROUNDER) - ROUNDER
        : mode === 1
        ? Math.floor(x)
        : mode === 2
        ? Math.ceil(x)
        : Math.trunc(x);
      state[RETURN_HI >> 2] = i32[5]! | (hi & 0x8000_0000); // a zero keeps the sign of its source
      return i32[4]!;
    },
    ADDSS(a, b) {
      i32[0] = a;
      i32[1] = b;
      const r = f32[0]! + f32[1]!;
      f32[2] = r;
      const bits = i32[2]!;
      if (denormal32(a) || denormal32(b) || (bits & EXP32) === EXP32) return exact.ADDSS(a, b);
      return bits;
    },
    SUBSS(a, b) {
      i32[0] = a;
      i32[1] = b;
      const r = f32[0]! - f32[1]!;
      f32[2] = r;
      const bits = i32[2]!;
      if (denormal32(a) || denormal32(b) || (bits & EXP32) === EXP32) return exact.SUBSS(a, b);
      return bits;
    },
    MULSS(a, b) {
      i32[0] = a;
      i32[1] = b;
      const x = f32[0]!, y = f32[1]!;
      const r = x * y;
      const size = Math.abs(r);
      if (denormal32(a) || denormal32(b) || !(size <= MAX32 && (size >= SAFE32 || x === 0 || y === 0))) {
        return exact.MULSS(a, b);
      }
      f32[2] = r;
      return i32[2]!;
    },
    DIVSS(a, b) {
      i32[0] = a;
      i32[1] = b;
      const x = f32[0]!, y = f32[1]!;
      const r = x / y;
      const size = Math.abs(r);
      if (denormal32(a) || denormal32(b) || !(size <= MAX32 && (size >= SAFE32 || x === 0 || y === 0))) {
        return exact.DIVSS(a, b);
      }
      f32[2] = r;
      return i32[2]!;
    },
    MINSS(a, b) {
      i32[0] = a;
      i32[1] = b;
      const x = f32[0]!, y = f32[1]!;
      if (x !== x || y !== y || denormal32(a) || denormal32(b)) return exact.MINSS(a, b);
      return x < y ? a : b;
    },
    MAXSS(a, b) {
      i32[0] = a;
      i32[1] = b;
      const x = f32[0]!, y = f32[1]!;
      if (x !== x || y !== y || denormal32(a) || denormal32(b)) return exact.MAXSS(a, b);
      return x > y ? a : b;
    },
    SQRTSS(a) {
      if (a < 0x800000 || a >= EXP32) return exact.SQRTSS(a);
      i32[0] = a;
      f32[2] = Math.sqrt(f32[0]!);
      return i32[2]!;
    },
    ROUNDSS(a, immediate) {
      i32[0] = a;
      const x = f32[0]!;
      if (!(Math.abs(x) < 8388608) || x === 0) return exact.ROUNDSS(a, immediate);
      const mode = (immediate & 4) !== 0 ? 0 : immediate & 3;
      f32[2] = mode === 0
        ? (x + ROUNDER) - ROUNDER
        : mode === 1
        ? Math.floor(x)
        : mode === 2
        ? Math.ceil(x)
        : Math.trunc(x);
      return i32[2]! | (a & 0x8000_0000);
    },
    UCOMISD(alo, ahi, blo, bhi) {
      i32[0] = alo;
      i32[1] = ahi;
      i32[2] = blo;
      i32[3] = bhi;
      const x = f64[0]!, y = f64[1]!;
      if (denormal64(alo, ahi) || denormal64(blo, bhi)) return exact.UCOMISD(alo, ahi, blo, bhi);
      return x > y ? 0 : x < y ? 1 : x === y ? 0x40 : exact.UCOMISD(alo, ahi, blo, bhi);
    },
    COMISD(alo, ahi, blo, bhi) {
      i32[0] = alo;
      i32[1] = ahi;
      i32[2] = blo;
      i32[3] = bhi;
      const x = f64[0]!, y = f64[1]!;
      if (denormal64(alo, ahi) || denormal64(blo, bhi)) return exact.COMISD(alo, ahi, blo, bhi);
      return x > y ? 0 : x < y ? 1 : x === y ? 0x40 : exact.COMISD(alo, ahi, blo, bhi);
    },
    UCOMISS(a, b) {
      i32[0] = a;
      i32[1] = b;
      const x = f32[0]!, y = f32[1]!;
      if (denormal32(a) || denormal32(b)) return exact.UCOMISS(a, b);
      return x > y ? 0 : x < y ? 1 : x === y ? 0x40 : exact.UCOMISS(a, b);
    },
    COMISS(a, b) {
      i32[0] = a;
      i32[1] = b;
      const x = f32[0]!, y = f32[1]!;
      if (denormal32(a) || denormal32(b)) return exact.COMISS(a, b);
      return x > y ? 0 : x < y ? 1 : x === y ? 0x40 : exact.COMISS(a, b);
    },
    CMPSD: exact.CMPSD,
    CMPSS: exact.CMPSS,
    CVTSD2SS(lo, hi) {
      i32[0] = lo;
      i32[1] = hi;
      const x = f64[0]!;
      const size = Math.abs(x);
      if (!(size <= MAX32 && size >= SAFE32) && (x !== 0)) return exact.CVTSD2SS(lo, hi);
      f32[4] = x;
      return i32[4]!;
    },
    CVTSS2SD(a) {
      if (denormal32(a) || (a & EXP32) === EXP32) return exact.CVTSS2SD(a);
      i32[0] = a;
      f64[2] = f32[0]!;
      state[RETURN_HI >> 2] = i32[5]!;
      return i32[4]!;
    },
    CVTSD2SI32(lo, hi) {
      i32[0] = lo;
      i32[1] = hi;
      const x = f64[0]!;
      if (!(Math.abs(x) <= 2147483647)) return exact.CVTSD2SI32(lo, hi);
      return ((x + ROUNDER) - ROUNDER) | 0;
    },
    CVTSD2SI64(lo, hi) {
      i32[0] = lo;
      i32[1] = hi;
      const x = f64[0]!;
      if (!(Math.abs(x) < 2251799813685248)) return exact.CVTSD2SI64(lo, hi);
      const n = (x + ROUNDER) - ROUNDER;
      state[RETURN_HI >> 2] = Math.floor(n / 4294967296);
      return n | 0;
    },
    CVTTSD2SI32(lo, hi) {
      i32[0] = lo;
      i32[1] = hi;
      const x = f64[0]!;
      if (!(x > -2147483649 && x < 2147483648)) return exact.CVTTSD2SI32(lo, hi);
      return x | 0;
    },
    CVTTSD2SI64(lo, hi) {
      i32[0] = lo;
      i32[1] = hi;
      const x = f64[0]!;
      if (!(x >= -9223372036854775808 && x < 9223372036854775808)) return exact.CVTTSD2SI64(lo, hi);
      const n = Math.trunc(x);
      state[RETURN_HI >> 2] = Math.floor(n / 4294967296);
      return n | 0;
    },
    CVTSS2SI32(a) {
      i32[0] = a;
      const x = f32[0]!;
      if (!(Math.abs(x) < 2147483648)) return exact.CVTSS2SI32(a);
      return ((x + ROUNDER) - ROUNDER) | 0;
    },
    CVTSS2SI64(a) {
      i32[0] = a;
      const x = f32[0]!;
      if (!(Math.abs(x) < 2251799813685248)) return exact.CVTSS2SI64(a);
      const n = (x + ROUNDER) - ROUNDER;
      state[RETURN_HI >> 2] = Math.floor(n / 4294967296);
      return n | 0;
    },
    CVTTSS2SI32(a) {
      i32[0] = a;
      const x = f32[0]!;
      if (!(x >= -2147483648 && x < 2147483648)) return exact.CVTTSS2SI32(a);
      return x | 0;
    },
    CVTTSS2SI64(a) {
      i32[0] = a;
      const x = f32[0]!;
      if (!(x >= -9223372036854775808 && x < 9223372036854775808)) return exact.CVTTSS2SI64(a);
      const n = Math.trunc(x);
      state[RETURN_HI >> 2] = Math.floor(n / 4294967296);
      return n | 0;
    },
    CVTSI2SD32(x) {
      f64[2] = x;
      state[RETURN_HI >> 2] = i32[5]!;
      return i32[4]!;
    },
    CVTSI2SD64(lo, hi) {
      f64[2] = hi * 4294967296 + (lo >>> 0);
      state[RETURN_HI >> 2] = i32[5]!;
      return i32[4]!;
    },
    CVTSI2SS32(x) {
      f32[4] = x;
      return i32[4]!;
    },
    CVTSI2SS64(lo, hi) {
      // Below 2^53 the number is exact as a double, and rounded only once.
      if (hi >= 0x200000 || hi < -0x200000) return exact.CVTSI2SS64(lo, hi);
      f32[4] = hi * 4294967296 + (lo >>> 0);
      return i32[4]!;
    },
  };
}
