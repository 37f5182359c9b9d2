/** Far JMP, CALL and RET, call gates included. SDM vol. 2; vol. 3A, section 5.8. */
import { Vector } from "../fault.ts";
import { CPL, GPR, Gpr, Segment } from "../state.ts";
import type { SystemContext } from "./context.ts";
import {
  type Descriptor,
  dplOf,
  isBig,
  isCode,
  isConforming,
  isLongCode,
  isPresent,
  SystemType,
  typeOf,
} from "./descriptor.ts";
import { isNull, type SegmentRegisters, selectorError } from "./segments.ts";
import { type SlotSize, StackPointer } from "./stack.ts";
import type { TaskState } from "./task_state.ts";
import { type TaskSwitches, TaskSwitchSource } from "./task_switch.ts";

/** Where a call gate leads. */
interface CallGate {
  readonly selector: number;
  readonly lo: number;
  readonly hi: number;
  readonly parameters: number;
  readonly size: SlotSize;
  readonly code: Descriptor;
}

/** Far transfers of one processor. Each returns the new RIP, or anything after raising a fault. */
export class FarTransfers {
  readonly #stack: StackPointer;

  constructor(
    readonly context: SystemContext,
    readonly segments: SegmentRegisters,
    readonly task: TaskState,
    readonly tasks: TaskSwitches,
  ) {
    this.#stack = new StackPointer(context);
  }

  /** JMP far. `next` is the low half of the address behind it. */
  jump(selector: number, lo: number, hi: number, next: number): number {
    const { context, segments } = this;
    if (context.isRealAddress || context.isVirtual8086) return this.#paragraph(selector, lo);
    const task = this.tasks.transfer(selector, TaskSwitchSource.JMP, next);
    if (task !== undefined) return task;
    const gate = this.#gate(selector, true);
    if (gate !== undefined) {
      this.#load(gate.selector, gate.code);
      return context.wide(gate.lo, gate.hi);
    }
    const code = this.#directTarget(selector, lo, hi);
    if (code === undefined || !segments.touch(selector, code)) return 0;
    this.#load(selector, code);
    return this.#target(code, lo, hi);
  }

  /** CALL far; `nextLo`, `nextHi` is the address behind it. */
  call(selector: number, lo: number, hi: number, size: SlotSize, nextLo: number, nextHi: number): number {
    const { context, segments } = this, stack = this.#stack.current();
    const cs = segments.selector(Segment.CS);
    if (context.isRealAddress || context.isVirtual8086) {
      if (!stack.push(size, cs) || !stack.push(size, nextLo)) return 0;
      const target = this.#paragraph(selector, lo);
      if (!context.failed) stack.commit();
      return target;
    }
    const task = this.tasks.transfer(selector, TaskSwitchSource.CALL, nextLo);
    if (task !== undefined) return task;
    const gate = this.#gate(selector, false);
    if (gate !== undefined) return this.#callThrough(gate, nextLo, nextHi);
    const code = this.#directTarget(selector, lo, hi);
    if (code === undefined || !segments.touch(selector, code)) return 0;
    if (!stack.push(size, cs) || !stack.push(size, nextLo, nextHi)) return 0;
    stack.commit();
    this.#load(selector, code);
    return this.#target(code, lo, hi);
  }

  /** RET far, with `drop` bytes of parameters. */
  return(size: SlotSize, drop: number): number {
    const { context, segments } = this, stack = this.#stack.current();
    // In the order in which current processors read, which a page fault shows.
    if (!stack.peek(2, size)) return 0;
    const selector = stack.poppedLo & 0xffff;
    if (!stack.peek(size, 0)) return 0;
    const lo = stack.poppedLo, hi = stack.poppedHi;
    if (context.isRealAddress || context.isVirtual8086) {
      const target = this.#paragraph(selector, lo);
      if (context.failed) return 0;
      stack.move(2 * size + drop);
      stack.commit();
      return target;
    }
    const code = this.#returnTarget(selector);
    if (code === undefined || !segments.checkTarget(code, lo, hi)) return 0;
    const level = selector & 3, outer = level > context.cpl;
    if (!outer) {
      if (!segments.touch(selector, code)) return 0;
      stack.move(2 * size + drop);
      stack.commit();
      segments.writeFrom(Segment.CS, selector, code);
      return this.#target(code, lo, hi);
    }
    return this.#returnOuter(selector, code, lo, hi, size, drop);
  }

