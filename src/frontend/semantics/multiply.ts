/** Multiplication and division: MUL, IMUL, MULX, DIV, IDIV. SDM vol. 2. */
import type { IrBuilder } from "../../ir/builder.ts";
import type { IntType, Value } from "../../ir/types.ts";
import { Vector } from "../../cpu/fault.ts";
import { Gpr } from "../../cpu/state.ts";
import type { Operand } from "../instruction.ts";
import type { Translator } from "../translator.ts";
import { boolToSignCell, resultFlags } from "../flags.ts";

/** MUL: rDX:rAX ← rAX * src, unsigned; CF = OF = upper half not 0. */
export function MUL(t: Translator, src: Operand): void {
  accumulatorProduct(t, t.read(src), false);
}

/** IMUL with one operand as MUL, signed; with two or three, dst ← product, truncated. CF = OF = it does not fit. */
export function IMUL(t: Translator, first: Operand, second?: Operand, third?: Operand): void {
  if (second === undefined) return accumulatorProduct(t, t.read(first), true);
  const x = t.read(third === undefined ? first : second), y = t.read(third ?? second);
  const { ir } = t;
  if (x.type === "i64" || x.type === "i32") {
    const lo = ir.mul(x, y);
    t.write(first, lo);
    return setProductFlags(t, lo, ir.emit(x.type === "i64" ? "mulo64" : "mulo32", "i32", [x, y]));
  }
  const { lo, hi } = product(ir, x, y, true);
  t.write(first, lo);
  setProductFlags(t, lo, ir.ne(hi, signOf(ir, lo)));
}

function accumulatorProduct(t: Translator, y: Value, signed: boolean): void {
  const { ir } = t, size = t.instruction.operandSize;
  const { lo, hi } = product(ir, t.readGpr(Gpr.RAX, size), y, signed);
  const overflow = ir.ne(hi, signed ? signOf(ir, lo) : ir.const(hi.type as IntType, 0));
  if (size === 1) {
    const ax = ir.or(ir.low(lo), ir.shl(ir.low(hi), ir.i32(8)));
    t.writeGpr(Gpr.RAX, ir.zext(ax, "i16"));
  } else {
    t.writeGpr(Gpr.RAX, lo);
    t.writeGpr(Gpr.RDX, hi);
  }
  setProductFlags(t, lo, overflow);
}

/** SF, ZF, PF and AF are undefined: current processors set SF and PF from the lower half and clear the others. */
function setProductFlags(t: Translator, lo: Value, overflow: Value): void {
  const { ir } = t, { pf, sf } = resultFlags(ir, lo);
  t.setFlags({
    cf: overflow,
    of: boolToSignCell(ir, overflow),
    af: ir.i32(0),
    zf: ir.i32(1),
    ...(pf === undefined ? {} : { pf }),
    ...(sf === undefined ? {} : { sf }),
  });
}

/** The value of the same type all of whose bits are the sign of `x`. */
function signOf(ir: IrBuilder, x: Value): Value {
  return ir.sar(x, ir.i32(x.type === "i64" ? 63 : x.type === "i32" ? 31 : x.type === "i16" ? 15 : 7));
}

function product(ir: IrBuilder, x: Value, y: Value, signed: boolean): { lo: Value; hi: Value } {
  const type = x.type as IntType;
  if (type === "i64") {
    return { lo: ir.mul(x, y), hi: ir.emit(signed ? "mulhs64" : "mulhu64", "i64", [x, y]) };
  }
  if (type === "i32") {
    const lo = ir.mul(x, y);
    return { lo, hi: ir.high(ir.emit(signed ? "mulwides32" : "mulwideu32", "i64", [x, y])) };
  }
  const whole = signed ? ir.mul(ir.sext(x, "i32"), ir.sext(y, "i32")) : ir.mul(ir.low(x), ir.low(y));
  return {
    lo: ir.trunc(whole, type),
    hi: ir.trunc(ir.shr(whole, ir.i32(type === "i8" ? 8 : 16)), type),
  };
}

/** MULX: both halves of rDX * src, no flags. Where both destinations are one register it gets the upper half. SDM vol. 2B. */
export function MULX(t: Translator, high: Operand, low: Operand, src: Operand): void {
  const { lo, hi } = product(t.ir, t.readGpr(Gpr.RDX, t.instruction.operandSize), t.read(src), false);
  t.write(low, lo);
  t.write(high, hi);
}

