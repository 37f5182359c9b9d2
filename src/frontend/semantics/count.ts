/** Counts of shifts and rotates: constant or variable, and the flags they leave alone when they are 0. */
import type { IrBuilder } from "../../ir/builder.ts";
import type { Value } from "../../ir/types.ts";
import { AF, CF, OF, PF, SF, ZF } from "../../cpu/state.ts";
import type { Operand } from "../instruction.ts";
import type { StatusFlags, Translator } from "../translator.ts";

/** A masked count. */
export interface Count {
  readonly value: Value;
  /** The count, where it is known. */
  readonly constant: number | undefined;
}

/** A constant count. */
export function constantCount(ir: IrBuilder, count: number): Count {
  return { value: ir.i32(count), constant: count };
}

/** The count an operand (immediate or CL) tells, masked. */
export function countOf(t: Translator, amount: Operand, mask: number): Count {
  const { ir } = t;
  if (amount.kind === "imm") return constantCount(ir, amount.lo & mask);
  return { value: ir.and(ir.low(t.read(amount)), ir.i32(mask)), constant: undefined };
}

/** `bits` - count, for shifts that take their count modulo the width. */
export function minus(ir: IrBuilder, bits: number, count: Count): Value {
  return count.constant === undefined ? ir.sub(ir.i32(bits), count.value) : ir.i32(bits - count.constant);
}

const CELLS = { cf: CF, pf: PF, af: AF, zf: ZF, sf: SF, of: OF } as const;

/** Sets flags, unless the count is 0. */
export function setCountedFlags(t: Translator, count: Count, flags: StatusFlags): void {
  if (count.constant !== undefined) return count.constant === 0 ? undefined : t.setFlags(flags);
  const { ir } = t;
  const kept: Record<string, Value> = {};
  for (const [name, value] of Object.entries(flags) as [keyof typeof CELLS, Value][]) {
    kept[name] = ir.select(count.value, ir.zext(value, "i32"), ir.get(CELLS[name], "i32"));
  }
  t.setFlags(kept);
}
