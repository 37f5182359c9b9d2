/**
 * FXSAVE, FXRSTOR, XSAVE and XRSTOR: images of the x87 and SSE state in guest memory.
 * SDM vol. 1, sections 10.5 (layout) and 13.4 to 13.8 (XSAVE area); vol. 2A and 2D.
 */
import { Vector } from "../fault.ts";
import type { GuestMemory, StateMemory } from "../guest_memory.ts";
import {
  CR0,
  CR4,
  EVENT,
  FCS,
  FCW,
  FDP,
  FDS,
  FIP,
  FOP,
  FSW,
  FTW,
  MXCSR,
  X87,
  X87_EXPONENT,
  XCR0,
  XMM,
} from "../state.ts";

/** MXCSR bits that exist, and MXCSR after reset. */
export const MXCSR_MASK = 0xffff;
export const MXCSR_INITIAL = 0x1f80;

/** Words of the image of the legacy region up to XMM15. */
const LEGACY_WORDS = 104;
/** Word indices in the image. */
const IMAGE_MXCSR = 6, IMAGE_ST = 8, IMAGE_XMM = 40;
/** Words of the XSAVE header that hold something: XSTATE_BV, XCOMP_BV, and what must be 0. */
const HEADER_OFFSET = 512, HEADER_WORDS = 6;

/** Components. */
const X87_COMPONENT = 1, SSE_COMPONENT = 2;
const CR4_OSXSAVE = 0x4_0000, CR0_TS = 8;

/** Bits of the description of an image (cpu/helpers/vector.ts). */
const WIDE_POINTERS = 1, SIXTEEN_REGISTERS = 2, FLAGS_SHIFT = 4;

/** Exception flags and masks in FSW and FCW; error summary and busy in FSW. */
const EXCEPTIONS = 0x3f, ERROR_SUMMARY = 0x8080;

/** The status word with ES and B as exceptions and masks make them. SDM vol. 1, section 8.1.3.3. */
export function withErrorSummary(fsw: number, fcw: number): number {
  return (fsw & ~fcw & EXCEPTIONS) !== 0 ? fsw | ERROR_SUMMARY : fsw & ~ERROR_SUMMARY;
}

/** The helpers of the state images. */
export interface ImageHelpers {
  fxsave(lo: number, hi: number, description: number): void;
  fxrstor(lo: number, hi: number, description: number): void;
  xsave(lo: number, hi: number, description: number, maskLo: number, maskHi: number): void;
  xrstor(lo: number, hi: number, description: number, maskLo: number, maskHi: number): void;
}

