/** A processor with its own operating system: runs it, delivers what arises, and waits for interrupts. */
import { Event } from "../cpu/fault.ts";
import { type CpuModelName, mayHaveVmx } from "../cpu/cpuid_models.ts";
import { Flag } from "../cpu/rflags.ts";
import { Activity, type Waiting } from "../cpu/system/activity.ts";
import {
  ATTENTION,
  Attention,
  Blocking,
  EVENT,
  INTERRUPTIBILITY,
  PROCESSOR_BYTES,
  RFLAGS_SYSTEM,
  VMX_MODE,
  VmxMode,
} from "../cpu/state.ts";
import { RandomNumbers } from "../cpu/random.ts";
import { systemHelpers } from "../cpu/system_helpers.ts";
import type { MonitoredLine } from "../cpu/system/monitor.ts";
import type { SystemHelpers } from "../cpu/system/seat.ts";
import { type Delivery, SystemUnit } from "../cpu/system/unit.ts";
import { CrossOver } from "../crossover/crossover.ts";
import type { WorldCacheSizes } from "../crossover/world_cache.ts";
import type { AccessPage } from "../memory/access_page.ts";
import type { SecondStage } from "../memory/second_stage.ts";
import { Vmx } from "../vmx/vmx.ts";
import type { Bus } from "./bus.ts";
import type { Pic8259 } from "./devices/8259_pic.ts";
import { DeliveryMode, type InterruptMessage } from "./devices/interrupt_message.ts";
import { ApicRegister, type ApicWires, LocalApic } from "./devices/local_apic.ts";
import type { HostedProcessor } from "./hosted_processor.ts";
import { instructionAtRip } from "./exit_instruction.ts";
import { InterruptInputs } from "./interrupt_inputs.ts";
import { InterruptShadow } from "./interrupt_shadow.ts";
import { ProcessorBus } from "./processor_bus.ts";
import type { ProcessorCore, Resident } from "./processor_core.ts";
import { enterInitState, enterResetState, enterStartup } from "./processor_start.ts";
import type { ProcessorProgress } from "./snapshot/processor_progress.ts";
import type { VirtualClock } from "./virtual_clock.ts";

/** Why the processor stopped. */
export type SystemStop =
  /** The instructions asked for have been executed. */
  | "budget"
  /** Somebody asked for it. */
  | "asked"
  /** It spins, or has interrupted another one. */
  | "yield"
  /** It waits, in HLT or for STARTUP. */
  | "halt"
  /** Triple fault. */
  | "shutdown";

const NMI_VECTOR = 2;
/**
 * Cycles that PAUSE takes, so that loops which wait for time to pass are short. Intel 64 and IA-32 Architectures
 * Optimization Reference Manual, section 2.6.3.1: up to 140 since Skylake.
 */
const PAUSE_CYCLES = 140;
/** Largest budget of one run: the budget cell is a signed 32-bit number. */
const MAX_BUDGET = 0x7fff_ffff;
/**
 * Events in a row without an instruction between them after which the processor shuts down. A handler that cannot be
 * executed raises exceptions for ever; virtual time stands still, so no timer would end that either.
 */
const MOST_STALLED = 100_000;

/** What a processor is wired to. */
export interface ProcessorWires {
  readonly bus: Bus;
  readonly pic: Pic8259;
  /** The parts of the local APIC's wiring that lead to other processors and chips. */
  readonly interrupts: Pick<ApicWires, "send" | "endOfInterrupt">;
}

/** What distinguishes the processors of a machine. */
export interface ProcessorIdentity {
  /** Local APIC ID; that of the bootstrap processor is 0. */
  readonly id: number;
  /** How many processors there are. */
  readonly count: number;
  /** Seed of RDRAND and RDSEED. */
  readonly seed: number;
  readonly vmx: boolean;
  readonly cpu: CpuModelName;
  /** World calls, with caches of these sizes. They take VMX. */
  readonly crossover: WorldCacheSizes | undefined;
}

