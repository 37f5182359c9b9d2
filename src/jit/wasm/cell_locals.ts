/** The locals of a region that hold cells of the processor state, and operands kept for flags. */
import type { Block } from "../../ir/types.ts";
import { DF } from "../../cpu/state.ts";
import { SWITCH_CELLS } from "../js/registers.ts";
import { ACCESS_TYPES, cellType, localCells } from "./cells.ts";
import type { FunctionCode } from "./encoder.ts";
import { flagOffset } from "./flags.ts";
import { intrinsicRegisters } from "./string_intrinsics.ts";
import { I32, I64, V128, W } from "./instructions.ts";
import { storeCell } from "./state_cells.ts";
import { Trait, TRAITS } from "./traits.ts";

/** Cells of which some may live in locals and that a world call writes: RCX, DF. */
export const CALLED_CELLS: readonly number[] = [SWITCH_CELLS[1], DF];

/** Instruction that loads, and that stores, a local of a type. */
export function loadOf(type: number): number {
  return type === I64 ? W.i64_load : type === V128 ? W.v128_load : W.i32_load;
}
export function storeOf(type: number): number {
  return type === I64 ? W.i64_store : type === V128 ? W.v128_store : W.i32_store;
}

/** The locals of one region. */
export class CellLocals {
  /** Locals of registers by state offset, and those that some operation writes. */
  readonly #registers = new Map<number, number>();
  readonly #written = new Set<number>();
  /** Locals of flag cells by number, as far as something needs them. */
  readonly #flags = new Map<number, number>();
  readonly #kept = { wide: [] as number[], narrow: [] as number[] };

  constructor(readonly code: FunctionCode, blocks: readonly Block[]) {
    const cells = localCells(blocks);
    for (const { insts, terminal } of blocks) {
      for (const cell of terminal.kind === "vmfunc" ? SWITCH_CELLS : []) this.#add(cell);
      for (const inst of insts) {
        for (const cell of intrinsicRegisters(inst)) {
          this.#add(cell);
          this.#written.add(cell);
        }
        const { code, imm } = inst;
        if (ACCESS_TYPES[code] === 0 || !cells.has(imm)) continue;
        this.#add(imm);
        if ((TRAITS[code]! & Trait.SET) !== 0) this.#written.add(imm);
      }
    }
    if (blocks.some(({ terminal }) => terminal.kind === "vmfunc")) {
      for (const cell of CALLED_CELLS) if (this.#registers.has(cell)) this.#written.add(cell);
    }
  }

  #add(offset: number): void {
    if (!this.#registers.has(offset)) this.#registers.set(offset, this.code.local(cellType(offset)));
  }

  /** Local of a register, if it has one. */
  register(offset: number): number | undefined {
    return this.#registers.get(offset);
  }

  /** Local of a flag cell. */
  flag(flag: number): number {
    let local = this.#flags.get(flag);
    if (local === undefined) this.#flags.set(flag, local = this.code.local(I32));
    return local;
  }

  /** Whether any flag cell has a local so far. */
  get hasFlags(): boolean {
    return this.#flags.size > 0;
  }

  /** Local of an operand that is kept for flags. */
  kept(wide: boolean, slot: number): number {
    const locals = wide ? this.#kept.wide : this.#kept.narrow;
    while (locals.length <= slot) locals.push(this.code.local(wide ? I64 : I32));
    return locals[slot]!;
  }

  /** Writes code that loads all, and that stores what may have changed. */
  load(code: FunctionCode): void {
    const load = (local: number, offset: number, type: number): void => {
      code.load(loadOf(type), offset);
      code.set(local);
    };
    for (const [offset, local] of this.#registers) load(local, offset, cellType(offset));
    for (const [flag, local] of this.#flags) load(local, flagOffset(flag), I32);
  }
  store(code: FunctionCode): void {
    const store = (local: number, offset: number, type: number): void => {
      storeCell(code, storeOf(type), offset, () => code.get(local));
    };
    for (const offset of this.#written) store(this.#registers.get(offset)!, offset, cellType(offset));
    for (const [flag, local] of this.#flags) store(local, flagOffset(flag), I32);
  }
}
