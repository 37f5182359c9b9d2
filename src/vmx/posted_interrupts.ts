/** Posted interrupts: others request a guest's virtual interrupts in a descriptor, and notify its processor. SDM vol. 3C, section 30.6. */
import { RAM_BASE } from "../memory/physical.ts";
import { VirtualRegister } from "./apic_registers.ts";
import { Pin } from "./controls.ts";
import { Field } from "./fields.ts";
import { readRegister, requestVector, writeRegister } from "./virtual_apic.ts";
import type { VmxState } from "./vmx_state.ts";

/** The descriptor: 256 requests, then bit 0 of a byte: a notification is outstanding. */
const REQUEST_WORDS = 8, OUTSTANDING_AT = 32, OUTSTANDING = 1, DESCRIPTOR_BYTES = 64;
const WORD_DISTANCE = 16;

/** Whether an interrupt that has been acknowledged is a notification. */
export const isNotification = (state: VmxState, vector: number): boolean =>
  state.pin(Pin.POSTED_INTERRUPTS) && vector === state.word(Field.POSTED_INTERRUPT_VECTOR);

/** Makes the posted interrupts requests of the virtual APIC; the local APIC is done with the notification. */
export function processPosted(state: VmxState): void {
  const { memory: { view, u8, ramBytes }, mmu } = state;
  const place = state.vmcs!.address(Field.POSTED_INTERRUPT_DESCRIPTOR), at = RAM_BASE + place;
  let highest = 0;
  if (place + DESCRIPTOR_BYTES <= ramBytes) {
    u8[at + OUTSTANDING_AT]! &= ~OUTSTANDING;
    for (let n = 0; n < REQUEST_WORDS; n++) {
      const posted = view.getInt32(at + 4 * n, true), register = VirtualRegister.REQUEST + WORD_DISTANCE * n;
      if (posted === 0) continue;
      view.setInt32(at + 4 * n, 0, true);
      writeRegister(state, register, readRegister(state, register) | posted);
      highest = 32 * n + 31 - Math.clz32(posted);
    }
    mmu.wroteRam(place, DESCRIPTOR_BYTES);
  }
  requestVector(state, highest);
}
