/** What happens between a guest's instructions: injection, traps, timer, windows. SDM vol. 3C, sections 26.2, 26.5 and 27.7. */
import { Vector } from "../cpu/fault.ts";
import { Flag } from "../cpu/rflags.ts";
import { Activity } from "../cpu/system/activity.ts";
import type { Delivery, DeliveryKind } from "../cpu/system/delivery.ts";
import { Blocking, DR7, INTERRUPTIBILITY, RFLAGS_SYSTEM, RIP, SHADOWS, VmxMode } from "../cpu/state.ts";
import { emulateWrite } from "./apic_access.ts";
import { Primary } from "./controls.ts";
import { getCell, setCell } from "./enter.ts";
import { EventType } from "./entry_fields.ts";
import { leaveGuest } from "./exit.ts";
import { Reason } from "./exit_reasons.ts";
import { Field } from "./fields.ts";
import type { GuestIntercepts } from "./intercepts.ts";
import { takeVirtualInterrupt } from "./virtual_apic.ts";
import { Debug, type VmxState } from "./vmx_state.ts";

const KINDS: Readonly<Record<number, DeliveryKind>> = {
  [EventType.EXTERNAL]: "external",
  [EventType.NMI]: "nmi",
  [EventType.HARDWARE]: "fault",
  [EventType.SOFTWARE]: "software",
  [EventType.PRIVILEGED]: "trap",
  [EventType.EXCEPTION]: "software",
};
const DELIVERS_ERROR = 0x800;

/** What was due before an instruction. */
export type Due = "nothing" | "something" | "shutdown";

/** The boundaries between the instructions of a guest. */
export class Boundary {
  constructor(readonly state: VmxState, readonly intercepts: GuestIntercepts) {}

  get inGuest(): boolean {
    return this.state.mode === VmxMode.GUEST;
  }

