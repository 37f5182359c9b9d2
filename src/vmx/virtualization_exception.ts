/** Virtualization exceptions: EPT violations that the guest handles itself. SDM vol. 3C, section 26.5.7. */
import { Vector } from "../cpu/fault.ts";
import { Cr0 } from "../cpu/system/control_bits.ts";
import { CR0, EPTP_INDEX } from "../cpu/state.ts";
import { RAM_BASE } from "../memory/physical.ts";
import { Secondary } from "./controls.ts";
import { Reason } from "./exit_reasons.ts";
import { Field } from "./fields.ts";
import type { VmxState } from "./vmx_state.ts";

/** The virtualization-exception information area. */
const Area = {
  REASON: 0,
  BUSY: 4,
  QUALIFICATION: 8,
  LINEAR: 16,
  PHYSICAL: 24,
  EPTP_INDEX: 32,
  BYTES: 34,
} as const;
const BUSY = 0xffff_ffff;

/** An EPT violation. */
export interface EptViolation {
  readonly qualification: bigint;
  readonly linear: bigint;
  readonly physical: bigint;
}

/** Raises #VE instead of an exit, and tells of it in the guest's area. False if it must be an exit. */
export function raiseVirtualizationException(state: VmxState, violation: EptViolation): boolean {
  const { m, memory: { view, ramBytes }, unit, vmcs } = state;
  if (vmcs === undefined || (state.secondary & Secondary.EPT_EXCEPTION) === 0) return false;
  if ((m[CR0 >> 2]! & Cr0.PE) === 0 || unit.context.delivering) return false;
  const area = vmcs.address(Field.EXCEPTION_INFORMATION);
  if (area + Area.BYTES > ramBytes) return false;
  const at = RAM_BASE + area;
  if (view.getUint32(at + Area.BUSY, true) !== 0) return false;
  view.setUint32(at + Area.REASON, Reason.EPT_VIOLATION, true);
  view.setUint32(at + Area.BUSY, BUSY, true);
  view.setBigUint64(at + Area.QUALIFICATION, violation.qualification, true);
  view.setBigUint64(at + Area.LINEAR, violation.linear, true);
  view.setBigUint64(at + Area.PHYSICAL, violation.physical, true);
  view.setUint16(at + Area.EPTP_INDEX, m[EPTP_INDEX >> 2]!, true);
  state.mmu.wroteRam(area, Area.BYTES);
  unit.context.raise(Vector.VE);
  return true;
}
