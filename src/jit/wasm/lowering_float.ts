/**
 * Rows of the floating-point opcodes, which stand in the plain mode only (cpu/mode.ts): the host's operation and range
 * tests in line; what those reject (NaN, denormal, overflow, underflow) goes to the exact functions (cpu/float/).
 */
import { FLOAT_OPCODES, type FloatOpcode } from "../../ir/float_opcodes.ts";
import type { Inst } from "../../ir/types.ts";
import type { Emitter } from "./emitter.ts";
import { F32, F64, I32, I64, W } from "./instructions.ts";
import type { Lowering } from "./lowering.ts";

/** What differs between the widths. */
interface Width {
  readonly bits: number;
  readonly type: number;
  readonly reinterpret: number;
  readonly toBits: number;
  readonly abs: number;
  readonly eq: number;
  readonly lt: number;
  readonly gt: number;
  readonly le: number;
  readonly add: number;
  readonly sub: number;
  readonly mul: number;
  readonly div: number;
  readonly sqrt: number;
  constant(e: Emitter, value: number): void;
  /** Least result of a multiplication or division that cannot have underflowed, and the greatest number. */
  readonly safe: number;
  readonly max: number;
  readonly maxDenormal: number;
  /** Leaves on the stack whether the bits in a local are those of a denormal; whether they are those of a zero. */
  denormal(e: Emitter, local: number): void;
  zero(e: Emitter, local: number): void;
}

const DOUBLE: Width = {
  bits: I64,
  type: F64,
  reinterpret: W.f64_reinterpret_i64,
  toBits: W.i64_reinterpret_f64,
  abs: W.f64_abs,
  eq: W.f64_eq,
  lt: W.f64_lt,
  gt: W.f64_gt,
  le: W.f64_le,
  add: W.f64_add,
  sub: W.f64_sub,
  mul: W.f64_mul,
  div: W.f64_div,
  sqrt: W.f64_sqrt,
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
    code.i64(1, 0);
    code.op(W.i64_shl);
    code.op(W.i64_eqz);
  },
};
const SINGLE: Width = {
  bits: I32,
  type: F32,
  reinterpret: W.f32_reinterpret_i32,
  toBits: W.i32_reinterpret_f32,
  abs: W.f32_abs,
  eq: W.f32_eq,
  lt: W.f32_lt,
  gt: W.f32_gt,
  le: W.f32_le,
  add: W.f32_add,
  sub: W.f32_sub,
  mul: W.f32_mul,
  div: W.f32_div,
  sqrt: W.f32_sqrt,
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
    code.i32(1);
    code.op(W.i32_shl);
    code.op(W.i32_eqz);
  },
};

/** The exact function of the opcode. */
const exact = (e: Emitter, inst: Inst): void => e.callFlat(`F_${inst.op}`, inst.args, inst.type);
const call: Lowering = exact;

/** With the condition for the exact function on the stack: that, or what `fast` leaves. */
function guarded(e: Emitter, inst: Inst, type: number, fast: () => void): void {
  e.code.openHinted(type, 0);
  exact(e, inst);
  e.code.else();
  fast();
  e.code.end();
}

/** Makes sure that operands are in locals, so that both paths can mention them. */
const operands = (e: Emitter, { args }: Inst): number[] => args.map((value) => e.operand(value));

type Operation = "add" | "sub" | "mul" | "div";
const arithmetic = (width: Width, operation: Operation): Lowering => (e, inst) => {
  const { code } = e;
  const [x, y] = operands(e, inst) as [number, number];
  const result = e.scratch(width.type);
  for (const local of [x, y]) {
    code.get(local);
    code.op(width.reinterpret);
  }
  code.op(width[operation]);
  code.tee(result);
  code.op(width.abs);
  width.constant(e, width.max);
  code.op(width.le);
  code.op(W.i32_eqz);
  for (const local of [x, y]) {
    width.denormal(e, local);
    code.op(W.i32_or);
  }
  if (operation === "mul" || operation === "div") {
    // A small result is exact only where an operand is 0.
    code.get(result);
    code.op(width.abs);
    width.constant(e, width.safe);
    code.op(width.lt);
    for (const local of [x, y]) {
      width.zero(e, local);
      code.op(W.i32_eqz);
      code.op(W.i32_and);
    }
    code.op(W.i32_or);
  }
  guarded(e, inst, width.bits, () => {
    code.get(result);
    code.op(width.toBits);
  });
};

