/** Puts a processor into one of the modes in which bare code runs. SDM vol. 3A, sections 2.5 and 3.4. */
import {
  CPL,
  CR0,
  CR3,
  CR4,
  EFER,
  FCW,
  MXCSR,
  SEG_ATTRIBUTES,
  SEG_LIMIT,
  SEG_SELECTOR,
  SEGMENT,
  Segment,
  SEGMENT_STRIDE,
  segmentBase,
  XCR0,
} from "../../cpu/state.ts";
import { Flag, writeRflags } from "../../cpu/rflags.ts";
import { requireOneOf } from "./choice.ts";

/**
 * How bare code runs: 64: user code in 64-bit mode. 32: user code in compatibility mode, with flat segments.
 * 16: real mode.
 */
export type BareMode = 64 | 32 | 16;
const MODES: readonly number[] = [64, 32, 16] satisfies BareMode[];

/** CR0: PE MP ET NE WP PG. */
const CR0_PAGING = 0x8001_0033;
/** CR0: MP ET NE. */
const CR0_REAL = 0x32;
/** CR4: PAE OSFXSR OSXMMEXCPT FSGSBASE OSXSAVE. */
const CR4_BARE = 0x5_0620;
/** EFER: SCE LME LMA NXE. */
const EFER_LONG = 0xd01;
/** XCR0: x87 and SSE. */
const XCR0_BARE = 3;

/** Descriptor bits 55:40: present, DPL 3, accessed; code or data; L or D/B; granularity. */
const USER_CODE64 = 0xa0fb, USER_CODE32 = 0xc0fb, USER_DATA = 0xc0f3;
/** Present, DPL 0, accessed. */
const REAL_CODE = 0x9b, REAL_DATA = 0x93;
const USER_CODE_SELECTOR = 0x33, USER_DATA_SELECTOR = 0x2b;

const FCW_INIT = 0x37f, MXCSR_INIT = 0x1f80;

/** Sets control and segment registers for `mode`, FINIT, MXCSR and RFLAGS; all other registers stay. */
export function enterBareMode(state: DataView, mode: BareMode, cr3: number): void {
  requireOneOf("mode", MODES, mode);
  const real = mode === 16;
  const set = (offset: number, value: number): void => state.setUint32(offset, value >>> 0, true);
  set(CR0, real ? CR0_REAL : CR0_PAGING);
  set(CR3, cr3);
  set(CR4, CR4_BARE);
  set(EFER, real ? 0 : EFER_LONG);
  set(XCR0, XCR0_BARE);
  set(CPL, real ? 0 : 3);
  set(FCW, FCW_INIT);
  set(MXCSR, MXCSR_INIT);
  writeRflags(new Int32Array(state.buffer, state.byteOffset), Flag.FIXED | Flag.IF);
  for (const n of Object.values(Segment)) {
    const code = n === Segment.CS;
    const at = SEGMENT + SEGMENT_STRIDE * n;
    set(at + SEG_SELECTOR, real ? 0 : code ? USER_CODE_SELECTOR : USER_DATA_SELECTOR);
    set(at + SEG_LIMIT, real ? 0xffff : 0xffff_ffff);
    set(at + SEG_ATTRIBUTES, attributes(mode, code));
    state.setBigUint64(segmentBase(n), 0n, true);
  }
}

function attributes(mode: BareMode, code: boolean): number {
  if (mode === 16) return code ? REAL_CODE : REAL_DATA;
  return code ? (mode === 64 ? USER_CODE64 : USER_CODE32) : USER_DATA;
}
