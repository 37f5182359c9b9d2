/** What the passes ask of an opcode, precomputed from its row. */
import { type Opcode, type OpcodeInfo, OPCODES } from "../opcodes.ts";

/** What an operation is to the passes. */
export const Kind = {
  /** Depends on its operands only. */
  PURE: 0,
  GET: 1,
  SET: 2,
  /** A helper call: its effects are the helper's. */
  CALL: 3,
  /** Reads or writes any state. */
  BARRIER: 4,
  /** Anything else that must stay where it is. */
  EFFECT: 5,
} as const;

/** What the passes ask of an opcode. */
export interface Row {
  /** Index in the table of opcodes. */
  readonly number: number;
  readonly kind: number;
  readonly exits: boolean;
  /** Width of the cell a `get` or `set` accesses, in 32-bit words. */
  readonly words: number;
}

const WORDS: { readonly [K in Opcode]?: number } = {
  get32: 1,
  get64: 2,
  getv: 4,
  set32: 1,
  set64: 2,
  setv: 4,
};

function rowOf(op: Opcode, number: number): Row {
  const info: OpcodeInfo = OPCODES[op];
  const words = WORDS[op] ?? 0;
  const kind = info.pure
    ? Kind.PURE
    : words > 0
    ? (op.startsWith("get") ? Kind.GET : Kind.SET)
    : op === "call"
    ? Kind.CALL
    : info.barrier
    ? Kind.BARRIER
    : Kind.EFFECT;
  return { number, kind, exits: info.exits === true, words };
}

const NAMES = Object.keys(OPCODES) as Opcode[];

/** A row for each opcode. */
export const ROWS = Object.fromEntries(NAMES.map((op, n) => [op, rowOf(op, n)])) as Record<Opcode, Row>;
