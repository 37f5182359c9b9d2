/** Which cells of the processor state live in locals of a region. */
import { OPCODE_NAMES } from "../../ir/opcodes.ts";
import { DF, XMM } from "../../cpu/state.ts";
import type { Block } from "../../ir/types.ts";
import { isWide } from "../js/registers.ts";
import { I32, I64, V128 } from "./instructions.ts";

const isXmm = (offset: number): boolean => offset >= XMM && offset < XMM + 512;

/** Type of the local of a cell; 0 if the cell stays in memory. Flag cells are flags.ts's. */
export function cellType(offset: number): number {
  if (isWide(offset)) return I64;
  if (offset === DF) return I32;
  return isXmm(offset) ? V128 : 0;
}

const TYPE_OF = { get32: I32, set32: I32, get64: I64, set64: I64, getv: V128, setv: V128 } as const;

/** By opcode number: the type that an operation accesses a cell with; 0 for other operations. */
export const ACCESS_TYPES: Uint8Array = Uint8Array.from(
  OPCODE_NAMES,
  (op) => (TYPE_OF as Readonly<Record<string, number>>)[op] ?? 0,
);

/** The cells that live in locals: those only accessed as what they are. */
export function localCells(blocks: readonly Block[]): Set<number> {
  const cells = new Set<number>(), others = new Set<number>();
  for (const { insts } of blocks) {
    for (const { code, imm } of insts) {
      const type = ACCESS_TYPES[code]!;
      if (type === 0) continue;
      if (cellType(imm) === type) cells.add(imm);
      else if (isXmm(imm)) others.add(imm & ~15);
    }
  }
  for (const offset of others) cells.delete(offset);
  return cells;
}
