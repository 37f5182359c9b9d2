/** What a semantics function sees: the operands' values, the flags, and the builder. Not ModR/M, widths or engines. */
import type { IrBuilder } from "../ir/builder.ts";
import type { Terminal } from "../ir/terminal.ts";
import { type IntType, MemoryFlag, type Type, type Value } from "../ir/types.ts";
import { helperId, type HelperInfo, type HelperName, HELPERS } from "../cpu/helpers.ts";
import { type FloatMode, floatModeOf, Mode } from "../cpu/mode.ts";
import {
  AF,
  CF,
  GPR,
  Gpr,
  OF,
  PF,
  SEG_SELECTOR,
  SEGMENT,
  Segment,
  SEGMENT_STRIDE,
  segmentBase,
  SF,
  XMM,
  ZF,
} from "../cpu/state.ts";
import { Event } from "../cpu/fault.ts";
import type { Instruction, Operand, OperandOf } from "./instruction.ts";
import { intType } from "./int_type.ts";
import * as operands from "./operand_access.ts";
import { conditionOf, type LastCompare } from "./conditions.ts";
import { checkTarget, checkWritable } from "./segment_checks.ts";

/** Cells of the status flags. A missing one is left as it is. */
export interface StatusFlags {
  readonly cf?: Value;
  readonly pf?: Value;
  readonly af?: Value;
  readonly zf?: Value;
  readonly sf?: Value;
  readonly of?: Value;
}

export { intType } from "./int_type.ts";

/** The translation of one block: the instruction at hand and what has been built so far. */
export class Translator {
  /** The instruction being translated. */
  instruction!: Instruction;
  /** Where the instruction starts, and the one behind it: offsets from `start`. */
  offset = 0;
  nextOffset = 0;
  /** How the block ends, once an instruction has said so. */
  terminal: Terminal | undefined;
  /** What the flags were last set from, while conditions can be computed directly from it. */
  #compare: LastCompare | undefined;
  /** The address computed last, for the write that follows a read of the same operand. */
  addressMemo: operands.AddressMemo | undefined;

  /** @param start linear address of the block */
  constructor(readonly ir: IrBuilder, readonly mode: number, readonly start: bigint) {}

  /** Linear address of the instruction. Few need it, or the next: it is computed when asked for. */
  get pc(): bigint {
    return this.start + BigInt(this.offset);
  }
  /** Linear address of the instruction behind it. */
  get next(): bigint {
    return this.start + BigInt(this.nextOffset);
  }

  /** 64-bit mode. */
  get long(): boolean {
    return (this.mode & Mode.CODE_SIZE) === 2;
  }
  /** Bits of a linear address in 64-bit mode. */
  get linearBits(): 48 | 57 {
    return (this.mode & Mode.LA57) !== 0 ? 57 : 48;
  }
  /** What is known of MXCSR. */
  get fpMode(): FloatMode {
    return floatModeOf(this.mode);
  }

  /** Type of integer of the effective operand size. */
  get operandType(): IntType {
    return intType(this.instruction.operandSize);
  }

  // Operands.
  /** The operand's value: an integer of its size, or v128 for a 16-byte XMM or memory operand. `flags`: MemoryFlag bits. */
  read(operand: Operand, flags = 0): Value {
    return operands.read(this, operand, flags);
  }
  /** Writes an operand; 32-bit register writes clear the upper half, narrower ones keep it. XMM: only the operand's `size` low bytes change. */
  write(operand: Operand, value: Value, flags = 0): void {
    operands.write(this, operand, value, flags);
  }
  /** Reads an operand that the instruction will write: memory faults as for the write, as on current processors. */
  readForUpdate(operand: Operand): Value {
    return operands.read(this, operand, MemoryFlag.WRITE_INTENT);
  }
  /** Linear address (i64) of a memory operand of `size` bytes: checked against the segment, its base added, truncated as the mode says. */
  address(operand: OperandOf<"mem">, size: number = operand.size): Value {
    return operands.linearAddress(this, operand, size);
  }
  /** Effective address (i64, no segment base), as LEA computes it. */
  effectiveAddress(operand: OperandOf<"mem">): Value {
    return operands.effectiveAddress(this, operand);
  }
  /** Raises what forbids writing through the operand's segment; `write` and `readForUpdate` do so themselves. */
  checkWritable(operand: Pick<OperandOf<"mem">, "segment">, condition?: Value): void {
    checkWritable(this, operand.segment, condition);
  }
  /** MemoryFlag bits of an access through the operand's segment. */
  memoryFlags(operand: OperandOf<"mem">): number {
    return operand.segment === Segment.SS ? MemoryFlag.STACK : 0;
  }
  /** Linear address of `size` bytes at an offset (i64), which the segment must reach. `narrow`: it has 16 bits. */
  segmentAddress(segment: number, offset: Value, size: number, narrow: boolean): Value {
    return operands.segmentAddress(this, segment, offset, size, narrow);
  }
  /** Raises #GP(0) if a near branch's target (i64) is above the code segment's limit, and `condition` holds. */
  checkTarget(target: Value, condition?: Value): void {
    checkTarget(this, target, condition);
  }
  /** Adds a segment's base to an offset (i64): a linear address. Nothing is checked. */
  segmentLinear(segment: number, offset: Value): Value {
    return operands.segmentLinear(this, segment, offset);
  }

