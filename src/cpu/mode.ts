/** The mode bits that translated code depends on: the key, with the place, under which a block is cached. */

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
  /**
   * Floating point, two bits. 0, plain: rounding to nearest, PE already set, all exceptions masked, no DAZ, no FTZ.
   * 1, exact: all exceptions masked. 2: some exception unmasked.
   */
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

const REACH_BITS = 2, REACH_MASK = 3;

/** `Reach` of a segment register in a mode. */
export function reachIn(mode: number, segment: number): number {
  return (mode >> (Mode.REACH_SHIFT + REACH_BITS * segment)) & REACH_MASK;
}

/** The mode bits of a `Reach`. */
export function withReach(segment: number, reach: number): number {
  return reach << (Mode.REACH_SHIFT + REACH_BITS * segment);
}
