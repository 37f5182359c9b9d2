/** The mode the processor is in, from the state. */
import { floatModeFor, Mode, withReach } from "../cpu/mode.ts";
import { reachOf } from "../cpu/segment_limits.ts";
import { Cr0, Cr4 } from "../cpu/system/control_bits.ts";
import { Flag } from "../cpu/rflags.ts";
import {
  CPL,
  CR0,
  CR4,
  MXCSR,
  RFLAGS_SYSTEM,
  SEG_ATTRIBUTES,
  SEG_BASE,
  SEGMENT,
  Segment,
  SEGMENT_STRIDE,
} from "../cpu/state.ts";

/** Segment attributes: descriptor bits 55:40. */
export const ATTRIBUTE_L = 0x2000;
const ATTRIBUTE_DB = 0x4000;

const word = (segment: number, field: number): number => (SEGMENT + SEGMENT_STRIDE * segment + field) >> 2;

const CS_ATTRIBUTES = word(Segment.CS, SEG_ATTRIBUTES), SS_ATTRIBUTES = word(Segment.SS, SEG_ATTRIBUTES);

/** The mode bits (cpu/mode.ts). */
export function currentMode(m: Int32Array): number {
  const rflags = m[RFLAGS_SYSTEM >> 2]!, cr0 = m[CR0 >> 2]!;
  let mode = floatModeFor(m[MXCSR >> 2]!) << Mode.FP_SHIFT;
  const cpl = m[CPL >> 2]!;
  if (cpl !== 0) mode |= cpl === 3 ? Mode.USER : Mode.MIDDLE;
  if ((rflags & (Flag.TF | Flag.RF)) !== 0) mode |= Mode.TRAP;
  if ((cr0 & Cr0.PE) === 0 || (rflags & Flag.VM) !== 0) mode |= Mode.REAL;
  if ((cr0 & (Cr0.TS | Cr0.EM)) !== 0) mode |= Mode.NO_FPU;
  if (cpl === 3 && (cr0 & Cr0.AM) !== 0 && (rflags & Flag.AC) !== 0) mode |= Mode.ALIGN;
  const attributes = m[CS_ATTRIBUTES]!;
  if ((attributes & ATTRIBUTE_L) !== 0) return mode | ((m[CR4 >> 2]! & Cr4.LA57) !== 0 ? 2 | Mode.LA57 : 2);
  if ((attributes & ATTRIBUTE_DB) !== 0) mode |= 1;
  if ((m[SS_ATTRIBUTES]! & ATTRIBUTE_DB) !== 0) mode |= Mode.STACK32;
  const real = (mode & Mode.REAL) !== 0;
  for (let segment = Segment.ES as number; segment <= Segment.GS; segment++) {
    mode |= withReach(segment, reachOf(m, segment, real));
  }
  return segmented(m) ? mode | Mode.SEGMENTED : mode;
}

function segmented(m: Int32Array): boolean {
  for (let segment = Segment.ES as number; segment <= Segment.DS; segment++) {
    if (m[word(segment, SEG_BASE)] !== 0) return true;
  }
  return false;
}
