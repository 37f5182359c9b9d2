/** Flag cells of the common operations; encodings in cpu/state.ts. SDM vol. 1, section 3.4.3.1. */
import type { IrBuilder } from "../ir/builder.ts";
import type { IntType, Value } from "../ir/types.ts";
import { bitsOf } from "../ir/builder.ts";
import type { StatusFlags } from "./translator.ts";

/** The 32 bits of a value that hold bits 7:0. */
function lower(ir: IrBuilder, x: Value): Value {
  return x.type === "i64" ? ir.low(x) : x;
}

/** The 32 bits of a value that hold its sign, at the bit its type says. */
function upper(ir: IrBuilder, x: Value): Value {
  return x.type === "i64" ? ir.high(x) : x;
}

/** Moves the sign of the bits that `upper` took from a value of `type` to bit 31. */
function toSignCell(ir: IrBuilder, word: Value, type: IntType): Value {
  if (type === "i8") return ir.emit("shl32", "i32", [word, ir.i32(24)]);
  if (type === "i16") return ir.emit("shl32", "i32", [word, ir.i32(16)]);
  return word;
}

/** An SF or OF cell that holds bit `bit` of `x`. */
export function bitToSignCell(ir: IrBuilder, x: Value, bit: number): Value {
  const word = bit >= 32 ? ir.high(x) : lower(ir, x);
  return (bit & 31) === 31 ? word : ir.emit("shl32", "i32", [word, ir.i32(31 - (bit & 31))]);
}

/** OF cell of shifts and rotates to the left by 1: the two top bits differ. */
export function signChange(ir: IrBuilder, x: Value): Value {
  return ir.xor(ir.signCell(x), bitToSignCell(ir, x, bitsOf(x.type) - 2));
}

/** An OF cell from an i32 that is 0 or 1. */
export function boolToSignCell(ir: IrBuilder, bit: Value): Value {
  return ir.shl(bit, ir.i32(31));
}

/** PF, ZF and SF of a result. */
export function resultFlags(ir: IrBuilder, result: Value): StatusFlags {
  return {
    pf: lower(ir, result),
    zf: result.type === "i64" ? ir.zeroCell(result) : result,
    sf: ir.signCell(result),
  };
}

/** OF of an addition: both operands have the other sign than the sum. */
function addOverflow(ir: IrBuilder, x: Value, y: Value, sum: Value): Value {
  const s = upper(ir, sum);
  return toSignCell(
    ir,
    ir.and(ir.xor(upper(ir, x), s), ir.xor(upper(ir, y), s)),
    sum.type as IntType,
  );
}

/** OF of a subtraction: the operands' signs differ, and the difference has not the minuend's. */
function subOverflow(ir: IrBuilder, x: Value, y: Value, difference: Value): Value {
  const a = upper(ir, x);
  return toSignCell(
    ir,
    ir.and(ir.xor(a, upper(ir, y)), ir.xor(a, upper(ir, difference))),
    difference.type as IntType,
  );
}

/** AF of x ± y = result: the carry into bit 4. */
function adjust(ir: IrBuilder, x: Value, y: Value, result: Value): Value {
  return ir.xor(ir.xor(lower(ir, x), lower(ir, y)), lower(ir, result));
}

/** Flags of sum = x + y. */
export function addFlags(ir: IrBuilder, x: Value, y: Value, sum: Value): StatusFlags {
  return {
    ...resultFlags(ir, sum),
    cf: ir.ltu(sum, x),
    af: adjust(ir, x, y, sum),
    of: addOverflow(ir, x, y, sum),
  };
}

/** Flags of difference = x - y. */
export function subFlags(ir: IrBuilder, x: Value, y: Value, difference: Value): StatusFlags {
  return {
    ...resultFlags(ir, difference),
    cf: ir.ltu(x, y),
    af: adjust(ir, x, y, difference),
    of: subOverflow(ir, x, y, difference),
  };
}

/** CF (i32 0 or 1) of sum = x + y + carry: both top bits set, or one of them and the sum's clear. */
export function carryOut(ir: IrBuilder, x: Value, y: Value, sum: Value): Value {
  const a = upper(ir, x), b = upper(ir, y);
  const carries = ir.or(ir.and(a, b), ir.and(ir.or(a, b), ir.not(upper(ir, sum))));
  return ir.emit("shr32", "i32", [toSignCell(ir, carries, sum.type as IntType), ir.i32(31)]);
}

/** Flags of sum = x + y + CF. */
export function adcFlags(ir: IrBuilder, x: Value, y: Value, sum: Value): StatusFlags {
  return {
    ...resultFlags(ir, sum),
    cf: carryOut(ir, x, y, sum),
    af: adjust(ir, x, y, sum),
    of: addOverflow(ir, x, y, sum),
  };
}

/** Flags of difference = x - y - CF. */
export function sbbFlags(ir: IrBuilder, x: Value, y: Value, difference: Value): StatusFlags {
  const a = ir.not(upper(ir, x)), b = upper(ir, y);
  const borrows = ir.or(ir.and(a, b), ir.and(ir.or(a, b), upper(ir, difference)));
  return {
    ...resultFlags(ir, difference),
    cf: ir.emit("shr32", "i32", [toSignCell(ir, borrows, difference.type as IntType), ir.i32(31)]),
    af: adjust(ir, x, y, difference),
    of: subOverflow(ir, x, y, difference),
  };
}

/** Flags of sum = x + 1, without CF. */
export function incFlags(ir: IrBuilder, x: Value, sum: Value): StatusFlags {
  return {
    ...resultFlags(ir, sum),
    af: ir.xor(lower(ir, x), lower(ir, sum)),
    of: toSignCell(ir, ir.and(ir.not(upper(ir, x)), upper(ir, sum)), sum.type as IntType),
  };
}

/** Flags of difference = x - 1, without CF. */
export function decFlags(ir: IrBuilder, x: Value, difference: Value): StatusFlags {
  return {
    ...resultFlags(ir, difference),
    af: ir.xor(lower(ir, x), lower(ir, difference)),
    of: toSignCell(ir, ir.and(upper(ir, x), ir.not(upper(ir, difference))), difference.type as IntType),
  };
}

/** Flags of AND, OR, XOR, TEST: CF = OF = 0; AF, undefined, is cleared by current processors. */
export function logicFlags(ir: IrBuilder, result: Value): StatusFlags {
  const zero = ir.i32(0);
  return { ...resultFlags(ir, result), cf: zero, af: zero, of: zero };
}
