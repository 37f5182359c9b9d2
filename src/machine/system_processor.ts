/** A processor with its own operating system: runs it, delivers what arises, and waits for interrupts. */
import { Event } from "../cpu/fault.ts";
import { Flag } from "../cpu/rflags.ts";
import { ATTENTION, Attention, EVENT, INTERRUPTIBILITY, RFLAGS_SYSTEM } from "../cpu/state.ts";
import { type Delivery, SystemUnit } from "../cpu/system/unit.ts";
import type { LinearMemory } from "../memory/physical.ts";
import type { Bus } from "./bus.ts";
import { LocalApic } from "./devices/local_apic.ts";
import type { ApicWires } from "./devices/local_apic.ts";
import type { Pic8259 } from "./devices/8259_pic.ts";
import { newProcessor, type ProcessorConfiguration } from "./engines.ts";
import type { HostedProcessor } from "./hosted_processor.ts";
import { ProcessorBus } from "./processor_bus.ts";
import { instructionLength } from "./instruction_length.ts";
import { CrossOver } from "../crossover/crossover.ts";
import type { WorldCacheSizes } from "../crossover/world_cache.ts";
import { Vmx } from "../vmx/vmx.ts";
import { VirtualClock } from "./virtual_clock.ts";

/** Why the processor stopped. */
export type SystemStop =
  /** The instructions asked for have been executed. */
  | "budget"
  /** Somebody asked for it. */
  | "asked"
  /** HLT, and neither a timer nor anything pending will end it. */
  | "halt"
  /** Triple fault. */
  | "shutdown";

/** Interruptibility: STI and MOV SS hold interrupts back for one instruction; NMI until IRET. SDM vol. 3C, table 25-3. */
const SHADOWS = 3, NMI_BLOCKED = 8;
const NMI_VECTOR = 2;
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

/** What it is made of. */
export interface SystemProcessorConfiguration extends Omit<ProcessorConfiguration, "system"> {
  readonly vmx?: boolean;
  /** World calls, with caches of these sizes. They take VMX. */
  readonly crossover?: WorldCacheSizes | undefined;
}

/** One processor of a machine, with its local APIC. */
export class SystemProcessor {
  readonly inner: HostedProcessor;
  readonly unit: SystemUnit;
  readonly apic: LocalApic;
  readonly bus: ProcessorBus;
  readonly clock: VirtualClock;
  /** VMX, where the machine has it. */
  readonly vmx: Vmx | undefined;
  readonly #m: Int32Array;
  readonly #pic: Pic8259;
  #halted = false;
  #asked = false;
  #shutdown = false;
  /** Events settled since an instruction was last executed. */
  #stalled = 0;

  constructor(
    memory: LinearMemory,
    { bus, pic, interrupts }: ProcessorWires,
    { vmx = false, crossover, ...configuration }: SystemProcessorConfiguration = {},
  ) {
    this.#m = memory.i32;
    this.#pic = pic;
    this.clock = new VirtualClock(() => inner.dispatcher.cycles());
    this.apic = new LocalApic(0, {
      ...interrupts,
      now: () => this.clock.now(),
      changed: () => this.attend(),
    });
    this.bus = new ProcessorBus(bus, this.apic, this.clock, vmx);
    let unit: SystemUnit | undefined;
    const inner = newProcessor(memory, {
      ...configuration,
      system: (access) => {
        access.mmio = this.bus;
        return unit = new SystemUnit(memory, access, access.mmu, this.bus);
      },
    });
    this.inner = inner;
    this.unit = unit!;
    if (!vmx) return;
    this.vmx = new Vmx(memory, inner.mmu, this.unit, {
      instructionLength: () => instructionLength(inner),
      now: () => this.clock.now(),
    });
    if (crossover !== undefined) this.bus.crossover = new CrossOver(this.vmx.state, crossover);
  }

  /** Guest instructions executed so far. */
  get instructions(): number {
    return this.inner.instructions;
  }

  /** Whether it waits in HLT. */
  get isHalted(): boolean {
    return this.#halted;
  }

