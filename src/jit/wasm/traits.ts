/** What the emitter asks of operations again and again, by opcode number (`Inst.code`): looking names up takes longer. */
import { OPCODE_NAMES, type OpcodeInfo, OPCODES } from "../../ir/opcodes.ts";
import type { Block, Inst } from "../../ir/types.ts";
import { HELPER_NAMES, HELPERS } from "../../cpu/helpers.ts";

/** Traits of an opcode, as bits. */
export const Trait = {
  PURE: 1,
  EXITS: 2,
  /** Reads, or writes, a cell of the state. */
  GET: 4,
  SET: 8,
  CONSTANT: 0x10,
  LOAD: 0x20,
  STORE: 0x40,
  /** It may be computed where flags are asked for instead of where the block has it. */
  LATE: 0x80,
} as const;

const isCellAccess = (op: string): boolean => /^[gs]et(32|64|v)$/.test(op);

function traitsOf(op: (typeof OPCODE_NAMES)[number]): number {
  const { pure, exits }: OpcodeInfo = OPCODES[op];
  let traits = 0;
  if (pure === true) traits |= /^[vf]/.test(op) ? Trait.PURE : Trait.PURE | Trait.LATE;
  if (exits === true) traits |= Trait.EXITS;
  if (isCellAccess(op)) traits |= op.startsWith("get") ? Trait.GET : Trait.SET;
  if (op === "const32" || op === "const64") traits |= Trait.CONSTANT;
  if (op.startsWith("load")) traits |= Trait.LOAD;
  if (op.startsWith("store")) traits |= Trait.STORE;
  return traits;
}

/** Traits by opcode number. */
export const TRAITS: Uint8Array = Uint8Array.from(OPCODE_NAMES, traitsOf);

const CALL = OPCODE_NAMES.indexOf("call");
/** By number of the helper: whether it may change cells behind the block's back, and whether mappings. */
const RELOADS = Uint8Array.from(HELPER_NAMES, (name) => HELPERS[name].state === "all" ? 1 : 0);
const REMAPS = Uint8Array.from(
  HELPER_NAMES,
  (name, id) => RELOADS[id] === 1 || "exits" in HELPERS[name] ? 1 : 0,
);

/** Whether an operation may change cells behind the block's back. */
export function reloadsCells({ code, imm }: Inst): boolean {
  return code === CALL && RELOADS[imm] === 1;
}

/** Whether mappings may be others behind an operation. */
export function changesMappings({ code, imm }: Inst): boolean {
  return code === CALL && REMAPS[imm] === 1;
}

/** Whether nothing of a block accesses memory behind one of its operations, and the region is left then to where RIP says. */
export function isLeftBehind({ insts, terminal }: Block, inst: Inst): boolean {
  if (terminal.kind !== "redispatch") return false;
  for (let n = insts.length - 1; insts[n] !== inst; n--) {
    const { code } = insts[n]!;
    if (code === CALL || (TRAITS[code]! & (Trait.LOAD | Trait.STORE)) !== 0) return false;
  }
  return true;
}
