/** AND, OR, XOR, NOT, TEST. SDM vol. 2. */
import type { Value } from "../../ir/types.ts";
import type { IrBuilder } from "../../ir/builder.ts";
import type { Operand } from "../instruction.ts";
import type { Translator } from "../translator.ts";
import { logicFlags } from "../flags.ts";
import { sameRegister } from "./same_register.ts";

/** AND: dst ← dst & src. */
export function AND(t: Translator, dst: Operand, src: Operand): void {
  binary(t, dst, src, (ir, x, y) => ir.and(x, y));
}

/** OR: dst ← dst | src. */
export function OR(t: Translator, dst: Operand, src: Operand): void {
  binary(t, dst, src, (ir, x, y) => ir.or(x, y));
}

/** XOR: dst ← dst ^ src. */
export function XOR(t: Translator, dst: Operand, src: Operand): void {
  if (sameRegister(dst, src)) {
    // The idiom for zero: the result does not depend on the register.
    const zero = t.ir.const(t.operandType, 0);
    t.write(dst, zero);
    t.setFlags(logicFlags(t.ir, zero));
    return t.setLogic(zero);
  }
  binary(t, dst, src, (ir, x, y) => ir.xor(x, y));
}

/** TEST: flags of first & second. */
export function TEST(t: Translator, first: Operand, second: Operand): void {
  const x = t.read(first);
  const result = sameRegister(first, second) ? x : t.ir.and(x, t.read(second));
  t.setFlags(logicFlags(t.ir, result));
  t.setLogic(result);
}

/** NOT: dst ← ~dst; no flag changes. */
export function NOT(t: Translator, dst: Operand): void {
  t.write(dst, t.ir.not(t.readForUpdate(dst)));
}

function binary(
  t: Translator,
  dst: Operand,
  src: Operand,
  operation: (ir: IrBuilder, x: Value, y: Value) => Value,
): void {
  const result = operation(t.ir, t.readForUpdate(dst), t.read(src));
  t.write(dst, result);
  t.setFlags(logicFlags(t.ir, result));
  t.setLogic(result);
}
