/** Delivery of exceptions and interrupts through the IDT or the interrupt vector table. SDM vol. 3A, chapter 6. */
import { Event, Vector } from "../fault.ts";
import { Flag, readRflags, writeRflags } from "../rflags.ts";
import {
  Blocking,
  CPL,
  CR2,
  DR6,
  DR7,
  EVENT,
  EVENT_ADDRESS,
  EVENT_ERROR,
  EVENT_VECTOR,
  GPR,
  Gpr,
  INTERRUPTIBILITY,
  RIP,
  Segment,
  SHADOWS,
} from "../state.ts";
import type { SystemContext } from "./context.ts";
import { type Descriptor, dplOf, isBig, isCode, isConforming, isLongCode, isPresent } from "./descriptor.ts";
import { combine } from "./double_fault.ts";
import { type Gate, readGate, type TaskGate } from "./gate.ts";
import { isNull, segmentCell, type SegmentRegisters, selectorError } from "./segments.ts";
import { type SlotSize, StackPointer } from "./stack.ts";
import { VectorTable } from "./vector_table.ts";
import type { VirtualInterrupts } from "./virtual_interrupts.ts";
import { SwitchCause, WorldSwitch } from "./world_switches.ts";
import type { InnerStack, TaskState } from "./task_state.ts";
import type { TaskSwitches } from "./task_switch.ts";

/**
 * What is delivered. `fault`: RIP at the instruction, RF pushed as 1. `trap`: RIP behind it (single step, INT1).
 * `software`: INT n, INT3, INTO, for which the gate's DPL counts. `external` and `nmi`: interrupts.
 */
export type DeliveryKind = "fault" | "trap" | "software" | "external" | "nmi";

/** What came of it. `exit`: a VM exit happened (EVENT is VM_EXIT). `shutdown`: a triple fault. */
export type Delivery = "done" | "exit" | "shutdown";

/** A linear address in halves. */
export interface LinearAddress {
  readonly lo: number;
  readonly hi: number;
}

/** An event on its way. */
interface Pending {
  readonly vector: number;
  readonly error: number | undefined;
  readonly kind: DeliveryKind;
  /** Bytes of the instruction that is a software interrupt. */
  readonly length: number;
  /** Why #DB was raised, in bits of DR6; undefined: by INT1, or it is no #DB. */
  readonly cause?: number | undefined;
}

const DOUBLE_FAULT: Pending = { vector: Vector.DF, error: 0, kind: "fault", length: 0 };
/** Error-code bit: the exception arose while an external event or another exception was delivered. */
const EXT = 1;
const DR7_GD = 0x2000, DR6_BREAKPOINTS = 15;
/** What the switch of a delivery is caused by, besides its vector. */
const CAUSES: Readonly<Record<DeliveryKind, number>> = {
  fault: 0,
  trap: 0,
  software: SwitchCause.SOFTWARE,
  external: SwitchCause.EXTERNAL,
  nmi: SwitchCause.EXTERNAL,
};
/** Vectors whose error code has the EXT bit. */
const WITH_EXT: readonly number[] = [Vector.TS, Vector.NP, Vector.SS, Vector.GP];

/** Delivers events to one processor. */
export class EventDelivery {
  readonly #stack: StackPointer;
  readonly #vectorTable: VectorTable;
  /** The last attempt went to another task, and what went wrong is that task's. */
  #switched = false;

  constructor(
    readonly context: SystemContext,
    readonly segments: SegmentRegisters,
    readonly task: TaskState,
    readonly tasks: TaskSwitches,
    readonly virtual: VirtualInterrupts,
  ) {
    this.#stack = new StackPointer(context);
    this.#vectorTable = new VectorTable(context, segments, virtual);
  }

