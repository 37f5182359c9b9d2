/** The sixteen conditions of Jcc, SETcc and CMOVcc from the flag cells, or directly from what set the flags. */
import type { IrBuilder } from "../ir/builder.ts";
import type { IntType, Value } from "../ir/types.ts";
import { CF, OF, PF, SF, ZF } from "../cpu/state.ts";

/** What set the flags last, as far as conditions can be computed from it. */
export type LastCompare =
  /** CMP or SUB of x and y. */
  | { readonly kind: "sub"; readonly x: Value; readonly y: Value }
  /** AND, OR, XOR, TEST: CF and OF are 0, ZF and SF are the result's. */
  | { readonly kind: "logic"; readonly result: Value }
  /** ZF and SF are the result's; nothing is known of the others. */
  | { readonly kind: "result"; readonly result: Value };

/**
 * Condition `number` (0-15) as i32 0 or 1: O NO B NB E NE BE NBE S NS P NP L NL LE NLE.
 * SDM vol. 1, appendix B.
 */
export function conditionOf(ir: IrBuilder, number: number, compare: LastCompare | undefined): Value {
  const negated = (number & 1) !== 0;
  const direct = compare === undefined
    ? undefined
    : compare.kind === "sub"
    ? compared(ir, number >> 1, compare.x, compare.y, negated)
    : ofResult(ir, number >> 1, compare.result, compare.kind === "logic", negated);
  if (direct !== undefined) return direct;
  const holds = fromCells(ir, number >> 1);
  return negated ? ir.xor(holds, ir.i32(1)) : holds;
}

function compared(ir: IrBuilder, condition: number, x: Value, y: Value, negated: boolean): Value | undefined {
  switch (condition) {
    case 1: // B
      return negated ? ir.leu(y, x) : ir.ltu(x, y);
    case 2: // E
      return negated ? ir.ne(x, y) : ir.eq(x, y);
    case 3: // BE
      return negated ? ir.ltu(y, x) : ir.leu(x, y);
    case 6: // L
      return negated ? ir.les(y, x) : ir.lts(x, y);
    case 7: // LE
      return negated ? ir.lts(y, x) : ir.les(x, y);
    default: // O, S and P depend on the difference itself.
      return undefined;
  }
}

function ofResult(
  ir: IrBuilder,
  condition: number,
  result: Value,
  logic: boolean,
  negated: boolean,
): Value | undefined {
  const zero = ir.const(result.type as IntType, 0);
  switch (logic ? LOGIC_CONDITIONS[condition]! : RESULT_CONDITIONS[condition]!) {
    case "never":
      return ir.i32(negated ? 1 : 0);
    case "zero":
      return negated ? ir.ne(result, zero) : ir.eq(result, zero);
    case "sign":
      return negated ? ir.les(zero, result) : ir.lts(result, zero);
    case "not positive":
      return negated ? ir.lts(zero, result) : ir.les(result, zero);
    case "cells":
      return undefined;
  }
}

type OfResult = "never" | "zero" | "sign" | "not positive" | "cells";
// In the order O B E BE S P L LE.
const LOGIC_CONDITIONS: readonly OfResult[] = [
  "never",
  "never",
  "zero",
  "zero",
  "sign",
  "cells",
  "sign",
  "not positive",
];
const RESULT_CONDITIONS: readonly OfResult[] = [
  "cells",
  "cells",
  "zero",
  "cells",
  "sign",
  "cells",
  "cells",
  "cells",
];

const zero = (ir: IrBuilder): Value => ir.eq(ir.get(ZF, "i32"), ir.i32(0));
const topBit = (ir: IrBuilder, cell: Value): Value => ir.shr(cell, ir.i32(31));
const less = (ir: IrBuilder): Value => topBit(ir, ir.xor(ir.get(SF, "i32"), ir.get(OF, "i32")));

/** 1 if the low eight bits of a PF cell have even parity. */
export function parity(ir: IrBuilder, cell: Value): Value {
  const ones = ir.emit("popcnt32", "i32", [ir.and(cell, ir.i32(0xff))]);
  return ir.and(ir.xor(ones, ir.i32(1)), ir.i32(1));
}

function fromCells(ir: IrBuilder, condition: number): Value {
  switch (condition) {
    case 0:
      return topBit(ir, ir.get(OF, "i32"));
    case 1:
      return ir.get(CF, "i32");
    case 2:
      return zero(ir);
    case 3:
      return ir.or(ir.get(CF, "i32"), zero(ir));
    case 4:
      return topBit(ir, ir.get(SF, "i32"));
    case 5:
      return parity(ir, ir.get(PF, "i32"));
    case 6:
      return less(ir);
    default:
      return ir.or(zero(ir), less(ir));
  }
}
