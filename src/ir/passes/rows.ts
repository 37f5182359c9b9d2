/** What the passes ask of an opcode, precomputed from its row: tables by `Inst.code`. */
import { type Opcode, OPCODE_NAMES, type OpcodeInfo, OPCODES } from "../opcodes.ts";

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

const WORDS: { readonly [K in Opcode]?: number } = {
  get32: 1,
  get64: 2,
  getv: 4,
  set32: 1,
  set64: 2,
  setv: 4,
};

function kindOf(op: Opcode): number {
  const info: OpcodeInfo = OPCODES[op];
  if (info.pure) return Kind.PURE;
  if (WORDS[op] !== undefined) return op.startsWith("get") ? Kind.GET : Kind.SET;
  if (op === "call") return Kind.CALL;
  return info.barrier ? Kind.BARRIER : Kind.EFFECT;
}

/** What each operation is to the passes. */
export const KINDS: Uint8Array = Uint8Array.from(OPCODE_NAMES, kindOf);

/** Whether each operation can leave the block, or makes sets before it visible in another way. */
export const OBSERVES: Uint8Array = Uint8Array.from(OPCODE_NAMES, (op) => {
  const info: OpcodeInfo = OPCODES[op];
  return info.exits || info.barrier ? 1 : 0;
});

/** Width of the cell that each `get` or `set` accesses, in 32-bit words; 0 for other operations. */
export const CELL_WORDS: Uint8Array = Uint8Array.from(OPCODE_NAMES, (op) => WORDS[op] ?? 0);
