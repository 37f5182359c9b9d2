/**
 * Rows of the floating-point operations: the host's operation and range tests in line; what those reject (NaN, denormal,
 * overflow, underflow) goes to a function of cpu/float/. There are two kinds of them. Opcodes stand in the plain mode only
 * (cpu/mode.ts). In the other modes helpers of the same names are called; while PE is clear (FloatMode.UNROUNDED) they are
 * in line as well, as long as their results need no rounding: that would set PE.
 */
import { FloatMode, floatModeOf } from "../../cpu/mode.ts";
import { FLOAT_OPCODES, type FloatOpcode } from "../../ir/float_opcodes.ts";
import { arithmetic, root } from "./float_arithmetic.ts";
import { choose, holds, order } from "./float_comparison.ts";
import { always, fromInteger, NARROWING, toInteger, toIntegral, WIDENING } from "./float_conversion.ts";
import type { Row } from "./float_row.ts";
import { DOUBLE, SINGLE } from "./float_width.ts";
import { I32, I64, W } from "./instructions.ts";
import type { Intrinsic } from "./intrinsics.ts";
import type { Lowering } from "./lowering.ts";

const TWO63 = 2 ** 63;
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
  f32tof64: WIDENING,
  f64tof32: NARROWING,
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
