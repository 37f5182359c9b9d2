/** MOV to and from control and debug registers. SDM vol. 2B, "MOV - Move to/from Control Registers". */
import type { Operand } from "../instruction.ts";
import { intType, type Translator } from "../translator.ts";

/** MOV from a control or debug register. */
export function readSystemRegister(t: Translator, dst: Operand, src: Operand): void {
  if (dst.kind !== "gpr" || (src.kind !== "control" && src.kind !== "debug")) {
    throw new TypeError("A system register goes to a general register");
  }
  const { ir } = t, helper = src.kind === "control" ? "read_control" : "read_debug";
  const value = t.call(helper, ir.i32(src.reg), ir.i32(dst.reg));
  t.write(dst, ir.trunc(value, intType(dst.size)));
}

/** MOV to a control or debug register. What follows may be in another mode, or mapped otherwise. */
export function writeSystemRegister(t: Translator, dst: Operand, src: Operand): void {
  if (src.kind !== "gpr" || (dst.kind !== "control" && dst.kind !== "debug")) {
    throw new TypeError("A system register comes from a general register");
  }
  const { ir } = t, helper = dst.kind === "control" ? "write_control" : "write_debug";
  t.call(helper, ir.i32(dst.reg), ir.zext(t.read(src), "i64"), ir.i32(src.reg));
  t.redispatch();
}
