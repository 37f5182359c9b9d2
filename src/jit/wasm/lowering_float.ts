/**
 * Rows of the floating-point operations: the host's operation and range tests in line; what those reject (NaN, denormal,
 * overflow, underflow) goes to a function of cpu/float/. There are two kinds of them. Opcodes stand in the plain mode only
 * (cpu/mode.ts). In the other modes helpers of the same names are called; while PE is clear (FloatMode.UNROUNDED) they are
 * in line as well, as long as their results need no rounding: that would set PE.
 */
import { FloatMode, floatModeOf } from "../../cpu/mode.ts";
import { FLOAT_OPCODES, type FloatOpcode } from "../../ir/float_opcodes.ts";
import type { Inst } from "../../ir/types.ts";
import type { Emitter } from "./emitter.ts";
import { DOUBLE, SINGLE, type Width } from "./float_width.ts";
import type { Label } from "./encoder.ts";
import { F64, I32, I64, VOID, W } from "./instructions.ts";
import type { Intrinsic } from "./intrinsics.ts";
import type { Lowering } from "./lowering.ts";

/** Leaves the result. */
interface Row {
  /** Whether its result may have to be rounded. */
  readonly rounds: boolean;
  /** `slow` writes the call of the function; `exactly`: a result that is rounded comes from there too. */
  write(e: Emitter, inst: Inst, slow: () => void, exactly: boolean): void;
}
type Write = Row["write"];
const rounding = (write: Write): Row => ({ rounds: true, write });
const never = (write: Write): Row => ({ rounds: false, write });

/** With the condition for the function on the stack: that, or what `fast` leaves. */
function guarded({ code }: Emitter, type: number, slow: () => void, fast: () => void): void {
  code.openHinted(type, 0);
  slow();
  code.else();
  fast();
  code.end();
}

/** Makes sure that operands are in locals, so that both paths can mention them. */
const operands = (e: Emitter, { args }: Inst): number[] => args.map((value) => e.operand(value));

/** Leaves the number whose bits a local has. */
function pushNumber({ code }: Emitter, width: Width, local: number): void {
  code.get(local);
  code.op(width.reinterpret);
}