/** Creates the helpers over a linear memory. */
export function createImageHelpers(memory: StateMemory, access: GuestMemory): ImageHelpers {
  const m = memory.i32;
  const image = new Int32Array(LEGACY_WORDS);
  const header = new Int32Array(HEADER_WORDS);
  const failed = (): boolean => m[EVENT >> 2] !== 0;
  const refuse = (vector: Vector): false => {
    access.raise(vector, vector === Vector.GP ? 0 : -1);
    return false;
  };
  const upper = (lo: number, hi: number, offset: number): number =>
    (hi + ((lo >>> 0) + offset > 0xffff_ffff ? 1 : 0)) | 0;

  /** Stores words `from` to `to` - 1 of the image. */
  function store(lo: number, hi: number, flags: number, from: number, to: number): boolean {
    for (let i = from; i < to && !failed(); i++) {
      access.store32((lo + 4 * i) | 0, upper(lo, hi, 4 * i), image[i]!, flags);
    }
    return !failed();
  }
  function load(words: Int32Array, lo: number, hi: number, flags: number, offset: number): boolean {
    for (let i = 0; i < words.length && !failed(); i++) {
      const at = offset + 4 * i;
      words[i] = access.load32((lo + at) | 0, upper(lo, hi, at), flags);
    }
    return !failed();
  }
  const top = (): number => (m[FSW >> 2]! >> 11) & 7;
  const stack = (n: number): number => (X87 + 16 * ((top() + n) & 7)) >> 2;

  function collectX87(description: number): void {
    image[0] = (m[FCW >> 2]! & 0xffff) | (m[FSW >> 2]! << 16);
    image[1] = (m[FTW >> 2]! & 0xff) | (m[FOP >> 2]! << 16);
    image[2] = m[FIP >> 2]!;
    image[4] = m[FDP >> 2]!;
    const wide = (description & WIDE_POINTERS) !== 0;
    image[3] = wide ? m[(FIP >> 2) + 1]! : m[FCS >> 2]! & 0xffff;
    image[5] = wide ? m[(FDP >> 2) + 1]! : m[FDS >> 2]! & 0xffff;
    for (let n = 0; n < 8; n++) {
      const from = stack(n), to = IMAGE_ST + 4 * n;
      image[to] = m[from]!;
      image[to + 1] = m[from + 1]!;
      image[to + 2] = m[from + X87_EXPONENT / 4]! & 0xffff;
      image[to + 3] = 0;
    }
  }
  function collectSse(): void {
    image[IMAGE_MXCSR] = m[MXCSR >> 2]!;
    image[IMAGE_MXCSR + 1] = MXCSR_MASK;
    for (let i = 0; i < 64; i++) image[IMAGE_XMM + i] = m[(XMM >> 2) + i]!;
  }
  function restoreX87(description: number): void {
    m[FCW >> 2] = (image[0]! & 0x1f3f) | 0x40;
    m[FSW >> 2] = withErrorSummary(image[0]! >>> 16, m[FCW >> 2]!);
    m[FTW >> 2] = image[1]! & 0xff;
    m[FOP >> 2] = (image[1]! >>> 16) & 0x7ff;
    const wide = (description & WIDE_POINTERS) !== 0;
    m[FIP >> 2] = image[2]!;
    m[(FIP >> 2) + 1] = wide ? image[3]! : 0;
    m[FDP >> 2] = image[4]!;
    m[(FDP >> 2) + 1] = wide ? image[5]! : 0;
    m[FCS >> 2] = m[FDS >> 2] = 0;
    for (let n = 0; n < 8; n++) {
      const to = stack(n), from = IMAGE_ST + 4 * n;
      m[to] = image[from]!;
      m[to + 1] = image[from + 1]!;
      m[to + X87_EXPONENT / 4] = image[from + 2]! & 0xffff;
    }
  }
  function initializeX87(): void {
    m[FCW >> 2] = 0x37f;
    m[FSW >> 2] = m[FTW >> 2] = m[FOP >> 2] = 0;
    m[FIP >> 2] =
      m[(FIP >> 2) + 1] =
      m[FDP >> 2] =
      m[(FDP >> 2) + 1] =
        0;
    m[FCS >> 2] = m[FDS >> 2] = 0;
    for (let i = 0; i < 32; i++) m[(X87 >> 2) + i] = 0;
  }
  const registers = (description: number): number => (description & SIXTEEN_REGISTERS) !== 0 ? 64 : 32;
  function restoreXmm(description: number): void {
    for (let i = 0; i < registers(description); i++) m[(XMM >> 2) + i] = image[IMAGE_XMM + i]!;
  }
  const validMxcsr = (): boolean => (image[IMAGE_MXCSR]! & ~MXCSR_MASK) === 0 || refuse(Vector.GP);

  /** Components to work on, or -1 after raising an exception. */
  function requested(lo: number, mask: number): number {
    if ((m[CR4 >> 2]! & CR4_OSXSAVE) === 0) return refuse(Vector.UD) || -1;
    if ((m[CR0 >> 2]! & CR0_TS) !== 0) return refuse(Vector.NM) || -1;
    if ((lo & 63) !== 0) return refuse(Vector.GP) || -1;
    return mask & m[XCR0 >> 2]! & (X87_COMPONENT | SSE_COMPONENT);
  }

  return {
    fxsave(lo, hi, description) {
      const flags = description >> FLAGS_SHIFT;
      if ((lo & 15) !== 0) return void refuse(Vector.GP);
      collectX87(description);
      collectSse();
      store(lo, hi, flags, 0, IMAGE_XMM + registers(description));
    },
    fxrstor(lo, hi, description) {
      if ((lo & 15) !== 0) return void refuse(Vector.GP);
      if (!load(image, lo, hi, description >> FLAGS_SHIFT, 0) || !validMxcsr()) return;
      restoreX87(description);
      m[MXCSR >> 2] = image[IMAGE_MXCSR]!;
      restoreXmm(description);
    },
    xsave(lo, hi, description, mask) {
      const flags = description >> FLAGS_SHIFT;
      const components = requested(lo, mask);
      if (components < 0) return;
      const at = (lo + HEADER_OFFSET) | 0, atHi = upper(lo, hi, HEADER_OFFSET);
      const present = access.load32(at, atHi, flags);
      if (failed()) return;
      collectX87(description);
      collectSse();
      if ((components & X87_COMPONENT) !== 0) {
        if (!store(lo, hi, flags, 0, IMAGE_MXCSR) || !store(lo, hi, flags, IMAGE_ST, IMAGE_XMM)) return;
      }
      if ((components & SSE_COMPONENT) !== 0) {
        if (!store(lo, hi, flags, IMAGE_MXCSR, IMAGE_ST)) return;
        if (!store(lo, hi, flags, IMAGE_XMM, IMAGE_XMM + registers(description))) return;
      }
      // Every component counts as in use: the processor may say so (section 13.6).
      access.store32(at, atHi, (present & ~components) | components, flags);
    },
    xrstor(lo, hi, description, mask) {
      const flags = description >> FLAGS_SHIFT;
      const components = requested(lo, mask);
      if (components < 0) return;
      if (!load(header, lo, hi, flags, HEADER_OFFSET)) return;
      const present = header[0]!;
      // No compacted form: XCOMP_BV must be 0, like what follows; and nothing beyond XCR0 may be there.
      if ((present & ~m[XCR0 >> 2]!) !== 0 || header.some((word, i) => i > 0 && word !== 0)) {
        return void refuse(Vector.GP);
      }
      if (!load(image, lo, hi, flags, 0)) return;
      if ((components & SSE_COMPONENT) !== 0 && !validMxcsr()) return;
      if ((components & X87_COMPONENT) !== 0) {
        if ((present & X87_COMPONENT) !== 0) restoreX87(description);
        else initializeX87();
      }
      if ((components & SSE_COMPONENT) === 0) return;
      m[MXCSR >> 2] = image[IMAGE_MXCSR]!;
      if ((present & SSE_COMPONENT) !== 0) restoreXmm(description);
      else for (let i = 0; i < registers(description); i++) m[(XMM >> 2) + i] = 0;
    },
  };
}
