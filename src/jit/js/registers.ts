/** Which cells of the processor state live in variables of a compiled function, and how those are named. */
import type { Block } from "../../ir/types.ts";
import { CF, GPR, Gpr, RFLAGS_SYSTEM, Segment, segmentBase } from "../../cpu/state.ts";

/** Registers that VMFUNC reads. */
export const SWITCH_CELLS = [GPR + 8 * Gpr.RAX, GPR + 8 * Gpr.RCX] as const;

const isGpr = (offset: number): boolean => offset >= GPR && offset < GPR + 128;
const isBase = (offset: number): boolean =>
  offset === segmentBase(Segment.FS) || offset === segmentBase(Segment.GS);

/** Whether a cell that `get` or `set` mentions lives in a variable. Others are accessed in memory, in order. */
export function inVariable(offset: number): boolean {
  return isGpr(offset) || (offset >= CF && offset < RFLAGS_SYSTEM) || isBase(offset);
}

/** Whether the cell is 64 bits wide. */
export const isWide = (offset: number): boolean => isGpr(offset) || isBase(offset);

/** Variable of a cell, or of its low half. */
export const lowName = (offset: number): string =>
  isGpr(offset) ? `g${offset >> 3}l` : `c${offset.toString(16)}`;
/** Variable of the high half of a cell. */
export const highName = (offset: number): string =>
  isGpr(offset) ? `g${offset >> 3}h` : `c${offset.toString(16)}h`;

/** The cells in variables that some operation reads or writes, and those that some operation writes. */
export interface Cells {
  readonly used: ReadonlySet<number>;
  readonly written: ReadonlySet<number>;
}

/** Collects the cells that the operations and terminals of blocks mention. */
export function collectCells(blocks: readonly Block[]): Cells {
  const used = new Set<number>(), written = new Set<number>();
  for (const { insts, terminal } of blocks) {
    if (terminal.kind === "vmfunc") { for (const cell of SWITCH_CELLS) used.add(cell); }
    for (const { op, imm } of insts) {
      const isSet = op === "set32" || op === "set64";
      if (!isSet && op !== "get32" && op !== "get64" || !inVariable(imm)) continue;
      used.add(imm);
      if (isSet) written.add(imm);
    }
  }
  return { used, written };
}

/** Statements that load cells from the state. */
export function loadCells(cells: Iterable<number>): string {
  return assignments(cells, (name, word) => `${name}=M[${word}];`);
}

/** Statements that store cells to the state. */
export function storeCells(cells: Iterable<number>): string {
  return assignments(cells, (name, word) => `M[${word}]=${name};`);
}

function assignments(cells: Iterable<number>, text: (name: string, word: number) => string): string {
  let code = "";
  for (const offset of cells) {
    code += text(lowName(offset), offset >> 2);
    if (isWide(offset)) code += text(highName(offset), (offset >> 2) + 1);
  }
  return code;
}

/** Declaration of the variables, loaded. */
export function declareCells(cells: Iterable<number>): string {
  const code = assignments(cells, (name, word) => `${name}=M[${word}],`);
  return code === "" ? "" : `let ${code.slice(0, -1)};`;
}
