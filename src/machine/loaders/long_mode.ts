/** The state in which boot loaders enter 64-bit kernels: 64-bit mode, flat segments, interrupts off. */
import { CR0, CR3, CR4, EFER, GDTR_BASE, GDTR_LIMIT, GPR, Gpr } from "../../cpu/state.ts";
import { SEG_ATTRIBUTES, SEG_SELECTOR, SEGMENT, Segment, SEGMENT_STRIDE } from "../../cpu/state.ts";
import { Cr0, Cr4, Efer } from "../../cpu/system/control_bits.ts";
import type { BootEntry } from "./boot_request.ts";
import { BOOT_CODE, BOOT_DATA } from "./identity_map.ts";
import { enterProtectedMode } from "./protected_mode.ts";

/** Descriptor bits 55:40: present, DPL 0, accessed, limit in pages; 64-bit code, data. */
const CODE = 0xa09b, DATA = 0xc093;

/** Puts the state there. */
export function enterLongMode(
  state: DataView,
  { rip, rsi, cr3, gdt, gdtSize }: Extract<BootEntry, { mode: "long" }>,
): void {
  enterProtectedMode(state, { mode: "protected", eip: rip, eax: 0, ebx: 0 });
  const set = (offset: number, value: number): void => state.setUint32(offset, value >>> 0, true);
  set(CR0, Cr0.PE | Cr0.ET | Cr0.PG);
  set(CR3, cr3);
  set(CR4, Cr4.PAE);
  set(EFER, Efer.LME | Efer.LMA);
  set(GDTR_BASE, gdt);
  set(GDTR_LIMIT, gdtSize - 1);
  set(GPR + 8 * Gpr.RSI, rsi);
  for (const n of Object.values(Segment)) {
    const at = SEGMENT + SEGMENT_STRIDE * n, code = n === Segment.CS;
    set(at + SEG_SELECTOR, code ? BOOT_CODE : BOOT_DATA);
    set(at + SEG_ATTRIBUTES, code ? CODE : DATA);
  }
}
