/**
 * Rows of the floating-point opcodes, which stand in the plain mode only (cpu/mode.ts): the host's operation and range
 * tests in line; what those reject (NaN, denormal, overflow, underflow) goes to the exact functions (cpu/float/).
 */
import { FLOAT_OPCODES, type FloatOpcode } from "../../ir/float_opcodes.ts";
import type { Inst } from "../../ir/types.ts";
import type { Emitter } from "./emitter.ts";
import type { Label } from "./encoder.ts";
import { F32, F64, I32, I64, VOID, W } from "./instructions.ts";
import type { Lowering } from "./lowering.ts";

/** What differs between the widths. */
interface Width {
  readonly bits: number;
  readonly type: number;
  readonly reinterpret: number;
  readonly toBits: number;
  readonly abs: number;
  readonly lt: number;
  readonly gt: number;
  readonly ge: number;
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
  /** Leaves whether the magnitude of the bits in a local is at least the one bound and less than the other. */
  between(e: Emitter, local: number, low: number, high: number): void;
}

const DOUBLE: Width = {
  bits: I64,
  type: F64,
  reinterpret: W.f64_reinterpret_i64,
  toBits: W.i64_reinterpret_f64,
  abs: W.f64_abs,
  lt: W.f64_lt,
  gt: W.f64_gt,
  ge: W.f64_ge,
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
};
const SINGLE: Width = {
  bits: I32,
  type: F32,
  reinterpret: W.f32_reinterpret_i32,
  toBits: W.i32_reinterpret_f32,
  abs: W.f32_abs,
  lt: W.f32_lt,
  gt: W.f32_gt,
  ge: W.f32_ge,
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
  const value = e.scratch(width.type), result = e.scratch(width.bits);
  accepting(e, inst, width, [x, y], width.type, (rejected, accept) => {
    for (const local of [x, y]) {
      code.get(local);
      code.op(width.reinterpret);
    }
    code.op(width[operation]);
    code.tee(value);
    code.op(width.toBits);
    code.set(result);
    code.get(value);
    if (operation === "add" || operation === "sub") {
      return accept(() => width.between(e, result, 0, Infinity));
    }
    accept(() => width.between(e, result, width.safe, Infinity));
    // A small result is exact only where an operand is 0.
    width.between(e, result, 0, Infinity);
    code.op(W.i32_eqz);
    code.brIf(rejected);
    code.get(value);
    accept(() => {
      for (const local of [x, y]) width.zero(e, local);
      code.op(W.i32_or);
    });
  });
  // What uses it as a number finds it as one: the host takes the conversions there and back away.
  code.op(width.toBits);
};

/**
 * Leaves what `fast` has left when it accepts it, on a condition; else what the exact function leaves. So it is where an
 * operand is a denormal.
 */
function accepting(
  e: Emitter,
  inst: Inst,
  width: Width,
  locals: readonly number[],
  type: number,
  fast: (rejected: Label, accept: (condition: () => void) => void) => void,
): void {
  const { code } = e;
  const done = code.open(W.block, type), rejected = code.open(W.block, VOID);
  for (const local of locals) {
    width.denormal(e, local);
    code.brIfRarely(rejected);
  }
  fast(rejected, (condition) => {
    condition();
    code.brIfMostly(done);
    code.op(W.drop);
  });
  code.end();
  exact(e, inst);
  if (type === width.type) code.op(width.reinterpret);
  code.end();
}

/** A comparison: what `fast` leaves if no operand is a denormal or a NaN, given locals of the numbers, and of whether x < y. */
function ordered(
  e: Emitter,
  inst: Inst,
  width: Width,
  type: number,
  fast: (x: number, y: number, isLess: number, bits: readonly number[]) => void,
): void {
  const { code } = e;
  const locals = operands(e, inst), isLess = e.scratch(I32);
  const [x, y] = [e.scratch(width.type), e.scratch(width.type)];
  accepting(e, inst, width, locals, type, (_, accept) => {
    for (const [n, local] of [x, y].entries()) {
      code.get(locals[n]!);
      code.op(width.reinterpret);
      code.set(local);
    }
    compare(e, width.lt, x, y);
    code.set(isLess);
    fast(x, y, isLess, locals);
    accept(() => {
      code.get(isLess);
      compare(e, width.ge, x, y);
      code.op(W.i32_or);
    });
  });
}
function compare({ code }: Emitter, comparison: number, x: number, y: number): void {
  code.get(x);
  code.get(y);
  code.op(comparison);
}

const order = (width: Width): Lowering => (e, inst) =>
  ordered(e, inst, width, I32, (x, y, isLess) => {
    // Equal: at least, but not greater.
    compare(e, width.ge, x, y);
    compare(e, width.gt, x, y);
    e.code.op(W.i32_xor);
    e.code.i32(6);
    e.code.op(W.i32_shl);
    e.code.get(isLess);
    e.code.op(W.i32_or);
  });
const choose = (width: Width, comparison: "lt" | "gt"): Lowering => (e, inst) =>
  ordered(e, inst, width, width.bits, (x, y, isLess, bits) => {
    for (const local of bits) e.code.get(local);
    if (comparison === "lt") e.code.get(isLess);
    else compare(e, width.gt, x, y);
    e.code.op(W.select);
  });
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
