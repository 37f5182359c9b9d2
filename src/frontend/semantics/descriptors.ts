/** Instructions that ask about a descriptor: LAR, LSL, VERR, VERW. SDM vol. 2; vol. 3A, section 5.10. */
import type { Value } from "../../ir/types.ts";
import type { Operand } from "../instruction.ts";
import type { Translator } from "../translator.ts";

/** The selector an operand holds. */
function selectorOf(t: Translator, operand: Operand): Value {
  // Only the low 16 bits of a register count; memory is read as 16 bits whatever the operand size is.
  const value = t.read(operand.kind === "mem" ? { ...operand, size: 2 } : operand);
  return t.ir.and(t.ir.low(value), t.ir.i32(0xffff));
}

/** Writes the result where the descriptor is visible, and ZF. */
function answer(t: Translator, dst: Operand, visible: Value, result: Value): void {
  const { ir } = t;
  if (dst.kind !== "gpr") throw new TypeError("A descriptor's properties go to a register");
  const size = t.instruction.operandSize, old = t.readGpr(dst.reg, 8);
  const found = size === 2 ? ir.emit("insert16", "i64", [old, result]) : ir.zext(result, "i64");
  t.writeGpr(dst.reg, ir.select(visible, found, old));
  t.setFlags({ zf: ir.eq(visible, ir.i32(0)) });
}

/** LAR: the access rights. */
export function LAR(t: Translator, dst: Operand, selector: Operand): void {
  const rights = t.call("access_rights", selectorOf(t, selector));
  answer(t, dst, rights, rights);
}

/** LSL: the limit in bytes. */
export function LSL(t: Translator, dst: Operand, selector: Operand): void {
  const limit = t.call("segment_limit", selectorOf(t, selector));
  answer(t, dst, t.ir.high(limit), t.ir.low(limit));
}

function verify(t: Translator, selector: Operand, write: number): void {
  const may = t.call("verify_segment", selectorOf(t, selector), t.ir.i32(write));
  t.setFlags({ zf: t.ir.eq(may, t.ir.i32(0)) });
}

/** VERR: ZF = the segment can be read. */
export function VERR(t: Translator, selector: Operand): void {
  verify(t, selector, 0);
}

/** VERW: ZF = the segment can be written. */
export function VERW(t: Translator, selector: Operand): void {
  verify(t, selector, 1);
}
