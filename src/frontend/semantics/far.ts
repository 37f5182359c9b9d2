/** Far transfers to the same privilege level: JMPF, CALLF, RETF, IRET. SDM vol. 2, vol. 3A section 5.8. */
import { MemoryFlag, type Value } from "../../ir/types.ts";
import { Vector } from "../../cpu/fault.ts";
import { Mode } from "../../cpu/mode.ts";
import { Flag } from "../../cpu/rflags.ts";
import { Gpr, RFLAGS_SYSTEM, Segment } from "../../cpu/state.ts";
import type { Operand } from "../instruction.ts";
import { intType, type Translator } from "../translator.ts";
import { restoreFlags } from "./rflags_image.ts";
import { loadSegment } from "./segment_load.ts";

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

/** JMP far. */
export function JMPF(t: Translator, operand: Operand): void {
  const { selector, offset } = farPointer(t, operand);
  t.call("load_code_segment", selector);
  t.end({ kind: "redispatch", target: offset });
}

/** CALL far. */
export function CALLF(t: Translator, operand: Operand): void {
  const { ir } = t, size = t.instruction.operandSize, type = intType(size);
  const { selector, offset } = farPointer(t, operand);
  t.call("check_code_segment", selector);
  const cs = ir.zext(ir.trunc(t.segmentSelector(Segment.CS), "i16"), type);
  // Both stores before the stack pointer moves: either may fault.
  const pointer = t.readGpr(Gpr.RSP, 8);
  const slot = (index: number): Value =>
    t.segmentLinear(Segment.SS, t.wrapStack(ir.sub(pointer, ir.const("i64", size * index))));
  ir.store(slot(1), cs, MemoryFlag.STACK);
  ir.store(slot(2), ir.trunc(ir.i64(t.next), type), MemoryFlag.STACK);
  t.call("load_code_segment", selector);
  t.moveStack(-2 * size);
  t.end({ kind: "redispatch", target: offset });
}

/** RET far. */
export function RETF(t: Translator, drop?: Operand): void {
  const { ir } = t, size = t.instruction.operandSize, type = intType(size);
  // In the order in which current processors read, which a page fault shows.
  const selector = t.top("i16", size), offset = t.top(type);
  t.call("load_code_segment", ir.low(selector));
  t.moveStack(2 * size + (drop?.kind === "imm" ? drop.lo : 0));
  t.end({ kind: "redispatch", target: ir.zext(offset, "i64") });
}

/** IRET to the same privilege level; in 64-bit mode it loads SS:RSP too. */
export function IRET(t: Translator): void {
  const { ir } = t, size = t.instruction.operandSize, type = intType(size);
  if ((t.mode & (Mode.USER | Mode.REAL)) === 0) return t.fault(Vector.UD);
  if ((t.mode & Mode.REAL) === 0) {
    // A return from a nested task: there are none in IA-32e mode.
    ir.faultIf(ir.and(ir.get(RFLAGS_SYSTEM, "i32"), ir.i32(Flag.NT)), Vector.GP, 0);
  }
  const flags = t.top(type, 2 * size), cs = ir.low(t.top("i16", size)), offset = t.top(type);
  t.call("check_code_segment", cs);
  let rsp: Value | undefined;
  if (t.long) {
    rsp = t.top(type, 3 * size);
    loadSegment(t, Segment.SS, t.top("i16", 4 * size));
  }
  t.call("load_code_segment", cs);
  restoreFlags(t, ir.zext(ir.trunc(flags, size === 2 ? "i16" : "i32"), "i32"));
  if (rsp !== undefined) t.writeGpr(Gpr.RSP, ir.zext(rsp, "i64"));
  else t.moveStack(3 * size);
  t.end({ kind: "redispatch", target: ir.zext(offset, "i64") });
}
