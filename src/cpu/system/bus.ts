/** What the processor's system instructions ask of the machine around it, and of VMX. */

import type { CpuidResult, CpuidState } from "../cpuid.ts";

/** A model-specific register's value. */
export interface MsrValue {
  readonly lo: number;
  readonly hi: number;
}

/** The machine as system instructions see it. */
export interface SystemBus {
  /** Reads `size` bytes (1, 2, 4) from an I/O port. */
  in(port: number, size: number): number;
  /** Writes `size` bytes to an I/O port. */
  out(port: number, size: number, value: number): void;
  /** An MSR that is not the processor core's own; undefined: #GP(0). */
  readMsr(index: number): MsrValue | undefined;
  /** Writes one; false: #GP(0). */
  writeMsr(index: number, lo: number, hi: number): boolean;
  /** The time-stamp counter. */
  tsc(): number;
  /** CR8: bits 7:4 of the local APIC's task-priority register. */
  cr8(): number;
  setCr8(value: number): void;
  /** INVD and WBINVD. */
  invd(): void;
  /** CPUID, where it is not what cpuid.ts says: EAX, EBX, ECX, EDX. */
  cpuid?(leaf: number, subleaf: number, state: CpuidState): CpuidResult;
}

/** Basic exit reasons of the instructions that this folder executes. SDM vol. 3C, appendix C. */
export const ExitReason = {
  CPUID: 10,
  INVD: 13,
  INVLPG: 14,
  RDTSC: 16,
  CR_ACCESS: 28,
  DR_ACCESS: 29,
  IO: 30,
  RDMSR: 31,
  WRMSR: 32,
  GDTR_IDTR: 46,
  LDTR_TR: 47,
  WBINVD: 54,
  XSETBV: 55,
  INVPCID: 58,
} as const;

/** VMX, where instructions may cause VM exits. */
export interface Intercepts {
  /**
   * Whether an instruction with these details causes a VM exit. If so the exit is recorded and EVENT is VM_EXIT.
   *
   * @param qualification the exit qualification as far as the instruction decides it
   * @param lo low half of the value that it writes, or of the address that it accesses
   * @param hi upper half
   */
  exit(reason: number, qualification: number, lo: number, hi: number): boolean;
}
