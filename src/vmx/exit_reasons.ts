/** Basic exit reasons beyond those of cpu/system/bus.ts. SDM vol. 3D, appendix C. */
import { ExitReason } from "../cpu/system/bus.ts";

/** Basic exit reasons. */
export const Reason = {
  ...ExitReason,
  EXCEPTION_OR_NMI: 0,
  EXTERNAL_INTERRUPT: 1,
  TRIPLE_FAULT: 2,
  INIT: 3,
  SIPI: 4,
  INTERRUPT_WINDOW: 7,
  NMI_WINDOW: 8,
  VMCLEAR: 19,
  VMLAUNCH: 20,
  VMPTRLD: 21,
  VMPTRST: 22,
  VMREAD: 23,
  VMRESUME: 24,
  VMWRITE: 25,
  VMXOFF: 26,
  VMXON: 27,
  INVALID_GUEST_STATE: 33,
  MSR_LOADING: 34,
  MONITOR_TRAP_FLAG: 37,
  TPR_BELOW_THRESHOLD: 43,
  APIC_ACCESS: 44,
  VIRTUALIZED_EOI: 45,
  EPT_VIOLATION: 48,
  EPT_MISCONFIGURATION: 49,
  INVEPT: 50,
  PREEMPTION_TIMER: 52,
  INVVPID: 53,
  APIC_WRITE: 56,
  VMFUNC: 59,
  PML_FULL: 62,
  /** WORLD_CALL has not found the callee (qualification 0) or the caller (1): src/crossover. */
  WORLD_CALL_MISS: 240,
} as const;

/** Bit 31 of the exit reason: VM entry failed. */
export const ENTRY_FAILED = 1 << 31;
/** Bits 15:0: the basic exit reason. */
export const BASIC_REASON = 0xffff;

const NAMES = new Map(Object.entries(Reason).map(([name, number]) => [number as number, name]));
/** Name of a basic exit reason; its number where it has none here. */
export const reasonName = (reason: number): string => NAMES.get(reason) ?? `reason ${reason}`;

/** Exits that no instruction causes: they have no instruction length of their own. */
const WITHOUT_INSTRUCTION: ReadonlySet<number> = new Set([
  Reason.EXCEPTION_OR_NMI,
  Reason.EXTERNAL_INTERRUPT,
  Reason.TRIPLE_FAULT,
  Reason.INIT,
  Reason.SIPI,
  Reason.INTERRUPT_WINDOW,
  Reason.NMI_WINDOW,
  Reason.MONITOR_TRAP_FLAG,
  Reason.TPR_BELOW_THRESHOLD,
  Reason.VIRTUALIZED_EOI,
  Reason.APIC_WRITE,
  Reason.EPT_VIOLATION,
  Reason.EPT_MISCONFIGURATION,
  Reason.PREEMPTION_TIMER,
  Reason.PML_FULL,
]);
/** Whether an instruction causes exits with this reason. */
export const byInstruction = (reason: number): boolean => !WITHOUT_INSTRUCTION.has(reason);

/** VM-instruction error numbers. SDM vol. 3C, section 31.4. */
export const VmError = {
  VMCALL_IN_ROOT: 1,
  VMCLEAR_ADDRESS: 2,
  VMCLEAR_VMXON_POINTER: 3,
  VMLAUNCH_NOT_CLEAR: 4,
  VMRESUME_NOT_LAUNCHED: 5,
  ENTRY_CONTROLS: 7,
  ENTRY_HOST_STATE: 8,
  VMPTRLD_ADDRESS: 9,
  VMPTRLD_VMXON_POINTER: 10,
  VMPTRLD_REVISION: 11,
  UNSUPPORTED_FIELD: 12,
  VMXON_IN_ROOT: 15,
  EVENTS_BLOCKED_BY_MOV_SS: 26,
  INVALIDATION_OPERAND: 28,
} as const;
