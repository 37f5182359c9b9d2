/** What the parts of VMX share: the current VMCS, and the exit that is under way. */
import { Event } from "../cpu/fault.ts";
import type { Waiting } from "../cpu/system/activity.ts";
import type { InterceptedEvent, Intercepts } from "../cpu/system/bus.ts";
import type { SystemUnit } from "../cpu/system/unit.ts";
import {
  EPTP_LIST,
  EVENT,
  EVENT_VECTOR,
  VMX_MODE,
  VmxMode,
  WORLD_CALLS,
  WORLD_GENERATION,
} from "../cpu/state.ts";
import type { Mmu } from "../memory/mmu.ts";
import { type LinearMemory, RAM_BASE } from "../memory/physical.ts";
import { VM_FUNCTIONS, WORLD_CALL_FUNCTION } from "./capabilities.ts";
import { Primary, Secondary } from "./controls.ts";
import type { ExitInstruction } from "./exit_instruction.ts";
import { Field } from "./fields.ts";
import type { Vmcs } from "./vmcs.ts";
import type { WorldFunctions } from "./world_functions.ts";

/** Pending debug exceptions; the qualification of debug exceptions has the same bits. SDM vol. 3C, tables 25-4 and 28-1. */
export const Debug = { BREAKPOINTS: 15, ENABLED: 0x1000, ACCESS: 0x2000, STEP: 0x4000 } as const;
/** A pointer that names no VMCS. */
export const NO_VMCS = 0xffff_ffff_ffff_ffffn;

const EPTP_LIST_BYTES = 0x1000;

/** What a VM exit records. */
export interface ExitInformation {
  readonly reason: number;
  readonly qualification: bigint;
  /** Interruption information and error code. */
  readonly interruption?: number;
  readonly errorCode?: number;
  readonly linear?: bigint;
  readonly physical?: bigint;
  /** Bytes of the instruction, where it is not the one at RIP. */
  readonly length?: number;
}

/** A write to the APIC-access page that has been virtualized. */
export interface ApicWrite {
  readonly offset: number;
  readonly size: number;
}

/** A VM exit that has happened, as the VMCS tells it. */
export interface ObservedExit {
  /** Basic exit reason. */
  readonly reason: number;
  /** VM entry failed: the guest has not run. */
  readonly entryFailed: boolean;
  readonly qualification: bigint;
  /** Bytes of the instruction that caused it; 0 where none did. */
  readonly instructionLength: number;
}

/** What the machine knows and VMX asks for. */
export interface VmxSurroundings {
  /** The instruction at RIP; undefined if it cannot be read. */
  instruction(): ExitInstruction | undefined;
  /** Virtual time. */
  now(): number;
  /** Whether the processor executes or waits. */
  readonly waiting: Waiting;
}

/** VMX of one processor. */
export class VmxState {
  readonly m: Int32Array;
  /** Physical address of the VMXON region, in VMX operation. */
  vmxon: bigint = NO_VMCS;
  vmcs: Vmcs | undefined;
  pending: ExitInformation | undefined;
  /** The event in whose delivery the exit happened. */
  vectoring: InterceptedEvent | undefined;
  /** VM exits so far by basic exit reason, and VM entries that have failed. */
  readonly exitCounts: Map<number, number> = new Map();
  /** Is told of each exit, when the host goes on. */
  exitObserver: ((exit: ObservedExit) => void) | undefined;
  /** A VM exit could not be completed. */
  isAborted = false;
  /** VM entry is complete but for the event that it injects. */
  entered = false;
  /** A virtual interrupt is pending that the guest's priority lets through. */
  recognized = false;
  /** What the instruction at hand has written through the APIC-access page. */
  apicWrite: ApicWrite | undefined;
  /** Host-physical address of the APIC-access page of the guest; -1: it has none. */
  apicAccessPage = -1;
  /** A VM exit that follows the instruction just executed. */
  following: ExitInformation | undefined;
  /** An exit by the monitor trap flag is pending. */
  trapPending = false;
  /** Pending debug exceptions. */
  debug = 0;
  /** The IRET at hand has ended the blocking of NMIs. */
  unblockedNmis = false;
  /** Times of PAUSE at CPL 0: the one taken for the first of a loop, and the last. */
  firstPause = -Infinity;
  lastPause = -Infinity;
  /** Time at which the preemption timer runs out. */
  deadline = Infinity;
  /** World calls, where the processor has them. */
  worldFunctions: WorldFunctions | undefined;
  /** What the system unit asks while the processor is in non-root operation. */
  intercepts: Intercepts | undefined;

