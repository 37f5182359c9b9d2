/** The mode bits that translated code depends on: the key, with the place, under which a block is cached. */
import { FpException } from "./float/significand.ts";
import { Mxcsr } from "./float/soft.ts";

/** Bits of a mode. */
export const Mode = {
  /** Bits 1:0: code size: 0 = 16, 1 = 32, 2 = 64. */
  CODE_SIZE: 3,
  /** CPL is 3. */
  USER: 4,
  /** SS.B: the stack pointer is ESP, not SP (not in 64-bit mode). */
  STACK32: 8,
  /** Some of ES, CS, SS, DS have a base that is not 0 (not in 64-bit mode). */
  SEGMENTED: 0x10,
  /** A `FloatMode`. */
  FP: 0x60,
  FP_SHIFT: 5,
  /** RFLAGS.TF: blocks of one instruction, #DB after it. */
  TRAP: 0x80,
  /** CR0.PE clear (real mode) or RFLAGS.VM set (virtual-8086). */
  REAL: 0x100,
  /** CR0.TS or CR0.EM stops x87, MMX and SSE instructions (#NM, #UD). */
  NO_FPU: 0x200,
  /** RFLAGS.AC and CR0.AM at CPL 3: alignment is checked. */
  ALIGN: 0x400,
  /** CPL is 1 or 2. */
  MIDDLE: 0x800,
  /** 5-level paging: linear addresses have 57 bits (only in 64-bit mode). */
  LA57: 0x100_0000,
  /** `Reach` (segment_limits.ts) of ES, CS, SS, DS, FS, GS, two bits each (0 in 64-bit mode). */
  REACH: 0xff_f000,
  REACH_SHIFT: 12,
} as const;

/** Floating-point modes: what MXCSR is like. In all but the plain one, flags matter to the bit. */
export const FloatMode = {
  /** Rounding to nearest, all exceptions masked, no DAZ, no FTZ, and PE is set already. */
  PLAIN: 0,
  /** All exceptions are masked. */
  EXACT: 1,
  /** Some exception is unmasked. */
  UNMASKED: 2,
  /** As plain, but PE is clear: nothing has been rounded yet. */
  UNROUNDED: 3,
} as const;
/** One of them. */
export type FloatMode = (typeof FloatMode)[keyof typeof FloatMode];

/** The floating-point mode of a mode. */
export function floatModeOf(mode: number): FloatMode {
  return ((mode & Mode.FP) >> Mode.FP_SHIFT) as FloatMode;
}

/** What of MXCSR says how to compute: rounding control, FTZ, DAZ, and the masks, which alone are set where it is plain. */
export const MXCSR_CONTROL: number = (3 << Mxcsr.RC_SHIFT) | Mxcsr.FTZ | Mxcsr.DAZ | Mxcsr.MASKS;
/** Its sticky bit of the precision exception. */
export const MXCSR_PE = FpException.PE;

/** The floating-point mode that MXCSR says. SDM vol. 1, section 10.2.3. */
export function floatModeFor(mxcsr: number): FloatMode {
  if ((mxcsr & MXCSR_CONTROL) === Mxcsr.MASKS) {
    return (mxcsr & MXCSR_PE) !== 0 ? FloatMode.PLAIN : FloatMode.UNROUNDED;
  }
  return (mxcsr & Mxcsr.MASKS) === Mxcsr.MASKS ? FloatMode.EXACT : FloatMode.UNMASKED;
}

const REACH_BITS = 2, REACH_MASK = 3;

/** `Reach` of a segment register in a mode. */
export function reachIn(mode: number, segment: number): number {
  return (mode >> (Mode.REACH_SHIFT + REACH_BITS * segment)) & REACH_MASK;
}

/** The mode bits of a `Reach`. */
export function withReach(segment: number, reach: number): number {
  return reach << (Mode.REACH_SHIFT + REACH_BITS * segment);
}