type Operation = "add" | "sub" | "mul" | "div";
const arithmetic = (width: Width, operation: Operation): Row =>
  rounding((e, inst, slow, exactly) => {
    const { code } = e;
    const [x, y] = operands(e, inst) as [number, number];
    const value = e.scratch(width.type), result = e.scratch(width.bits);
    accepting(e, slow, width, [x, y], width.type, (rejected, accept) => {
      for (const local of [x, y]) pushNumber(e, width, local);
      code.op(width[operation]);
      code.tee(value);
      code.op(width.toBits);
      code.set(result);
      if (exactly) {
        ROUNDED[operation](e, width, x, y, value, result);
        code.brIfRarely(rejected);
      }
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
  });

/**
 * Leaves what `fast` has left when it accepts it, on a condition; else what the function leaves. So it is where an operand is
 * a denormal.
 */
function accepting(
  e: Emitter,
  slow: () => void,
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
  slow();
  if (type === width.type) code.op(width.reinterpret);
  code.end();
}

/** Leaves whether a result, in locals as a number and as bits, may have been rounded; floating-point.md, "Exactness without flags". */
type Rounded = (e: Emitter, width: Width, x: number, y: number, value: number, bits: number) => void;

/** TwoSum: what the result lacks is itself a number. */
const sumRounded = (operation: "add" | "sub"): Rounded => (e, width, x, y, result) => {
  const { code } = e, other = e.scratch(width.type);
  pushNumber(e, width, x);
  code.get(result);
  code.get(result);
  pushNumber(e, width, x);
  code.op(width.sub);
  code.tee(other);
  code.op(width.sub);
  code.op(width.sub);
  pushNumber(e, width, y);
  code.get(other);
  code.op(operation === "add" ? width.sub : width.add);
  code.op(width[operation]);
  width.constant(e, 0);
  code.op(width.ne);
};

/** Leaves whether two significands have too many digits for their product, or if only just not; never of a product that is 0. */
function productRounded(e: Emitter, width: Width, x: number, y: number, product: number): void {
  const { code } = e;
  for (const local of [x, y]) width.trailingZeros(e, local);
  code.op(W.i32_add);
  code.i32(width.precision);
  code.op(W.i32_lt_u);
  code.get(product);
  width.constant(e, 0);
  code.op(width.ne);
  code.op(W.i32_and);
}

const ROUNDED: Readonly<Record<Operation, Rounded>> = {
  add: sumRounded("add"),
  sub: sumRounded("sub"),
  mul: productRounded,
  div: (e, width, x, y, quotient, bits) => {
    const { code } = e;
    productRounded(e, width, bits, y, quotient);
    code.get(quotient);
    pushNumber(e, width, y);
    code.op(width.mul);
    pushNumber(e, width, x);
    code.op(width.ne);
    code.op(W.i32_or);
  },
};

/** A comparison: what `fast` leaves if no operand is a denormal or a NaN, given locals of the numbers, and of whether x < y. */
function ordered(
  e: Emitter,
  [x, y]: readonly [number, number],
  slow: () => void,
  width: Width,
  type: number,
  fast: (x: number, y: number, isLess: number) => void,
): void {
  const { code } = e;
  const isLess = e.scratch(I32), numbers = [e.scratch(width.type), e.scratch(width.type)] as const;
  accepting(e, slow, width, [x, y], type, (_, accept) => {
    for (const [n, local] of [x, y].entries()) {
      pushNumber(e, width, local);
      code.set(numbers[n]!);
    }
    compare(e, width.lt, ...numbers);
    code.set(isLess);
    fast(...numbers, isLess);
    accept(() => {
      code.get(isLess);
      compare(e, width.ge, ...numbers);
      code.op(W.i32_or);
    });
  });
}
function compare({ code }: Emitter, comparison: number, x: number, y: number): void {
  code.get(x);
  code.get(y);
  code.op(comparison);
}

const order = (width: Width): Row =>
  never((e, inst, slow) => {
    const { code } = e, [first, second] = operands(e, inst) as [number, number];
    ordered(e, [first, second], slow, width, I32, (x, y, isLess) => {
      // Equal: at least, but not greater.
      compare(e, width.ge, x, y);
      compare(e, width.gt, x, y);
      code.op(W.i32_xor);
      code.i32(6);
      code.op(W.i32_shl);
      code.get(isLess);
      code.op(W.i32_or);
    });
  });
const choose = (width: Width, comparison: "lt" | "gt"): Row =>
  never((e, inst, slow) => {
    const { code } = e, [first, second] = operands(e, inst) as [number, number];
    ordered(e, [first, second], slow, width, width.bits, (x, y, isLess) => {
      code.get(first);
      code.get(second);
      if (comparison === "lt") code.get(isLess);
      else compare(e, width.gt, x, y);
      code.op(W.select);
    });
  });
/** CMPSD, CMPSS. Bits of a predicate: which relation, and that it shall not hold. */
const holds = (width: Width): Row =>
  never((e, inst, slow) => {
    const { code } = e, predicate = inst.args[2]!;
    if (predicate.op !== "const32") return slow();
    const [first, second] = inst.args.slice(0, 2).map((value) => e.operand(value)) as [number, number];
    const relation = [width.eq, width.lt, width.le][predicate.imm & 3];
    ordered(e, [first, second], slow, width, I32, (x, y) => {
      code.i32(0);
      // Numbers are not unordered.
      if (relation === undefined) code.i32(0);
      else compare(e, relation, x, y);
      if ((predicate.imm & 4) !== 0) code.op(W.i32_eqz);
      code.op(W.i32_sub);
    });
  });
const root = (width: Width): Row =>
  rounding((e, inst, slow, exactly) => {
    const { code } = e;
    const [x] = operands(e, inst) as [number];
    const result = e.scratch(width.type);
    outside(e, width, () => pushNumber(e, width, x), width.maxDenormal, Infinity);
    pushNumber(e, width, x);
    code.op(width.sqrt);
    code.set(result);
    if (exactly) {
      const bits = e.scratch(width.bits);
      code.get(result);
      code.op(width.toBits);
      code.set(bits);
      productRounded(e, width, bits, bits, result);
      code.op(W.i32_or);
      code.get(result);
      code.get(result);
      code.op(width.mul);
      pushNumber(e, width, x);
      code.op(width.ne);
      code.op(W.i32_or);
    }
    guarded(e, width.bits, slow, () => {
      code.get(result);
      code.op(width.toBits);
    });
  });

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

/** With a condition on the stack: adds that a number in a local is another than that whose bits another local has. */
function orOther(e: Emitter, width: Width, number: number, bits: number): void {
  e.code.get(number);
  pushNumber(e, width, bits);
  e.code.op(width.ne);
  e.code.op(W.i32_or);
}

/** Bits of ROUNDSD's immediate beside the rounding: that MXCSR says that; that PE is not set. */
const ROUND_BY_MXCSR = 4, ROUND_QUIETLY = 8;
/** To an integral number. MXCSR says nearest in the modes where this stands. */
const toIntegral = (width: Width): Row =>
  rounding((e, inst, slow, exactly) => {
    const { code } = e, { op, imm } = inst.args[1]!;
    if (op !== "const32") return slow();
    const x = e.operand(inst.args[0]!), rounded = e.scratch(width.type);
    pushNumber(e, width, x);
    code.op(width.roundings[(imm & ROUND_BY_MXCSR) !== 0 ? 0 : imm & 3]!);
    code.set(rounded);
    for (let n = 0; n < 2; n++) pushNumber(e, width, x);
    code.op(width.ne);
    if (exactly && (imm & ROUND_QUIETLY) === 0) orOther(e, width, rounded, x);
    guarded(e, width.bits, slow, () => {
      code.get(rounded);
      code.op(width.toBits);
    });
  });

const TWO63 = 9223372036854775808;
type Nearest = "nearest" | "truncate";
/** To an integer. Bounds are those of what is converted. */
const toInteger = (
  width: Width,
  how: Nearest,
  convert: number,
  type: number,
  low: number,
  high: number,
): Row =>
  rounding((e, inst, slow, exactly) => {
    const { code } = e;
    const [x] = operands(e, inst) as [number];
    const rounded = e.scratch(width.type), [nearest, , , truncate] = width.roundings;
    outside(
      e,
      width,
      () => {
        pushNumber(e, width, x);
        // The conversion truncates itself.
        if (how === "nearest") code.op(nearest!);
        else if (exactly) code.op(truncate!);
        code.tee(rounded);
      },
      low,
      high,
    );
    // A denormal operand sets nothing but PE in a conversion to an integer.
    if (exactly) orOther(e, width, rounded, x);
    guarded(e, type, slow, () => {
      code.get(rounded);
      code.op(convert);
    });
  });

/** From an integer, of which all up to `most` need no rounding. */
const fromInteger = (width: Width, convert: number, type: number, most: number): Row =>
  rounding((e, inst, slow, exactly) => {
    const { code } = e;
    const [x] = operands(e, inst) as [number];
    const fast = (): void => {
      code.get(x);
      code.op(convert);
      code.op(width.toBits);
    };
    if (!exactly) return fast();
    const isLong = type === I64;
    const constant = (value: number): void => {
      if (isLong) code.i64(value | 0, Math.floor(value / 0x1_0000_0000));
      else code.i32(value);
    };
    code.get(x);
    constant(most);
    code.op(isLong ? W.i64_add : W.i32_add);
    constant(2 * most);
    code.op(isLong ? W.i64_gt_u : W.i32_gt_u);
    guarded(e, width.bits, slow, fast);
  });
const always = (width: Width, convert: number): Row =>
  never((e, { args: [x] }) => {
    e.push(x!);
    e.code.op(convert);
    e.code.op(width.toBits);
  });

const LEAST_INT32 = -2147483649, ABOVE_INT32 = 2147483648;
const WHOLE64 = 2 ** 53, WHOLE32 = 2 ** 24;

const ROWS: Readonly<Record<FloatOpcode, Row>> = {
  f64add: arithmetic(DOUBLE, "add"),
  f64sub: arithmetic(DOUBLE, "sub"),
  f64mul: arithmetic(DOUBLE, "mul"),
  f64div: arithmetic(DOUBLE, "div"),
  f64min: choose(DOUBLE, "lt"),
  f64max: choose(DOUBLE, "gt"),
  f64sqrt: root(DOUBLE),
  f64compare: holds(DOUBLE),
  f64order: order(DOUBLE),
  f64ordersignal: order(DOUBLE),
  f64round: toIntegral(DOUBLE),
  f32add: arithmetic(SINGLE, "add"),
  f32sub: arithmetic(SINGLE, "sub"),
  f32mul: arithmetic(SINGLE, "mul"),
  f32div: arithmetic(SINGLE, "div"),
  f32min: choose(SINGLE, "lt"),
  f32max: choose(SINGLE, "gt"),
  f32sqrt: root(SINGLE),
  f32compare: holds(SINGLE),
  f32order: order(SINGLE),
  f32ordersignal: order(SINGLE),
  f32round: toIntegral(SINGLE),
  f64fromi32: always(DOUBLE, W.f64_convert_i32_s),
  f64fromi64: fromInteger(DOUBLE, W.f64_convert_i64_s, I64, WHOLE64),
  f32fromi32: fromInteger(SINGLE, W.f32_convert_i32_s, I32, WHOLE32),
  f32fromi64: fromInteger(SINGLE, W.f32_convert_i64_s, I64, WHOLE32),
  f64trunci32: toInteger(DOUBLE, "truncate", W.i32_trunc_f64_s, I32, LEAST_INT32, ABOVE_INT32),
  f64trunci64: toInteger(DOUBLE, "truncate", W.i64_trunc_f64_s, I64, -TWO63, TWO63),
  f64toi32: toInteger(DOUBLE, "nearest", W.i32_trunc_f64_s, I32, LEAST_INT32, ABOVE_INT32),
  f64toi64: toInteger(DOUBLE, "nearest", W.i64_trunc_f64_s, I64, -TWO63, TWO63),
  f32trunci64: toInteger(SINGLE, "truncate", W.i64_trunc_f32_s, I64, -TWO63, TWO63),
  f32toi64: toInteger(SINGLE, "nearest", W.i64_trunc_f32_s, I64, -TWO63, TWO63),
  f32trunci32: toInteger(SINGLE, "truncate", W.i32_trunc_f32_s, I32, -2147483648 - 256, ABOVE_INT32),
  f32toi32: toInteger(SINGLE, "nearest", W.i32_trunc_f32_s, I32, -2147483648 - 256, ABOVE_INT32),
  f32tof64: never((e, inst, slow) => {
    const { code } = e, value = e.scratch(F64);
    const [x] = operands(e, inst) as [number];
    SINGLE.denormal(e, x);
    pushNumber(e, SINGLE, x);
    code.op(W.f64_promote_f32);
    code.tee(value);
    code.op(W.f64_abs);
    code.f64(SINGLE.max);
    code.op(W.f64_le);
    code.op(W.i32_eqz);
    code.op(W.i32_or);
    guarded(e, I64, slow, () => {
      code.get(value);
      code.op(W.i64_reinterpret_f64);
    });
  }),
  f64tof32: rounding((e, inst, slow, exactly) => {
    const { code } = e, value = e.scratch(F64);
    const [x] = operands(e, inst) as [number];
    outside(
      e,
      DOUBLE,
      () => {
        pushNumber(e, DOUBLE, x);
        code.tee(value);
        code.op(W.f64_abs);
      },
      SINGLE.safe,
      SINGLE.max,
    );
    if (exactly) {
      code.get(value);
      code.op(W.f32_demote_f64);
      code.op(W.f64_promote_f32);
      code.get(value);
      code.op(W.f64_ne);
      code.op(W.i32_or);
    }
    guarded(e, I32, slow, () => {
      code.get(value);
      code.op(W.f32_demote_f64);
      code.op(W.i32_reinterpret_f32);
    });
  }),
};

const opcodes = Object.keys(FLOAT_OPCODES) as FloatOpcode[];

/** The rows of the opcodes. */
export const FLOAT_LOWERING = Object.fromEntries(opcodes.map((name): [string, Lowering] => [
  name,
  (e, inst) => ROWS[name].write(e, inst, () => e.callFlat(`F_${name}`, inst.args, inst.type), false),
])) as Readonly<Record<FloatOpcode, Lowering>>;

/** What the helpers do in line. Results that may need rounding, they compute there only while that shows itself by PE alone. */
export const FLOAT_INTRINSICS = Object.fromEntries(opcodes.map((name): [string, Intrinsic] => [
  `exact_${name}`,
  (e, inst, call) => {
    const row = ROWS[name];
    if (row.rounds && floatModeOf(e.block.mode) !== FloatMode.UNROUNDED) call();
    else row.write(e, inst, call, true);
  },
])) as Readonly<Record<`exact_${FloatOpcode}`, Intrinsic>>;
