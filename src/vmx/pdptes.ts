/** Page-directory-pointer entries of guests and hosts with PAE paging. SDM vol. 3C, sections 27.3.1.6, 27.3.2.4 and 28.5.4. */
import { PHYSICAL_HIGH } from "../cpu/address_widths.ts";
import { Cr0, Cr4 } from "../cpu/system/control_bits.ts";
import { PDPTE } from "../cpu/state.ts";
import { type LinearMemory, RAM_BASE } from "../memory/physical.ts";
import { EntryControl, Secondary } from "./controls.ts";
import { Field } from "./fields.ts";
import type { Vmcs } from "./vmcs.ts";
import { secondaryOf } from "./vmx_state.ts";

const PRESENT = 1n, COUNT = 4;
/** Bits 2:1 and 8:5, and those above the physical addresses. */
const RESERVED = 0x1e6n | (BigInt(~PHYSICAL_HIGH >>> 0) << 32n);
/** CR3 bits 31:5. */
const ROOT = 0xffff_ffe0n;

/** Whether a guest uses PAE paging. */
export const usesPdptes = (v: Vmcs): boolean =>
  (v.word(Field.GUEST_CR0) & Cr0.PG) !== 0 && (v.word(Field.GUEST_CR4) & Cr4.PAE) !== 0 &&
  (v.word(Field.ENTRY_CONTROLS) & EntryControl.LONG) === 0;

/** The guest's entries: with EPT the VMCS has them, else the table in memory; undefined where there is no memory. */
export function guestPdptes(v: Vmcs): readonly bigint[] | undefined {
  if ((secondaryOf(v) & Secondary.EPT) === 0) return pdptesAt(v.memory, v.read(Field.GUEST_CR3));
  return Array.from({ length: COUNT }, (_, n) => v.read(Field.GUEST_PDPTE0 + 2 * n));
}

/** The entries that CR3 leads to. */
export function pdptesAt({ view, ramBytes }: LinearMemory, cr3: bigint): readonly bigint[] | undefined {
  const place = Number(cr3 & ROOT);
  if (place + 8 * COUNT > ramBytes) return undefined;
  return Array.from({ length: COUNT }, (_, n) => view.getBigUint64(RAM_BASE + place + 8 * n, true));
}

/** Whether no present entry has reserved bits. */
export const arePdptesValid = (entries: readonly bigint[] | undefined): entries is readonly bigint[] =>
  entries?.every((entry) => (entry & PRESENT) === 0n || (entry & RESERVED) === 0n) === true;

/** Makes them the processor's. */
export function loadPdptes({ view }: LinearMemory, entries: readonly bigint[]): void {
  for (const [n, entry] of entries.entries()) view.setBigUint64(PDPTE + 8 * n, entry, true);
}

/** Saves the processor's in the VMCS. */
export function savePdptes(v: Vmcs): void {
  for (let n = 0; n < COUNT; n++) {
    v.write(Field.GUEST_PDPTE0 + 2 * n, v.memory.view.getBigUint64(PDPTE + 8 * n, true));
  }
}
