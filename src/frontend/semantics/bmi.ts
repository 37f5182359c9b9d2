/** BMI1 and BMI2 without shifts, rotates and multiplication. SDM vol. 2. Undefined flags (AF, PF): cleared by current processors. */
import { bitsOf } from "../../ir/builder.ts";
import type { IntType, Value } from "../../ir/types.ts";
import type { Operand } from "../instruction.ts";
import type { Translator } from "../translator.ts";
import { logicFlags, resultFlags } from "../flags.ts";

/** Writes the result with CF as given, OF = 0 and ZF, SF of the result. */
function finish(t: Translator, dst: Operand, result: Value, carry: Value): void {
  const { ir } = t;
  t.write(dst, result);
  t.setFlags({ ...logicFlags(ir, result), cf: carry, pf: ir.i32(1) });
  t.setResult(result);
}

/** ANDN: dst ← ~first & second. */
export function ANDN(t: Translator, dst: Operand, first: Operand, second: Operand): void {
  finish(t, dst, t.ir.and(t.ir.not(t.read(first)), t.read(second)), t.ir.i32(0));
}

/** BLSI: the lowest 1 alone; CF = source not 0. */
export function BLSI(t: Translator, dst: Operand, src: Operand): void {
  const { ir } = t, x = t.read(src);
  finish(t, dst, ir.and(x, ir.neg(x)), ir.ne(x, ir.const(x.type as IntType, 0)));
}

/** BLSMSK: ones up to the lowest 1; CF = source 0. */
export function BLSMSK(t: Translator, dst: Operand, src: Operand): void {
  const { ir } = t, x = t.read(src), type = x.type as IntType;
  finish(t, dst, ir.xor(x, ir.sub(x, ir.const(type, 1))), ir.eq(x, ir.const(type, 0)));
}

/** BLSR: without the lowest 1; CF = source 0. */
export function BLSR(t: Translator, dst: Operand, src: Operand): void {
  const { ir } = t, x = t.read(src), type = x.type as IntType;
  finish(t, dst, ir.and(x, ir.sub(x, ir.const(type, 1))), ir.eq(x, ir.const(type, 0)));
}

/** Ones below bit `count` (i32, 0 to 255); all ones from the width on. */
function onesBelow(t: Translator, count: Value, type: IntType): Value {
  const { ir } = t, all = ir.const(type, -1);
  return ir.select(ir.ltu(count, ir.i32(bitsOf(type))), ir.not(ir.shl(all, count)), all);
}

/** BZHI: zeros from bit index[7:0] on; CF = index beyond the width. */
export function BZHI(t: Translator, dst: Operand, src: Operand, index: Operand): void {
  const { ir } = t, x = t.read(src), type = x.type as IntType;
  const position = ir.and(ir.low(t.read(index)), ir.i32(0xff));
  finish(t, dst, ir.and(x, onesBelow(t, position, type)), ir.leu(ir.i32(bitsOf(type)), position));
}

/** BEXTR: `control`[15:8] bits from bit `control`[7:0] on. SF, undefined, is cleared. */
export function BEXTR(t: Translator, dst: Operand, src: Operand, control: Operand): void {
  const { ir } = t, x = t.read(src), type = x.type as IntType, bits = ir.i32(bitsOf(type));
  const word = ir.low(t.read(control));
  const start = ir.and(word, ir.i32(0xff)), length = ir.and(ir.shr(word, ir.i32(8)), ir.i32(0xff));
  const moved = ir.select(ir.ltu(start, bits), ir.shr(x, start), ir.const(type, 0));
  const result = ir.and(moved, onesBelow(t, length, type));
  t.write(dst, result);
  const zero = ir.i32(0);
  t.setFlags({ ...resultFlags(ir, result), cf: zero, of: zero, af: zero, sf: zero, pf: ir.i32(1) });
}

/** PDEP: scatters the source's low bits to where the mask has ones. */
export function PDEP(t: Translator, dst: Operand, src: Operand, mask: Operand): void {
  bySelection(t, "pdep", dst, src, mask);
}
/** PEXT: gathers the source's bits where the mask has ones. */
export function PEXT(t: Translator, dst: Operand, src: Operand, mask: Operand): void {
  bySelection(t, "pext", dst, src, mask);
}

function bySelection(t: Translator, name: "pdep" | "pext", dst: Operand, src: Operand, mask: Operand): void {
  const { ir } = t;
  const result = t.call(name, ir.zext(t.read(src), "i64"), ir.zext(t.read(mask), "i64"));
  t.write(dst, ir.trunc(result, t.operandType));
}
