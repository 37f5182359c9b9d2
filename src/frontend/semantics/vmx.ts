/** The VMX instructions. SDM vol. 3C, chapter 31. They check everything themselves. */
import type { Operand } from "../instruction.ts";
import type { Translator } from "../translator.ts";
import { IN_MEMORY, VmxInvalidation, VmxPointer, VmxTransfer } from "../../cpu/system/vmx_instructions.ts";

function pointer(t: Translator, instruction: number, operand: Operand): void {
  if (operand.kind !== "mem") throw new TypeError("A VMX pointer is in memory");
  t.call("vmx_pointer", t.ir.i32(instruction), t.address(operand), t.ir.i32(t.memoryFlags(operand)));
  t.redispatch();
}
/** VMXON. */
export function VMXON(t: Translator, operand: Operand): void {
  pointer(t, VmxPointer.VMXON, operand);
}
/** VMPTRLD. */
export function VMPTRLD(t: Translator, operand: Operand): void {
  pointer(t, VmxPointer.VMPTRLD, operand);
}
/** VMPTRST. */
export function VMPTRST(t: Translator, operand: Operand): void {
  pointer(t, VmxPointer.VMPTRST, operand);
}
/** VMCLEAR. */
export function VMCLEAR(t: Translator, operand: Operand): void {
  pointer(t, VmxPointer.VMCLEAR, operand);
}

/** What follows may be a guest, or in another world. */
function transfer(t: Translator, instruction: number): void {
  t.end({
    kind: "redispatch",
    target: t.call("vmx_transfer", t.ir.i32(instruction), t.ir.i64(t.next)),
  });
}
/** VMXOFF. */
export function VMXOFF(t: Translator): void {
  transfer(t, VmxTransfer.VMXOFF);
}
/** VMCALL. */
export function VMCALL(t: Translator): void {
  transfer(t, VmxTransfer.VMCALL);
}
/** VMLAUNCH. */
export function VMLAUNCH(t: Translator): void {
  transfer(t, VmxTransfer.VMLAUNCH);
}
/** VMRESUME. */
export function VMRESUME(t: Translator): void {
  transfer(t, VmxTransfer.VMRESUME);
}
/** VMFUNC. */
export function VMFUNC(t: Translator): void {
  t.end({ kind: "vmfunc", next: t.next });
}

function access(t: Translator, helper: "vmx_read" | "vmx_write", field: Operand, operand: Operand): void {
  const { ir } = t;
  const encoding = ir.zext(t.read(field), "i64");
  if (operand.kind === "mem") {
    t.call(helper, encoding, ir.i32(IN_MEMORY), t.address(operand), ir.i32(t.memoryFlags(operand)));
  } else if (operand.kind === "gpr") {
    t.call(helper, encoding, ir.i32(operand.reg), ir.i64(0n), ir.i32(0));
  }
  t.jump(t.next);
}
/** VMREAD. */
export function VMREAD(t: Translator, dst: Operand, field: Operand): void {
  access(t, "vmx_read", field, dst);
}
/** VMWRITE. */
export function VMWRITE(t: Translator, field: Operand, src: Operand): void {
  access(t, "vmx_write", field, src);
}

function invalidate(t: Translator, instruction: number, type: Operand, descriptor: Operand): void {
  if (descriptor.kind !== "mem") throw new TypeError("The descriptor is in memory");
  const { ir } = t;
  t.call(
    "vmx_invalidate",
    ir.i32(instruction),
    ir.zext(t.read(type), "i64"),
    t.address(descriptor),
    ir.i32(t.memoryFlags(descriptor)),
  );
  t.redispatch();
}
/** INVEPT. */
export function INVEPT(t: Translator, type: Operand, descriptor: Operand): void {
  invalidate(t, VmxInvalidation.EPT, type, descriptor);
}
/** INVVPID. */
export function INVVPID(t: Translator, type: Operand, descriptor: Operand): void {
  invalidate(t, VmxInvalidation.VPID, type, descriptor);
}
