/** The check that a 64-bit address is canonical. SDM vol. 1, section 3.3.7.1. */
import type { Value } from "../../ir/types.ts";
import { Vector } from "../../cpu/fault.ts";
import type { Translator } from "../translator.ts";

/** Raises #GP(0) unless bits 63:47 of a linear address are equal. */
export function faultIfNotCanonical(t: Translator, address: Value): void {
  const { ir } = t;
  const hi = ir.high(address);
  ir.faultIf(ir.ne(ir.emit("sext16", "i32", [hi]), hi), Vector.GP, 0);
}
