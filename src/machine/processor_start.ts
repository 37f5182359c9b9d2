/** Where INIT and STARTUP leave a processor. SDM vol. 3A, table 10-1 and section 9.4. */
import { Flag, writeRflags } from "../cpu/rflags.ts";
import {
  CPL,
  CR0,
  CR2,
  CR3,
  CR4,
  DR,
  DR6,
  DR7,
  EFER,
  EVENT,
  FCW,
  GDTR_BASE,
  GDTR_LIMIT,
  GPR,
  Gpr,
  IDTR_BASE,
  IDTR_LIMIT,
  INTERRUPTIBILITY,
  LDTR,
  MSR_PAT,
  MXCSR,
  RIP,
  SEG_ATTRIBUTES,
  SEG_BASE,
  SEG_LIMIT,
  SEG_SELECTOR,
  SEGMENT,
  Segment,
  SEGMENT_STRIDE,
  TR,
  XCR0,
  XMM,
} from "../cpu/state.ts";
import { SIGNATURE } from "../cpu/cpuid.ts";
import { Cr0 } from "../cpu/system/control_bits.ts";

/** Descriptor bits 55:40 in real-address mode: data, code, a system segment of each kind. */
const DATA = 0x93, CODE = 0x9b, LDT = 0x82, TASK_STATE = 0x8b;
const LIMIT = 0xffff;
const RESET_SELECTOR = 0xf000, RESET_BASE = 0xffff_0000, RESET_OFFSET = 0xfff0;
const DR6_RESET = 0xffff_0ff0, DR7_RESET = 0x400;
const REGISTERS = 16;
const FCW_RESET = 0x40, MXCSR_RESET = 0x1f80, PAT_RESET = 0x0007_0406_0007_0406n;
/** The x87 component is always enabled. */
const XCR0_RESET = 1;

/** Power-up: INIT, and what INIT leaves alone. */
export function enterResetState(state: DataView): void {
  state.setUint32(FCW, FCW_RESET, true);
  state.setUint32(MXCSR, MXCSR_RESET, true);
  state.setUint32(XCR0, XCR0_RESET, true);
  state.setUint32(CR0, Cr0.CD | Cr0.NW, true);
  state.setBigUint64(MSR_PAT, PAT_RESET, true);
  enterInitState(state);
}

/**
 * INIT: real-address mode at the reset vector. Caching control, x87 and SSE registers, and most MSRs stay.
 *
 * @param state the processor's state
 */
export function enterInitState(state: DataView): void {
  const set = (offset: number, value: number): void => state.setUint32(offset, value >>> 0, true);
  const set64 = (offset: number, value: number): void => {
    set(offset, value);
    set(offset + 4, 0);
  };
  const segment = (at: number, selector: number, base: number, attributes: number): void => {
    set(at + SEG_SELECTOR, selector);
    set(at + SEG_LIMIT, LIMIT);
    set(at + SEG_ATTRIBUTES, attributes);
    set64(at + SEG_BASE, base);
  };
  set64(CR0, (state.getUint32(CR0, true) & (Cr0.CD | Cr0.NW)) | Cr0.ET);
  for (const register of [CR2, CR3, CR4, EFER, GDTR_BASE, IDTR_BASE]) set64(register, 0);
  for (let n = 0; n < REGISTERS; n++) set64(GPR + 8 * n, 0);
  set64(GPR + 8 * Gpr.RDX, SIGNATURE);
  for (let n = 0; n < 4; n++) set64(DR + 8 * n, 0);
  set64(DR6, DR6_RESET);
  set64(DR7, DR7_RESET);
  for (const limit of [GDTR_LIMIT, IDTR_LIMIT]) set(limit, LIMIT);
  for (const cell of [CPL, EVENT, INTERRUPTIBILITY]) set(cell, 0);
  for (const n of Object.values(Segment)) {
    if (n !== Segment.CS) segment(SEGMENT + SEGMENT_STRIDE * n, 0, 0, DATA);
  }
  segment(SEGMENT + SEGMENT_STRIDE * Segment.CS, RESET_SELECTOR, RESET_BASE, CODE);
  segment(LDTR, 0, 0, LDT);
  segment(TR, 0, 0, TASK_STATE);
  set64(RIP, RESET_OFFSET);
  // Flags and what is before them in the state are 32-bit cells.
  writeRflags(new Int32Array(state.buffer, state.byteOffset, XMM >> 2), Flag.FIXED);
}

/** STARTUP: goes on at the page that the vector names, in real-address mode. */
export function enterStartup(state: DataView, vector: number): void {
  goOnInRealMode(state, vector << 8, 0);
}

/** Goes on at another place in real-address mode. */
export function goOnInRealMode(state: DataView, selector: number, offset: number): void {
  const at = SEGMENT + SEGMENT_STRIDE * Segment.CS;
  state.setUint32(at + SEG_SELECTOR, selector, true);
  state.setUint32(at + SEG_BASE, selector << 4, true);
  state.setBigUint64(RIP, BigInt(offset), true);
}
