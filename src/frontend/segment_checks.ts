/**
 * Checks of segment limits and access rights in translated code. Which of them are built is in the mode: none in 64-bit
 * code, and none for segments that are flat. SDM vol. 3A, sections 5.3 and 5.5.
 */
import type { Value } from "../ir/types.ts";
import { Vector } from "../cpu/fault.ts";
import { Mode, reachIn } from "../cpu/mode.ts";
import {
  DOWN,
  DOWN_MASK,
  EXECUTE_ONLY,
  EXECUTE_ONLY_MASK,
  Reach,
  SegmentRights,
  WRITABLE,
  WRITABLE_MASK,
} from "../cpu/segment_limits.ts";
import { SEG_ATTRIBUTES, SEG_LIMIT, SEGMENT, Segment, SEGMENT_STRIDE } from "../cpu/state.ts";
import type { Translator } from "./translator.ts";

/** Bytes of a segment whose limit is FFFFH. */
const PARAGRAPH_BYTES = 0x1_0000;

const cell = (segment: number, field: number): number => SEGMENT + SEGMENT_STRIDE * segment + field;
const vectorOf = (segment: number): number => segment === Segment.SS ? Vector.SS : Vector.GP;

/** What the mode says of a segment register. */
function reach(t: Translator, segment: number): number {
  return t.long ? Reach.FLAT : reachIn(t.mode, segment);
}

/**
 * Raises #GP(0), or #SS(0) for SS, unless `size` bytes from `offset` (i64, zero-extended from 32 bits) are inside the
 * segment, and it is there and can be read. Size 0: nothing is accessed.
 *
 * @param narrow the offset has 16 bits
 */
export function checkLimit(
  t: Translator,
  segment: number,
  offset: Value,
  size: number,
  narrow: boolean,
): void {
  const kind = reach(t, segment);
  if (kind === Reach.FLAT || size === 0) return;
  const { ir } = t, from = ir.low(offset), vector = vectorOf(segment);
  if (kind === Reach.PARAGRAPH) {
    if (size > 1 || !narrow) ir.faultIf(ir.ltu(ir.i32(PARAGRAPH_BYTES - size), from), vector, 0);
    return;
  }
  const limit = ir.get(cell(segment, SEG_LIMIT), "i32");
  const last = ir.add(from, ir.i32(size - 1));
  const wraps = size === 1 || narrow ? ir.i32(0) : ir.ltu(last, from);
  const above = ir.or(ir.ltu(limit, last), wraps);
  if (kind === Reach.LIMITED) return ir.faultIf(above, vector, 0);
  const attributes = ir.get(cell(segment, SEG_ATTRIBUTES), "i32");
  const has = (mask: number, value: number): Value => ir.eq(ir.and(attributes, ir.i32(mask)), ir.i32(value));
  const end = ir.select(has(SegmentRights.B, SegmentRights.B), ir.i32(-1), ir.i32(0xffff));
  const below = ir.or(ir.or(ir.leu(from, limit), ir.ltu(end, last)), wraps);
  const outside = ir.select(has(DOWN_MASK, DOWN), below, above);
  if (isFreeCode(t, segment)) return ir.faultIf(outside, vector, 0);
  const unreadable = ir.or(has(SegmentRights.P, 0), has(EXECUTE_ONLY_MASK, EXECUTE_ONLY));
  ir.faultIf(ir.or(outside, unreadable), vector, 0);
}

/**
 * Raises what forbids writing through a segment, whatever the offset, if `condition` holds. A code segment cannot be
 * written; 64-bit mode does not check, and in real mode CS is like the others. SDM vol. 3A, section 3.4.5.1.
 */
export function checkWritable(t: Translator, segment: number, condition?: Value): void {
  if (t.long || isFreeCode(t, segment)) return;
  const { ir } = t;
  if (segment === Segment.CS) return ir.faultIf(condition ?? ir.i32(1), Vector.GP, 0);
  if (reach(t, segment) !== Reach.GENERAL) return;
  const rights = ir.and(ir.get(cell(segment, SEG_ATTRIBUTES), "i32"), ir.i32(WRITABLE_MASK));
  const forbidden = ir.ne(rights, ir.i32(WRITABLE));
  ir.faultIf(condition === undefined ? forbidden : ir.and(forbidden, condition), vectorOf(segment), 0);
}

/** CS in real-address and virtual-8086 mode, where it can be read and written. */
function isFreeCode(t: Translator, segment: number): boolean {
  return segment === Segment.CS && (t.mode & Mode.REAL) !== 0;
}

/**
 * Raises #GP(0) if the code segment does not hold the bytes of the block to before the offset `end`, which were fetched.
 * Returns whether they certainly are outside, so that nothing more is to be built.
 */
export function checkFetch(t: Translator, end: number): boolean {
  const kind = reach(t, Segment.CS);
  if (kind === Reach.FLAT) return false;
  const to = t.start + BigInt(end);
  if (kind === Reach.PARAGRAPH) {
    if (to <= BigInt(PARAGRAPH_BYTES)) return false;
    t.fault(Vector.GP, 0);
    return true;
  }
  t.ir.faultIf(aboveCodeLimit(t, t.ir.i32(Number(BigInt.asIntN(32, to - 1n)))), Vector.GP, 0);
  return false;
}

/** Raises #GP(0) if a branch target (i64) is outside the code segment and `condition` holds. SDM vol. 2A, "JMP". */
export function checkTarget(t: Translator, target: Value, condition?: Value): void {
  const kind = reach(t, Segment.CS);
  if (kind === Reach.FLAT || (kind === Reach.PARAGRAPH && t.instruction.operandSize === 2)) return;
  const { ir } = t, outside = aboveCodeLimit(t, ir.low(target));
  ir.faultIf(condition === undefined ? outside : ir.and(outside, condition), Vector.GP, 0);
}

function aboveCodeLimit(t: Translator, offset: Value): Value {
  const { ir } = t;
  const limit = reach(t, Segment.CS) === Reach.PARAGRAPH
    ? ir.i32(0xffff)
    : ir.get(cell(Segment.CS, SEG_LIMIT), "i32");
  return ir.ltu(limit, offset);
}
