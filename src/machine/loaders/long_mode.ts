/** The state in which boot loaders enter 64-bit kernels: 64-bit mode, flat segments, interrupts off. */
import { CR0, CR3, CR4, EFER, SEG_ATTRIBUTES, SEGMENT, Segment, SEGMENT_STRIDE } from "../../cpu/state.ts";
import { Cr0, Cr4, Efer } from "../../cpu/system/control_bits.ts";
import type { BootEntry } from "./boot_request.ts";
import { enterProtectedMode } from "./protected_mode.ts";

/** Descriptor bits 55:40: present, DPL 0, accessed, 64-bit code, limit in pages. */
const CODE = 0xa09b;

/** Puts the state there. */
export function enterLongMode(
  state: DataView,
  { rip, rsi, cr3, descriptors }: Extract<BootEntry, { mode: "long" }>,
): void {
  enterProtectedMode(state, { mode: "protected", eip: rip, eax: 0, ebx: 0, esi: rsi, descriptors });
  const set = (offset: number, value: number): void => state.setUint32(offset, value >>> 0, true);
  set(CR0, Cr0.PE | Cr0.ET | Cr0.PG);
  set(CR3, cr3);
  set(CR4, Cr4.PAE);
  set(EFER, Efer.LME | Efer.LMA);
  set(SEGMENT + SEGMENT_STRIDE * Segment.CS + SEG_ATTRIBUTES, CODE);
}