  // Registers by number.
  /** Low `size` bytes of general register `reg` (never AH..BH). */
  readGpr(reg: number, size: number): Value {
    return this.ir.trunc(this.ir.get(GPR + 8 * reg, "i64"), intType(size));
  }
  /** Writes general register `reg` with the width of `value`. */
  writeGpr(reg: number, value: Value): void {
    operands.writeGpr(this, reg, value);
  }
  /** Writes AH, CH, DH or BH: bits 15:8 of general register `reg` (0-3). */
  writeHighByte(reg: number, value: Value): void {
    operands.write(this, { kind: "gpr", reg, size: 1, high: true }, value, 0);
  }
  readXmm(reg: number): Value {
    return this.ir.get(XMM + 16 * reg, "v128");
  }
  writeXmm(reg: number, value: Value): void {
    this.ir.set(XMM + 16 * reg, value);
  }
  /** Base of a segment register as i64. */
  segmentBase(segment: number): Value {
    return this.ir.get(segmentBase(segment), "i64");
  }

  /** Selector in a segment register as i32. */
  segmentSelector(segment: number): Value {
    return this.ir.get(SEGMENT + SEGMENT_STRIDE * segment + SEG_SELECTOR, "i32");
  }

  // Stack.
  /** Truncates an offset in the stack segment (i64) to the stack pointer's width. */
  wrapStack(offset: Value): Value {
    return operands.wrapStack(this, offset);
  }
  /** Linear address of `size` bytes at such an offset, which the stack segment must reach. */
  stackAddress(offset: Value, size: number): Value {
    return operands.stackAddress(this, offset, size);
  }
  /** Pushes an i16, i32 or i64: stores first, then moves the stack pointer. `between` builds what may still fault. */
  push(value: Value, between?: () => void): void {
    operands.push(this, value, between);
  }
  /** Value on top of the stack; the stack pointer is not moved (use `moveStack` after what may fault). */
  top(type: Type, offset = 0): Value {
    return operands.top(this, type, offset);
  }
  /** Adds `bytes` to the stack pointer (its width is the mode's). */
  moveStack(bytes: number): void {
    operands.moveStack(this, bytes);
  }

  // Flags.
  /** Writes flag cells (encodings: cpu/state.ts). */
  setFlags(flags: StatusFlags): void {
    this.#compare = undefined;
    const { ir } = this;
    if (flags.cf !== undefined) ir.set(CF, flags.cf);
    if (flags.pf !== undefined) ir.set(PF, flags.pf);
    if (flags.af !== undefined) ir.set(AF, flags.af);
    if (flags.zf !== undefined) ir.set(ZF, flags.zf);
    if (flags.sf !== undefined) ir.set(SF, flags.sf);
    if (flags.of !== undefined) ir.set(OF, flags.of);
  }
  /** Tells that the flags were just set as CMP x,y (or SUB) sets them, so that conditions compare directly. */
  setCompare(x: Value, y: Value): void {
    this.#compare = { kind: "sub", x, y };
  }
  /** Tells that the flags were just set as AND sets them: CF and OF are 0, ZF and SF are the result's. */
  setLogic(result: Value): void {
    this.#compare = { kind: "logic", result };
  }
  /** Tells that ZF and SF were just set from this result. */
  setResult(result: Value): void {
    this.#compare = { kind: "result", result };
  }
  /** CF as i32 0 or 1. */
  carry(): Value {
    return this.ir.get(CF, "i32");
  }
  /** Condition number 0-15 of Jcc, SETcc, CMOVcc as i32 0 or 1. SDM vol. 2D, appendix B.1.4.7. */
  condition(number: number): Value {
    return conditionOf(this.ir, number, this.#compare);
  }

  // Helpers.
  /** Calls a helper; the value is void for a helper without result. */
  call(name: HelperName, ...args: Value[]): Value {
    const { signature, state, exits }: HelperInfo = HELPERS[name];
    const result = signature.slice(signature.indexOf(":") + 1);
    const type = result === "w" ? "i32" : result === "q" ? "i64" : result === "v" ? "v128" : "void";
    if (state === "all") this.#compare = undefined;
    return this.ir.emit(exits === true || state !== "none" ? "call" : "callpure", type, args, helperId(name));
  }

  // Ends of the block.
  /** The block ends with this terminal. */
  end(terminal: Terminal): void {
    this.terminal = terminal;
  }
  /** Goes on at a known linear address. */
  jump(target: bigint): void {
    this.end({ kind: "jump", target });
  }
  /** Ends the block because what follows depends on state that this instruction changed (MXCSR, segment registers). */
  redispatch(): void {
    this.end({ kind: "redispatch", target: this.ir.i64(this.next) });
  }
  /** Raises an exception at this instruction, unconditionally. */
  fault(vector: number, error = -1): void {
    this.end({ kind: "event", event: Event.FAULT, vector, error, rip: this.pc, retired: false });
  }
  /** Linear address of a relative branch's target (in 64-bit mode RIP wraps at 2^64; otherwise at the operand size). */
  relative(operand: OperandOf<"rel">): bigint {
    const target = this.next + BigInt(operand.disp);
    if (this.long) return BigInt.asUintN(64, target);
    return BigInt.asUintN(this.instruction.operandSize === 2 ? 16 : 32, target);
  }

  /** Number of the accumulator, for readability of semantics. */
  static readonly RAX: number = Gpr.RAX;
}
