/**
 * The IR's opcodes: one row each, with operand and result types. The reference meaning is the interpreter's row
 * (jit/interpreter/), and each engine has one lowering row per opcode in a table that does not compile with one missing.
 *
 * Signature letters: w = i32, q = i64, v = v128, . = nothing; "wq:w" takes (i32, i64) and yields i32.
 * `pure` operations depend on operands only and may be removed, merged, moved or repeated.
 * `exits` operations can leave the block (side exit): the sets before them must be visible at the exit.
 */

import { FLOAT_OPCODES } from "./float_opcodes.ts";
import { VECTOR_OPCODES } from "./vector_opcodes.ts";

/** What a row says of an opcode. */
export interface OpcodeInfo {
  /** Operand and result types. */
  readonly signature: string;
  /** Depends on operands and immediates only. */
  readonly pure?: true;
  /** Can leave the block: state set before it is visible then, state set after it is not. */
  readonly exits?: true;
  /** Reads or writes state the `get` and `set` operations also reach (a barrier for forwarding and removal). */
  readonly barrier?: true;
}

const PURE = { pure: true } as const;

// deno-fmt-ignore
/** All opcodes. */
export const OPCODES = {
  // Constants: imm = low half, imm2 = high half.
  const32: { signature: ":w", ...PURE },
  const64: { signature: ":q", ...PURE },

  // State: imm = offset in bytes (cpu/state.ts).
  get32: { signature: ":w" },
  get64: { signature: ":q" },
  getv: { signature: ":v" },
  set32: { signature: "w:." },
  set64: { signature: "q:." },
  setv: { signature: "v:." },

  // 32-bit integers. Shift and rotate counts are taken modulo 32. Comparisons yield 0 or 1.
  add32: { signature: "ww:w", ...PURE },
  sub32: { signature: "ww:w", ...PURE },
  mul32: { signature: "ww:w", ...PURE },
  and32: { signature: "ww:w", ...PURE },
  or32: { signature: "ww:w", ...PURE },
  xor32: { signature: "ww:w", ...PURE },
  shl32: { signature: "ww:w", ...PURE },
  shr32: { signature: "ww:w", ...PURE },
  sar32: { signature: "ww:w", ...PURE },
  rotl32: { signature: "ww:w", ...PURE },
  rotr32: { signature: "ww:w", ...PURE },
  eq32: { signature: "ww:w", ...PURE },
  ne32: { signature: "ww:w", ...PURE },
  ltu32: { signature: "ww:w", ...PURE },
  lts32: { signature: "ww:w", ...PURE },
  leu32: { signature: "ww:w", ...PURE },
  les32: { signature: "ww:w", ...PURE },
  /** Leading zeros, 32 for 0. */
  clz32: { signature: "w:w", ...PURE },
  /** Trailing zeros, 32 for 0. */
  ctz32: { signature: "w:w", ...PURE },
  popcnt32: { signature: "w:w", ...PURE },
  bswap32: { signature: "w:w", ...PURE },
  sext8: { signature: "w:w", ...PURE },
  sext16: { signature: "w:w", ...PURE },
  /** First operand not 0: the second, else the third. */
  select32: { signature: "www:w", ...PURE },

  // 64-bit integers. Shift and rotate counts are i32, taken modulo 64.
  add64: { signature: "qq:q", ...PURE },
  sub64: { signature: "qq:q", ...PURE },
  mul64: { signature: "qq:q", ...PURE },
  /** Upper 64 bits of the unsigned 128-bit product. */
  mulhu64: { signature: "qq:q", ...PURE },
  /** Upper 64 bits of the signed 128-bit product. */
  mulhs64: { signature: "qq:q", ...PURE },
  and64: { signature: "qq:q", ...PURE },
  or64: { signature: "qq:q", ...PURE },
  xor64: { signature: "qq:q", ...PURE },
  shl64: { signature: "qw:q", ...PURE },
  shr64: { signature: "qw:q", ...PURE },
  sar64: { signature: "qw:q", ...PURE },
  rotl64: { signature: "qw:q", ...PURE },
  rotr64: { signature: "qw:q", ...PURE },
  eq64: { signature: "qq:w", ...PURE },
  ne64: { signature: "qq:w", ...PURE },
  ltu64: { signature: "qq:w", ...PURE },
  lts64: { signature: "qq:w", ...PURE },
  leu64: { signature: "qq:w", ...PURE },
  les64: { signature: "qq:w", ...PURE },
  clz64: { signature: "q:w", ...PURE },
  ctz64: { signature: "q:w", ...PURE },
  popcnt64: { signature: "q:w", ...PURE },
  bswap64: { signature: "q:q", ...PURE },
  select64: { signature: "wqq:q", ...PURE },

  // Between widths.
  lo: { signature: "q:w", ...PURE },
  hi: { signature: "q:w", ...PURE },
  zext: { signature: "w:q", ...PURE },
  sext: { signature: "w:q", ...PURE },
  /** i64 of a low and a high half. */
  pair: { signature: "ww:q", ...PURE },
  /** Full 64-bit products of 32-bit operands. */
  mulwideu32: { signature: "ww:q", ...PURE },
  mulwides32: { signature: "ww:q", ...PURE },
  /** 1 if the signed product does not fit in the operands' width, else 0. */
  mulo32: { signature: "ww:w", ...PURE },
  mulo64: { signature: "qq:w", ...PURE },
  /** The first operand with its low 8 bits, bits 15:8, or low 16 bits replaced by the second's low 8, 8 or 16 bits (partial register writes). */
  insert8: { signature: "qw:q", ...PURE },
  insert8high: { signature: "qw:q", ...PURE },
  insert16: { signature: "qw:q", ...PURE },

  // Memory: address is linear; imm = MemoryFlag bits. Loads of 8 and 16 bits zero-extend.
  load8: { signature: "q:w", exits: true },
  load16: { signature: "q:w", exits: true },
  load32: { signature: "q:w", exits: true },
  load64: { signature: "q:q", exits: true },
  loadv: { signature: "q:v", exits: true },
  store8: { signature: "qw:.", exits: true },
  store16: { signature: "qw:.", exits: true },
  store32: { signature: "qw:.", exits: true },
  store64: { signature: "qq:.", exits: true },
  storev: { signature: "qv:.", exits: true },

  /** Raises fault vector `imm` with error code `imm2` (-1: none) if the operand is not 0. */
  faultIf: { signature: "w:.", exits: true },

  /** Calls helper `imm` (cpu/helpers.ts); operands and result as the helper's row says. */
  call: { signature: "*:*", exits: true, barrier: true },
  /** The same for a helper that touches no state that `get` and `set` reach and raises nothing. */
  callpure: { signature: "*:*" },

  // Vectors. Lanes are numbered from the low end; imm = lane or immediate.
  vconst: { signature: ":v", ...PURE },           // imm = each of the four 32-bit lanes
  vextract32: { signature: "v:w", ...PURE },
  vextract64: { signature: "v:q", ...PURE },
  vinsert32: { signature: "vw:v", ...PURE },
  vinsert64: { signature: "vq:v", ...PURE },
  /** v128 of a low and a high i64. */
  vpair: { signature: "qq:v", ...PURE },
  vand: { signature: "vv:v", ...PURE },
  vor: { signature: "vv:v", ...PURE },
  vxor: { signature: "vv:v", ...PURE },
  /** ~first & second. */
  vandn: { signature: "vv:v", ...PURE },
  ...VECTOR_OPCODES,
  ...FLOAT_OPCODES,
} as const satisfies Record<string, OpcodeInfo>;

/** Name of an opcode. */
export type Opcode = keyof typeof OPCODES;

/** All opcodes, in the order of the table. */
export const OPCODE_NAMES = Object.keys(OPCODES) as Opcode[];

const OPCODE_NUMBERS: ReadonlyMap<Opcode, number> = new Map(OPCODE_NAMES.map((op, n) => [op, n]));

/** Index of an opcode in `OPCODE_NAMES`. What makes many operations keeps those that it needs in constants. */
export const opcodeNumber = (op: Opcode): number => OPCODE_NUMBERS.get(op)!;
