/** Flag cells of the common operations; encodings in cpu/state.ts. SDM vol. 1, section 3.4.3.1. */
import type { IrBuilder } from "../ir/builder.ts";
import type { Value } from "../ir/types.ts";
import type { StatusFlags } from "./translator.ts";

/** PF, ZF and SF of a result. */
export function resultFlags(ir: IrBuilder, result: Value): StatusFlags {
  return { pf: ir.low(result), zf: ir.zeroCell(result), sf: ir.signCell(result) };
}

/** Flags of sum = x + y. */
export function addFlags(ir: IrBuilder, x: Value, y: Value, sum: Value): StatusFlags {
  return {
    ...resultFlags(ir, sum),
    cf: ir.ltu(sum, x),
    af: ir.low(ir.xor(ir.xor(x, y), sum)),
    of: ir.signCell(ir.and(ir.xor(x, sum), ir.xor(y, sum))),
  };
}

/** Flags of difference = x - y. */
export function subFlags(ir: IrBuilder, x: Value, y: Value, difference: Value): StatusFlags {
  return {
    ...resultFlags(ir, difference),
    cf: ir.ltu(x, y),
    af: ir.low(ir.xor(ir.xor(x, y), difference)),
    of: ir.signCell(ir.and(ir.xor(x, y), ir.xor(x, difference))),
  };
}

/** Flags of AND, OR, XOR, TEST: CF = OF = 0; AF, undefined, is cleared by current processors. */
export function logicFlags(ir: IrBuilder, result: Value): StatusFlags {
  const zero = ir.i32(0);
  return { ...resultFlags(ir, result), cf: zero, af: zero, of: zero };
}