  /** Delivers an event, and the exceptions that arise from doing so. EVENT is 0 afterwards, except after an exit. */
  deliver(
    vector: number,
    error: number | undefined,
    kind: DeliveryKind,
    address?: LinearAddress,
    length = 0,
    cause?: number,
  ): Delivery {
    const { access, m } = this.context;
    const allowed = access.allowCodeWrites;
    access.allowCodeWrites = true;
    m[EVENT >> 2] = Event.NONE;
    const { intercepts } = this.context;
    if (intercepts !== undefined && intercepts.event({ vector, error, kind, length, cause }, address)) {
      // RIP is at the instruction that raised it: INT n, INT3, INTO, INT1.
      this.#moveRip(-length);
      access.allowCodeWrites = allowed;
      return "exit";
    }
    if (vector === Vector.PF && address !== undefined) this.#setCr2(address.lo, address.hi);
    this.context.delivering = true;
    const result = this.#deliver({ vector, error, kind, length, cause });
    this.context.delivering = false;
    access.allowCodeWrites = allowed;
    return result;
  }

  #deliver(first: Pending): Delivery {
    const { m } = this.context;
    let pending = first;
    for (;;) {
      this.#note(pending);
      if (this.#attempt(pending)) {
        if (pending.kind === "nmi") m[INTERRUPTIBILITY >> 2]! |= Blocking.NMI;
        m[INTERRUPTIBILITY >> 2]! &= ~SHADOWS;
        this.context.switches.count(WorldSwitch.INTERRUPT, pending.vector | CAUSES[pending.kind]);
        return "done";
      }
      if (m[EVENT >> 2] !== Event.FAULT) {
        this.#moveRip(-pending.length);
        this.context.intercepts?.interrupted(pending);
        return "exit";
      }
      m[EVENT >> 2] = Event.NONE;
      const next = this.#afterFault(pending);
      if (m[EVENT >> 2] === Event.VM_EXIT) return "exit";
      if (next === undefined) return "shutdown";
      pending = next;
    }
  }

  #note({ vector, error }: Pending): void {
    const { m, events } = this.context, cr2 = CR2 >> 2, rip = RIP >> 2;
    events.note({ vector, error, lo: m[rip]!, hi: m[rip + 1]!, addressLo: m[cr2]!, addressHi: m[cr2 + 1]! });
  }

  /** What to deliver after a fault in a delivery; undefined after a triple fault. */
  #afterFault(first: Pending): Pending | undefined {
    const { m, intercepts } = this.context, { vector, kind, length } = first;
    const software = kind === "software";
    // The exception is one of the INT instruction, so RIP is at it again.
    if (software && !this.#switched) this.#moveRip(-length);
    const address = { lo: m[EVENT_ADDRESS >> 2]!, hi: m[(EVENT_ADDRESS >> 2) + 1]! };
    const second = this.#raised(software);
    // An exception that the bitmap catches exits before it makes a double or triple fault. SDM vol. 3C, section 28.2.4.
    if (intercepts?.event(second, address, first) === true) return second;
    if (second.vector === Vector.PF) this.#setCr2(address.lo, address.hi);
    const isException = kind === "fault" || kind === "trap";
    switch (combine(isException ? vector : undefined, second.vector)) {
      case "serial":
        return second;
      case "double fault":
        intercepts?.event(DOUBLE_FAULT, undefined, first);
        return DOUBLE_FAULT;
      case "shutdown":
        intercepts?.tripleFault();
        return undefined;
    }
  }

  /** The exception that a delivery has raised. */
  #raised(software: boolean): Pending {
    const { m } = this.context, vector = m[EVENT_VECTOR >> 2]!, code = m[EVENT_ERROR >> 2]!;
    const ext = !software && WITH_EXT.includes(vector) ? EXT : 0;
    return { vector, error: code === -1 ? undefined : code | ext, kind: "fault", length: 0 };
  }

  #setCr2(lo: number, hi: number): void {
    const { m } = this.context;
    m[CR2 >> 2] = lo;
    m[(CR2 >> 2) + 1] = hi;
  }

  #moveRip(bytes: number): void {
    const { m } = this.context, old = m[RIP >> 2]!;
    m[RIP >> 2] = (old + bytes) | 0;
    if (bytes < 0 && old >>> 0 < -bytes) m[(RIP >> 2) + 1] = (m[(RIP >> 2) + 1]! - 1) | 0;
  }

  /** One try. False after raising a fault; then the state is as before. */
  #attempt(event: Pending): boolean {
    const { context } = this, { m } = context;
    this.#switched = false;
    if (context.isRealAddress) {
      const delivered = this.#vectorTable.realAddress(event.vector);
      if (delivered && event.vector === Vector.DB) this.#noteDebug(event);
      return delivered;
    }
    if (event.kind === "software" && context.isVirtual8086 && event.length > 1) {
      const way = this.virtual.redirection(event.vector);
      if (way !== "idt") return way === "vector table" && this.#vectorTable.redirected(event.vector);
    }
    const cpl = context.cpl;
    // Tables and the new stack are the supervisor's.
    if (cpl === 3) {
      m[CPL >> 2] = 0;
      context.world.enterWorld();
    }
    if (this.#throughGate(event, cpl)) {
      if (event.vector === Vector.DB) this.#noteDebug(event);
      context.world.enterWorld();
      return true;
    }
    if (!this.#switched) m[CPL >> 2] = cpl;
    context.world.enterWorld();
    return false;
  }

  /** DR6 tells why #DB was raised, and DR7.GD is cleared. SDM vol. 3B, sections 18.2.3 and 18.2.4. */
  #noteDebug({ kind, cause }: Pending): void {
    const { m } = this.context;
    // Of what was told before, only the breakpoints are forgotten.
    if (cause !== undefined) m[DR6 >> 2] = (m[DR6 >> 2]! & ~DR6_BREAKPOINTS) | cause;
    if (kind !== "software") m[DR7 >> 2]! &= ~DR7_GD;
  }

  #throughGate(event: Pending, cpl: number): boolean {
    const { context } = this;
    const gate = readGate(context, event.vector, event.kind === "software" ? cpl : -1);
    if (gate === undefined) return false;
    if (gate.kind === "task") return this.#toTask(gate, event);
    const code = this.#handlerSegment(gate, cpl);
    if (code === undefined) return false;
    const inner = !isConforming(code) && dplOf(code) < cpl;
    if (!this.segments.checkTarget(code, gate.lo, gate.hi)) return false;
    if (!inner && context.isVirtual8086) return context.raise(Vector.GP, selectorError(gate.selector));
    if (!this.segments.touch(gate.selector, code)) return false;
    const level = inner ? dplOf(code) : cpl;
    const pushed = context.isLong
      ? this.#pushLong(event, gate, inner, level)
      : this.#pushLegacy(event, gate, inner, level);
    if (pushed) this.#enter(gate, code, level);
    return pushed;
  }

  /** Through a task gate: the error code goes onto the stack of that task. SDM vol. 3A, section 6.12.2. */
  #toTask({ selector }: TaskGate, event: Pending): boolean {
    const { error } = event;
    const { context, tasks } = this;
    const done = tasks.throughGate(selector, this.#image(event));
    this.#switched = tasks.committed;
    if (!done || error === undefined) return done;
    context.world.enterWorld();
    const stack = this.#stack.current();
    if (!stack.push(tasks.slotSize, error)) return false;
    stack.commit();
    return true;
  }

  /** The code segment of the handler; undefined after raising what forbids it. */
  #handlerSegment(gate: Gate, cpl: number): Descriptor | undefined {
    const { context, segments } = this;
    const code = segments.fetch(gate.selector, Vector.GP);
    if (code === undefined) return undefined;
    const wrongSize = context.isLong && (!isLongCode(code) || isBig(code));
    if (!isCode(code) || dplOf(code) > cpl || wrongSize) {
      context.raise(Vector.GP, selectorError(gate.selector));
      return undefined;
    }
    if (isPresent(code)) return code;
    context.raise(Vector.NP, selectorError(gate.selector));
    return undefined;
  }

  /** Pushes the frame of 64-bit mode. SDM vol. 3A, sections 6.14.2 to 6.14.5. */
  #pushLong(event: Pending, { ist }: Gate, inner: boolean, level: number): boolean {
    const { m } = this.context, word = (GPR >> 2) + 2 * Gpr.RSP;
    const oldLo = m[word]!, oldHi = m[word + 1]!;
    let top: LinearAddress | undefined = { lo: oldLo, hi: oldHi };
    if (ist !== 0) top = this.task.interruptStack(ist);
    else if (inner) top = this.task.stackPointer(level);
    if (top === undefined) return false;
    const stack = this.#stack.at(top.lo & ~15, top.hi, 8);
    return stack.push(8, this.segments.selector(Segment.SS)) && stack.push(8, oldLo, oldHi) &&
      this.#pushReturn(event, 8) && this.#commitLong(inner, level);
  }

  #commitLong(inner: boolean, level: number): true {
    this.#stack.commit();
    if (inner) this.segments.writeNullStack(level, level);
    return true;
  }

  /** Pushes RFLAGS, CS, RIP and the error code. */
  #pushReturn(event: Pending, size: SlotSize): boolean {
    const { m } = this.context, { error } = event, stack = this.#stack;
    return stack.push(size, this.#image(event)) && stack.push(size, this.segments.selector(Segment.CS)) &&
      stack.push(size, m[RIP >> 2]!, m[(RIP >> 2) + 1]!) && (error === undefined || stack.push(size, error));
  }

  /** RFLAGS as it is saved: RF is set by faults, but for those of instruction breakpoints. SDM vol. 3B, section 18.3.1.1. */
  #image({ kind, cause }: Pending): number {
    const flags = readRflags(this.context.m),
      isBreakpoint = cause !== undefined && (cause & DR6_BREAKPOINTS) !== 0;
    return kind === "fault" && !isBreakpoint ? flags | Flag.RF : flags;
  }

  /** Pushes the frame of protected mode. SDM vol. 3A, section 6.12.1. */
  #pushLegacy(event: Pending, { size }: Gate, inner: boolean, level: number): boolean {
    const { context, segments } = this, { m } = context, stack = this.#stack;
    if (!inner) {
      stack.current();
      if (!this.#pushReturn(event, size)) return false;
      stack.commit();
      return true;
    }
    const top = this.task.legacyStack(level);
    const descriptor = top && this.#innerStackSegment(top, level);
    if (top === undefined || descriptor === undefined) return false;
    const virtual = context.isVirtual8086;
    stack.inSegment(top.lo, top.selector, descriptor);
    if (virtual) {
      for (const n of [Segment.GS, Segment.FS, Segment.DS, Segment.ES]) {
        if (!stack.push(size, segments.selector(n))) return false;
      }
    }
    if (
      !segments.touch(top.selector, descriptor) || !stack.push(size, segments.selector(Segment.SS)) ||
      !stack.push(size, m[(GPR >> 2) + 2 * Gpr.RSP]!) || !this.#pushReturn(event, size)
    ) return false;
    segments.writeFrom(Segment.SS, top.selector, descriptor);
    stack.commit();
    if (virtual) {
      for (const n of [Segment.GS, Segment.FS, Segment.DS, Segment.ES]) {
        segments.write(segmentCell(n), 0, 0, 0, 0);
      }
    }
    return true;
  }

  #innerStackSegment({ selector }: InnerStack, level: number): Descriptor | undefined {
    if (!isNull(selector)) return this.segments.stackDescriptor(selector, level, Vector.TS);
    this.context.raise(Vector.TS, 0);
    return undefined;
  }

  /** The handler begins. */
  #enter(gate: Gate, code: Descriptor, level: number): void {
    const { context, segments } = this, { m } = context;
    const cleared = Flag.TF | Flag.NT | Flag.RF | Flag.VM | (gate.clearsIf ? Flag.IF : 0);
    writeRflags(m, readRflags(m) & ~cleared);
    m[CPL >> 2] = level;
    segments.writeFrom(Segment.CS, (gate.selector & 0xfffc) | level, code);
    m[RIP >> 2] = gate.lo;
    m[(RIP >> 2) + 1] = context.isLong ? gate.hi : 0;
  }
}
