/**
 * Opcodes of SSE arithmetic in the plain floating-point mode (cpu/mode.ts): the bits of operands and results are i32
 * (single) and i64 (double). They set MXCSR's sticky bits, so they are not pure, and nothing else.
 *
 * In the exact modes the frontend calls helpers of the same names instead (cpu/helpers/vector.ts).
 */
import type { OpcodeInfo } from "./opcodes.ts";

/** All opcodes on floating-point values. */
export const FLOAT_OPCODES = {
  f64add: { signature: "qq:q" },
  f64sub: { signature: "qq:q" },
  f64mul: { signature: "qq:q" },
  f64div: { signature: "qq:q" },
  /** MINSD, MAXSD: the second operand if one is a NaN or both are zeros. */
  f64min: { signature: "qq:q" },
  f64max: { signature: "qq:q" },
  f64sqrt: { signature: "q:q" },
  f32add: { signature: "ww:w" },
  f32sub: { signature: "ww:w" },
  f32mul: { signature: "ww:w" },
  f32div: { signature: "ww:w" },
  f32min: { signature: "ww:w" },
  f32max: { signature: "ww:w" },
  f32sqrt: { signature: "w:w" },
  /** CMPSD, CMPSS: -1 or 0. Third operand: the predicate, 0 to 7. */
  f64compare: { signature: "qqw:w" },
  f32compare: { signature: "www:w" },
  /** UCOMISD, UCOMISS: the relation as RFLAGS bits: CF bit 0, PF bit 2, ZF bit 6. */
  f64order: { signature: "qq:w" },
  f32order: { signature: "ww:w" },
  /** COMISD, COMISS: the same, but a quiet NaN is invalid. */
  f64ordersignal: { signature: "qq:w" },
  f32ordersignal: { signature: "ww:w" },
  /** ROUNDSD, ROUNDSS: second operand: the instruction's immediate. */
  f64round: { signature: "qw:q" },
  f32round: { signature: "ww:w" },
  // Conversions. "to" rounds as MXCSR says, "trunc" toward zero.
  f64fromi64: { signature: "q:q" },
  f32fromi32: { signature: "w:w" },
  f32fromi64: { signature: "q:w" },
  f64tof32: { signature: "q:w" },
  f32tof64: { signature: "w:q" },
  f64toi32: { signature: "q:w" },
  f64toi64: { signature: "q:q" },
  f64trunci32: { signature: "q:w" },
  f64trunci64: { signature: "q:q" },
  f32toi32: { signature: "w:w" },
  f32toi64: { signature: "w:q" },
  f32trunci32: { signature: "w:w" },
  f32trunci64: { signature: "w:q" },
  /** Exact for every operand, and without flags in every mode. */
  f64fromi32: { signature: "w:q", pure: true },
} as const satisfies Record<string, OpcodeInfo>;

/** Name of an opcode on floating-point values. */
export type FloatOpcode = keyof typeof FLOAT_OPCODES;