/** DIV: rAX ← rDX:rAX / src, rDX ← remainder, unsigned; #DE if the quotient does not fit. Flags stay. */
export function DIV(t: Translator, src: Operand): void {
  const { ir } = t, size = t.instruction.operandSize;
  const divisor = t.read(src);
  if (size === 8) {
    const hi = t.readGpr(Gpr.RDX, 8), lo = t.readGpr(Gpr.RAX, 8);
    ir.faultIf(ir.leu(divisor, hi), Vector.DE);
    const quotient = t.call("divide_128", lo, hi, divisor);
    t.writeGpr(Gpr.RAX, quotient);
    return t.writeGpr(Gpr.RDX, ir.sub(lo, ir.mul(quotient, divisor)));
  }
  const { lo, hi } = dividend(t);
  const d = ir.zext(divisor, "i32");
  // The quotient fits exactly if the upper half is below the divisor, which therefore is not 0.
  const upper = size === 4 ? hi : ir.shr(lo, ir.i32(8 * size));
  ir.faultIf(ir.leu(d, upper), Vector.DE);
  const quotient = t.call("divide_64", lo, size === 4 ? hi : ir.i32(0), d);
  writeQuotient(t, quotient, ir.sub(lo, ir.mul(quotient, d)));
}

/** IDIV: as DIV, signed, truncating toward 0. */
export function IDIV(t: Translator, src: Operand): void {
  const { ir } = t, size = t.instruction.operandSize;
  const divisor = t.read(src);
  if (size === 8) {
    const hi = t.readGpr(Gpr.RDX, 8), lo = t.readGpr(Gpr.RAX, 8);
    const quotient = t.call("divide_signed_128", lo, hi, divisor);
    t.writeGpr(Gpr.RAX, quotient);
    return t.writeGpr(Gpr.RDX, ir.sub(lo, ir.mul(quotient, divisor)));
  }
  const { lo, hi } = dividend(t);
  const d = ir.sext(divisor, "i32");
  ir.faultIf(ir.eq(d, ir.i32(0)), Vector.DE);
  const whole = t.call("divide_signed_64", lo, size === 4 ? hi : ir.sar(lo, ir.i32(31)), d);
  const quotient = ir.low(whole);
  const overflows = size === 4
    ? ir.ne(ir.sar(quotient, ir.i32(31)), ir.high(whole))
    : ir.ne(ir.emit(size === 1 ? "sext8" : "sext16", "i32", [quotient]), quotient);
  ir.faultIf(overflows, Vector.DE);
  writeQuotient(t, quotient, ir.sub(lo, ir.mul(quotient, d)));
}

/** The dividend of divisions up to 32 bits: EDX:EAX; DX:AX and AX in `lo`. */
function dividend(t: Translator): { lo: Value; hi: Value } {
  const { ir } = t;
  switch (t.instruction.operandSize) {
    case 1:
      return { lo: signExtended(t, t.readGpr(Gpr.RAX, 2)), hi: ir.i32(0) };
    case 2: {
      const dx = ir.low(t.readGpr(Gpr.RDX, 2));
      return { lo: ir.or(ir.low(t.readGpr(Gpr.RAX, 2)), ir.shl(dx, ir.i32(16))), hi: ir.i32(0) };
    }
    default:
      return { lo: t.readGpr(Gpr.RAX, 4), hi: t.readGpr(Gpr.RDX, 4) };
  }
}

/** AX as i32: extended as the division that is translated takes it. */
function signExtended(t: Translator, ax: Value): Value {
  return t.instruction.mnemonic === "IDIV" ? t.ir.sext(ax, "i32") : t.ir.low(ax);
}

/** Writes quotient and remainder (i32) to rAX and rDX, or AL and AH. */
function writeQuotient(t: Translator, quotient: Value, remainder: Value): void {
  const { ir } = t, size = t.instruction.operandSize;
  if (size === 1) {
    const al = ir.and(quotient, ir.i32(0xff));
    const ah = ir.shl(ir.and(remainder, ir.i32(0xff)), ir.i32(8));
    return t.writeGpr(Gpr.RAX, ir.zext(ir.or(al, ah), "i16"));
  }
  const type = t.operandType;
  t.writeGpr(Gpr.RAX, ir.trunc(quotient, type));
  t.writeGpr(Gpr.RDX, ir.trunc(remainder, type));
}