/** Leaves the condition for the exact function of a comparison: a denormal or a NaN. */
function unordered(e: Emitter, width: Width, x: number, y: number): void {
  const { code } = e;
  width.denormal(e, x);
  width.denormal(e, y);
  code.op(W.i32_or);
  for (const local of [x, y]) {
    code.get(local);
    code.op(width.reinterpret);
    const value = e.scratch(width.type);
    code.tee(value);
    code.get(value);
    code.op(width.eq);
    code.op(W.i32_eqz);
    code.op(W.i32_or);
  }
}
function compare({ code }: Emitter, width: Width, x: number, y: number, comparison: number): void {
  for (const local of [x, y]) {
    code.get(local);
    code.op(width.reinterpret);
  }
  code.op(comparison);
}

const order = (width: Width): Lowering => (e, inst) => {
  const [x, y] = operands(e, inst) as [number, number];
  unordered(e, width, x, y);
  guarded(e, inst, I32, () => {
    compare(e, width, x, y, width.lt);
    compare(e, width, x, y, width.eq);
    e.code.i32(6);
    e.code.op(W.i32_shl);
    e.code.op(W.i32_or);
  });
};
const choose = (width: Width, comparison: "lt" | "gt"): Lowering => (e, inst) => {
  const [x, y] = operands(e, inst) as [number, number];
  unordered(e, width, x, y);
  guarded(e, inst, width.bits, () => {
    e.code.get(x);
    e.code.get(y);
    compare(e, width, x, y, width[comparison]);
    e.code.op(W.select);
  });
};
const root = (width: Width): Lowering => (e, inst) => {
  const { code } = e;
  const [x] = operands(e, inst) as [number];
  outside(
    e,
    width,
    () => {
      code.get(x);
      code.op(width.reinterpret);
    },
    width.maxDenormal,
    Infinity,
  );
  guarded(e, inst, width.bits, () => {
    code.get(x);
    code.op(width.reinterpret);
    code.op(width.sqrt);
    code.op(width.toBits);
  });
};

/** Leaves whether a number is not between two bounds (exclusive), as a NaN is not. */
function outside(e: Emitter, width: Width, push: () => void, low: number, high: number): void {
  const { code } = e;
  const value = e.scratch(width.type);
  push();
  code.tee(value);
  width.constant(e, low);
  code.op(width.gt);
  code.get(value);
  width.constant(e, high);
  code.op(width.lt);
  code.op(W.i32_and);
  code.op(W.i32_eqz);
}

const TWO63 = 9223372036854775808;
/** To an integer. `nearest`: rounds first (0: truncates). Bounds are those of what is converted. */
const toInteger =
  (width: Width, nearest: number, convert: number, type: number, low: number, high: number): Lowering =>
  (e, inst) => {
    const { code } = e;
    const [x] = operands(e, inst) as [number];
    const rounded = e.scratch(width.type);
    outside(
      e,
      width,
      () => {
        code.get(x);
        code.op(width.reinterpret);
        if (nearest !== 0) code.op(nearest);
        code.tee(rounded);
      },
      low,
      high,
    );
    // A denormal operand sets nothing but PE in a conversion to an integer, and PE is set.
    guarded(e, inst, type, () => {
      code.get(rounded);
      code.op(convert);
    });
  };
const fromInteger = (width: Width, convert: number): Lowering => (e, { args: [x] }) => {
  e.push(x!);
  e.code.op(convert);
  e.code.op(width.toBits);
};

const LEAST_INT32 = -2147483649, ABOVE_INT32 = 2147483648;

