/** MSR areas of VM entries and exits. SDM vol. 3C, sections 25.7.2, 25.8.2, 27.4, 28.4 and 28.6. */
import { RAM_BASE } from "../memory/physical.ts";
import { Msr } from "../cpu/system/msr.ts";
import type { VmxState } from "./vmx_state.ts";

const ENTRY_BYTES = 16;
/** MSRs that the areas may not load: FS and GS bases, and those of the x2APIC. */
const isForbidden = (index: number): boolean =>
  index === (Msr.FS_BASE | 0) || index === (Msr.GS_BASE | 0) || index >>> 8 === 8;

/** Loads an area. The number of the entry that failed (from 1), or 0. */
export function loadMsrs(state: VmxState, address: number, count: number): number {
  const entries = state.word(count) >>> 0, { view, ramBytes } = state.memory;
  let place = state.vmcs!.address(address);
  for (let entry = 1; entry <= entries; entry++, place += ENTRY_BYTES) {
    if (place + ENTRY_BYTES > ramBytes) return entry;
    const at = RAM_BASE + place, index = view.getInt32(at, true);
    const value = [view.getInt32(at + 8, true), view.getInt32(at + 12, true)] as const;
    if (isForbidden(index) || view.getInt32(at + 4, true) !== 0) return entry;
    if (!state.unit.msrs.write(index, ...value)) return entry;
  }
  return 0;
}

/** Stores MSRs to an area; false if one cannot be. */
export function storeMsrs(state: VmxState, address: number, count: number): boolean {
  const entries = state.word(count) >>> 0, { view, ramBytes } = state.memory;
  let place = state.vmcs!.address(address);
  for (let entry = 0; entry < entries; entry++, place += ENTRY_BYTES) {
    if (place + ENTRY_BYTES > ramBytes) return false;
    const at = RAM_BASE + place, index = view.getInt32(at, true);
    const value = state.unit.msrs.read(index);
    if (value === undefined || index >>> 8 === 8 || view.getInt32(at + 4, true) !== 0) return false;
    view.setInt32(at + 8, value.lo, true);
    view.setInt32(at + 12, value.hi, true);
    state.mmu.wroteRam(place + 8, 8);
  }
  return true;
}
