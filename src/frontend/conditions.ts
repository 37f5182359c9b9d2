/** The sixteen conditions of Jcc, SETcc and CMOVcc from the flag cells, or directly from the comparison before. */
import type { IrBuilder } from "../ir/builder.ts";
import type { Value } from "../ir/types.ts";
import { CF, OF, PF, SF, ZF } from "../cpu/state.ts";

/** Operands of the CMP or SUB that set the flags last. */
export interface LastCompare {
  readonly x: Value;
  readonly y: Value;
}

/**
 * Condition `number` (0-15) as i32 0 or 1: O NO B NB E NE BE NBE S NS P NP L NL LE NLE.
 * SDM vol. 1, appendix B.
 */
export function conditionOf(ir: IrBuilder, number: number, compare: LastCompare | undefined): Value {
  const positive = compare === undefined ? undefined : compared(ir, number & ~1, compare, (number & 1) !== 0);
  if (positive !== undefined) return positive;
  const holds = fromCells(ir, number >> 1);
  return (number & 1) === 0 ? holds : ir.xor(holds, ir.i32(1));
}

function compared(ir: IrBuilder, number: number, { x, y }: LastCompare, negated: boolean): Value | undefined {
  switch (number) {
    case 2: // B
      return negated ? ir.leu(y, x) : ir.ltu(x, y);
    case 4: // E
      return negated ? ir.ne(x, y) : ir.eq(x, y);
    case 6: // BE
      return negated ? ir.ltu(y, x) : ir.leu(x, y);
    case 12: // L
      return negated ? ir.les(y, x) : ir.lts(x, y);
    case 14: // LE
      return negated ? ir.lts(y, x) : ir.les(x, y);
    default: // O, S and P depend on the difference itself.
      return undefined;
  }
}

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
