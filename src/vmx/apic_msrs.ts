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

/** A register whose MSR a guest can write without an exit. */
interface VirtualWrite {
  /** The secondary control that makes it so, beside that of x2APIC mode. */
  readonly control: number;
  /** Bits that need not be 0. */
  readonly writable: number;
  readonly virtualize: (state: VmxState, value: number) => void;
}

const WRITES: ReadonlyMap<number, VirtualWrite> = new Map([
  [VirtualRegister.TASK_PRIORITY, { control: 0, writable: 0xff, virtualize: setVirtualPriority }],
  [VirtualRegister.EOI, {
    control: Secondary.INTERRUPT_DELIVERY,
    writable: 0,
    virtualize: virtualizeEoi,
  }],
  [VirtualRegister.SELF_IPI, {
    control: Secondary.INTERRUPT_DELIVERY,
    writable: 0xff,
    virtualize: (state: VmxState, vector: number): void =>
      isLegalVector(vector)
        ? virtualizeSelfIpi(state, vector)
        : exitForWrite(state, VirtualRegister.SELF_IPI),
  }],
]);

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
  const write = register === undefined ? undefined : WRITES.get(register);
  if (register === undefined || write === undefined || (state.secondary & write.control) !== write.control) {
    return undefined;
  }
  if (hi !== 0 || (lo & ~write.writable) !== 0) return false;
  writeRegister(state, register, lo);
  writeRegister(state, register + 4, hi);
  write.virtualize(state, lo);
  return true;
}
