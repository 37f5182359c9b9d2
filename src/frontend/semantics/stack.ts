/** PUSH, POP and their like, ENTER, LEAVE. SDM vol. 2; vol. 1, section 6.2. */
import { MemoryFlag, type Value } from "../../ir/types.ts";
import { Mode } from "../../cpu/mode.ts";
import { Blocking, GPR, Gpr, Segment } from "../../cpu/state.ts";
import type { Operand, OperandOf } from "../instruction.ts";
import { intType, type Translator } from "../translator.ts";
import { holdInterrupts } from "./interruptibility.ts";
import { loadSegment } from "./segment_load.ts";

/** PUSH. The value is read first: PUSH RSP pushes RSP as it was. */
export function PUSH(t: Translator, src: Operand): void {
  const value = t.read(src);
  if (src.kind !== "segment") return t.push(value);
  const size = t.instruction.operandSize;
  if (size !== 4) return t.push(t.ir.zext(value, intType(size)));
  // A 32-bit push of a selector writes 16 bits and leaves the upper half of the slot, as current processors do.
  const slot = stackAddress(t, Gpr.RSP, -4, 2);
  t.ir.store(slot, value, MemoryFlag.STACK);
  t.moveStack(-4);
}

/** POP. RSP moves before a destination's address is computed, and before POP RSP writes it. */
export function POP(t: Translator, dst: Operand): void {
  const size = t.instruction.operandSize;
  if (dst.kind === "segment") {
    // Only the selector is read, whatever the slot's size.
    loadSegment(t, dst.reg, t.top("i16"));
    t.moveStack(size);
    if (dst.reg === Segment.SS) holdInterrupts(t, Blocking.MOV_SS);
    return t.redispatch();
  }
  const value = t.top(intType(size));
  switch (dst.kind) {
    case "mem":
      t.checkWritable(dst);
      t.ir.store(addressAfterPop(t, dst, size), value, t.memoryFlags(dst));
      return t.moveStack(size);
    default:
      t.moveStack(size);
      t.write(dst, value);
  }
}

/** Address of POP's destination with RSP as it will be; RSP itself moves only after the store, which may fault. */
function addressAfterPop(t: Translator, dst: OperandOf<"mem">, size: number): Value {
  if (dst.base !== Gpr.RSP) return t.address(dst);
  const { ir } = t;
  const offset = ir.add(t.effectiveAddress(dst), ir.const("i64", size));
  const wrapped = ir.zext(ir.trunc(offset, intType(dst.addressSize)), "i64");
  return t.segmentAddress(dst.segment, wrapped, size, dst.addressSize === 2);
}

/** Width of the stack pointer in bytes. */
function stackSize(t: Translator): 2 | 4 | 8 {
  return t.long ? 8 : (t.mode & Mode.STACK32) !== 0 ? 4 : 2;
}

/** Linear address of `size` bytes, `offset` bytes from where general register `reg` points in the stack segment. */
function stackAddress(t: Translator, reg: number, offset: number, size: number): Value {
  const { ir } = t;
  const sum = ir.add(ir.get(GPR + 8 * reg, "i64"), ir.const("i64", offset));
  return t.stackAddress(ir.zext(ir.trunc(sum, intType(stackSize(t))), "i64"), size);
}

// The order of PUSHA; POPA skips the stack pointer's slot.
const ALL = [Gpr.RAX, Gpr.RCX, Gpr.RDX, Gpr.RBX, Gpr.RSP, Gpr.RBP, Gpr.RSI, Gpr.RDI] as const;

/** PUSHA, PUSHAD: pushes the eight registers, RSP as it was before. */
export function PUSHA(t: Translator): void {
  const size = t.instruction.operandSize;
  for (const [i, reg] of ALL.entries()) {
    t.ir.store(stackAddress(t, Gpr.RSP, -size * (i + 1), size), t.readGpr(reg, size), MemoryFlag.STACK);
  }
  t.moveStack(-8 * size);
}

/** POPA, POPAD. A fault leaves the registers that were popped before it changed, as on the processor. */
export function POPA(t: Translator): void {
  const size = t.instruction.operandSize;
  for (const [i, reg] of ALL.toReversed().entries()) {
    const value = t.top(intType(size), size * i);
    if (reg !== Gpr.RSP) t.writeGpr(reg, value);
  }
  t.moveStack(8 * size);
}

/** ENTER size, level. SDM vol. 2A, "ENTER". */
export function ENTER(t: Translator, size: Operand, nesting: Operand): void {
  if (size.kind !== "imm" || nesting.kind !== "imm") throw new TypeError("ENTER takes immediates");
  const { ir } = t, bytes = t.instruction.operandSize, type = intType(bytes);
  const level = nesting.lo & 31;
  ir.store(stackAddress(t, Gpr.RSP, -bytes, bytes), t.readGpr(Gpr.RBP, bytes), MemoryFlag.STACK);
  const frame = ir.sub(ir.get(GPR + 8 * Gpr.RSP, "i64"), ir.const("i64", bytes));
  // The frame pointers of the enclosing levels, then this frame's own.
  for (let i = 1; i < level; i++) {
    const pointer = ir.load(type, stackAddress(t, Gpr.RBP, -bytes * i, bytes), MemoryFlag.STACK);
    ir.store(stackAddress(t, Gpr.RSP, -bytes * (i + 1), bytes), pointer, MemoryFlag.STACK);
  }
  if (level > 0) {
    ir.store(stackAddress(t, Gpr.RSP, -bytes * (level + 1), bytes), ir.trunc(frame, type), MemoryFlag.STACK);
  }
  const room = size.lo + bytes * (level + 1);
  // The new top must be writable, though nothing is written there.
  ir.load(type, stackAddress(t, Gpr.RSP, -room, bytes), MemoryFlag.STACK | MemoryFlag.WRITE_INTENT);
  t.moveStack(-room);
  t.writeGpr(Gpr.RBP, ir.trunc(frame, type));
}

/** LEAVE: RSP ← RBP, then pops RBP. */
export function LEAVE(t: Translator): void {
  const { ir } = t, bytes = t.instruction.operandSize, width = stackSize(t);
  const saved = ir.load(intType(bytes), stackAddress(t, Gpr.RBP, 0, bytes), MemoryFlag.STACK);
  const top = ir.add(ir.get(GPR + 8 * Gpr.RBP, "i64"), ir.const("i64", bytes));
  t.writeGpr(Gpr.RSP, ir.trunc(top, intType(width)));
  t.writeGpr(Gpr.RBP, saved);
}
