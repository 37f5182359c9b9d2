/** Loading a segment register, for all instructions that do. */
import type { Value } from "../../ir/types.ts";
import type { Translator } from "../translator.ts";

/** Loads a segment register with a selector (i16): checks that may fault, then selector, base, limit and attributes. */
export function loadSegment(t: Translator, segment: number, selector: Value): void {
  t.call("load_segment", t.ir.i32(segment), t.ir.zext(selector, "i32"));
}
