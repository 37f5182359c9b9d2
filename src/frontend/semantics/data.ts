/** Moves and conversions: MOV, MOVZX, MOVSX, MOVSXD, MOVBE, MOVNTI, BSWAP, LEA, XLAT, CBW, CWD. SDM vol. 2. */
import { MemoryFlag, type Value } from "../../ir/types.ts";
import { Vector } from "../../cpu/fault.ts";
import { Blocking, GPR, Gpr, Segment } from "../../cpu/state.ts";
import type { Operand } from "../instruction.ts";
import { intType, type Translator } from "../translator.ts";
import { holdInterrupts } from "./interruptibility.ts";
import { loadSegment } from "./segment_load.ts";
import { readSystemRegister, writeSystemRegister } from "./system_registers.ts";

/** MOV: dst ← src; segment registers included. SDM vol. 2B, "MOV". */
export function MOV(t: Translator, dst: Operand, src: Operand): void {
  if (dst.kind === "segment") {
    if (dst.reg === Segment.CS) return t.fault(Vector.UD);
    loadSegment(t, dst.reg, t.ir.trunc(t.read(src), "i16"));
    if (dst.reg === Segment.SS) holdInterrupts(t, Blocking.MOV_SS);
    return t.redispatch();
  }
  if (dst.kind === "control" || dst.kind === "debug") return writeSystemRegister(t, dst, src);
  if (src.kind === "control" || src.kind === "debug") return readSystemRegister(t, dst, src);
  const value = t.read(src);
  t.write(dst, src.kind === "segment" ? widen(t, value, dst) : value);
}

/** A selector read into a wider register is zero-extended. */
function widen(t: Translator, selector: Value, dst: Operand): Value {
  return dst.kind === "gpr" ? t.ir.zext(selector, intType(dst.size)) : selector;
}

/** MOVNTI: a store without a cache hint of ours. */
export function MOVNTI(t: Translator, dst: Operand, src: Operand): void {
  t.write(dst, t.read(src));
}

/** MOVZX: zero-extends. */
export function MOVZX(t: Translator, dst: Operand, src: Operand): void {
  t.write(dst, t.ir.zext(t.read(src), t.operandType));
}

/** MOVSX: sign-extends. */
export function MOVSX(t: Translator, dst: Operand, src: Operand): void {
  t.write(dst, t.ir.sext(t.read(src), t.operandType));
}

/** MOVSXD: sign-extends 32 bits; with 16- and 32-bit operands a plain move. */
export function MOVSXD(t: Translator, dst: Operand, src: Operand): void {
  const value = t.read(src), type = t.operandType;
  t.write(dst, type === "i64" ? t.ir.sext(value, type) : t.ir.trunc(value, type));
}

/** MOVBE: moves with the bytes in reverse order. */
export function MOVBE(t: Translator, dst: Operand, src: Operand): void {
  t.write(dst, swapBytes(t, t.read(src)));
}

function swapBytes(t: Translator, x: Value): Value {
  const { ir } = t;
  if (x.type === "i64") return ir.emit("bswap64", "i64", [x]);
  const swapped = ir.emit("bswap32", "i32", [x]);
  return x.type === "i16" ? ir.zext(ir.shr(swapped, ir.i32(16)), "i16") : swapped;
}

/** BSWAP: reverses the bytes of a register. The result of the undefined 16-bit form is 0. */
export function BSWAP(t: Translator, dst: Operand): void {
  const x = t.read(dst);
  t.write(dst, x.type === "i16" ? t.ir.const("i16", 0) : swapBytes(t, x));
}

/** LEA: dst ← effective address, without the segment's base. */
export function LEA(t: Translator, dst: Operand, src: Operand): void {
  if (src.kind !== "mem") return t.fault(Vector.UD);
  const type = t.operandType;
  // A narrower result needs only the low half of the sum.
  const address = type !== "i64" && src.addressSize === 8
    ? t.effectiveAddress({ ...src, addressSize: 4 })
    : t.effectiveAddress(src);
  t.write(dst, t.ir.trunc(address, type));
}

/** XLAT: AL ← [rBX + AL]. */
export function XLAT(t: Translator): void {
  const { ir, instruction: { addressSize, segmentOverride } } = t;
  const sum = ir.add(t.readGpr(Gpr.RBX, 8), ir.zext(t.readGpr(Gpr.RAX, 1), "i64"));
  const segment = segmentOverride < 0 ? Segment.DS : segmentOverride;
  const offset = ir.zext(ir.trunc(sum, intType(addressSize)), "i64");
  const address = t.segmentAddress(segment, offset, 1, addressSize === 2);
  const flags = segment === Segment.SS ? MemoryFlag.STACK : 0;
  t.writeGpr(Gpr.RAX, ir.load("i8", address, flags));
}

/** CBW, CWDE, CDQE: the accumulator's lower half, sign-extended. */
export function CBW(t: Translator): void {
  const size = t.instruction.operandSize;
  t.writeGpr(Gpr.RAX, t.ir.sext(t.readGpr(Gpr.RAX, size >> 1), t.operandType));
}

/** CWD, CDQ, CQO: rDX ← the accumulator's sign. */
export function CWD(t: Translator): void {
  const { ir } = t, type = t.operandType;
  if (type === "i64") {
    const sign = ir.sar(ir.high(ir.get(GPR + 8 * Gpr.RAX, "i64")), ir.i32(31));
    return t.writeGpr(Gpr.RDX, ir.pair(sign, sign));
  }
  const bits = type === "i16" ? 15 : 31;
  t.writeGpr(Gpr.RDX, ir.sar(t.readGpr(Gpr.RAX, t.instruction.operandSize), ir.i32(bits)));
}
