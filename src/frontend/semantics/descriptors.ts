/** Instructions that ask about a descriptor: LAR, LSL, VERR, VERW. SDM vol. 2; vol. 3A, section 5.10. */
import type { Value } from "../../ir/types.ts";
import { Vector } from "../../cpu/fault.ts";
import { Mode } from "../../cpu/mode.ts";
import type { Operand } from "../instruction.ts";
import type { Translator } from "../translator.ts";

/** Bits of the access rights: code (for a segment that is not the system's), and writable data or readable code. */
const CODE = 0x800, READ_WRITE = 0x200;
const GRANULARITY_BIT = 23;

/** Access rights by the selector an operand holds; undefined after raising #UD outside user mode. */
function rightsOf(t: Translator, selector: Operand): Value | undefined {
  if ((t.mode & Mode.USER) === 0) {
    t.fault(Vector.UD);
    return undefined;
  }
  // Only the low 16 bits of a register count; memory is read as 16 bits whatever the operand size is.
  const value = t.read(selector.kind === "mem" ? { ...selector, size: 2 } : selector);
  return t.call("access_rights", t.ir.and(t.ir.low(value), t.ir.i32(0xffff)));
}

/** Writes the result where the descriptor is visible, and ZF. */
function answer(t: Translator, dst: Operand, rights: Value, result: Value): void {
  const { ir } = t;
  if (dst.kind !== "gpr") throw new TypeError("A descriptor's properties go to a register");
  const size = t.instruction.operandSize, old = t.readGpr(dst.reg, 8);
  const found = size === 2 ? ir.emit("insert16", "i64", [old, result]) : ir.zext(result, "i64");
  t.writeGpr(dst.reg, ir.select(rights, found, old));
  t.setFlags({ zf: ir.eq(rights, ir.i32(0)) });
}

/** LAR: the access rights. */
export function LAR(t: Translator, dst: Operand, selector: Operand): void {
  const rights = rightsOf(t, selector);
  if (rights !== undefined) answer(t, dst, rights, rights);
}

/** LSL: the limit in bytes: 4 GB - 1 with the G bit, 0 for the one descriptor without it. */
export function LSL(t: Translator, dst: Operand, selector: Operand): void {
  const { ir } = t, rights = rightsOf(t, selector);
  if (rights === undefined) return;
  answer(t, dst, rights, ir.neg(ir.and(ir.shr(rights, ir.i32(GRANULARITY_BIT)), ir.i32(1))));
}

/** VERR: ZF = the segment can be read. All that programs see can be. */
export function VERR(t: Translator, selector: Operand): void {
  const rights = rightsOf(t, selector);
  if (rights !== undefined) t.setFlags({ zf: t.ir.eq(rights, t.ir.i32(0)) });
}

/** VERW: ZF = the segment can be written: data with the W bit. */
export function VERW(t: Translator, selector: Operand): void {
  const { ir } = t, rights = rightsOf(t, selector);
  if (rights === undefined) return;
  t.setFlags({ zf: ir.ne(ir.and(rights, ir.i32(CODE | READ_WRITE)), ir.i32(READ_WRITE)) });
}
