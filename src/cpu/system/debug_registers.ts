/** MOV to and from debug registers. SDM vol. 2B, "MOV - Move to/from Debug Registers"; vol. 3B, section 18.2. */
import { Vector } from "../fault.ts";
import { CR4, DR, DR6, DR7 } from "../state.ts";
import { DebugCause } from "./breakpoints.ts";
import { ExitReason } from "./bus.ts";
import type { SystemContext } from "./context.ts";
import { Cr4 } from "./control_bits.ts";

/** Bits that are always 1, and those that can be written. */
const DR6_FIXED = 0xffff_0ff0 | 0, DR6_WRITABLE = 0xe00f;
const DR7_FIXED = 0x400, DR7_WRITABLE = 0xffff_23ff | 0;
const DR7_GD = 0x2000;
/** IA32_DEBUGCTL: the last branches are recorded; single steps stop at branches. SDM vol. 4, table 2-2. */
export const DebugControl = { LBR: 1, BTF: 2, ALL: 3 } as const;
const FROM_DR = 1 << 4;

/** The debug registers of one processor. */
export class DebugRegisters {
  constructor(readonly context: SystemContext) {}

  /** MOV from debug register `n` to general register `register`. Returns the low half. */
  read(n: number, register: number): number {
    const { context } = this, { m } = context;
    if (!this.#exists(n) || context.mayExit(ExitReason.DR_ACCESS, n | FROM_DR | (register << 8))) return 0;
    const cell = this.#cell(n);
    if (cell === undefined) return 0;
    return context.wide(m[cell >> 2]!, m[(cell >> 2) + 1]!);
  }

  /** MOV to debug register `n`. */
  write(n: number, lo: number, hi: number, register: number): void {
    const { context } = this, { m } = context;
    if (!this.#exists(n) || context.mayExit(ExitReason.DR_ACCESS, n | (register << 8), lo, hi)) return;
    const cell = this.#cell(n);
    if (cell === undefined) return;
    if (cell === DR6 || cell === DR7) {
      if (hi !== 0) return void context.raise(Vector.GP, 0);
      m[cell >> 2] = cell === DR6 ? (lo & DR6_WRITABLE) | DR6_FIXED : (lo & DR7_WRITABLE) | DR7_FIXED;
    } else {
      m[cell >> 2] = lo;
      m[(cell >> 2) + 1] = hi;
    }
    context.world.breakpointsChanged();
  }

  /** Whether there is such a register here; else a fault is raised. DR4 and DR5 are DR6 and DR7 unless CR4.DE is set. */
  #exists(n: number): boolean {
    const { context } = this;
    if (context.cpl !== 0) return context.raise(Vector.GP, 0);
    const hidden = (n === 4 || n === 5) && (context.m[CR4 >> 2]! & Cr4.DE) !== 0;
    return (n <= 7 && !hidden) || context.raise(Vector.UD);
  }

  /** Cell of a debug register; undefined after raising the #DB of DR7.GD. */
  #cell(n: number): number | undefined {
    const { context } = this, { m } = context;
    if ((m[DR7 >> 2]! & DR7_GD) !== 0) {
      context.world.breakpoints?.raised(DebugCause.BD, true);
      return void context.raise(Vector.DB);
    }
    return n < 4 ? DR + 8 * n : n === 4 || n === 6 ? DR6 : DR7;
  }
}
