/** The system unit: privileged instructions, and delivery of events, for a processor with its own operating system. */
import { Event, Vector } from "../fault.ts";
import type { StateMemory } from "../guest_memory.ts";
import {
  EVENT,
  EVENT_ADDRESS,
  EVENT_ERROR,
  EVENT_VECTOR,
  MSR_KERNEL_GS_BASE,
  Segment,
  segmentBase,
} from "../state.ts";
import { ExitReason, type Intercepts, type SystemBus } from "./bus.ts";
import { DebugCause } from "./breakpoints.ts";
import { type SystemAccess, SystemContext } from "./context.ts";
import { ControlRegisters } from "./control_registers.ts";
import { DebugRegisters } from "./debug_registers.ts";
import { type Delivery, type DeliveryKind, EventDelivery, type LinearAddress } from "./delivery.ts";
import type { DescriptorSource } from "./descriptor.ts";
import { DescriptorQueries } from "./descriptor_queries.ts";
import { DescriptorTables } from "./descriptor_tables.ts";
import { FarTransfers } from "./far_transfers.ts";
import { FastCalls } from "./fast_calls.ts";
import { InterruptReturn } from "./interrupt_return.ts";
import { PortIo } from "./io.ts";
import { Monitor } from "./monitor.ts";
import { ModelSpecificRegisters } from "./msr.ts";
import { SegmentRegisters } from "./segments.ts";
import { TableRegisters } from "./table_registers.ts";
import { TaskState } from "./task_state.ts";
import { TaskSwitches } from "./task_switch.ts";
import { VirtualInterrupts } from "./virtual_interrupts.ts";
import type { VmxInstructions } from "./vmx_instructions.ts";
import type { WorldControl } from "./world_control.ts";

export type { Delivery, DeliveryKind, LinearAddress } from "./delivery.ts";
export type { Intercepts, MsrValue, SystemBus } from "./bus.ts";
export { ExitReason } from "./bus.ts";

/** How the frontend tells what a software interrupt is in EVENT_ERROR: bits 3:0 are the instruction's length. */
export const SOFTWARE_INTERRUPT_LENGTH = 15;

const INT1_LENGTH = 1;
const TWO_32 = 0x1_0000_0000;

/** The system unit of one processor. */
export class SystemUnit {
  readonly context: SystemContext;
  readonly segments: SegmentRegisters;
  readonly control: ControlRegisters;
  readonly debug: DebugRegisters;
  readonly tables: TableRegisters;
  readonly queries: DescriptorQueries;
  readonly far: FarTransfers;
  readonly interruptReturn: InterruptReturn;
  readonly fastCalls: FastCalls;
  readonly msrs: ModelSpecificRegisters;
  readonly io: PortIo;
  readonly monitor: Monitor;
  readonly virtual: VirtualInterrupts;
  /** The VMX instructions; without them they are undefined. */
  vmx: VmxInstructions | undefined;
  readonly #delivery: EventDelivery;

  /** For the breakpoints, when they are this processor's. */
  readonly followsStackLoad = (): boolean => this.context.followsStackLoad;

  /** @param descriptors where selectors lead; by default to the GDT and LDT in memory */
  constructor(
    memory: StateMemory,
    access: SystemAccess,
    world: WorldControl,
    bus: SystemBus,
    descriptors?: DescriptorSource,
  ) {
    const context = this.context = new SystemContext(memory, access, world, bus);
    if (world.breakpoints !== undefined) world.breakpoints.followsStackLoad = this.followsStackLoad;
    const segments = this.segments = new SegmentRegisters(
      context,
      descriptors ?? new DescriptorTables(context),
    );
    const task = new TaskState(context);
    const tasks = new TaskSwitches(
      context,
      segments,
      (vector, error, kind, address) => this.#delivery.deliver(vector, error, kind, address),
    );
    this.virtual = new VirtualInterrupts(context);
    this.control = new ControlRegisters(context);
    this.debug = new DebugRegisters(context);
    this.tables = new TableRegisters(context, segments);
    this.queries = new DescriptorQueries(context, segments);
    this.far = new FarTransfers(context, segments, task, tasks);
    this.interruptReturn = new InterruptReturn(context, segments, tasks, this.virtual);
    this.fastCalls = new FastCalls(context, segments);
    this.msrs = new ModelSpecificRegisters(context, this.control);
    this.io = new PortIo(context, task);
    this.monitor = new Monitor(memory, context);
    this.#delivery = new EventDelivery(context, segments, task, tasks, this.virtual);
  }

