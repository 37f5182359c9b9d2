/** RDMSR and WRMSR: the registers of the processor core; the others are the machine's. SDM vol. 4; vol. 2, "WRMSR". */
import { Vector } from "../fault.ts";
import {
  DEBUGCTL,
  EFER,
  GPR,
  Gpr,
  MSR_CSTAR,
  MSR_FMASK,
  MSR_KERNEL_GS_BASE,
  MSR_LSTAR,
  MSR_PAT,
  MSR_STAR,
  MSR_SYSENTER_CS,
  MSR_SYSENTER_EIP,
  MSR_SYSENTER_ESP,
  MSR_TSC_AUX,
  Segment,
  segmentBase,
} from "../state.ts";
import { ExitReason, type MsrValue } from "./bus.ts";
import type { SystemContext } from "./context.ts";
import { DebugControl } from "./debug_registers.ts";
import type { ControlRegisters } from "./control_registers.ts";

/** Numbers of the MSRs that the core keeps. */
export const Msr = {
  TSC: 0x10,
  SYSENTER_CS: 0x174,
  SYSENTER_ESP: 0x175,
  SYSENTER_EIP: 0x176,
  DEBUGCTL: 0x1d9,
  PAT: 0x277,
  EFER: 0xc000_0080 | 0,
  STAR: 0xc000_0081 | 0,
  LSTAR: 0xc000_0082 | 0,
  CSTAR: 0xc000_0083 | 0,
  FMASK: 0xc000_0084 | 0,
  FS_BASE: 0xc000_0100 | 0,
  GS_BASE: 0xc000_0101 | 0,
  KERNEL_GS_BASE: 0xc000_0102 | 0,
  TSC_AUX: 0xc000_0103 | 0,
} as const;

/** Where an MSR is kept, and what may be written to it. */
interface Row {
  readonly cell: number;
  readonly check: "any" | "canonical" | "32 bits" | "memory types" | "debug control";
}

const ROWS = new Map<number, Row>([
  [Msr.SYSENTER_CS, { cell: MSR_SYSENTER_CS, check: "any" }],
  [Msr.SYSENTER_ESP, { cell: MSR_SYSENTER_ESP, check: "canonical" }],
  [Msr.SYSENTER_EIP, { cell: MSR_SYSENTER_EIP, check: "canonical" }],
  [Msr.DEBUGCTL, { cell: DEBUGCTL, check: "debug control" }],
  [Msr.PAT, { cell: MSR_PAT, check: "memory types" }],
  [Msr.STAR, { cell: MSR_STAR, check: "any" }],
  [Msr.LSTAR, { cell: MSR_LSTAR, check: "canonical" }],
  [Msr.CSTAR, { cell: MSR_CSTAR, check: "canonical" }],
  [Msr.FMASK, { cell: MSR_FMASK, check: "32 bits" }],
  [Msr.FS_BASE, { cell: segmentBase(Segment.FS), check: "canonical" }],
  [Msr.GS_BASE, { cell: segmentBase(Segment.GS), check: "canonical" }],
  [Msr.KERNEL_GS_BASE, { cell: MSR_KERNEL_GS_BASE, check: "canonical" }],
  [Msr.TSC_AUX, { cell: MSR_TSC_AUX, check: "32 bits" }],
]);

/** The model-specific registers of one processor. */
export class ModelSpecificRegisters {
  constructor(readonly context: SystemContext, readonly control: ControlRegisters) {}

  /** RDMSR. */
  readInstruction(): void {
    const { context } = this, { m } = context;
    if (context.cpl !== 0) return void context.raise(Vector.GP, 0);
    const index = this.#gpr(Gpr.RCX);
    if (context.mayExit(ExitReason.RDMSR, 0, index)) return;
    const value = context.intercepts?.readMsr(index >>> 0) ?? this.read(index);
    if (value === undefined) return void context.raise(Vector.GP, 0);
    m[(GPR >> 2) + 2 * Gpr.RAX] = value.lo;
    m[(GPR >> 2) + 2 * Gpr.RAX + 1] = 0;
    m[(GPR >> 2) + 2 * Gpr.RDX] = value.hi;
    m[(GPR >> 2) + 2 * Gpr.RDX + 1] = 0;
  }

  /** WRMSR. */
  writeInstruction(): void {
    const { context } = this;
    if (context.cpl !== 0) return void context.raise(Vector.GP, 0);
    const index = this.#gpr(Gpr.RCX);
    if (context.mayExit(ExitReason.WRMSR, 0, index)) return;
    const lo = this.#gpr(Gpr.RAX), hi = this.#gpr(Gpr.RDX);
    const written = context.intercepts?.writeMsr(index >>> 0, lo, hi) ?? this.write(index, lo, hi);
    if (!written) context.raise(Vector.GP, 0);
  }

  /** Value of an MSR; undefined if there is none of that number. */
  read(index: number): MsrValue | undefined {
    const { m } = this.context;
    const row = ROWS.get(index | 0);
    if (row !== undefined) return { lo: m[row.cell >> 2]!, hi: m[(row.cell >> 2) + 1]! };
    if ((index | 0) === Msr.EFER) return { lo: m[EFER >> 2]!, hi: 0 };
    return this.context.bus.readMsr(index >>> 0);
  }

  /** Writes an MSR with WRMSR's checks; false is #GP(0). */
  write(index: number, lo: number, hi: number): boolean {
    const { m } = this.context;
    const row = ROWS.get(index | 0);
    if (row === undefined) {
      if ((index | 0) === Msr.EFER) return this.control.writeEfer(lo, hi);
      return this.context.bus.writeMsr(index >>> 0, lo, hi);
    }
    if (!this.#accepts(row, lo, hi)) return false;
    m[row.cell >> 2] = lo;
    m[(row.cell >> 2) + 1] = hi;
    return true;
  }

  #accepts({ check }: Row, lo: number, hi: number): boolean {
    switch (check) {
      case "any":
        return true;
      case "canonical":
        return this.context.isCanonical(hi);
      case "32 bits":
        return hi === 0;
      case "memory types":
        return areMemoryTypes(lo) && areMemoryTypes(hi);
      case "debug control":
        return hi === 0 && (lo & ~DebugControl.ALL) === 0;
    }
  }

  #gpr(register: number): number {
    return this.context.m[(GPR >> 2) + 2 * register]!;
  }
}

/** Whether each of four bytes is a memory type: UC WC WT WP WB UC-. SDM vol. 3A, table 12-10. */
function areMemoryTypes(word: number): boolean {
  for (let shift = 0; shift < 32; shift += 8) {
    const type = (word >>> shift) & 0xff;
    if (type > 7 || type === 2 || type === 3) return false;
  }
  return true;
}
