/** Shifts: SHL, SHR, SAR, SHLX, SHRX, SARX, SHLD, SHRD. SDM vol. 2, "SAL/SAR/SHL/SHR", "SHLD", "SHRD". */
import type { IrBuilder } from "../../ir/builder.ts";
import { bitsOf } from "../../ir/builder.ts";
import type { IntType, Value } from "../../ir/types.ts";
import type { Operand } from "../instruction.ts";
import type { Translator } from "../translator.ts";
import { bitToSignCell, resultFlags, signChange } from "../flags.ts";
import { type Count, countOf, minus, setCountedFlags } from "./count.ts";

/** What a shift by `count` (not 0) yields. */
interface Shifted {
  readonly result: Value;
  /** CF as i32 0 or 1. */
  readonly carry: Value;
  /** OF cell. For counts above 1, where it is undefined, current processors leave what a count of 1 gives. */
  readonly overflow: Value;
}

type Shift = (ir: IrBuilder, x: Value, count: Count) => Shifted;

/** Bit 0 of `x` as i32. */
function bit0(ir: IrBuilder, x: Value): Value {
  return ir.and(ir.low(x), ir.i32(1));
}

/** A narrow value as the i32 it is held in; wider values as they are. */
function held(ir: IrBuilder, x: Value): Value {
  return x.type === "i64" ? x : ir.low(x);
}

const shl: Shift = (ir, x, count) => {
  const type = x.type as IntType, bits = bitsOf(type);
  const wide = ir.shl(held(ir, x), count.value);
  const result = ir.trunc(wide, type);
  // Bits shifted out of a narrow value are still there; of the others, the last one out is found at width - count.
  const carry = bits < 32
    ? bit0(ir, ir.shr(wide, ir.i32(bits)))
    : bit0(ir, ir.shr(x, minus(ir, bits, count)));
  return { result, carry, overflow: signChange(ir, x) };
};

const shr: Shift = (ir, x, count) => {
  const type = x.type as IntType;
  const wide = held(ir, x);
  const result = ir.trunc(ir.shr(wide, count.value), type);
  const carry = bit0(ir, ir.shr(wide, minusOne(ir, count)));
  return { result, carry, overflow: ir.signCell(x) };
};

const sar: Shift = (ir, x, count) => {
  const type = x.type as IntType;
  const wide = type === "i64" ? x : ir.sext(x, "i32");
  const result = ir.trunc(ir.sar(wide, count.value), type);
  const carry = bit0(ir, ir.sar(wide, minusOne(ir, count)));
  return { result, carry, overflow: ir.i32(0) };
};

function minusOne(ir: IrBuilder, count: Count): Value {
  return count.constant === undefined ? ir.sub(count.value, ir.i32(1)) : ir.i32(count.constant - 1);
}

function shift(t: Translator, dst: Operand, amount: Operand, operation: Shift): void {
  const { ir } = t;
  const x = t.readForUpdate(dst);
  const count = countOf(t, amount, x.type === "i64" ? 63 : 31);
  if (count.constant === 0) return t.write(dst, x); // no flag changes, but a 32-bit register is zero-extended
  const { result, carry, overflow } = operation(ir, x, count);
  t.write(dst, result);
  setCountedFlags(t, count, {
    ...resultFlags(ir, result),
    cf: carry,
    af: ir.i32(0),
    of: overflow,
  });
  if (count.constant !== undefined) t.setResult(result);
}

/** SHL, SAL. */
export function SHL(t: Translator, dst: Operand, amount: Operand): void {
  shift(t, dst, amount, shl);
}
/** SHR. */
export function SHR(t: Translator, dst: Operand, amount: Operand): void {
  shift(t, dst, amount, shr);
}
/** SAR. */
export function SAR(t: Translator, dst: Operand, amount: Operand): void {
  shift(t, dst, amount, sar);
}

/** SHLX: no flags. SDM vol. 2B, "SARX/SHLX/SHRX". */
export function SHLX(t: Translator, dst: Operand, src: Operand, amount: Operand): void {
  t.write(dst, t.ir.shl(t.read(src), t.ir.low(t.read(amount))));
}
/** SHRX. */
export function SHRX(t: Translator, dst: Operand, src: Operand, amount: Operand): void {
  t.write(dst, t.ir.shr(t.read(src), t.ir.low(t.read(amount))));
}
/** SARX. */
export function SARX(t: Translator, dst: Operand, src: Operand, amount: Operand): void {
  t.write(dst, t.ir.sar(t.read(src), t.ir.low(t.read(amount))));
}

/** SHLD: dst ← the upper part of dst:src shifted left. */
export function SHLD(t: Translator, dst: Operand, src: Operand, amount: Operand): void {
  doubleShift(t, dst, src, amount, true);
}
/** SHRD: dst ← the lower part of src:dst shifted right. */
export function SHRD(t: Translator, dst: Operand, src: Operand, amount: Operand): void {
  doubleShift(t, dst, src, amount, false);
}

function doubleShift(t: Translator, dst: Operand, src: Operand, amount: Operand, left: boolean): void {
  const { ir } = t;
  const x = t.readForUpdate(dst), y = t.read(src);
  const count = countOf(t, amount, x.type === "i64" ? 63 : 31);
  if (count.constant === 0) return t.write(dst, x);
  const { result, carry } = x.type === "i16"
    ? doubleShift16(ir, x, y, count, left)
    : doubleShiftWide(ir, x, y, count, left);
  t.write(dst, result);
  setCountedFlags(t, count, {
    ...resultFlags(ir, result),
    cf: carry,
    af: ir.i32(0),
    // The sign changes in the first step: it becomes dst's next bit, or the bit that comes in from src.
    of: left ? signChange(ir, x) : ir.xor(ir.signCell(x), bitToSignCell(ir, y, 0)),
  });
  if (count.constant !== undefined) t.setResult(result);
}

type DoubleShifted = Omit<Shifted, "overflow">;

function doubleShiftWide(ir: IrBuilder, x: Value, y: Value, count: Count, left: boolean): DoubleShifted {
  const bits = bitsOf(x.type), back = minus(ir, bits, count);
  const moved = left ? ir.shl(x, count.value) : ir.shr(x, count.value);
  const filled = left ? ir.shr(y, back) : ir.shl(y, back);
  const shifted = ir.or(moved, filled);
  return {
    // A count of 0 would take all of y: the shift back by the width does nothing.
    result: count.constant === undefined ? ir.select(count.value, shifted, x) : shifted,
    carry: bit0(ir, ir.shr(x, left ? back : minusOne(ir, count))),
  };
}

/** Counts above 16, undefined, shift dst in again behind src, as current processors do. */
function doubleShift16(ir: IrBuilder, x: Value, y: Value, count: Count, left: boolean): DoubleShifted {
  const low = ir.low(x), high = ir.shl(low, ir.i32(16)), other = ir.low(y);
  // 48 bits dst:src:dst: the upper 32 shifted one way, with the last 16 coming in.
  const pair = left ? ir.or(high, other) : ir.or(low, ir.shl(other, ir.i32(16)));
  const second = left ? ir.pair(high, pair) : ir.pair(pair, low);
  const moved = left ? ir.shl(second, count.value) : ir.shr(second, count.value);
  const result = left ? ir.trunc(ir.shr(ir.high(moved), ir.i32(16)), "i16") : ir.trunc(ir.low(moved), "i16");
  const carry = left
    ? bit0(ir, ir.shr(pair, minus(ir, 32, count)))
    : bit0(ir, ir.shr(pair, minusOne(ir, count)));
  return { result, carry };
}