  /** VMX, while the processor is in non-root operation; it is asked before an instruction that may exit does anything. */
  get intercepts(): Intercepts | undefined {
    return this.context.intercepts;
  }
  set intercepts(intercepts: Intercepts | undefined) {
    this.context.intercepts = intercepts;
  }

  /**
   * Delivers an exception or interrupt, and those that arise from doing so, up to a triple fault ("shutdown").
   *
   * @param error error code, for the exceptions that have one
   * @param address CR2, of a page fault
   * @param length bytes of the instruction of a software interrupt
   * @param cause bits of DR6, of #DB
   */
  deliver(
    vector: number,
    error: number | undefined,
    kind: DeliveryKind,
    address?: LinearAddress,
    length = 0,
    cause?: number,
  ): Delivery {
    return this.#delivery.deliver(vector, error, kind, address, length, cause);
  }

  /** Delivers what the dispatcher returned with: Event.FAULT or Event.INTERRUPT. */
  deliverEvent(): Delivery {
    const { m } = this.context;
    const vector = m[EVENT_VECTOR >> 2]!, code = m[EVENT_ERROR >> 2]!;
    if (m[EVENT >> 2] === Event.INTERRUPT) {
      const delivery = this.deliver(
        vector,
        undefined,
        "software",
        undefined,
        code & SOFTWARE_INTERRUPT_LENGTH,
      );
      return delivery === "done" ? this.#deliverHeldBack() : delivery;
    }
    const address = { lo: m[EVENT_ADDRESS >> 2]!, hi: m[(EVENT_ADDRESS >> 2) + 1]! };
    if (vector === Vector.DB) return this.#deliverDebug();
    return this.deliver(vector, code === -1 ? undefined : code, "fault", address);
  }

  /** #DB of what MOV SS or POP SS in front of a software interrupt has met: before the handler's first instruction. */
  #deliverHeldBack(): Delivery {
    const breakpoints = this.context.world.breakpoints;
    if (breakpoints === undefined || breakpoints.hits === 0) return "done";
    breakpoints.raised(breakpoints.hits, false);
    return this.#deliverDebug();
  }

  /** #DB: of INT1, or of what the debug registers and RFLAGS.TF ask for. */
  #deliverDebug(): Delivery {
    const { m, world, intercepts } = this.context;
    m[EVENT >> 2] = Event.NONE;
    const why = world.breakpoints?.take();
    if (why === undefined) return this.deliver(Vector.DB, undefined, "trap", undefined, INT1_LENGTH);
    if (why.isFault) return this.deliver(Vector.DB, undefined, "fault", undefined, 0, why.cause);
    if (intercepts !== undefined) {
      intercepts.trapped(why.cause);
    } else if (this.context.followsStackLoad) {
      world.breakpoints!.deferred = why.cause & ~DebugCause.BS;
    } else {
      return this.deliver(Vector.DB, undefined, "trap", undefined, 0, why.cause);
    }
    return "done";
  }

  /** SWAPGS. */
  swapGs(): void {
    const { m } = this.context, base = segmentBase(Segment.GS) >> 2, msr = MSR_KERNEL_GS_BASE >> 2;
    for (let word = 0; word < 2; word++) {
      const old = m[base + word]!;
      m[base + word] = m[msr + word]!;
      m[msr + word] = old;
    }
  }

  /** RDTSC, RDTSCP and what else reads the time-stamp counter. Returns the low half. */
  timeStamp(rdtscp = false): number {
    const { context } = this;
    if (context.mayExit(rdtscp ? ExitReason.RDTSCP : ExitReason.RDTSC)) return 0;
    const now = context.bus.tsc();
    if (context.intercepts !== undefined) {
      const { lo, hi } = context.intercepts.timeStamp(now);
      return context.wide(lo, hi);
    }
    return context.wide(now % TWO_32 | 0, Math.floor(now / TWO_32) | 0);
  }

  /** INVD and WBINVD. */
  invalidateCaches(writeBack: boolean): void {
    const { context } = this;
    if (context.cpl !== 0) return void context.raise(Vector.GP, 0);
    if (context.mayExit(writeBack ? ExitReason.WBINVD : ExitReason.INVD)) return;
    context.bus.invd();
  }
}