  /** The rest of a return to less privilege: the stack of that level, too. */
  #returnOuter(
    selector: number,
    code: Descriptor,
    lo: number,
    hi: number,
    size: SlotSize,
    drop: number,
  ): number {
    const { context, segments } = this, stack = this.#stack, level = selector & 3;
    if (!stack.peek(2, 3 * size + drop)) return 0;
    const stackSelector = stack.poppedLo & 0xffff;
    if (!stack.peek(size, 2 * size + drop)) return 0;
    const rspLo = stack.poppedLo, rspHi = stack.poppedHi;
    const to64 = context.isLong && isLongCode(code);
    let descriptor: Descriptor | undefined;
    if (isNull(stackSelector)) {
      if (!to64 || level === 3 || (stackSelector & 3) !== level) return Number(context.raise(Vector.GP, 0));
    } else {
      descriptor = segments.stackDescriptor(stackSelector, level, Vector.GP);
      if (descriptor === undefined || !segments.touch(stackSelector, descriptor)) return 0;
    }
    if (!segments.touch(selector, code)) return 0;
    if (descriptor === undefined) segments.writeNullStack(stackSelector, level);
    else segments.writeFrom(Segment.SS, stackSelector, descriptor);
    stack.at(rspLo, rspHi, to64 ? 8 : descriptor !== undefined && isBig(descriptor) ? 4 : 2);
    stack.move(drop);
    stack.commit();
    segments.writeFrom(Segment.CS, selector, code);
    this.#setCpl(level);
    segments.dropPrivileged(level);
    return this.#target(code, lo, hi);
  }

  /** In real-address and virtual-8086 mode. */
  #paragraph(selector: number, lo: number): number {
    const { context, segments } = this;
    if (lo >>> 0 > 0xffff) return Number(context.raise(Vector.GP, 0));
    segments.loadParagraph(Segment.CS, selector);
    return context.wide(lo, 0);
  }

  /** The code segment of a direct far JMP or CALL, which stays at its privilege level. */
  #directTarget(selector: number, lo: number, hi: number): Descriptor | undefined {
    const { cpl } = this.context;
    const code = this.segments.codeDescriptor(
      selector,
      (dpl, conforming) => conforming ? dpl <= cpl : dpl === cpl && (selector & 3) <= cpl,
    );
    return code !== undefined && this.segments.checkTarget(code, lo, hi) ? code : undefined;
  }

  #returnTarget(selector: number): Descriptor | undefined {
    const level = selector & 3;
    if (level < this.context.cpl) {
      this.context.raise(Vector.GP, selectorError(selector));
      return undefined;
    }
    return this.segments.codeDescriptor(
      selector,
      (dpl, conforming) => conforming ? dpl <= level : dpl === level,
    );
  }

  /** Loads CS; its RPL becomes CPL. */
  #load(selector: number, code: Descriptor): void {
    this.segments.writeFrom(Segment.CS, (selector & 0xfffc) | this.context.cpl, code);
  }

  /** The new RIP: 64 bits only in a 64-bit code segment. */
  #target(code: Descriptor, lo: number, hi: number): number {
    const { context } = this;
    return context.wide(lo, context.isLong && isLongCode(code) ? hi : 0);
  }

  #setCpl(level: number): void {
    this.context.m[CPL >> 2] = level;
    this.context.world.enterWorld();
    this.context.switches.moved();
  }

  /** The call gate that a selector names, if it names one; undefined also after raising what forbids to use it. */
  #gate(selector: number, jump: boolean): CallGate | undefined {
    const { context, segments } = this, { cpl } = context;
    const gate = isNull(selector) ? undefined : segments.tables.read(selector);
    const type = gate === undefined ? -1 : typeOf(gate);
    const is32 = type === SystemType.CALL_GATE, is16 = type === SystemType.CALL_GATE16 && !context.isLong;
    if (gate === undefined || (!is32 && !is16)) return undefined;
    const upper = context.isLong ? segments.tables.readUpper(selector) : { lo: 0, hi: 0 };
    const refuse = (vector: number, error: number): undefined => void context.raise(vector, error);
    if (context.failed) return undefined;
    if (upper === undefined || (upper.hi & 0x1f00) !== 0 || dplOf(gate) < Math.max(cpl, selector & 3)) {
      return refuse(Vector.GP, selectorError(selector));
    }
    if (!isPresent(gate)) return refuse(Vector.NP, selectorError(selector));
    const target = gate.lo >>> 16;
    const code = segments.codeDescriptor(
      target,
      (dpl, conforming) => jump && !conforming ? dpl === cpl : dpl <= cpl,
    );
    if (code === undefined) return undefined;
    if (context.isLong && !isLongCode(code)) return refuse(Vector.GP, selectorError(target));
    const lo = (gate.lo & 0xffff) | (is32 ? gate.hi & 0xffff_0000 : 0);
    if (!segments.checkTarget(code, lo, upper.lo) || !segments.touch(target, code)) return undefined;
    const size = context.isLong ? 8 : is32 ? 4 : 2;
    return { selector: target, lo, hi: upper.lo, parameters: gate.hi & 31, size, code };
  }

  #callThrough(gate: CallGate, nextLo: number, nextHi: number): number {
    const { context, segments } = this, { code, size } = gate, stack = this.#stack;
    const cs = segments.selector(Segment.CS);
    const inner = isCode(code) && !isConforming(code) && dplOf(code) < context.cpl;
    if (inner) return this.#callInner(gate, nextLo, nextHi);
    if (!stack.push(size, cs) || !stack.push(size, nextLo, nextHi)) return 0;
    stack.commit();
    this.#load(gate.selector, code);
    return context.wide(gate.lo, gate.hi);
  }

  /** A call to more privilege: onto the stack that the TSS names. SDM vol. 3A, section 5.8.5. */
  #callInner(gate: CallGate, nextLo: number, nextHi: number): number {
    const { context, segments, task } = this, { m } = context, { code, size } = gate;
    const level = dplOf(code), caller = context.cpl, long = context.isLong;
    const parameters = this.#parameters(gate);
    if (parameters === undefined) return 0;
    const top = context.asSupervisor(() => long ? task.stackPointer(level) : task.legacyStack(level));
    if (top === undefined) return 0;
    const descriptor = long ? undefined : segments.stackDescriptor(top.selector, level, Vector.TS);
    if (!long && (descriptor === undefined || !segments.touch(top.selector, descriptor))) return 0;
    const word = (GPR >> 2) + 2 * Gpr.RSP, oldLo = m[word]!, oldHi = m[word + 1]!;
    const ss = segments.selector(Segment.SS), cs = segments.selector(Segment.CS);
    this.#setCpl(level);
    const stack = descriptor === undefined
      ? this.#stack.at(top.lo, top.hi, 8)
      : this.#stack.inSegment(top.lo, top.selector, descriptor);
    const pushed = stack.push(size, ss) && stack.push(size, oldLo, oldHi) &&
      parameters.every((value) => stack.push(size, value)) && stack.push(size, cs) &&
      stack.push(size, nextLo, nextHi);
    if (!pushed) {
      this.#setCpl(caller);
      return 0;
    }
    if (descriptor === undefined) segments.writeNullStack(level, level);
    else segments.writeFrom(Segment.SS, top.selector, descriptor);
    stack.commit();
    this.#load(gate.selector, code);
    return context.wide(gate.lo, gate.hi);
  }

  /** The caller's parameters, in the order in which they are pushed again. */
  #parameters({ parameters, size }: CallGate): readonly number[] | undefined {
    if (this.context.isLong) return [];
    const values: number[] = [];
    for (let i = parameters - 1; i >= 0; i--) {
      if (!this.#stack.peek(size, i * size)) return undefined;
      values.push(this.#stack.poppedLo);
    }
    return values;
  }
}
