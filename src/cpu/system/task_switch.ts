/** Task switches. SDM vol. 3A, section 8.3; in virtual machines they cause VM exits: vol. 3C, section 26.4.2. */
import { Event, Vector } from "../fault.ts";
import { Flag, readRflags, STATUS_FLAGS, SYSTEM_FLAGS, writeRflags } from "../rflags.ts";
import {
  CPL,
  CR0,
  CR3,
  CR4,
  DR7,
  EVENT,
  EVENT_ADDRESS,
  EVENT_ERROR,
  EVENT_VECTOR,
  GPR,
  RIP,
  SEG_ATTRIBUTES,
  SEG_BASE,
  SEG_LIMIT,
  SEG_SELECTOR,
  Segment,
  TR,
} from "../state.ts";
import { DebugCause } from "./breakpoints.ts";
import { ExitReason } from "./bus.ts";
import type { SystemContext } from "./context.ts";
import { Cr0, Cr4 } from "./control_bits.ts";
import type { Delivery, DeliveryKind, LinearAddress } from "./delivery.ts";
import {
  Attribute,
  attributesOf,
  baseOf,
  type Descriptor,
  dplOf,
  isPresent,
  limitOf,
  SystemType,
  typeOf,
} from "./descriptor.ts";
import { isNull, segmentCell, type SegmentRegisters, selectorError } from "./segments.ts";
import { type SavedTask, type TaskImage, TaskStateSegment } from "./task_image.ts";
import { TaskSegments } from "./task_segments.ts";

/** What wants the task switch, as the exit qualification has it. SDM vol. 3C, table 28-2. */
export const TaskSwitchSource = { CALL: 0, IRET: 1, JMP: 2, GATE: 3 } as const;
const SOURCE_AT = 30, TI = 4, BUSY_BIT = 2;

const AVAILABLE: readonly number[] = [SystemType.TSS16, SystemType.TSS32];
const BUSY: readonly number[] = [SystemType.TSS16_BUSY, SystemType.TSS32_BUSY];
/** DR7: L0 to L3 and LE, which end with the task. SDM vol. 3B, section 18.2.4. */
const DR7_LOCAL = 0x155;
const REGISTERS = 8, SEGMENTS = 6;
const CODE_LIMIT = (segmentCell(Segment.CS) + SEG_LIMIT) >> 2;

/** A task that can be switched to. */
interface Target {
  readonly selector: number;
  readonly descriptor: Descriptor;
}

/** Delivers an exception of the new task, whose registers are loaded. */
type Deliver = (
  vector: number,
  error: number | undefined,
  kind: DeliveryKind,
  address: LinearAddress,
) => Delivery;

/** Task switches of one processor. */
export class TaskSwitches {
  /** Whether the last switch loaded registers of the new task: then exceptions are the new task's. */
  committed = false;
  readonly #loader: TaskSegments;

  constructor(
    readonly context: SystemContext,
    readonly segments: SegmentRegisters,
    readonly deliver: Deliver,
  ) {
    this.#loader = new TaskSegments(context, segments);
  }

  /**
   * A far JMP or CALL with this selector, if it names a TSS or a task gate. `next` is the offset behind the instruction.
   *
   * @returns the new RIP, or anything after raising a fault; undefined if it names something else
   */
  transfer(selector: number, source: number, next: number): number | undefined {
    const { context } = this;
    if (context.isLong || isNull(selector)) return undefined;
    const descriptor = this.segments.tables.read(selector);
    if (descriptor === undefined) return context.failed ? 0 : undefined;
    const type = typeOf(descriptor), isGate = type === SystemType.TASK_GATE;
    if (!isGate && !AVAILABLE.includes(type) && !BUSY.includes(type)) return undefined;
    const level = Math.max(context.cpl, selector & 3);
    if (dplOf(descriptor) < level) return this.#refuse(Vector.GP, selector);
    if (isGate && !isPresent(descriptor)) return this.#refuse(Vector.NP, selector);
    return this.#execute(isGate ? descriptor.lo >>> 16 : selector, source, next);
  }