  constructor(
    readonly memory: LinearMemory,
    readonly mmu: Mmu,
    readonly unit: SystemUnit,
    readonly surroundings: VmxSurroundings,
  ) {
    this.m = memory.i32;
  }

  get mode(): number {
    return this.m[VMX_MODE >> 2]!;
  }

  /** The VM functions that there are, as bits. */
  get vmFunctions(): number {
    return this.worldFunctions === undefined ? VM_FUNCTIONS : VM_FUNCTIONS | WORLD_CALL_FUNCTION;
  }

  /** A field of the current VMCS, as a signed 32-bit number. */
  word(field: number): number {
    return this.vmcs!.word(field);
  }
  /** Whether a pin-based or a primary control is set. */
  pin(control: number): boolean {
    return (this.word(Field.PIN_CONTROLS) & control) !== 0;
  }
  primary(control: number): boolean {
    return (this.word(Field.PRIMARY_CONTROLS) & control) !== 0;
  }
  /** Secondary controls in force. */
  get secondary(): number {
    return this.vmcs === undefined ? 0 : secondaryOf(this.vmcs);
  }

  /**
   * Tells translated code which VM functions it may execute by itself. Called when root or non-root operation begins or
   * ends, and when world calls are enabled or disabled. With VPID 0 EPTP switching invalidates, so it is left to us.
   */
  noteVmFunctions(): void {
    const { m, vmcs, secondary } = this, guest = this.mode === VmxMode.GUEST ? vmcs : undefined;
    const functions = guest === undefined || (secondary & Secondary.VMFUNC) === 0
      ? 0
      : guest.word(Field.VMFUNC_CONTROLS) & this.vmFunctions;
    const list = (functions & VM_FUNCTIONS) !== 0 ? vmcs!.address(Field.EPTP_LIST_ADDRESS) : 0;
    const switches = (functions & VM_FUNCTIONS) !== 0 && (secondary & Secondary.VPID) !== 0 &&
      list + EPTP_LIST_BYTES <= this.memory.ramBytes;
    m[EPTP_LIST >> 2] = switches ? RAM_BASE + list : 0;
    const calls = this.worldFunctions?.isEnabled === true &&
      (this.mode === VmxMode.ROOT || (functions & WORLD_CALL_FUNCTION) !== 0);
    m[WORLD_CALLS >> 2] = calls ? m[WORLD_GENERATION >> 2]! : 0;
  }

  /** Finds the APIC-access page out. Called when root or non-root operation begins. */
  noteApicAccessPage(): void {
    const isOn = this.mode === VmxMode.GUEST && (this.secondary & Secondary.APIC_ACCESSES) !== 0;
    this.apicAccessPage = isOn ? this.vmcs!.address(Field.APIC_ACCESS) : -1;
  }

  /** Records a VM exit: the instruction under way stops. */
  record(exit: ExitInformation): true {
    this.pending = exit;
    this.m[EVENT >> 2] = Event.VM_EXIT;
    this.m[EVENT_VECTOR >> 2] = 0;
    return true;
  }
}

/** Secondary controls of a VMCS: 0 unless they are activated. */
export function secondaryOf(vmcs: Pick<Vmcs, "word">): number {
  return (vmcs.word(Field.PRIMARY_CONTROLS) & Primary.SECONDARY) !== 0
    ? vmcs.word(Field.SECONDARY_CONTROLS)
    : 0;
}
