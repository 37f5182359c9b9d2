/** Double and single precision: what differs between them in the code that is written for both. */
import type { Emitter } from "./emitter.ts";
import { F32, F64, I32, I64, W } from "./instructions.ts";

/** What differs between the widths. */
export interface Width {
  readonly bits: number;
  readonly type: number;
  readonly reinterpret: number;
  readonly toBits: number;
  readonly eq: number;
  readonly ne: number;
  readonly lt: number;
  readonly gt: number;
  readonly ge: number;
  readonly le: number;
  readonly add: number;
  readonly sub: number;
  readonly mul: number;
  readonly div: number;
  readonly sqrt: number;
  /** Roundings to an integer, by the two bits of an immediate or of MXCSR: nearest, down, up, toward zero. */
  readonly roundings: readonly number[];
  constant(e: Emitter, value: number): void;
  /** Least result of a multiplication or division that cannot have underflowed, and the greatest number. */
  readonly safe: number;
  readonly max: number;
  readonly maxDenormal: number;
  /** Leaves on the stack whether the bits in a local are those of a denormal; whether they are those of a zero. */
  denormal(e: Emitter, local: number): void;
  zero(e: Emitter, local: number): void;
  /** Leaves whether the magnitude of the bits in a local is at least the one bound and less than the other. */
  between(e: Emitter, local: number, low: number, high: number): void;
  /** Bits of a significand; leaves how many zeros that of the bits in a local ends in. */
  readonly precision: number;
  trailingZeros(e: Emitter, local: number): void;
}

/** Double precision. */
export const DOUBLE: Width = {
  bits: I64,
  type: F64,
  reinterpret: W.f64_reinterpret_i64,
  toBits: W.i64_reinterpret_f64,
  eq: W.f64_eq,
  ne: W.f64_ne,
  lt: W.f64_lt,
  gt: W.f64_gt,
  ge: W.f64_ge,
  le: W.f64_le,
  add: W.f64_add,
  sub: W.f64_sub,
  mul: W.f64_mul,
  div: W.f64_div,
  sqrt: W.f64_sqrt,
  roundings: [W.f64_nearest, W.f64_floor, W.f64_ceil, W.f64_trunc],
  constant: ({ code }, value) => code.f64(value),
  safe: 4.450147717014403e-308,
  max: Number.MAX_VALUE,
  maxDenormal: 2.225073858507201e-308,
  // Without the sign, less one (zeros wrap around): below the least normal number.
  denormal({ code }, local) {
    code.get(local);
    code.i64(1, 0);
    code.op(W.i64_shl);
    code.i64(1, 0);
    code.op(W.i64_sub);
    code.i64(-1, 0x1f_ffff);
    code.op(W.i64_lt_u);
  },
  zero({ code }, local) {
    code.get(local);
    code.i64(-1, 0x7fff_ffff);
    code.op(W.i64_and);
    code.op(W.i64_eqz);
  },
  between({ code }, local, low, high) {
    const twice = (value: number): bigint => 2n * new BigUint64Array(Float64Array.of(value).buffer)[0]!;
    const push = (value: bigint): void => {
      code.i64(Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
    };
    code.get(local);
    code.i64(1, 0);
    code.op(W.i64_shl);
    if (low !== 0) {
      push(twice(low));
      code.op(W.i64_sub);
    }
    push(twice(high) - twice(low));
    code.op(W.i64_lt_u);
  },
  precision: 53,
  trailingZeros({ code }, local) {
    code.get(local);
    code.i64(0, 0x10_0000);
    code.op(W.i64_or);
    code.op(W.i64_ctz);
    code.op(W.i32_wrap_i64);
  },
};
/** Single precision. */
export const SINGLE: Width = {
  bits: I32,
  type: F32,
  reinterpret: W.f32_reinterpret_i32,
  toBits: W.i32_reinterpret_f32,
  eq: W.f32_eq,
  ne: W.f32_ne,
  lt: W.f32_lt,
  gt: W.f32_gt,
  ge: W.f32_ge,
  le: W.f32_le,
  add: W.f32_add,
  sub: W.f32_sub,
  mul: W.f32_mul,
  div: W.f32_div,
  sqrt: W.f32_sqrt,
  roundings: [W.f32_nearest, W.f32_floor, W.f32_ceil, W.f32_trunc],
  constant: ({ code }, value) => code.f32(value),
  safe: 2.350988701644575e-38,
  max: 3.4028234663852886e38,
  maxDenormal: 1.1754942106924411e-38,
  denormal({ code }, local) {
    code.get(local);
    code.i32(1);
    code.op(W.i32_shl);
    code.i32(1);
    code.op(W.i32_sub);
    code.i32(0xff_ffff);
    code.op(W.i32_lt_u);
  },
  zero({ code }, local) {
    code.get(local);
    code.i32(0x7fff_ffff);
    code.op(W.i32_and);
    code.op(W.i32_eqz);
  },
  between({ code }, local, low, high) {
    const twice = (value: number): number => 2 * new Uint32Array(Float32Array.of(value).buffer)[0]!;
    code.get(local);
    code.i32(1);
    code.op(W.i32_shl);
    if (low !== 0) {
      code.i32(twice(low) | 0);
      code.op(W.i32_sub);
    }
    code.i32((twice(high) - twice(low)) | 0);
    code.op(W.i32_lt_u);
  },
  precision: 24,
  trailingZeros({ code }, local) {
    code.get(local);
    code.i32(0x80_0000);
    code.op(W.i32_or);
    code.op(W.i32_ctz);
  },
};