/** What would end a processor's wait. */
export interface Wait {
  /** Maskable interrupts. */
  readonly interrupts: boolean;
  readonly nmi: boolean;
  /** INIT. VMX root operation blocks it. */
  readonly init: boolean;
  /** The VMX-preemption timer: when it runs out. */
  readonly deadline: number;
  /** A virtual interrupt, or an open interrupt window, ends it at once. */
  readonly isOver: boolean;
}

/** One processor of a machine, with its local APIC. It executes only while it sits in the core's seat. */
export class SystemProcessor implements Resident {
  readonly id: number;
  readonly unit: SystemUnit;
  readonly apic: LocalApic;
  readonly bus: ProcessorBus;
  /** VMX, where the machine has it. */
  readonly vmx: Vmx | undefined;
  readonly saved: Uint8Array = new Uint8Array(PROCESSOR_BYTES);
  readonly helpers: SystemHelpers;
  /** What RDRAND and RDSEED give. */
  readonly random: RandomNumbers;
  readonly secondStage: SecondStage | undefined;
  readonly accessPage: AccessPage | undefined;
  readonly #m: Int32Array;
  readonly #inputs: InterruptInputs;
  readonly #shadow: InterruptShadow;
  readonly #waiting: Waiting;
  /** Triple fault, or a VMX abort: nothing ends that. */
  #shutdown = false;
  /** Instructions left of the current turn are given up. */
  #yields = false;
  /** MWAIT: the line that is waited for. */
  #monitored: { readonly line: MonitoredLine; readonly endsWithMasked: boolean } | undefined;
  #init = false;
  /** Vector of a STARTUP that has arrived. */
  #startup: number | undefined;
  /** What it waits for, while it does not sit in the seat. */
  #wait: Wait = { interrupts: false, nmi: false, init: true, deadline: Infinity, isOver: false };
  /** Breakpoints that wait for its next instruction, while it does not sit in the seat. */
  #deferred = 0;
  /** Events settled since an instruction was last executed. */
  #stalled = 0;

  constructor(
    readonly core: ProcessorCore,
    { bus, pic, interrupts }: ProcessorWires,
    { id, count, seed, vmx, cpu, crossover }: ProcessorIdentity,
  ) {
    const { memory, access, clock, inner } = core;
    this.id = id;
    this.#m = memory.i32;
    this.#shadow = new InterruptShadow(memory.i32, clock);
    this.apic = new LocalApic(id, {
      ...interrupts,
      now: () => clock.now(),
      changed: () => this.attend(),
    });
    this.bus = new ProcessorBus(bus, this.apic, clock, {
      processors: count,
      hasVmx: vmx && mayHaveVmx(cpu),
      cpu,
      pause: () => this.#pause(count),
      waitForStore: (line, endsWithMasked) => {
        this.#monitored = { line, endsWithMasked };
        this.attend();
      },
    });
    this.#inputs = new InterruptInputs(this.bus, this.apic, pic);
    this.unit = new SystemUnit(memory, access, access.mmu, this.bus);
    this.random = new RandomNumbers(seed);
    this.helpers = systemHelpers(this.unit, this.random);
    // The state of the first one is the boot loader's matter.
    this.#waiting = { activity: id === 0 ? Activity.ACTIVE : Activity.WAIT_FOR_SIPI };
    if (id !== 0) enterResetState(new DataView(this.saved.buffer));
    if (!vmx) return;
    this.vmx = new Vmx(memory, inner.mmu, this.unit, {
      instruction: () => instructionAtRip(inner),
      now: () => clock.now(),
      waiting: this.#waiting,
    });
    this.secondStage = inner.mmu.secondStage;
    this.accessPage = inner.mmu.accessPage;
    if (crossover !== undefined) this.bus.crossover = new CrossOver(this.vmx.state, crossover);
  }

  get inner(): HostedProcessor {
    return this.core.inner;
  }
  get clock(): VirtualClock {
    return this.core.clock;
  }

  /** Its state, wherever that is at the moment. */
  get state(): Int32Array {
    return this.core.isSeated(this) ? this.#m : new Int32Array(this.saved.buffer);
  }

