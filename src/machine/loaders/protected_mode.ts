/** The state in which boot loaders enter 32-bit kernels: protected mode, flat segments, no paging. */
import { Flag, writeRflags } from "../../cpu/rflags.ts";
import {
  CPL,
  CR0,
  DR6,
  DR7,
  FCW,
  GDTR_BASE,
  GDTR_LIMIT,
  GPR,
  Gpr,
  IDTR_LIMIT,
  MSR_PAT,
  MXCSR,
  RIP,
  SEG_ATTRIBUTES,
  SEG_LIMIT,
  SEG_SELECTOR,
  SEGMENT,
  Segment,
  SEGMENT_STRIDE,
  TR,
  XCR0,
} from "../../cpu/state.ts";
import { BOOT_CODE, BOOT_DATA } from "./boot_descriptors.ts";
import type { BootEntry } from "./boot_request.ts";

/** PE, ET. */
const CR0_PROTECTED = 0x11;
/** Descriptor bits 55:40: present, DPL 0, accessed, 32 bits, limit in pages; code or data. */
const CODE = 0xc09b, DATA = 0xc093;
/** A busy 32-bit TSS. */
const TASK_STATE = 0x8b;
/** Selectors, where the protocol leaves open what they are. */
const CODE_SELECTOR = 8, DATA_SELECTOR = 0x10;
/** After RESET. SDM vol. 3A, tables 9-1 and 12-12. */
const DR6_RESET = 0xffff_0ff0, DR7_RESET = 0x400, FCW_RESET = 0x40, MXCSR_RESET = 0x1f80;
const PAT_RESET = 0x0007_0406_0007_0406n;
/** The x87 component is always enabled. */
const XCR0_RESET = 1;

/** Puts the state there. */
export function enterProtectedMode(
  state: DataView,
  { eip, eax, ebx, esi = 0, descriptors }: Extract<BootEntry, { mode: "protected" }>,
): void {
  const set = (offset: number, value: number): void => state.setUint32(offset, value >>> 0, true);
  set(CR0, CR0_PROTECTED);
  set(CPL, 0);
  set(RIP, eip);
  set(GPR + 8 * Gpr.RAX, eax);
  set(GPR + 8 * Gpr.RBX, ebx);
  set(GPR + 8 * Gpr.RSI, esi);
  set(DR6, DR6_RESET);
  set(DR7, DR7_RESET);
  set(FCW, FCW_RESET);
  set(MXCSR, MXCSR_RESET);
  set(XCR0, XCR0_RESET);
  set(IDTR_LIMIT, 0);
  set(TR + SEG_LIMIT, 0xffff);
  set(TR + SEG_ATTRIBUTES, TASK_STATE);
  state.setBigUint64(MSR_PAT, PAT_RESET, true);
  writeRflags(new Int32Array(state.buffer, state.byteOffset), Flag.FIXED);
  if (descriptors !== undefined) {
    set(GDTR_BASE, descriptors.gdt);
    set(GDTR_LIMIT, descriptors.gdtSize - 1);
  }
  const [codeSelector, dataSelector] = descriptors === undefined
    ? [CODE_SELECTOR, DATA_SELECTOR]
    : [BOOT_CODE, BOOT_DATA];
  for (const n of Object.values(Segment)) {
    const at = SEGMENT + SEGMENT_STRIDE * n;
    const code = n === Segment.CS;
    set(at + SEG_SELECTOR, code ? codeSelector : dataSelector);
    set(at + SEG_LIMIT, 0xffff_ffff);
    set(at + SEG_ATTRIBUTES, code ? CODE : DATA);
  }
}
