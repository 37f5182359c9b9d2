/** Reading and writing operands: registers, immediates, memory through segments, the stack. */
import { MemoryFlag, type Type, type Value } from "../ir/types.ts";
import { BYTES } from "../ir/types.ts";
import { Mode } from "../cpu/mode.ts";
import { GPR, Gpr, SEG_SELECTOR, SEGMENT, Segment, SEGMENT_STRIDE, X87 } from "../cpu/state.ts";
import type { Operand, OperandOf } from "./instruction.ts";
import { checkLimit, checkWritable } from "./segment_checks.ts";
import { intType } from "./int_type.ts";
import type { Translator } from "./translator.ts";

/** Value of an operand. */
export function read(t: Translator, operand: Operand, flags: number): Value {
  const { ir } = t;
  switch (operand.kind) {
    case "gpr":
      if (!operand.high) return t.readGpr(operand.reg, operand.size);
      return ir.trunc(ir.shr(ir.low(ir.get(GPR + 8 * operand.reg, "i64")), ir.i32(8)), "i8");
    case "imm":
      return ir.const(intType(operand.size), operand.lo, operand.hi);
    case "mem":
      if ((flags & MemoryFlag.WRITE_INTENT) !== 0) checkWritable(t, operand.segment);
      return ir.load(
        memoryType(operand.size),
        linearAddress(t, operand, operand.size),
        flags | t.memoryFlags(operand),
      );
    case "xmm":
      return readXmm(t, operand);
    case "mmx":
      return operand.size === 4
        ? ir.get(X87 + 16 * operand.reg, "i32")
        : ir.get(X87 + 16 * operand.reg, "i64");
    case "segment":
      return ir.trunc(ir.get(SEGMENT + SEGMENT_STRIDE * operand.reg + SEG_SELECTOR, "i32"), "i16");
    case "rel":
    case "far":
    case "st":
    case "control":
    case "debug":
      throw new TypeError(`Operands of kind ${operand.kind} have no value to read`);
  }
}

/** Writes an operand. */
export function write(t: Translator, operand: Operand, value: Value, flags: number): void {
  const { ir } = t;
  switch (operand.kind) {
    case "gpr":
      if (!operand.high) return writeGpr(t, operand.reg, value);
      return setGpr(
        t,
        operand.reg,
        ir.emit("insert8high", "i64", [ir.get(GPR + 8 * operand.reg, "i64"), value]),
      );
    case "mem":
      checkWritable(t, operand.segment);
      return ir.store(linearAddress(t, operand, operand.size), value, flags | t.memoryFlags(operand));
    case "xmm":
      return writeXmm(t, operand, value);
    case "mmx":
      return ir.set(X87 + 16 * operand.reg, value);
    case "imm":
    case "segment":
    case "rel":
    case "far":
    case "st":
    case "control":
    case "debug":
      throw new TypeError(`Operands of kind ${operand.kind} cannot be written`);
  }
}

function memoryType(size: number): Type {
  return size === 16 ? "v128" : intType(size);
}

function readXmm(t: Translator, { reg, size }: OperandOf<"xmm">): Value {
  const whole = t.readXmm(reg);
  if (size === 16) return whole;
  if (size === 8) return t.ir.emit("vextract64", "i64", [whole], 0);
  const word = t.ir.emit("vextract32", "i32", [whole], 0);
  return size === 4 ? word : t.ir.trunc(word, intType(size));
}

function writeXmm(t: Translator, { reg }: OperandOf<"xmm">, value: Value): void {
  if (value.type === "v128") return t.writeXmm(reg, value);
  const op = value.type === "i64" ? "vinsert64" : "vinsert32";
  t.writeXmm(reg, t.ir.emit(op, "v128", [t.readXmm(reg), value], 0));
}

function setGpr(t: Translator, reg: number, value: Value): void {
  t.ir.set(GPR + 8 * reg, value);
}

/** Writes a general register with the width of `value`. */
export function writeGpr(t: Translator, reg: number, value: Value): void {
  const { ir } = t;
  if (value.type === "i64") return setGpr(t, reg, value);
  if (value.type === "i32") return setGpr(t, reg, ir.zext(value, "i64"));
  const op = value.type === "i8" ? "insert8" : "insert16";
  setGpr(t, reg, ir.emit(op, "i64", [ir.get(GPR + 8 * reg, "i64"), value]));
}

/** Effective address, truncated to the address size, as i64. */
export function effectiveAddress(t: Translator, operand: OperandOf<"mem">): Value {
  const { ir } = t;
  const { base, index, addressSize, ripRelative, disp, dispHi } = operand;
  if (addressSize === 8) {
    let address = ripRelative
      ? ir.i64(BigInt.asUintN(64, t.next + BigInt(disp)))
      : base >= 0
      ? ir.get(GPR + 8 * base, "i64")
      : undefined;
    if (index >= 0) {
      const scaled = scale(t, ir.get(GPR + 8 * index, "i64"), operand.scale);
      address = address === undefined ? scaled : ir.add(address, scaled);
    }
    if (address === undefined) return ir.const("i64", disp, dispHi);
    return ripRelative ? address : ir.add(address, ir.const("i64", disp, dispHi));
  }
  // 32- and 16-bit addressing: computed in 32 bits, then truncated and zero-extended.
  let address = ripRelative
    ? ir.i32(Number(BigInt.asIntN(32, t.next + BigInt(disp))))
    : base >= 0
    ? t.readGpr(base, 4)
    : undefined;
  if (index >= 0) {
    const scaled = scale(t, t.readGpr(index, 4), operand.scale);
    address = address === undefined ? scaled : ir.add(address, scaled);
  }
  if (!ripRelative) address = address === undefined ? ir.i32(disp) : ir.add(address, ir.i32(disp));
  if (addressSize === 2) address = ir.and(address!, ir.i32(0xffff));
  return ir.zext(address!, "i64");
}