  /**
   * Does what is due before the next instruction, in the order of priority, down to what only an interrupt precedes.
   *
   * @param nmi an NMI is pending that is not blocked
   */
  before(nmi: boolean): Due {
    if (this.state.isAborted) return "shutdown";
    if (!this.inGuest) return "nothing";
    const { state } = this, { activity } = state.surroundings.waiting;
    state.unblockedNmis = false;
    if (state.entered) {
      state.entered = false;
      if (state.word(Field.ENTRY_INTERRUPTION) < 0) return this.#inject();
    }
    if (state.apicWrite !== undefined) emulateWrite(state);
    const listens = activity === Activity.ACTIVE || activity === Activity.HLT, { following } = state;
    if (following !== undefined && listens) {
      state.record(following);
      return this.#settle();
    }
    if (state.trapPending && listens) return this.#leave(Reason.MONITOR_TRAP_FLAG);
    if (listens && this.#debugIsDue()) return this.#deliverDebug();
    if (activity === Activity.WAIT_FOR_SIPI) return "nothing";
    if (state.deadline <= state.surroundings.now()) return this.#leave(Reason.PREEMPTION_TIMER);
    const blocked = state.m[INTERRUPTIBILITY >> 2]!;
    if (state.primary(Primary.NMI_WINDOW) && (blocked & (Blocking.NMI | Blocking.MOV_SS)) === 0) {
      return this.#leave(Reason.NMI_WINDOW);
    }
    if (nmi || !listens || !this.#awaitsWindow) return "nothing";
    if (!this.#interruptsEnabled || (blocked & SHADOWS) !== 0) return "nothing";
    return state.recognized ? this.#deliverVirtual() : this.#leave(Reason.INTERRUPT_WINDOW);
  }

  /** The processor is about to execute an instruction, or has just delivered an event. */
  proceed(): void {
    if (this.inGuest) this.state.trapPending = this.state.primary(Primary.MONITOR_TRAP_FLAG);
  }

  /** Whether something may be due after the next instruction, whatever it is. */
  get isNear(): boolean {
    if (!this.inGuest) return false;
    const { state } = this, blocked = state.m[INTERRUPTIBILITY >> 2]!;
    return state.primary(Primary.MONITOR_TRAP_FLAG) || state.debug !== 0 ||
      (state.primary(Primary.NMI_WINDOW) && (blocked & Blocking.NMI) === 0) ||
      (this.#awaitsWindow && this.#interruptsEnabled);
  }

  /** Whether something is due as soon as interrupts are enabled. */
  get awaitsInterruptFlag(): boolean {
    return this.inGuest && this.#awaitsWindow && !this.#interruptsEnabled;
  }

  /** Whether HLT and MWAIT end at once: an interrupt window is open that something waits for. */
  get endsWait(): boolean {
    return this.inGuest && this.#awaitsWindow && this.#interruptsEnabled;
  }

  /** Whether something is due when interrupts can be delivered: a virtual interrupt, or an exit. */
  get #awaitsWindow(): boolean {
    return this.state.recognized || this.state.primary(Primary.INTERRUPT_WINDOW);
  }

  get #interruptsEnabled(): boolean {
    return (this.state.m[RFLAGS_SYSTEM >> 2]! & Flag.IF) !== 0;
  }

  /** Delivers the event that VM entry injects. Section 27.6. */
  #inject(): Due {
    const { state } = this, { unit, m } = state;
    const information = state.word(Field.ENTRY_INTERRUPTION), type = (information >> 8) & 7;
    if (type === EventType.OTHER) {
      // Another event: the monitor trap flag's exit, whatever the control says.
      state.trapPending = true;
      return "something";
    }
    state.surroundings.waiting.activity = Activity.ACTIVE;
    const software = type >= EventType.SOFTWARE;
    const length = software ? state.word(Field.ENTRY_INSTRUCTION_LENGTH) : 0;
    if (software) setCell(m, RIP, getCell(m, RIP) + BigInt(length));
    const error = (information & DELIVERS_ERROR) !== 0 ? state.word(Field.ENTRY_ERROR_CODE) : undefined;
    const dr7 = getCell(m, DR7);
    this.intercepts.injecting = true;
    this.proceed();
    const delivery = unit.deliver(information & 0xff, error, KINDS[type]!, undefined, length);
    this.intercepts.injecting = false;
    // A debug exception that is injected leaves DR7.GD as it is. Section 27.6.1.
    if (delivery === "done") setCell(m, DR7, dr7);
    return this.#delivered(delivery);
  }

  /** Delivers the virtual interrupt that has been recognized. Section 30.2.2. */
  #deliverVirtual(): Due {
    const { state } = this, vector = takeVirtualInterrupt(state);
    state.surroundings.waiting.activity = Activity.ACTIVE;
    this.proceed();
    return this.#delivered(state.unit.deliver(vector, undefined, "external"));
  }

  #delivered(delivery: Delivery): Due {
    if (delivery === "exit") return this.#settle();
    return delivery === "shutdown" ? "shutdown" : "something";
  }

  #debugIsDue(): boolean {
    const { debug, m } = this.state;
    return (debug & (Debug.ENABLED | Debug.STEP)) !== 0 &&
      (m[INTERRUPTIBILITY >> 2]! & Blocking.MOV_SS) === 0;
  }

  /** Delivers the pending debug exceptions. */
  #deliverDebug(): Due {
    const { state } = this, { unit } = state;
    const causes = state.debug & (Debug.BREAKPOINTS | Debug.STEP);
    state.surroundings.waiting.activity = Activity.ACTIVE;
    this.proceed();
    const delivery = unit.deliver(Vector.DB, undefined, "trap", undefined, 0, causes);
    if (delivery !== "exit") state.debug = 0;
    return this.#delivered(delivery);
  }

  #leave(reason: number): Due {
    this.state.record({ reason, qualification: 0n });
    return this.#settle();
  }

  #settle(): Due {
    return leaveGuest(this.state) ? "something" : "shutdown";
  }
}
