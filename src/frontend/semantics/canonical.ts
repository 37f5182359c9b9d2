/** The check that a 64-bit address is canonical. SDM vol. 1, section 3.3.7.1. */
import type { Value } from "../../ir/types.ts";
import { Vector } from "../../cpu/fault.ts";
import type { Translator } from "../translator.ts";

/** Bits of an address above the 57 that are used. */
const UNUSED_57 = 7;

/** Raises #GP(0) unless bits 63:47 of a linear address, or 63:56 with 5-level paging, are equal. */
export function faultIfNotCanonical(t: Translator, address: Value): void {
  const { ir } = t;
  const hi = ir.high(address);
  const extended = t.linearBits === 48
    ? ir.emit("sext16", "i32", [hi])
    : ir.sar(ir.shl(hi, ir.i32(UNUSED_57)), ir.i32(UNUSED_57));
  ir.faultIf(ir.ne(extended, hi), Vector.GP, 0);
}
