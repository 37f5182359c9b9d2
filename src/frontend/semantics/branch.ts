/** The conditional relative branch that Jcc, LOOP and JCXZ share. */
import type { Value } from "../../ir/types.ts";
import { Vector } from "../../cpu/fault.ts";
import type { Operand } from "../instruction.ts";
import type { Translator } from "../translator.ts";

/** Whether bits 63:47 of an address, or 63:56 with 5-level paging, are equal. SDM vol. 1, section 3.3.7.1. */
export function isCanonical(t: Translator, address: bigint): boolean {
  return BigInt.asUintN(64, BigInt.asIntN(t.linearBits, address)) === address;
}

/** Branches if `condition` (i32) is not 0. */
export function branch(t: Translator, condition: Value, operand: Operand): void {
  if (operand.kind !== "rel") throw new TypeError("A conditional branch takes a displacement");
  const taken = t.relative(operand);
  if (t.long && !isCanonical(t, taken)) {
    t.ir.faultIf(condition, Vector.GP, 0);
    return t.jump(t.next);
  }
  if (!t.long) t.checkTarget(t.ir.i64(taken), condition);
  t.end({ kind: "branch", condition, taken, next: t.next });
}
