/** Accesses of a guest to the APIC-access page: virtualized, or VM exits. SDM vol. 3C, section 30.4. */
import { ATTENTION, Attention } from "../cpu/state.ts";
import type { AccessPage, PageAccess } from "../memory/access_page.ts";
import { ICR_DESTINATION, isVirtual, registerAt, selfVector, VirtualRegister } from "./apic_registers.ts";
import { Primary, Secondary } from "./controls.ts";
import { Reason } from "./exit_reasons.ts";
import {
  exitBehind,
  readRegister,
  registerPlace,
  setVirtualPriority,
  virtualizeEoi,
  virtualizeSelfIpi,
  writeRegister,
} from "./virtual_apic.ts";
import type { VmxState } from "./vmx_state.ts";

/** Access types in the qualification, bits 15:12. SDM vol. 3C, table 28-6. */
const TYPES: Readonly<Record<PageAccess, number>> = { read: 0, write: 1, fetch: 2 };
const IN_DELIVERY = 3, PHYSICAL_IN_DELIVERY = 10, PHYSICAL = 15, TYPE_AT = 12;

/** The APIC-access page of one processor. */
export class ApicAccess implements AccessPage {
  constructor(readonly state: VmxState) {}

  get page(): number {
    return this.state.apicAccessPage;
  }

  locate(offset: number, size: number, access: PageAccess): number {
    const { state } = this, write = access === "write", place = registerPlace(state, offset);
    const allowed = access !== "fetch" && state.primary(Primary.TPR_SHADOW) &&
      isVirtual(offset, size, write, state.secondary) && place + size <= state.memory.ramBytes;
    if (!allowed || !this.#mayFollow(offset, size, write)) {
      return this.#exit(TYPES[access], IN_DELIVERY, offset);
    }
    if (write) {
      state.apicWrite = { offset, size };
      state.m[ATTENTION >> 2]! |= Attention.NOW;
    }
    return place;
  }

  /** Accesses to paging structures are never virtualized: section 30.4.6.1. */
  refuseTable(): void {
    this.#exit(PHYSICAL, PHYSICAL_IN_DELIVERY, 0);
  }

  /** Behind a write that has been virtualized, the same operation can only do it again. */
  #mayFollow(offset: number, size: number, write: boolean): boolean {
    const before = this.state.apicWrite;
    return before === undefined || (write && before.offset === offset && before.size === size);
  }

  #exit(type: number, inDelivery: number, offset: number): -1 {
    const { state } = this, shown = state.unit.context.delivering ? inDelivery : type;
    state.record({ reason: Reason.APIC_ACCESS, qualification: BigInt((shown << TYPE_AT) | offset) });
    return -1;
  }
}

/** APIC-write emulation: what a write to the virtual-APIC page brings about, behind the instruction. Section 30.4.3.2. */
export function emulateWrite(state: VmxState): void {
  const { offset } = state.apicWrite!, delivers = (state.secondary & Secondary.INTERRUPT_DELIVERY) !== 0;
  state.apicWrite = undefined;
  if (offset === VirtualRegister.TASK_PRIORITY) {
    return setVirtualPriority(state, readRegister(state, offset));
  }
  if (offset === VirtualRegister.EOI && delivers) {
    writeRegister(state, offset, 0);
    return virtualizeEoi(state);
  }
  const register = registerAt(offset);
  if (register === VirtualRegister.ICR_HIGH) {
    return writeRegister(state, register, readRegister(state, register) & ICR_DESTINATION);
  }
  const vector = offset === VirtualRegister.ICR_LOW && delivers
    ? selfVector(readRegister(state, offset))
    : undefined;
  if (vector !== undefined) return virtualizeSelfIpi(state, vector);
  exitForWrite(state, offset);
}

/** The hypervisor completes the write. Section 30.4.3.3. */
export function exitForWrite(state: VmxState, offset: number): void {
  exitBehind(state, { reason: Reason.APIC_WRITE, qualification: BigInt(offset) });
}