  /** Whether it waits in HLT. */
  get isHalted(): boolean {
    return this.#waiting.activity === Activity.HLT;
  }

  /** Whether it waits in MWAIT. */
  get isMonitoring(): boolean {
    return this.#monitored !== undefined;
  }

  /** Whether it waits for INIT and STARTUP, as all but the first do at first. */
  get awaitsStartup(): boolean {
    return this.#waiting.activity === Activity.WAIT_FOR_SIPI;
  }

  /** Whether maskable interrupts are enabled. */
  get acceptsInterrupts(): boolean {
    return (this.state[RFLAGS_SYSTEM >> 2]! & Flag.IF) !== 0;
  }

  syscall(): void {
    this.unit.fastCalls.syscall();
  }

  /** Makes the processor look at what is pending, after the instruction it is at. Another one ends its turn. */
  attend(): void {
    this.#m[ATTENTION >> 2]! |= Attention.NOW;
    if (!this.core.isSeated(this)) this.core.interrupted = true;
  }

  /** An interrupt message arrives for this processor. */
  receive(message: InterruptMessage): void {
    switch (message.mode) {
      case DeliveryMode.INIT:
        this.#init = true;
        this.#startup = undefined;
        return this.attend();
      case DeliveryMode.STARTUP:
        if (!this.awaitsStartup && !this.#init) return;
        this.#startup ??= message.vector;
        return this.attend();
      default:
        this.apic.accept(message);
    }
  }

  /** Whether it has something to execute now. */
  get isReady(): boolean {
    if (this.#shutdown) return false;
    if (this.#init && this.#waits.init) return true;
    switch (this.#waiting.activity) {
      case Activity.ACTIVE:
        if (this.#monitored === undefined || !this.#monitored.line.isUnchanged) return true;
        return this.#endsHalt() || (this.#monitored.endsWithMasked && this.#inputs.isPending);
      case Activity.HLT:
        return this.#endsHalt();
      case Activity.SHUTDOWN:
        return this.#hasNmi() || this.#timedOut();
      default:
        return this.#startup !== undefined;
    }
  }

  /** Whether an interrupt of a chip may end its wait. */
  get listens(): boolean {
    if (this.#shutdown || this.awaitsStartup) return false;
    return this.#waits.interrupts || this.#monitored?.endsWithMasked === true;
  }

  /** When a timer of its own will end its wait; Infinity: none will. */
  get wakesAt(): number {
    const { interrupts, deadline } = this.#waits, { activity } = this.#waiting;
    if (activity === Activity.SHUTDOWN) return deadline;
    const monitored = activity === Activity.ACTIVE ? this.#monitored : undefined;
    if (activity !== Activity.HLT && monitored === undefined) return Infinity;
    const listens = interrupts || monitored?.endsWithMasked === true;
    return Math.min(listens ? this.apic.nextInterrupt() : Infinity, deadline);
  }

  enter(): void {
    const { breakpoints } = this.core.inner.mmu;
    breakpoints.deferred = this.#deferred;
    breakpoints.followsStackLoad = this.unit.followsStackLoad;
  }
  leave(): void {
    this.#wait = this.#waits;
    this.#deferred = this.core.inner.mmu.breakpoints.deferred;
  }

  /** What it is about to do, apart from its registers. */
  saveProgress(): ProcessorProgress {
    const line = this.#monitored?.line;
    return {
      activity: this.#waiting.activity,
      shutdown: this.#shutdown,
      yields: this.#yields,
      monitored: line === undefined ? undefined : { line, endsWithMasked: this.#monitored!.endsWithMasked },
      init: this.#init,
      startup: this.#startup,
      wait: this.#waits,
      deferred: this.core.isSeated(this) ? this.core.inner.mmu.breakpoints.deferred : this.#deferred,
      // How often it came to nothing before it shut down depends on where runs have ended.
      stalled: this.#shutdown ? 0 : this.#stalled,
    };
  }

  /** Restores it. It does not reach into the seat. */
  loadProgress(progress: ProcessorProgress): void {
    this.#waiting.activity = progress.activity;
    this.#shutdown = progress.shutdown;
    this.#yields = progress.yields;
    this.#monitored = progress.monitored;
    this.#init = progress.init;
    this.#startup = progress.startup;
    this.#wait = progress.wait;
    this.#deferred = progress.deferred;
    this.#stalled = progress.stalled;
  }

  /** What would end a wait now. */
  get #waits(): Wait {
    if (!this.core.isSeated(this)) return this.#wait;
    const { vmx } = this, m = this.#m;
    return {
      interrupts: this.acceptsInterrupts || vmx?.catchesInterrupts === true,
      nmi: !(vmx?.blocksNmis ?? (m[INTERRUPTIBILITY >> 2]! & Blocking.NMI) !== 0),
      init: m[VMX_MODE >> 2] !== VmxMode.ROOT && !(vmx?.inGuest === true && this.awaitsStartup),
      deadline: vmx?.deadline ?? Infinity,
      isOver: vmx?.boundary.endsWait === true,
    };
  }

  /**
   * Executes exactly `instructions` guest instructions unless something stops it before. It must sit in the seat.
   *
   * @param until virtual time at which it stops at the latest
   */
  run(instructions: number, until: number): SystemStop {
    const stop = this.#run(this.core.inner.instructions + instructions, until);
    this.#shadow.keep();
    return stop;
  }

  #run(end: number, until: number): SystemStop {
    const { core, vmx } = this, { inner, clock } = core;
    for (;;) {
      if (core.asked) {
        core.asked = false;
        return "asked";
      }
      if (this.#init || this.#startup !== undefined) this.#start();
      if (this.#shutdown) return "shutdown";
      const before = inner.instructions, left = end - before;
      if (left <= 0 || clock.now() >= until) return "budget";
      core.schedule.advance(clock.now());
      this.apic.advance();
      this.#shadow.age();
      const due = vmx?.boundary.before(this.#hasNmi() && !this.#shadow.isCast) ?? "nothing";
      if (due === "shutdown") this.#shutdown = true;
      if (due !== "nothing" || this.#takeInterrupt()) {
        this.#monitored = undefined;
        continue;
      }
      if (this.#waiting.activity !== Activity.ACTIVE || !this.isReady) return "halt";
      this.#monitored = undefined;
      if (this.#yields || core.interrupted) {
        this.#yields = core.interrupted = false;
        return "yield";
      }
      this.#execute(Math.min(left, until - clock.now()));
      this.#settle();
      this.#stalled = inner.instructions === before ? this.#stalled + 1 : 0;
      if (this.#stalled > MOST_STALLED) this.#shutdown = true;
    }
  }

  /** PAUSE: takes longer than other instructions; where there are others, it is their turn. */
  #pause(processors: number): void {
    const { clock } = this.core, begin = clock.now(), state = this.vmx?.state;
    clock.skipTo(begin + PAUSE_CYCLES - 1);
    // The gap to the next PAUSE of a loop begins when this one ends: SDM vol. 3C, section 26.1.3.
    if (state?.lastPause === begin) state.lastPause = clock.now();
    if (clock.now() >= this.#nextTimer()) this.attend();
    if (processors === 1) return;
    this.#yields = true;
    this.attend();
  }

  /** INIT and STARTUP. SDM vol. 3A, section 9.4.3; vol. 3C, section 24.8. */
  #start(): void {
    const { view } = this.core.memory;
    if (this.#init) {
      if (!this.#waits.init) return;
      this.#init = false;
      if (this.#m[VMX_MODE >> 2] === VmxMode.GUEST) {
        if (!this.vmx!.init()) this.#shutdown = true;
        return;
      }
      this.apic.reset();
      this.#monitored = undefined;
      enterInitState(view);
      this.#waiting.activity = this.bus.isBootstrap ? Activity.ACTIVE : Activity.WAIT_FOR_SIPI;
    }
    const vector = this.#startup;
    if (vector === undefined || !this.awaitsStartup) return;
    this.#startup = undefined;
    if (this.vmx?.inGuest === true) {
      if (!this.vmx.startup(vector)) this.#shutdown = true;
      return;
    }
    enterStartup(view, vector);
    this.#waiting.activity = Activity.ACTIVE;
  }

  /** Runs code until the budget, a timer or an event ends it. */
  #execute(left: number): void {
    const m = this.#m, boundary = this.vmx?.boundary;
    let budget = Math.min(left, MAX_BUDGET, Math.max(1, this.#nextTimer() - this.core.clock.now()));
    m[ATTENTION >> 2] = 0;
    if (boundary?.awaitsInterruptFlag === true) m[ATTENTION >> 2] = Attention.INTERRUPT;
    if (boundary?.isNear === true) budget = 1;
    if (this.#inputs.isPending || this.#hasNmi()) {
      // An interrupt that only a shadow holds back is taken after the next instruction.
      const taken = this.acceptsInterrupts || this.vmx?.catchesInterrupts === true || this.#hasNmi();
      if (taken) budget = 1;
      else m[ATTENTION >> 2] = Attention.INTERRUPT;
    }
    boundary?.proceed();
    const { inner } = this.core;
    inner.mmu.enterWorld();
    inner.dispatcher.run(budget);
  }

  /** Does what the event asks for with which the dispatcher returned. */
  #settle(): void {
    const m = this.#m, event = m[EVENT >> 2]!;
    switch (event) {
      case Event.BUDGET:
      case Event.ATTENTION:
        return;
      case Event.FAULT:
      case Event.INTERRUPT:
        return this.#delivered(this.unit.deliverEvent());
      case Event.HALT:
        this.#waiting.activity = Activity.HLT;
        return;
      case Event.VM_EXIT:
        return this.#left();
      default:
        throw new Error(`the dispatcher left event ${event} unsettled`);
    }
  }

  /** Delivers an interrupt if one is pending that may be taken now. */
  #takeInterrupt(): boolean {
    const { activity } = this.#waiting;
    if (this.#shadow.isCast || activity === Activity.WAIT_FOR_SIPI) return false;
    if (this.#hasNmi()) {
      this.apic.nmi = false;
      this.#delivered(this.unit.deliver(NMI_VECTOR, undefined, "nmi"));
      return true;
    }
    if (activity === Activity.SHUTDOWN || !this.#isDeliverable()) return false;
    if (this.vmx?.catchesInterrupts === true) {
      const acknowledge = (): number => this.#inputs.acknowledge();
      const endOfInterrupt = (): void => this.apic.write(ApicRegister.EOI, 0);
      if (!this.vmx.externalInterrupt({ acknowledge, endOfInterrupt })) this.#shutdown = true;
      return true;
    }
    this.#delivered(this.unit.deliver(this.#inputs.acknowledge(), undefined, "external"));
    return true;
  }

  #delivered(delivery: Delivery): void {
    if (delivery === "shutdown") this.#shutdown = true;
    else if (delivery === "exit") return this.#left();
    this.#waiting.activity = Activity.ACTIVE;
    this.vmx?.boundary.proceed();
  }

  /** Completes a VM exit. */
  #left(): void {
    if (!this.vmx!.settle()) this.#shutdown = true;
  }

  /** When the next timer is due: a chip's, the local APIC's or the VMX-preemption timer. */
  #nextTimer(): number {
    return Math.min(this.core.schedule.next, this.apic.nextTimer(), this.vmx?.deadline ?? Infinity);
  }

  /** Whether something ends a wait in HLT, or in MWAIT. */
  #endsHalt(): boolean {
    this.apic.advance();
    return this.#isDeliverable() || this.#timedOut() || this.#waits.isOver;
  }

  #timedOut(): boolean {
    return this.#waits.deadline <= this.core.clock.now();
  }

  #isDeliverable(): boolean {
    return this.#hasNmi() || (this.#inputs.isPending && this.#waits.interrupts);
  }

  #hasNmi(): boolean {
    return this.apic.nmi && this.#waits.nmi;
  }
}
