/** Far transfers: JMPF, CALLF, RETF, IRET. What they check and load is a helper's. SDM vol. 2, vol. 3A section 5.8. */
import type { Value } from "../../ir/types.ts";
import type { Operand } from "../instruction.ts";
import { intType, type Translator } from "../translator.ts";

interface FarPointer {
  readonly selector: Value;
  readonly offset: Value;
}

function farPointer(t: Translator, operand: Operand): FarPointer {
  const { ir } = t;
  if (operand.kind === "far") {
    return { selector: ir.i32(operand.selector), offset: ir.const("i64", operand.offset, 0) };
  }
  if (operand.kind !== "mem") throw new TypeError("A far transfer takes a far pointer");
  const size = t.instruction.operandSize, address = t.address(operand), flags = t.memoryFlags(operand);
  const offset = ir.load(intType(size), address, flags);
  const selector = ir.load("i16", ir.add(address, ir.const("i64", size)), flags);
  return { selector: ir.low(selector), offset: ir.zext(offset, "i64") };
}

/** Low half of the address behind the instruction: task switches, which 64-bit code has not, save it. */
function nextLow(t: Translator): Value {
  return t.ir.i32(Number(BigInt.asIntN(32, t.next)));
}

/** JMP far. */
export function JMPF(t: Translator, operand: Operand): void {
  const { selector, offset } = farPointer(t, operand);
  t.end({ kind: "redispatch", target: t.call("far_jump", selector, offset, nextLow(t)) });
}

/** CALL far. */
export function CALLF(t: Translator, operand: Operand): void {
  const { ir } = t, size = ir.i32(t.instruction.operandSize);
  const { selector, offset } = farPointer(t, operand);
  t.end({ kind: "redispatch", target: t.call("far_call", selector, offset, size, ir.i64(t.next)) });
}

/** RET far. */
export function RETF(t: Translator, drop?: Operand): void {
  const { ir } = t, bytes = drop?.kind === "imm" ? drop.lo : 0;
  const target = t.call("far_return", ir.i32(t.instruction.operandSize), ir.i32(bytes));
  t.end({ kind: "redispatch", target });
}

/** IRET. */
export function IRET(t: Translator): void {
  const target = t.call("interrupt_return", t.ir.i32(t.instruction.operandSize), nextLow(t));
  t.end({ kind: "redispatch", target });
}