  /** IRET with NT set, outside IA-32e mode: back to the task that the TSS links to. As `transfer`. */
  return(next: number): number {
    const { context } = this;
    const link = context.asSupervisor(() => context.loadAt(TR + SEG_BASE, 0, 2));
    return context.failed ? 0 : this.#execute(link, TaskSwitchSource.IRET, next);
  }

  /** A task gate of the IDT, at CPL 0 or as if at it; RIP is in the state. False after raising a fault. */
  throughGate(selector: number, flags: number): boolean {
    this.committed = false;
    const target = this.#target(selector, TaskSwitchSource.GATE);
    return target !== undefined &&
      this.#switch(target, TaskSwitchSource.GATE, this.context.m[RIP >> 2]!, flags);
  }

  /** Bytes of the error code that is pushed in the current task. */
  get slotSize(): 2 | 4 {
    return this.#current().size;
  }

  /** A switch that an instruction makes. */
  #execute(selector: number, source: number, next: number): number {
    const { context } = this, { m, access, world } = context;
    const target = this.#target(selector, source);
    if (target === undefined) return 0;
    // Nothing may stop it half way: it is executed alone, where stores to translated code happen.
    if (!access.allowCodeWrites) {
      m[EVENT >> 2] = Event.CODE_WRITE;
      return 0;
    }
    const { cpl } = context;
    this.committed = false;
    m[CPL >> 2] = 0;
    world.enterWorld();
    const done = this.#switch(target, source, next, readRflags(m) & ~Flag.RF);
    if (!this.committed) m[CPL >> 2] = cpl;
    world.enterWorld();
    if (!done && this.committed && m[EVENT >> 2] === Event.FAULT) this.#deliverFault();
    return context.wide(m[RIP >> 2]!, m[(RIP >> 2) + 1]!);
  }

  /** An exception of the new task, which RIP is in already. */
  #deliverFault(): void {
    const { context } = this, { m } = context, code = m[EVENT_ERROR >> 2]!;
    const address = { lo: m[EVENT_ADDRESS >> 2]!, hi: m[(EVENT_ADDRESS >> 2) + 1]! };
    const result = this.deliver(m[EVENT_VECTOR >> 2]!, code === -1 ? undefined : code, "fault", address);
    // It has failed for good, and fails again.
    if (result === "shutdown") context.raise(Vector.DF, 0);
  }

  /** The task that a selector names; undefined after what forbids the switch, or a VM exit. */
  #target(selector: number, source: number): Target | undefined {
    const { context } = this, { tables } = this.segments;
    const returns = source === TaskSwitchSource.IRET;
    const refuse = (vector: number): undefined => void this.#refuse(vector, selector);
    const wrong = returns ? Vector.TS : Vector.GP;
    if ((selector & TI) !== 0 || isNull(selector)) return refuse(wrong);
    const descriptor = tables.read(selector);
    if (descriptor === undefined) return context.failed ? undefined : refuse(wrong);
    if (!(returns ? BUSY : AVAILABLE).includes(typeOf(descriptor))) return refuse(wrong);
    if (!isPresent(descriptor)) return refuse(Vector.NP);
    const task = new TaskStateSegment(context, baseOf(descriptor), typeOf(descriptor));
    if (!task.isEnough(limitOf(descriptor), false)) return refuse(Vector.TS);
    if (context.mayExit(ExitReason.TASK_SWITCH, selector | (source << SOURCE_AT))) return undefined;
    return { selector, descriptor };
  }

  /** The TSS that TR names. */
  #current(): TaskStateSegment {
    const { m } = this.context;
    const type = m[(TR + SEG_ATTRIBUTES) >> 2]! & Attribute.FULL_TYPE;
    return new TaskStateSegment(this.context, m[(TR + SEG_BASE) >> 2]!, type);
  }

  /** The switch itself. False after raising a fault: of the old task, or of the new one once `committed`. */
  #switch({ selector, descriptor }: Target, source: number, next: number, flags: number): boolean {
    const { context, segments } = this, { m } = context, { tables } = segments;
    const from = this.#current(), to = new TaskStateSegment(context, baseOf(descriptor), typeOf(descriptor));
    const old = m[(TR + SEG_SELECTOR) >> 2]! & 0xffff;
    const nests = source === TaskSwitchSource.CALL || source === TaskSwitchSource.GATE;
    const returns = source === TaskSwitchSource.IRET;
    if (!from.isEnough(m[(TR + SEG_LIMIT) >> 2]!, true)) return context.raise(Vector.TS, selectorError(old));
    if (!to.probeLoad() || (nests && !to.probeLink()) || !from.probeSave()) return false;
    if (!returns) tables.setType(selector, descriptor, BUSY_BIT);
    if (context.failed) return false;
    if (!nests && !this.#clearBusy(old)) return false;
    from.save(this.#state(next, returns ? flags & ~Flag.NT : flags));
    if (nests) to.link = old;
    const image = to.load();
    this.committed = true;
    const attributes = attributesOf(descriptor) | BUSY_BIT;
    segments.write(TR, selector, limitOf(descriptor), attributes, baseOf(descriptor));
    return this.#enter(image, nests);
  }

  /** Makes the old task available. */
  #clearBusy(selector: number): boolean {
    const { tables } = this.segments;
    const descriptor = isNull(selector) ? undefined : tables.read(selector);
    if (descriptor !== undefined) tables.clearType(selector, descriptor, BUSY_BIT);
    return !this.context.failed;
  }

  #state(eip: number, eflags: number): SavedTask {
    const { m } = this.context;
    return {
      eip,
      eflags,
      registers: Array.from({ length: REGISTERS }, (_, n) => m[(GPR >> 2) + 2 * n]!),
      selectors: Array.from({ length: SEGMENTS }, (_, n) => this.segments.selector(n)),
    };
  }

  /** Loads the new task's state. What goes wrong from here on is its own exception. */
  #enter(image: TaskImage, nests: boolean): boolean {
    const { context } = this, { m, world } = context, { selectors, ldt, registers } = image;
    m[CR0 >> 2]! |= Cr0.TS;
    if ((m[DR7 >> 2]! & DR7_LOCAL) !== 0) {
      m[DR7 >> 2]! &= ~DR7_LOCAL;
      world.breakpointsChanged();
    }
    m[RIP >> 2] = image.eip;
    m[(RIP >> 2) + 1] = 0;
    for (const [n, value] of registers.entries()) {
      m[(GPR >> 2) + 2 * n] = value;
      m[(GPR >> 2) + 2 * n + 1] = 0;
    }
    // RF matters only to the guest's breakpoints.
    const ignored = world.breakpoints?.guestExecutes === true ? 0 : Flag.RF;
    const flags = image.eflags & (STATUS_FLAGS | Flag.DF | SYSTEM_FLAGS) & ~ignored;
    writeRflags(m, flags | (nests ? Flag.NT : 0));
    this.#loader.prepare(selectors, ldt);
    if (!this.#loadCr3(image.cr3)) return false;
    const loaded = this.#loader.load(selectors, ldt);
    world.enterWorld();
    if (!loaded) return false;
    if (image.eip >>> 0 > m[CODE_LIMIT]! >>> 0) return context.raise(Vector.GP, 0);
    if (image.traps && world.breakpoints !== undefined) world.breakpoints.hits |= DebugCause.BT;
    return true;
  }

  /** CR3 is loaded where there is paging, and takes effect where it changes. SDM vol. 3A, section 4.10.4.1. */
  #loadCr3(cr3: number | undefined): boolean {
    const { context } = this, { m, world } = context;
    if (cr3 === undefined || (m[CR0 >> 2]! & Cr0.PG) === 0 || cr3 === m[CR3 >> 2]) return true;
    if ((m[CR4 >> 2]! & Cr4.PAE) !== 0 && world.loadPdptes((cr3 & ~31) >>> 0) !== "loaded") {
      return context.raise(Vector.GP, 0);
    }
    world.loadCr3(BigInt(cr3 >>> 0), true);
    return true;
  }

  #refuse(vector: number, selector: number): number {
    return Number(this.context.raise(vector, selectorError(selector)));
  }
}
