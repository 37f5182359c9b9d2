/** The virtual-APIC page: the task priority of a guest. SDM vol. 3C, sections 30.1.1 to 30.1.2. */
import { ATTENTION, Attention } from "../cpu/state.ts";
import { type LinearMemory, RAM_BASE } from "../memory/physical.ts";
import { Reason } from "./exit_reasons.ts";
import { Field } from "./fields.ts";
import type { VmxState } from "./vmx_state.ts";

/** Offset of the task-priority register in the page. */
export const VIRTUAL_TPR = 0x80;

/** A byte of a page in RAM; 0 if it lies outside. */
export function pageByte({ u8, ramBytes }: LinearMemory, page: bigint, offset: number): number {
  const place = Number(page) + offset;
  return place < ramBytes ? u8[RAM_BASE + place]! : 0;
}

/** VTPR. */
export const virtualPriority = ({ memory, vmcs }: VmxState): number =>
  pageByte(memory, vmcs!.read(Field.VIRTUAL_APIC), VIRTUAL_TPR);

/** TPR virtualization: writes VTPR; below the threshold a VM exit follows the instruction. */
export function setVirtualPriority(state: VmxState, value: number): void {
  const { memory, mmu, vmcs, m } = state;
  const place = Number(vmcs!.read(Field.VIRTUAL_APIC)) + VIRTUAL_TPR;
  if (place + 4 <= memory.ramBytes) {
    memory.view.setUint32(RAM_BASE + place, value, true);
    mmu.wroteRam(place, 4);
  }
  if (value >> 4 >= (vmcs!.word(Field.TPR_THRESHOLD) & 15)) return;
  state.following = { reason: Reason.TPR_BELOW_THRESHOLD, qualification: 0n };
  m[ATTENTION >> 2]! |= Attention.NOW;
}
