/** What the processor's system instructions ask of the machine around it, and of VMX. */

import type { MonitoredLine } from "./monitor.ts";
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
  /** Virtual time behind the instruction at hand: exact in those that are blocks of their own. */
  now(): number;
  /** CR8: bits 7:4 of the local APIC's task-priority register. */
  cr8(): number;
  setCr8(value: number): void;
  /** INVD and WBINVD. */
  invd(): void;
  /** PAUSE: the processor spins. */
  pause?(): void;
  /** Whether there are MONITOR and MWAIT. */
  readonly hasMonitor?: boolean;
  /** Whether XD can be enabled. Default: so. */
  readonly hasXd?: boolean;
  /** MWAIT: the processor waits until the line changes or an interrupt comes; a masked one ends the wait, too, if asked. */
  waitForStore?(line: MonitoredLine, endsWithMasked: boolean): void;
  /** Bits of CR4 that are reserved, since CPUID does not report what they enable. Default: none but those not implemented. */
  readonly reservedCr4?: number;
  /** CPUID, where it is not what cpuid.ts says: EAX, EBX, ECX, EDX. */
  cpuid?(leaf: number, subleaf: number, state: CpuidState): CpuidResult;
}

/** Basic exit reasons of the instructions that this folder executes. SDM vol. 3C, appendix C. */
export const ExitReason = {
  TASK_SWITCH: 9,
  CPUID: 10,
  HLT: 12,
  INVD: 13,
  INVLPG: 14,
  RDPMC: 15,
  RDTSC: 16,
  VMCALL: 18,
  CR_ACCESS: 28,
  DR_ACCESS: 29,
  IO: 30,
  RDMSR: 31,
  WRMSR: 32,
  MWAIT: 36,
  MONITOR: 39,
  PAUSE: 40,
  GDTR_IDTR: 46,
  LDTR_TR: 47,
  RDTSCP: 51,
  WBINVD: 54,
  XSETBV: 55,
  RDRAND: 57,
  INVPCID: 58,
  RDSEED: 61,
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
  /** Whether an event causes a VM exit instead of being delivered. `during`: the event in whose delivery it arose. */
  event(event: InterceptedEvent, address: LinearHalves | undefined, during?: InterceptedEvent): boolean;
  /** A VM exit has happened while this event was being delivered. */
  interrupted(event: InterceptedEvent): void;
  /** A triple fault causes a VM exit. */
  tripleFault(): void;
  /** An instruction is complete that #DB follows, for a cause in bits of DR6: the exception is pending. */
  trapped(cause: number): void;
  /** Whether IRET leaves the blocking of NMIs as it is. */
  readonly keepsNmisBlocked: boolean;
  /** IRET has ended the blocking of NMIs. */
  unblockedNmis(): void;
  /** Value of an MSR that is virtual; undefined if it is the processor's. */
  readMsr(index: number): MsrValue | undefined;
  /** Writes one; false: #GP(0); undefined: it is the processor's. */
  writeMsr(index: number, lo: number, hi: number): boolean | undefined;
  /** Whether there is RDPID. */
  readonly hasProcessorId: boolean;
  /** The time-stamp counter scaled and with the guest's offset. */
  timeStamp(now: number): MsrValue;
  /** CR8 where it is not the local APIC's; else undefined. */
  taskPriority(): number | undefined;
  /** Writes it; false: it is the local APIC's. */
  setTaskPriority(value: number): boolean;
  /** What the guest sees of control register 0 or 4. */
  visible(n: number, value: number): number;
  /** What a write of the guest to control register 0 or 4 makes of it. */
  effective(n: number, value: number, old: number): number;
  /** Bits that CR0 must have. */
  readonly cr0Fixed: number;
}

/** A linear address in halves. */
export interface LinearHalves {
  readonly lo: number;
  readonly hi: number;
}

/** An exception or interrupt that is to be delivered. */
export interface InterceptedEvent {
  readonly vector: number;
  readonly error: number | undefined;
  readonly kind: "fault" | "trap" | "software" | "external" | "nmi";
  /** Bytes of the instruction that is a software interrupt. */
  readonly length: number;
  /** Why #DB was raised, in bits of DR6; undefined: by INT1, or it is no #DB. */
  readonly cause?: number | undefined;
}
