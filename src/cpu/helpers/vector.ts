/** Helpers of the MMX and SSE instructions. Rows: see ../helpers.ts. */
import { FLOAT_OPCODES, type FloatOpcode } from "../../ir/float_opcodes.ts";
import type { HelperInfo } from "../helpers.ts";

/** The floating-point opcodes in the exact modes: `exact_f64add` and so on. */
type ExactHelpers = { readonly [K in FloatOpcode as `exact_${K}`]: HelperInfo };

const EXACT = Object.fromEntries(
  Object.entries(FLOAT_OPCODES).map(([opcode, { signature }]) => [
    `exact_${opcode}`,
    { signature, state: "fpu" },
  ]),
) as ExactHelpers;

/** Helpers of the MMX and SSE instructions. */
export const VECTOR_HELPERS = {
  ...EXACT,
  /** Before the operations of an instruction while an exception is unmasked, and behind them: raises #XM if one is due. */
  float_begin: { signature: ":.", state: "fpu" },
  float_check: { signature: ":.", state: "fpu", exits: true },
  /** Approximations of 1/x and 1/sqrt(x) in single precision. */
  rcpss: { signature: "w:w", state: "none" },
  rsqrtss: { signature: "w:w", state: "none" },
  /** MASKMOVDQU: address, data, mask. */
  maskmov: { signature: "qvvw:.", state: "none", exits: true },
  stmxcsr: { signature: ":w", state: "fpu" },
  ldmxcsr: { signature: "w:.", state: "fpu", exits: true },
  /**
   * FXSAVE and FXRSTOR: address, then what the image is like: bit 0: 64-bit pointers (REX.W), bit 1: XMM8-15 are there
   * (64-bit mode), bits 7:4: MemoryFlag bits. For XSAVE, bit 2: compacted (XSAVEC).
   */
  fxsave: { signature: "qw:.", state: "all", exits: true },
  fxrstor: { signature: "qw:.", state: "all", exits: true },
  /** XSAVE, XSAVEOPT, XSAVEC and XRSTOR: the same, then EDX:EAX. */
  xsave: { signature: "qwq:.", state: "all", exits: true },
  xrstor: { signature: "qwq:.", state: "all", exits: true },
} as const satisfies Record<string, HelperInfo>;
