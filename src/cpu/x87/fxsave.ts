/**
 * FXSAVE, FXRSTOR, XSAVE, XSAVEC and XRSTOR: images of the x87 and SSE state in guest memory.
 * SDM vol. 1, sections 10.5 (layout) and 13.4 to 13.10 (XSAVE area); vol. 2A and 2D.
 */
import { isCanonicalIn, LINEAR_BITS, LINEAR_BITS_57 } from "../address_widths.ts";
import { Vector } from "../fault.ts";
import { MemoryFlag } from "../../ir/types.ts";
import type { Float } from "../float/mod.ts";
import type { GuestMemory, StateMemory } from "../guest_memory.ts";
import { CR0, CR4, MXCSR, PKRU, X87 as X87_REGISTERS, XCR0, XMM } from "../state.ts";
import { loadBytes, readable, storeBytes, writable } from "./image_transfer.ts";

type X87 = Float["x87"];

/** MXCSR bits that exist, and MXCSR after reset. */
export const MXCSR_MASK = 0xffff;
export const MXCSR_INITIAL = 0x1f80;

/** Bytes of the image of the legacy region up to XMM15, and where its parts start. */
const LEGACY_BYTES = 416, IMAGE_MXCSR = 24, IMAGE_ST = 32, IMAGE_XMM = 160;
/** Bytes of the whole legacy region. */
const AREA_BYTES = 512;
/** The XSAVE header: XSTATE_BV, XCOMP_BV, and what must be 0, up to where in the standard form and in the compacted one. */
const HEADER = 512, XCOMP_BV = 520, XCOMP_BV_HIGH = 524, RESERVED = 528, STANDARD_END = 536, HEADER_END = 576;
/** Bit 63 of XCOMP_BV, in its high half: the compacted form. */
const COMPACTED_FORM = 1 << 31;

const FXSAVE_ALIGNMENT = 16, XSAVE_ALIGNMENT = 64;

/** Components. */
const X87_COMPONENT = 1, SSE_COMPONENT = 2, PKRU_COMPONENT = 0x200;
/** Where PKRU lies in the standard form, and its bytes; the end of an area with all components. */
export const PKRU_AT = 2688, PKRU_BYTES = 8, XSAVE_AREA: number = PKRU_AT + PKRU_BYTES;
/** Where it lies in the compacted form: first, as it is the only component behind the header. */
export const COMPACTED_PKRU_AT: number = HEADER_END;
const CR4_OSXSAVE = 0x4_0000, CR4_LA57 = 0x1000, CR0_TS = 8;

/** Bits of the description of an image (cpu/helpers/vector.ts). */
const WIDE_POINTERS = 1, SIXTEEN_REGISTERS = 2, COMPACTED = 4, FLAGS_SHIFT = 4;

/** The helpers of the state images. */
export interface ImageHelpers {
  fxsave(lo: number, hi: number, description: number): void;
  fxrstor(lo: number, hi: number, description: number): void;
  xsave(lo: number, hi: number, description: number, maskLo: number, maskHi: number): void;
  xrstor(lo: number, hi: number, description: number, maskLo: number, maskHi: number): void;
}

