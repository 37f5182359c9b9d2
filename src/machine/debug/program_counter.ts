/** Where a processor is. */
import { RIP, SEG_ATTRIBUTES, SEGMENT, Segment, SEGMENT_STRIDE, segmentBase } from "../../cpu/state.ts";

const CS_ATTRIBUTES = SEGMENT + SEGMENT_STRIDE * Segment.CS + SEG_ATTRIBUTES;
/** Segment attributes: 64-bit code, and the default size of other code. */
const ATTRIBUTE_L = 0x2000, ATTRIBUTE_D = 0x4000;

/** RIP. */
export function ripOf(state: DataView): bigint {
  return state.getBigUint64(RIP, true);
}

/** RIP as a linear address. */
export function linearRip(state: DataView): bigint {
  const rip = ripOf(state);
  return codeSize(state) === 64
    ? rip
    : (rip + state.getBigUint64(segmentBase(Segment.CS), true)) & 0xffff_ffffn;
}

/** Bits of the code that it executes. */
export function codeSize(state: DataView): 16 | 32 | 64 {
  const attributes = state.getUint32(CS_ATTRIBUTES, true);
  return (attributes & ATTRIBUTE_L) !== 0 ? 64 : (attributes & ATTRIBUTE_D) !== 0 ? 32 : 16;
}
