/** Control transfer inside a segment: JMP, CALL, RET, LOOP, JCXZ, interrupts, BOUND. SDM vol. 2. */
import { Event, Vector } from "../../cpu/fault.ts";
import type { Value } from "../../ir/types.ts";
import { Gpr } from "../../cpu/state.ts";
import type { Operand } from "../instruction.ts";
import { intType, type Translator } from "../translator.ts";
import { branch, isCanonical } from "./branch.ts";
import { faultIfNotCanonical } from "./canonical.ts";

/** Target of a near relative branch, or undefined after raising #GP(0) because it is not canonical. */
function relativeTarget(t: Translator, operand: Operand): bigint | undefined {
  if (operand.kind !== "rel") throw new TypeError("A relative branch takes a displacement");
  const target = t.relative(operand);
  if (!t.long) {
    t.checkTarget(t.ir.i64(target));
    return target;
  }
  if (isCanonical(t, target)) return target;
  t.fault(Vector.GP, 0);
  return undefined;
}

/** Raises #GP(0) if RIP must not be `target`. */
function checkIndirect(t: Translator, target: Value): void {
  if (t.long) faultIfNotCanonical(t, target);
  else t.checkTarget(target);
}

/** JMP, near. */
export function JMP(t: Translator, operand: Operand): void {
  if (operand.kind === "rel") {
    const target = relativeTarget(t, operand);
    if (target !== undefined) t.jump(target);
    return;
  }
  const target = t.ir.zext(t.read(operand), "i64");
  checkIndirect(t, target);
  t.end({ kind: "indirect", target, hint: "jump" });
}

/** CALL, near. */
export function CALL(t: Translator, operand: Operand): void {
  const returnTo = t.ir.const(
    t.operandType,
    Number(BigInt.asIntN(32, t.next)),
    Number(BigInt.asIntN(32, t.next >> 32n)),
  );
  if (operand.kind === "rel") {
    const target = relativeTarget(t, operand);
    if (target === undefined) return;
    t.push(returnTo);
    return t.end({ kind: "jump", target, returnTo: t.next });
  }
  const target = t.ir.zext(t.read(operand), "i64");
  // Current processors store the return address before they check the target; RSP stays if that faults.
  t.push(returnTo, () => checkIndirect(t, target));
  t.end({ kind: "indirect", target, hint: "call", returnTo: t.next });
}

/** RET, near; with an immediate, that many bytes of arguments are dropped. */
export function RET(t: Translator, drop?: Operand): void {
  const size = t.instruction.operandSize;
  const target = t.ir.zext(t.top(intType(size)), "i64");
  checkIndirect(t, target);
  t.moveStack(size + (drop?.kind === "imm" ? drop.lo : 0));
  t.end({ kind: "indirect", target, hint: "return" });
}

/** Counter of LOOP and JCXZ: rCX with the address size's width. */
function loop(t: Translator, operand: Operand, zero: boolean | undefined): void {
  const { ir } = t, size = t.instruction.addressSize;
  // In 64-bit mode, the counter is RCX or ECX, elsewhere ECX or CX.
  const counter = ir.sub(t.readGpr(Gpr.RCX, size), ir.const(intType(size), 1));
  let again = ir.ne(counter, ir.const(intType(size), 0));
  if (zero !== undefined) again = ir.and(again, t.condition(zero ? 4 : 5));
  // A target that is refused leaves the counter.
  branch(t, again, operand);
  t.writeGpr(Gpr.RCX, counter);
}

/** LOOP: rCX ← rCX - 1, branches while it is not 0. */
export function LOOP(t: Translator, operand: Operand): void {
  loop(t, operand, undefined);
}
/** LOOPE: while also ZF = 1. */
export function LOOPE(t: Translator, operand: Operand): void {
  loop(t, operand, true);
}
/** LOOPNE: while also ZF = 0. */
export function LOOPNE(t: Translator, operand: Operand): void {
  loop(t, operand, false);
}

/** JCXZ, JECXZ, JRCXZ. */
export function JCXZ(t: Translator, operand: Operand): void {
  const { ir } = t, size = t.instruction.addressSize;
  branch(t, ir.eq(t.readGpr(Gpr.RCX, size), ir.const(intType(size), 0)), operand);
}

/** The event's error says how long the instruction is: an exception in its delivery finds RIP at it. */
function interrupt(t: Translator, vector: number): void {
  const error = t.instruction.length;
  t.end({ kind: "event", event: Event.INTERRUPT, vector, error, rip: t.next, retired: true });
}

/** INT n. */
export function INT(t: Translator, vector: Operand): void {
  if (vector.kind === "imm") interrupt(t, vector.lo & 0xff);
}
/** INT3: #BP as a trap. */
export function INT3(t: Translator): void {
  interrupt(t, Vector.BP);
}
/** INT1: #DB as a trap. Unlike INT 1 it is no software interrupt, whose gate's privilege would be checked. */
export function INT1(t: Translator): void {
  t.end({ kind: "event", event: Event.FAULT, vector: Vector.DB, error: -1, rip: t.next, retired: true });
}
/** INTO: #OF if OF is set. It is a trap: the event's error says how long the instruction is, which the host skips. */
export function INTO(t: Translator): void {
  t.ir.faultIf(t.condition(0), Vector.OF, t.instruction.length);
}

/** BOUND: #BR unless lower ≤ index ≤ upper (signed). */
export function BOUND(t: Translator, index: Operand, bounds: Operand): void {
  if (bounds.kind !== "mem") return t.fault(Vector.UD);
  const { ir } = t, size = t.instruction.operandSize, type = intType(size);
  const address = t.address(bounds), flags = t.memoryFlags(bounds);
  const lower = ir.load(type, address, flags);
  const upper = ir.load(type, ir.add(address, ir.const("i64", size)), flags);
  const value = t.read(index);
  ir.faultIf(ir.or(ir.lts(value, lower), ir.lts(upper, value)), Vector.BR);
}

/** UD0. */
export function UD0(t: Translator): void {
  t.fault(Vector.UD);
}
/** UD1. */
export function UD1(t: Translator): void {
  t.fault(Vector.UD);
}
/** UD2. */
export function UD2(t: Translator): void {
  t.fault(Vector.UD);
}

/** HLT: the machine sees the event. */
export function HLT(t: Translator): void {
  t.call("may_halt");
  t.end({ kind: "event", event: Event.HALT, vector: 0, error: -1, rip: t.next, retired: true });
}
