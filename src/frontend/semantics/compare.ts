/** The comparison that CMP, CMPS, SCAS and CMPXCHG share. */
import type { Value } from "../../ir/types.ts";
import type { Translator } from "../translator.ts";
import { subFlags } from "../flags.ts";

/** Sets the flags of x - y. */
export function compare(t: Translator, x: Value, y: Value): void {
  t.setFlags(subFlags(t.ir, x, y, t.ir.sub(x, y)));
  t.setCompare(x, y);
}