  /** Whether maskable interrupts are enabled. */
  get acceptsInterrupts(): boolean {
    return (this.#m[RFLAGS_SYSTEM >> 2]! & Flag.IF) !== 0;
  }

  /** Makes the processor look at what is pending, after the instruction it is at. */
  attend(): void {
    this.#m[ATTENTION >> 2]! |= Attention.NOW;
  }

  /** Makes `run` return after the instruction that the processor is at. */
  ask(): void {
    this.#asked = true;
    this.attend();
  }

  /** Executes exactly `instructions` guest instructions unless something stops it before. */
  run(instructions: number): SystemStop {
    const end = this.instructions + instructions;
    for (;;) {
      if (this.#shutdown) return "shutdown";
      if (this.#asked) {
        this.#asked = false;
        return "asked";
      }
      const left = end - this.instructions;
      if (left <= 0) return "budget";
      this.apic.advance();
      if (this.#halted && !this.#wake()) return "halt";
      const due = this.vmx?.beforeInstruction() ?? "nothing";
      if (due === "shutdown") this.#shutdown = true;
      if (due !== "nothing") continue;
      if (this.#takeInterrupt()) continue;
      const before = this.instructions;
      this.#execute(left);
      this.#settle();
      this.#stalled = this.instructions === before ? this.#stalled + 1 : 0;
      if (this.#stalled > MOST_STALLED) this.#shutdown = true;
    }
  }

  /** Runs code until the budget, a timer or an event ends it. */
  #execute(left: number): void {
    const m = this.#m;
    let budget = Math.min(left, MAX_BUDGET, Math.max(1, this.#nextTimer() - this.clock.now()));
    m[ATTENTION >> 2] = 0;
    if (this.vmx?.awaitsWindow === true) {
      if (this.acceptsInterrupts) budget = 1;
      else m[ATTENTION >> 2] = Attention.INTERRUPT;
      m[INTERRUPTIBILITY >> 2]! &= ~SHADOWS;
    }
    if (this.#isPending() || this.#hasNmi()) {
      // An interrupt that only a shadow holds back is taken after the next instruction.
      const taken = this.acceptsInterrupts || this.vmx?.catchesInterrupts === true || this.#hasNmi();
      if (taken) budget = 1;
      else m[ATTENTION >> 2] = Attention.INTERRUPT;
      m[INTERRUPTIBILITY >> 2]! &= ~SHADOWS;
    }
    this.inner.mmu.enterWorld();
    this.inner.dispatcher.run(budget);
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
      case Event.SYSCALL:
        return this.unit.syscall();
      case Event.HALT:
        m[INTERRUPTIBILITY >> 2]! &= ~SHADOWS;
        this.#halted = true;
        return;
      case Event.VM_EXIT:
        return this.#left();
      default:
        throw new Error(`the dispatcher left event ${event} unsettled`);
    }
  }

  /** Ends HLT if anything is pending or a timer will be; lets time pass until then. */
  #wake(): boolean {
    if (!this.#isDeliverable()) {
      const next = this.#nextTimer();
      if (next === Infinity || !this.#mayInterrupt) return false;
      this.clock.skipTo(next);
      this.apic.advance();
      if (!this.#isDeliverable() && !this.#timerRanOut) return false;
    }
    this.#halted = false;
    return true;
  }

  /** Delivers an interrupt if one is pending that may be taken now. */
  #takeInterrupt(): boolean {
    const m = this.#m;
    if ((m[INTERRUPTIBILITY >> 2]! & SHADOWS) !== 0 || !this.#isDeliverable()) return false;
    if (this.#hasNmi()) {
      this.apic.nmi = false;
      this.#delivered(this.unit.deliver(NMI_VECTOR, undefined, "nmi"));
      return true;
    }
    const acknowledge = (): number =>
      this.bus.hasApic && this.apic.pending() >= 0 ? this.apic.acknowledge() : this.#pic.acknowledge();
    if (this.vmx?.catchesInterrupts === true) {
      if (!this.vmx.externalInterrupt(acknowledge)) this.#shutdown = true;
      return true;
    }
    const vector = acknowledge();
    this.#delivered(this.unit.deliver(vector, undefined, "external"));
    return true;
  }

  #delivered(delivery: Delivery): void {
    if (delivery === "shutdown") this.#shutdown = true;
    else if (delivery === "exit") this.#left();
  }

  /** Completes a VM exit. */
  #left(): void {
    if (!this.vmx!.settle()) this.#shutdown = true;
  }

  /** When the next timer is due: the local APIC's or the VMX-preemption timer. */
  #nextTimer(): number {
    return Math.min(this.apic.nextTimer(), this.vmx?.deadline ?? Infinity);
  }
  get #timerRanOut(): boolean {
    return (this.vmx?.deadline ?? Infinity) <= this.clock.now();
  }
  /** Whether a maskable interrupt would end HLT, or the preemption timer. */
  get #mayInterrupt(): boolean {
    return this.acceptsInterrupts || this.vmx?.catchesInterrupts === true ||
      (this.vmx?.deadline ?? Infinity) !== Infinity;
  }

  #isDeliverable(): boolean {
    return this.#hasNmi() ||
      ((this.acceptsInterrupts || this.vmx?.catchesInterrupts === true) && this.#isPending());
  }

  #isPending(): boolean {
    if (this.bus.hasApic && this.apic.pending() >= 0) return true;
    return this.#pic.pending && (!this.bus.hasApic || this.apic.acceptsExternal);
  }

  #hasNmi(): boolean {
    return this.apic.nmi && (this.#m[INTERRUPTIBILITY >> 2]! & NMI_BLOCKED) === 0;
  }
}
