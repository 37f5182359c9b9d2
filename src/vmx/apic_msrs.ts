/** The MSRs of an x2APIC as a guest has them. SDM vol. 3C, section 30.5. */
import type { MsrValue } from "../cpu/system/bus.ts";
import { exitForWrite } from "./apic_access.ts";
import { isLegalVector, VirtualRegister } from "./apic_registers.ts";
import { Secondary } from "./controls.ts";
import {
  readRegister,
  setVirtualPriority,
  virtualizeEoi,
  virtualizeSelfIpi,
  writeRegister,
} from "./virtual_apic.ts";
import type { VmxState } from "./vmx_state.ts";

const FIRST = 0x800, LAST = 0x8ff;

/** Offset in the virtual-APIC page of the register that an MSR is; undefined: it is the processor's. */
function registerOf({ secondary }: VmxState, index: number): number | undefined {
  const isApic = index >= FIRST && index <= LAST;
  return isApic && (secondary & Secondary.X2APIC) !== 0 ? (index - FIRST) << 4 : undefined;
}

/** Value of an MSR that is virtual; undefined if it is the processor's. */
export function readApicMsr(state: VmxState, index: number): MsrValue | undefined {
  const register = registerOf(state, index);
  if (register === undefined) return undefined;
  const all = (state.secondary & Secondary.APIC_REGISTERS) !== 0;
  if (!all && register !== VirtualRegister.TASK_PRIORITY) return undefined;
  return { lo: readRegister(state, register), hi: readRegister(state, register + 4) };
}

/** Writes one; false: #GP(0); undefined: it is the processor's. */
export function writeApicMsr(state: VmxState, index: number, lo: number, hi: number): boolean | undefined {
  const register = registerOf(state, index);
  const isByte = hi === 0 && lo >>> 8 === 0;
  if (register === VirtualRegister.TASK_PRIORITY) {
    if (isByte) setVirtualPriority(state, lo);
    return isByte;
  }
  if ((state.secondary & Secondary.INTERRUPT_DELIVERY) === 0) return undefined;
  switch (register) {
    case VirtualRegister.EOI:
      if (lo !== 0 || hi !== 0) return false;
      writeRegister(state, register, 0);
      virtualizeEoi(state);
      return true;
    case VirtualRegister.SELF_IPI:
      if (!isByte) return false;
      writeRegister(state, register, lo);
      if (isLegalVector(lo)) virtualizeSelfIpi(state, lo);
      else exitForWrite(state, register);
      return true;
    default:
      return undefined;
  }
}
