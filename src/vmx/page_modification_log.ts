/** Page-modification logging: which pages a guest has made dirty. SDM vol. 3C, section 29.3.6. */
import { RAM_BASE } from "../memory/physical.ts";
import { Secondary } from "./controls.ts";
import { Field } from "./fields.ts";
import type { VmxState } from "./vmx_state.ts";

const ENTRIES = 512, ENTRY_BYTES = 8, PAGE = 0x1000;

const isOn = ({ secondary }: VmxState): boolean => (secondary & Secondary.PML) !== 0;

/** Whether there is a log without room for an entry: then no accessed or dirty flag of EPT may be set. */
export const logIsFull = (state: VmxState): boolean => isOn(state) && state.word(Field.PML_INDEX) >= ENTRIES;

/** Logs that a dirty flag of EPT has been set for an access to this address, if there is a log. */
export function logModification(state: VmxState, gpa: number): void {
  if (!isOn(state)) return;
  const { memory: { view, ramBytes }, mmu } = state, v = state.vmcs!, index = v.word(Field.PML_INDEX);
  const place = v.address(Field.PML_ADDRESS) + ENTRY_BYTES * index;
  if (place + ENTRY_BYTES <= ramBytes) {
    view.setBigUint64(RAM_BASE + place, BigInt(gpa - gpa % PAGE), true);
    mmu.wroteRam(place, ENTRY_BYTES);
  }
  // Behind entry 0 it is FFFFH: the log is full.
  v.write(Field.PML_INDEX, index - 1);
}
