/** VMCS shadowing: VMREAD and VMWRITE of a guest reach the VMCS that the link pointer names. SDM vol. 3C, section 25.10. */
import { RAM_BASE } from "../memory/physical.ts";
import { Secondary } from "./controls.ts";
import { Reason } from "./exit_reasons.ts";
import { Field } from "./fields.ts";
import { Vmcs } from "./vmcs.ts";
import { NO_VMCS, type VmxState } from "./vmx_state.ts";

/** Highest encoding that the bitmaps have a bit for. */
const HIGHEST = 0x7fff;

/** Whether a guest's VMREAD or VMWRITE of a field goes to the shadow VMCS; else it causes a VM exit. */
export function isShadowed(state: VmxState, reason: number, fieldLo: number, fieldHi: number): boolean {
  if ((state.secondary & Secondary.SHADOWING) === 0 || fieldHi !== 0 || fieldLo >>> 0 > HIGHEST) return false;
  const { u8, ramBytes } = state.memory;
  const bitmap = state.vmcs!.read(reason === Reason.VMREAD ? Field.VMREAD_BITMAP : Field.VMWRITE_BITMAP);
  const place = Number(bitmap) + (fieldLo >> 3);
  return place < ramBytes && ((u8[RAM_BASE + place]! >> (fieldLo & 7)) & 1) === 0;
}

/** The VMCS that the link pointer names; undefined if it names none. */
export function shadowOf({ vmcs, memory }: VmxState): Vmcs | undefined {
  const link = vmcs!.read(Field.VMCS_LINK_POINTER);
  return link === NO_VMCS ? undefined : new Vmcs(memory, link);
}
