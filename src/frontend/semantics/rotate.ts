/** Rotates: ROL, ROR, RCL, RCR, RORX. SDM vol. 2B, "RCL/RCR/ROL/ROR", "RORX". */
import type { IrBuilder } from "../../ir/builder.ts";
import { bitsOf } from "../../ir/builder.ts";
import type { IntType, Value } from "../../ir/types.ts";
import type { Operand } from "../instruction.ts";
import type { Translator } from "../translator.ts";
import { bitToSignCell, boolToSignCell, signChange } from "../flags.ts";
import { constantCount, type Count, countOf, minus, setCountedFlags } from "./count.ts";

/**
 * ROL: CF is the bit that moved to the lower end; OF tells for a count of 1 that the sign changed. For other counts, where
 * OF is undefined, current processors leave what a count of 1 gives; so with all rotates and shifts.
 */
export function ROL(t: Translator, dst: Operand, amount: Operand): void {
  const { ir } = t;
  const x = t.readForUpdate(dst);
  const count = countOf(t, amount, x.type === "i64" ? 63 : 31);
  if (count.constant === 0) return t.write(dst, x);
  const result = rotate(ir, x, count, true);
  t.write(dst, result);
  const cf = ir.and(ir.low(result), ir.i32(1));
  setRotateFlags(t, dst, count, cf, signChange(ir, x));
}

/** ROR: CF is the bit that moved to the upper end. */
export function ROR(t: Translator, dst: Operand, amount: Operand): void {
  const { ir } = t;
  const x = t.readForUpdate(dst);
  const count = countOf(t, amount, x.type === "i64" ? 63 : 31);
  if (count.constant === 0) return t.write(dst, x);
  const result = rotate(ir, x, count, false);
  t.write(dst, result);
  const cf = ir.shr(ir.signCell(result), ir.i32(31));
  setRotateFlags(t, dst, count, cf, ir.xor(ir.signCell(x), bitToSignCell(ir, x, 0)));
}

/** A register rotated by an immediate count above 1 leaves OF, undefined then, as it was. */
function setRotateFlags(t: Translator, dst: Operand, count: Count, cf: Value, of: Value): void {
  const kept = dst.kind === "gpr" && count.constant !== undefined && count.constant > 1;
  setCountedFlags(t, count, kept ? { cf } : { cf, of });
}

function rotate(ir: IrBuilder, x: Value, count: Count, left: boolean): Value {
  if (x.type === "i64" || x.type === "i32") return left ? ir.rotl(x, count.value) : ir.rotr(x, count.value);
  // Copies of a narrow value fill 32 bits, which then rotate.
  const copies = ir.mul(ir.low(x), ir.i32(x.type === "i8" ? 0x0101_0101 : 0x0001_0001));
  return ir.trunc(left ? ir.rotl(copies, count.value) : ir.rotr(copies, count.value), x.type as IntType);
}

/** RORX: no flags. */
export function RORX(t: Translator, dst: Operand, src: Operand, amount: Operand): void {
  const x = t.read(src);
  t.write(dst, t.ir.rotr(x, countOf(t, amount, x.type === "i64" ? 63 : 31).value));
}

/** RCL: rotates CF:dst left. */
export function RCL(t: Translator, dst: Operand, amount: Operand): void {
  throughCarry(t, dst, amount, true);
}
/** RCR: rotates CF:dst right. */
export function RCR(t: Translator, dst: Operand, amount: Operand): void {
  throughCarry(t, dst, amount, false);
}

function throughCarry(t: Translator, dst: Operand, amount: Operand, left: boolean): void {
  const { ir } = t;
  const x = t.readForUpdate(dst), bits = bitsOf(x.type);
  const count = modulo(ir, countOf(t, amount, x.type === "i64" ? 63 : 31), bits);
  if (count.constant === 0) return t.write(dst, x);
  const carryIn = t.carry();
  const { result, carry } = bits < 32
    ? narrow(ir, x, carryIn, count, left)
    : wide(ir, x, carryIn, count, left);
  t.write(dst, result);
  setCountedFlags(t, count, {
    cf: carry,
    of: left ? signChange(ir, x) : ir.xor(ir.signCell(x), boolToSignCell(ir, carryIn)),
  });
}

/** Counts of narrow rotates through the carry are taken modulo 9 and 17. */
function modulo(ir: IrBuilder, count: Count, bits: number): Count {
  if (bits >= 32) return count;
  if (count.constant !== undefined) return constantCount(ir, count.constant % (bits + 1));
  const { value } = count;
  // Below 32, x / 9 is x * 57 >> 9.
  const quotient = bits === 8 ? ir.shr(ir.mul(value, ir.i32(57)), ir.i32(9)) : ir.ltu(ir.i32(16), value);
  return { value: ir.sub(value, ir.mul(quotient, ir.i32(bits + 1))), constant: undefined };
}

interface Rotated {
  readonly result: Value;
  readonly carry: Value;
}

function narrow(ir: IrBuilder, x: Value, carry: Value, count: Count, left: boolean): Rotated {
  const type = x.type as IntType, bits = bitsOf(type);
  const whole = ir.or(ir.low(x), ir.shl(carry, ir.i32(bits)));
  const back = minus(ir, bits + 1, count);
  const rotated = left
    ? ir.or(ir.shl(whole, count.value), ir.shr(whole, back))
    : ir.or(ir.shr(whole, count.value), ir.shl(whole, back));
  return { result: ir.trunc(rotated, type), carry: ir.and(ir.shr(rotated, ir.i32(bits)), ir.i32(1)) };
}

function wide(ir: IrBuilder, x: Value, carry: Value, count: Count, left: boolean): Rotated {
  const type = x.type as IntType, bits = bitsOf(type);
  const back = minus(ir, bits, count), before = ir.sub(count.value, ir.i32(1)), one = ir.i32(1);
  const carried = ir.zext(carry, type);
  // x is short of one bit, the carry: the part that comes round is shifted one more.
  const rotated = left
    ? ir.or(
      ir.or(ir.shl(x, count.value), ir.shl(carried, before)),
      ir.shr(ir.shr(x, one), back),
    )
    : ir.or(
      ir.or(ir.shr(x, count.value), ir.shl(carried, back)),
      ir.shl(ir.shl(x, one), back),
    );
  const out = ir.and(ir.low(ir.shr(x, left ? back : before)), one);
  if (count.constant !== undefined) return { result: rotated, carry: out };
  return { result: ir.select(count.value, rotated, x), carry: out };
}