/** Creates the helpers over a linear memory. */
export function createImageHelpers(memory: StateMemory, access: GuestMemory, x87: X87): ImageHelpers {
  const m = memory.i32;
  const image = new DataView(new ArrayBuffer(XSAVE_AREA));
  const refuse = (vector: Vector): false => {
    access.raise(vector, vector === Vector.GP ? 0 : -1);
    return false;
  };
  const store = (lo: number, hi: number, description: number, from: number, to: number): boolean =>
    storeBytes(access, m, image, lo, hi, description >> FLAGS_SHIFT, from, to);
  const load = (lo: number, hi: number, description: number, from: number, to: number): boolean =>
    loadBytes(access, m, image, lo, hi, description >> FLAGS_SHIFT, from, to);
  /** Addresses must be canonical, then aligned, before anything else is looked at. */
  const placed = (lo: number, hi: number, description: number, alignment: number): boolean => {
    const bits = (m[CR4 >> 2]! & CR4_LA57) !== 0 ? LINEAR_BITS_57 : LINEAR_BITS;
    if (!isCanonicalIn(bits, hi)) {
      const stack = ((description >> FLAGS_SHIFT) & MemoryFlag.STACK) !== 0;
      access.raise(stack ? Vector.SS : Vector.GP, 0);
      return false;
    }
    return (lo & (alignment - 1)) === 0 || refuse(Vector.GP);
  };
  const wide = (description: number): boolean => (description & WIDE_POINTERS) !== 0;
  const xmmBytes = (description: number): number => (description & SIXTEEN_REGISTERS) !== 0 ? 256 : 128;

  function collect(description: number): void {
    x87.writeFxsave(image, 0, wide(description));
    image.setInt32(IMAGE_MXCSR, m[MXCSR >> 2]!, true);
    image.setInt32(IMAGE_MXCSR + 4, MXCSR_MASK, true);
    for (let at = 0; at < 256; at += 4) image.setInt32(IMAGE_XMM + at, m[(XMM + at) >> 2]!, true);
  }
  function restoreXmm(description: number): void {
    for (let at = 0; at < xmmBytes(description); at += 4) {
      m[(XMM + at) >> 2] = image.getInt32(IMAGE_XMM + at, true);
    }
  }
  const validMxcsr = (): boolean =>
    (image.getInt32(IMAGE_MXCSR, true) & ~MXCSR_MASK) === 0 || refuse(Vector.GP);
  const restoreMxcsr = (): void => {
    m[MXCSR >> 2] = image.getInt32(IMAGE_MXCSR, true);
  };

  /** Components to work on, or -1 after raising an exception. */
  function requested(lo: number, hi: number, description: number, mask: number): number {
    if ((m[CR4 >> 2]! & CR4_OSXSAVE) === 0) return refuse(Vector.UD) || -1;
    if ((m[CR0 >> 2]! & CR0_TS) !== 0) return refuse(Vector.NM) || -1;
    if (!placed(lo, hi, description, XSAVE_ALIGNMENT)) return -1;
    return mask & m[XCR0 >> 2]! & (X87_COMPONENT | SSE_COMPONENT | PKRU_COMPONENT);
  }

  const isCompacted = (): boolean => image.getInt32(XCOMP_BV_HIGH, true) === COMPACTED_FORM;

  /** The header's rules. SDM vol. 1, sections 13.8.1 (standard form) and 13.8.2 (compacted form). */
  function validHeader(): boolean {
    const compacted = isCompacted(), present = image.getInt32(HEADER, true);
    const layout = image.getInt32(XCOMP_BV, true), enabled = m[XCR0 >> 2]!;
    const extra = compacted ? (layout & ~enabled) | (present & ~layout) : present & ~enabled;
    if (extra !== 0 || image.getInt32(HEADER + 4, true) !== 0) return refuse(Vector.GP);
    const from = compacted ? RESERVED : XCOMP_BV, to = compacted ? HEADER_END : STANDARD_END;
    for (let at = from; at < to; at += 4) if (image.getInt32(at, true) !== 0) return refuse(Vector.GP);
    return true;
  }

  const keysAt = (compacted: boolean): number => compacted ? COMPACTED_PKRU_AT : PKRU_AT;

  function initializeX87(): void {
    x87.FNINIT();
    m.fill(0, X87_REGISTERS >> 2, (X87_REGISTERS >> 2) + 32);
  }

  return {
    fxsave(lo, hi, description) {
      if (!placed(lo, hi, description, FXSAVE_ALIGNMENT)) return;
      if (!writable(access, m, lo, hi, description >> FLAGS_SHIFT, AREA_BYTES)) return;
      collect(description);
      store(lo, hi, description, 0, IMAGE_XMM + xmmBytes(description));
    },
    fxrstor(lo, hi, description) {
      if (!placed(lo, hi, description, FXSAVE_ALIGNMENT)) return;
      if (!readable(access, m, lo, hi, description >> FLAGS_SHIFT, AREA_BYTES)) return;
      if (!load(lo, hi, description, 0, LEGACY_BYTES) || !validMxcsr()) return;
      x87.readFxsave(image, 0, wide(description));
      restoreMxcsr();
      restoreXmm(description);
    },
    xsave(lo, hi, description, mask) {
      const components = requested(lo, hi, description, mask), compacted = (description & COMPACTED) !== 0;
      // XSAVEC does not read the header (section 13.10).
      if (components < 0 || (!compacted && !load(lo, hi, description, HEADER, HEADER + 4))) return;
      collect(description);
      if ((components & X87_COMPONENT) !== 0) {
        if (!store(lo, hi, description, 0, IMAGE_MXCSR)) return;
        if (!store(lo, hi, description, IMAGE_ST, IMAGE_XMM)) return;
      }
      if ((components & SSE_COMPONENT) !== 0) {
        if (!store(lo, hi, description, IMAGE_MXCSR, IMAGE_ST)) return;
        if (!store(lo, hi, description, IMAGE_XMM, IMAGE_XMM + xmmBytes(description))) return;
      }
      if ((components & PKRU_COMPONENT) !== 0) {
        const at = keysAt(compacted);
        image.setInt32(at, m[PKRU >> 2]!, true);
        image.setInt32(at + 4, 0, true);
        if (!store(lo, hi, description, at, at + PKRU_BYTES)) return;
      }
      // Every component counts as in use: the processor may say so (section 13.6).
      if (compacted) {
        [components, 0, components, COMPACTED_FORM].forEach((word, n) =>
          image.setInt32(HEADER + 4 * n, word, true)
        );
        store(lo, hi, description, HEADER, RESERVED);
        return;
      }
      image.setInt32(HEADER, image.getInt32(HEADER, true) | components, true);
      store(lo, hi, description, HEADER, HEADER + 4);
    },
    xrstor(lo, hi, description, mask) {
      const components = requested(lo, hi, description, mask);
      if (components < 0 || !load(lo, hi, description, 0, HEADER_END) || !validHeader()) return;
      const present = image.getInt32(HEADER, true), compacted = isCompacted();
      // The compacted form has MXCSR initialized with the registers (section 13.8.2).
      const loadsMxcsr = (components & SSE_COMPONENT) !== 0 &&
        (!compacted || (present & SSE_COMPONENT) !== 0);
      if (loadsMxcsr && !validMxcsr()) return;
      const keys = (components & PKRU_COMPONENT) !== 0, at = keysAt(compacted);
      const hasKeys = (present & PKRU_COMPONENT) !== 0;
      if (keys && hasKeys && !load(lo, hi, description, at, at + PKRU_BYTES)) return;
      if (keys) {
        m[PKRU >> 2] = hasKeys ? image.getInt32(at, true) : 0;
        access.keysChanged?.();
      }
      if ((components & X87_COMPONENT) !== 0) {
        if ((present & X87_COMPONENT) !== 0) x87.readFxsave(image, 0, wide(description));
        else initializeX87();
      }
      if ((components & SSE_COMPONENT) === 0) return;
      if (loadsMxcsr) restoreMxcsr();
      else m[MXCSR >> 2] = MXCSR_INITIAL;
      if ((present & SSE_COMPONENT) !== 0) restoreXmm(description);
      else m.fill(0, XMM >> 2, (XMM + xmmBytes(description)) >> 2);
    },
  };
}
