/** VMX of one processor. SDM vol. 3C, chapters 24 to 31. */
import type { SystemUnit } from "../cpu/system/unit.ts";
import { Blocking, INTERRUPTIBILITY, VmxMode } from "../cpu/state.ts";
import type { Mmu } from "../memory/mmu.ts";
import type { LinearMemory } from "../memory/physical.ts";
import { ApicAccess, emulateWrite } from "./apic_access.ts";
import { Boundary } from "./boundary.ts";
import { ExitControl, Pin } from "./controls.ts";
import { Ept } from "./ept.ts";
import { leaveGuest } from "./exit.ts";
import { Reason } from "./exit_reasons.ts";
import { Field } from "./fields.ts";
import { Instructions } from "./instructions.ts";
import { GuestIntercepts } from "./intercepts.ts";
import { isNotification, processPosted } from "./posted_interrupts.ts";
import { VmxState, type VmxSurroundings } from "./vmx_state.ts";

const EXTERNAL_VALID = 1 << 31;

/** Where external interrupts come from. */
export interface InterruptSource {
  /** Takes the interrupt that is pending. Its vector. */
  acknowledge(): number;
  /** The local APIC is done with what it has brought last. */
  endOfInterrupt(): void;
}

/** VMX. Make it for a processor's system unit; from then on the unit executes the instructions. */
export class Vmx {
  readonly state: VmxState;
  /** What is due between a guest's instructions. */
  readonly boundary: Boundary;

  constructor(memory: LinearMemory, mmu: Mmu, unit: SystemUnit, surroundings: VmxSurroundings) {
    this.state = new VmxState(memory, mmu, unit, surroundings);
    const intercepts = this.state.intercepts = new GuestIntercepts(this.state);
    this.boundary = new Boundary(this.state, intercepts);
    mmu.secondStage = new Ept(this.state);
    mmu.accessPage = new ApicAccess(this.state);
    unit.vmx = new Instructions(this.state);
  }

  /** Non-root operation. */
  get inGuest(): boolean {
    return this.state.mode === VmxMode.GUEST;
  }
  /** When the preemption timer runs out. */
  get deadline(): number {
    return this.state.deadline;
  }

  /** Completes the VM exit that the dispatcher returned with. False: VMX abort, the processor shuts down. */
  settle(): boolean {
    return leaveGuest(this.state);
  }

  /** Whether external interrupts cause exits, enabled or not. */
  get catchesInterrupts(): boolean {
    return this.inGuest && this.state.pin(Pin.EXTERNAL_INTERRUPT);
  }

  /** Whether NMIs are blocked. With virtual NMIs it is those of the guest that the interruptibility state tells of. */
  get blocksNmis(): boolean {
    const { state } = this, blocked = (state.m[INTERRUPTIBILITY >> 2]! & Blocking.NMI) !== 0;
    return blocked && !(this.inGuest && state.pin(Pin.VIRTUAL_NMIS));
  }

  /**
   * An external interrupt causes a VM exit; it is acknowledged if the exit control says so. If it is a notification then,
   * posted interrupts are processed instead. False: VMX abort.
   */
  externalInterrupt(source: InterruptSource): boolean {
    const { state } = this;
    const takes = (state.word(Field.EXIT_CONTROLS) & ExitControl.ACKNOWLEDGE) !== 0;
    const vector = takes ? source.acknowledge() : undefined;
    if (vector !== undefined && isNotification(state, vector)) {
      source.endOfInterrupt();
      processPosted(state);
      return true;
    }
    const interruption = vector === undefined ? 0 : vector | EXTERNAL_VALID;
    state.record({ reason: Reason.EXTERNAL_INTERRUPT, qualification: 0n, interruption });
    return this.settle();
  }

  /** INIT causes a VM exit. False: VMX abort. */
  init(): boolean {
    // What an instruction has written to the APIC-access page is emulated before anything else happens.
    if (this.state.apicWrite !== undefined) emulateWrite(this.state);
    this.state.record({ reason: Reason.INIT, qualification: 0n });
    return this.settle();
  }

  /** STARTUP, while the guest waits for it, causes one. */
  startup(vector: number): boolean {
    this.state.record({ reason: Reason.SIPI, qualification: BigInt(vector) });
    return this.settle();
  }
}
