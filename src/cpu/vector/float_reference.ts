/** The functions of the floating-point opcodes and of the helpers that take their place in the exact modes. */
import type { FloatOpcode } from "../../ir/float_opcodes.ts";
import type { Float, SseFloat } from "../float/mod.ts";

/** A function in the helpers' calling convention (../helpers.ts) that returns a number. */
type NumberFunction = (...words: number[]) => number;

/** The function of the floating-point library for each opcode. */
const FUNCTIONS = {
  f64add: "ADDSD",
  f64sub: "SUBSD",
  f64mul: "MULSD",
  f64div: "DIVSD",
  f64min: "MINSD",
  f64max: "MAXSD",
  f64sqrt: "SQRTSD",
  f32add: "ADDSS",
  f32sub: "SUBSS",
  f32mul: "MULSS",
  f32div: "DIVSS",
  f32min: "MINSS",
  f32max: "MAXSS",
  f32sqrt: "SQRTSS",
  f64compare: "CMPSD",
  f32compare: "CMPSS",
  f64order: "UCOMISD",
  f32order: "UCOMISS",
  f64ordersignal: "COMISD",
  f32ordersignal: "COMISS",
  f64round: "ROUNDSD",
  f32round: "ROUNDSS",
  f64fromi64: "CVTSI2SD64",
  f32fromi32: "CVTSI2SS32",
  f32fromi64: "CVTSI2SS64",
  f64tof32: "CVTSD2SS",
  f32tof64: "CVTSS2SD",
  f64toi32: "CVTSD2SI32",
  f64toi64: "CVTSD2SI64",
  f64trunci32: "CVTTSD2SI32",
  f64trunci64: "CVTTSD2SI64",
  f32toi32: "CVTSS2SI32",
  f32toi64: "CVTSS2SI64",
  f32trunci32: "CVTTSS2SI32",
  f32trunci64: "CVTTSS2SI64",
  f64fromi32: "CVTSI2SD32",
} as const satisfies Record<FloatOpcode, keyof SseFloat>;

/** The opcodes' functions, in the helpers' calling convention: valid in the plain mode. */
export type FloatReference = Readonly<Record<FloatOpcode, NumberFunction>>;

/** The functions of all floating-point opcodes. */
export function createFloatReference({ plain }: Float): FloatReference {
  return pick(plain);
}

/** The same for every mode of MXCSR. */
export function createExactFunctions({ exact }: Float): FloatReference {
  return pick(exact);
}

function pick(family: SseFloat): FloatReference {
  const entries = Object.entries(FUNCTIONS).map(([opcode, name]) => [opcode, family[name] as NumberFunction]);
  return Object.fromEntries(entries) as FloatReference;
}
