/**
 * What a case is and where its memory lies: shared by the native runner, the emulator adapter and the generator.
 *
 * The guest sees the same addresses everywhere: three low data pages (the third read-only), one page above 4 GB whose
 * low half is that of the first, and two pages of code; everything around them is unmapped. A case's memory is the
 * base image, which never changes, with a few patches. Offsets count through the flat image of all six pages.
 */

export const PAGE = 0x1000;
/** Three pages; the last is read-only. */
export const LOW_DATA = 0x1000_0000;
export const LOW_PAGES = 3;
export const READ_ONLY_OFFSET = 2 * PAGE;
/** One page; an address cut to 32 bits falls on the first low page. */
export const HIGH_DATA = 0x1234_1000_0000;
export const HIGH_OFFSET = LOW_PAGES * PAGE;
/** Two pages, readable, writable, executable, filled with INT3. */
export const CODE = 0x2000_0000;
export const CODE_OFFSET = HIGH_OFFSET + PAGE;
export const CODE_BYTES = 2 * PAGE;
export const MEMORY_BYTES = CODE_OFFSET + CODE_BYTES;
export const FS_BASE = LOW_DATA + 0x800;
export const GS_BASE = HIGH_DATA + 0x800;

/** Byte offsets inside a state: general registers, RFLAGS, the FXSAVE image. */
export const STATE_RFLAGS = 128;
export const STATE_FXSAVE = 136;
export const STATE_BYTES = STATE_FXSAVE + 512;
/** Bytes of the FXSAVE image that mean anything. */
export const FXSAVE_USED = 416;
/** Offsets inside the FXSAVE image. SDM vol. 1, table 10-2. */
export const Fxsave = {
  FCW: 0,
  FSW: 2,
  FTW: 4,
  FOP: 6,
  FIP: 8,
  FDP: 16,
  MXCSR: 24,
  MXCSR_MASK: 28,
  ST: 32,
  XMM: 160,
} as const;

/** Bytes put over the base image before a case runs. */
export interface Patch {
  /** Offset in the flat image. */
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** A state and code to run in it, until INT3, a fault, or a system call. */
export interface Case {
  /** General registers, RFLAGS, FXSAVE image: `STATE_BYTES` bytes. */
  readonly state: Uint8Array;
  /** Where in the code pages the code starts. */
  readonly codeOffset: number;
  readonly code: Uint8Array;
  readonly patches: readonly Patch[];
}

/** How a case ended. */
export const End = {
  /** INT3: RIP is behind it. */
  COMPLETED: 0,
  FAULT: 1,
  /** Nothing ended it; its state means nothing. */
  TIMEOUT: 2,
  SYSTEM_CALL: 3,
} as const;
export type End = (typeof End)[keyof typeof End];

/** What a case left. */
export interface Result {
  readonly end: End;
  /** Vector of the fault, else 3 or 0. */
  readonly vector: number;
  /** Error code of the fault; 0 where there is none. */
  readonly error: number;
  /** Address of a page fault. */
  readonly cr2: bigint;
  readonly rip: bigint;
  /** As in Case; the FXSAVE image is `FXSAVE_USED` bytes long. */
  readonly state: Uint8Array;
  /** Memory that differs from what the case started with, in runs of 8-byte words, in order. */
  readonly changes: readonly Patch[];
}

/** Linear address of an offset in the flat image. */
export function addressOf(offset: number): number {
  if (offset < HIGH_OFFSET) return LOW_DATA + offset;
  return offset < CODE_OFFSET ? HIGH_DATA + offset - HIGH_OFFSET : CODE + offset - CODE_OFFSET;
}

const EDGE_WORDS: readonly bigint[] = [
  0n,
  1n,
  0xffff_ffff_ffff_ffffn,
  0x8000_0000_0000_0000n,
  0x7fff_ffff_ffff_ffffn,
  0x8000_0000_8000_0000n,
  0x7fff_ffff_7fff_ffffn,
  0x3ff0_0000_0000_0000n,
  0xbff8_0000_0000_0000n,
  0x7ff0_0000_0000_0000n,
  0x7ff8_0000_0000_0001n,
  0x7ff0_0000_0000_0001n,
  0x000f_ffff_ffff_ffffn,
  0x3f80_0000_bf80_0000n,
  0x7f80_0000_ff80_0000n,
  0x7fc0_0000_7f80_0001n,
  0x0000_0001_007f_ffffn,
  0x4f00_0000_cf00_0000n,
]; // deno-fmt-ignore

/** The memory that every case starts from. Recorded vectors depend on it: it must never change. */
export function baseMemory(): Uint8Array {
  const bytes = new Uint8Array(MEMORY_BYTES);
  const words = new BigUint64Array(bytes.buffer, 0, CODE_OFFSET / 8);
  let seed = 0x1234_5678;
  const random = (): number => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) | 0;
    return (seed >>> 8) & 0xff_ffff;
  };
  for (let i = 0; i < words.length; i++) {
    const pick = random() % 4;
    if (pick === 0) words[i] = EDGE_WORDS[random() % EDGE_WORDS.length]!;
    else if (pick === 1) words[i] = BigInt(random() % 256);
    else words[i] = (BigInt(random()) << 48n) ^ (BigInt(random()) << 24n) ^ BigInt(random());
  }
  bytes.fill(0xcc, CODE_OFFSET);
  return bytes;
}
