/** Recognizing idioms whose result does not depend on the register that stands on both sides. */
import type { Operand } from "../instruction.ts";

/** Whether two operands of one instruction are the same part of the same register. */
export function sameRegister(x: Operand, y: Operand): boolean {
  return x.kind === "gpr" && y.kind === "gpr" && x.reg === y.reg && x.high === y.high;
}