const DIRECT: { readonly [K in FloatOpcode]?: Lowering } = {
  f64add: arithmetic(DOUBLE, "add"),
  f64sub: arithmetic(DOUBLE, "sub"),
  f64mul: arithmetic(DOUBLE, "mul"),
  f64div: arithmetic(DOUBLE, "div"),
  f64min: choose(DOUBLE, "lt"),
  f64max: choose(DOUBLE, "gt"),
  f64sqrt: root(DOUBLE),
  f64order: order(DOUBLE),
  f64ordersignal: order(DOUBLE),
  f32add: arithmetic(SINGLE, "add"),
  f32sub: arithmetic(SINGLE, "sub"),
  f32mul: arithmetic(SINGLE, "mul"),
  f32div: arithmetic(SINGLE, "div"),
  f32min: choose(SINGLE, "lt"),
  f32max: choose(SINGLE, "gt"),
  f32sqrt: root(SINGLE),
  f32order: order(SINGLE),
  f32ordersignal: order(SINGLE),
  f64fromi64: fromInteger(DOUBLE, W.f64_convert_i64_s),
  f64fromi32: fromInteger(DOUBLE, W.f64_convert_i32_s),
  f32fromi32: fromInteger(SINGLE, W.f32_convert_i32_s),
  f32fromi64: fromInteger(SINGLE, W.f32_convert_i64_s),
  f64trunci32: toInteger(DOUBLE, 0, W.i32_trunc_f64_s, I32, LEAST_INT32, ABOVE_INT32),
  f64trunci64: toInteger(DOUBLE, 0, W.i64_trunc_f64_s, I64, -TWO63, TWO63),
  f64toi32: toInteger(DOUBLE, W.f64_nearest, W.i32_trunc_f64_s, I32, LEAST_INT32, ABOVE_INT32),
  f64toi64: toInteger(DOUBLE, W.f64_nearest, W.i64_trunc_f64_s, I64, -TWO63, TWO63),
  f32trunci64: toInteger(SINGLE, 0, W.i64_trunc_f32_s, I64, -TWO63, TWO63),
  f32toi64: toInteger(SINGLE, W.f32_nearest, W.i64_trunc_f32_s, I64, -TWO63, TWO63),
  f32trunci32: toInteger(SINGLE, 0, W.i32_trunc_f32_s, I32, -2147483648 - 256, ABOVE_INT32),
  f32toi32: toInteger(SINGLE, W.f32_nearest, W.i32_trunc_f32_s, I32, -2147483648 - 256, ABOVE_INT32),
  f32tof64: (e, inst) => {
    const { code } = e, value = e.scratch(F64);
    const [x] = operands(e, inst) as [number];
    SINGLE.denormal(e, x);
    code.get(x);
    code.op(W.f32_reinterpret_i32);
    code.op(W.f64_promote_f32);
    code.tee(value);
    code.op(W.f64_abs);
    code.f64(SINGLE.max);
    code.op(W.f64_le);
    code.op(W.i32_eqz);
    code.op(W.i32_or);
    guarded(e, inst, I64, () => {
      code.get(value);
      code.op(W.i64_reinterpret_f64);
    });
  },
  f64tof32: (e, inst) => {
    const { code } = e, value = e.scratch(F64);
    const [x] = operands(e, inst) as [number];
    outside(
      e,
      DOUBLE,
      () => {
        code.get(x);
        code.op(W.f64_reinterpret_i64);
        code.tee(value);
        code.op(W.f64_abs);
      },
      SINGLE.safe,
      SINGLE.max,
    );
    guarded(e, inst, I32, () => {
      code.get(value);
      code.op(W.f32_demote_f64);
      code.op(W.i32_reinterpret_f32);
    });
  },
};

/** The rows. */
export const FLOAT_LOWERING: Readonly<Record<FloatOpcode, Lowering>> = Object.fromEntries(
  (Object.keys(FLOAT_OPCODES) as FloatOpcode[]).map((name) => [name, DIRECT[name] ?? call]),
) as Record<FloatOpcode, Lowering>;