function scale(t: Translator, value: Value, factor: number): Value {
  return factor === 1 ? value : t.ir.shl(value, t.ir.i32(31 - Math.clz32(factor)));
}

/** A linear address that was computed, and where in the block. */
export interface AddressMemo {
  readonly operand: OperandOf<"mem">;
  readonly guest: number;
  readonly at: number;
  readonly address: Value;
}

/**
 * Linear address of a memory operand of `size` bytes, which its segment must reach; the one computed before in this
 * instruction while no register has changed.
 */
export function linearAddress(t: Translator, operand: OperandOf<"mem">, size: number): Value {
  const { ir, addressMemo: memo } = t;
  if (memo?.operand === operand && memo.guest === ir.guest && !registersChanged(t, memo.at)) {
    return memo.address;
  }
  const address = segmentAddress(
    t,
    operand.segment,
    effectiveAddress(t, operand),
    size,
    operand.addressSize === 2,
  );
  t.addressMemo = { operand, guest: ir.guest, at: ir.insts.length, address };
  return address;
}

/** Whether anything built since position `from` can have written a register. */
function registersChanged(t: Translator, from: number): boolean {
  const { insts } = t.ir;
  for (let i = from; i < insts.length; i++) {
    const { op } = insts[i]!;
    if (op === "set64" || op === "call") return true;
  }
  return false;
}

/** Linear address of `size` bytes at an offset, which the segment must reach. `narrow`: the offset has 16 bits. */
export function segmentAddress(
  t: Translator,
  segment: number,
  offset: Value,
  size: number,
  narrow: boolean,
): Value {
  checkLimit(t, segment, offset, size, narrow);
  return segmentLinear(t, segment, offset);
}

/** Adds a segment's base where the mode uses it. */
export function segmentLinear(t: Translator, segment: number, offset: Value): Value {
  const { ir } = t;
  if (t.long) return segment >= Segment.FS ? ir.add(offset, t.segmentBase(segment)) : offset;
  if (segment < Segment.FS && (t.mode & Mode.SEGMENTED) === 0) return offset;
  return ir.zext(ir.add(ir.low(offset), ir.low(t.segmentBase(segment))), "i64");
}

/** Stack pointer as the mode sees it, as i64. */
function stackPointer(t: Translator): Value {
  const { ir } = t;
  const rsp = ir.get(GPR + 8 * Gpr.RSP, "i64");
  if (t.long) return rsp;
  return ir.zext(ir.trunc(rsp, (t.mode & Mode.STACK32) !== 0 ? "i32" : "i16"), "i64");
}

/** Truncates an offset in the stack segment to the stack pointer's width. */
export function wrapStack(t: Translator, offset: Value): Value {
  const { ir } = t;
  if (t.long) return offset;
  return ir.zext(ir.trunc(offset, (t.mode & Mode.STACK32) !== 0 ? "i32" : "i16"), "i64");
}

/** Pushes a value. */
export function push(t: Translator, value: Value, between?: () => void): void {
  const { ir } = t;
  const bytes = BYTES[value.type];
  if (t.long) {
    const rsp = ir.sub(ir.get(GPR + 8 * Gpr.RSP, "i64"), ir.const("i64", bytes));
    ir.store(rsp, value, MemoryFlag.STACK);
    between?.();
    return ir.set(GPR + 8 * Gpr.RSP, rsp);
  }
  const offset = wrapStack(t, ir.sub(stackPointer(t), ir.const("i64", bytes)));
  ir.store(stackAddress(t, offset, bytes), value, MemoryFlag.STACK);
  between?.();
  moveStack(t, -bytes);
}

/** Value at the top of the stack, `offset` bytes up. */
export function top(t: Translator, type: Type, offset: number): Value {
  const { ir } = t;
  const address = wrapStack(t, ir.add(stackPointer(t), ir.const("i64", offset)));
  return ir.load(type, stackAddress(t, address, BYTES[type]), MemoryFlag.STACK);
}

/** Linear address of `size` bytes at an offset in the stack segment, of the stack pointer's width. */
export function stackAddress(t: Translator, offset: Value, size: number): Value {
  return segmentAddress(t, Segment.SS, offset, size, !t.long && (t.mode & Mode.STACK32) === 0);
}

/** Moves the stack pointer. */
export function moveStack(t: Translator, bytes: number): void {
  const { ir } = t;
  const rsp = ir.add(ir.get(GPR + 8 * Gpr.RSP, "i64"), ir.const("i64", bytes));
  if (t.long) return ir.set(GPR + 8 * Gpr.RSP, rsp);
  writeGpr(t, Gpr.RSP, ir.trunc(rsp, (t.mode & Mode.STACK32) !== 0 ? "i32" : "i16"));
}
