/** The processors of a machine: who executes when, and how they interrupt each other. */
import type { WorldCacheSizes } from "../crossover/world_cache.ts";
import type { CpuModelName } from "../cpu/cpuid_models.ts";
import type { LinearMemory } from "../memory/physical.ts";
import {
  DeliveryMode,
  type InterruptDestination,
  type InterruptMessage,
} from "./devices/interrupt_message.ts";
import type { ProcessorConfiguration } from "./engines.ts";
import type { StateFormat, Stateful } from "../snapshot/stateful.ts";
import {
  loadProcessors,
  processorsShape,
  type ProcessorsState,
  saveProcessors,
} from "./snapshot/processors_state.ts";
import { ProcessorCore } from "./processor_core.ts";
import { type ProcessorWires, SystemProcessor, type SystemStop } from "./system_processor.ts";

export { CPU_MODEL_NAMES, mayHaveVmx } from "../cpu/cpuid_models.ts";

/** What the processors are made of. */
export interface ProcessorsConfiguration extends Omit<ProcessorConfiguration, "system"> {
  /** Default: 1. */
  readonly count?: number;
  readonly vmx?: boolean;
  /** Default: `causeway`. */
  readonly cpu?: CpuModelName;
  /** World calls, with caches of these sizes. They take VMX. */
  readonly crossover?: WorldCacheSizes | undefined;
}

/** Most processors: the IDs of local APICs have eight bits, and 255 means all. */
export const MAX_PROCESSORS = 255;
/** Instructions of a turn. Long enough that taking turns costs little, short enough that spinning does not. */
export const TURN = 100_000;
/** Events of chips in a row that wake nobody after which nothing will: of a timer that interrupts where nobody listens. */
const MOST_UNHEARD = 100_000;
/** The sender of messages that no processor sends. */
const BUS = -1;
/** Destination shorthands. SDM vol. 3A, section 11.6.1. */
const Shorthand = { NONE: 0, SELF: 1, ALL: 2, ALL_BUT_SELF: 3 } as const;

/**
 * The processors of a machine, on one thread of the host. They take turns in the order of their numbers. A turn ends
 * after a fixed count of instructions (unless all others wait), or when the processor waits, spins or interrupts another
 * one: so every run is the same. One virtual clock counts the cycles of all; while all wait, it skips to the next timer.
 */
export class Processors implements Stateful<ProcessorsState> {
  readonly stateFormat: StateFormat<ProcessorsState>;
  readonly core: ProcessorCore;
  readonly all: readonly SystemProcessor[];
  /** Told of each level-triggered interrupt that has been served. */
  onEndOfInterrupt: ((vector: number) => void) | undefined;
  #turn = 0;
  /** Instructions left of the turn. */
  #left = TURN;

  constructor(
    memory: LinearMemory,
    wires: Omit<ProcessorWires, "interrupts">,
    { count = 1, vmx = false, cpu = "causeway", crossover, ...configuration }: ProcessorsConfiguration = {},
  ) {
    if (!Number.isInteger(count) || count < 1 || count > MAX_PROCESSORS) {
      throw new RangeError(`Cannot make ${count} processors: it must be from 1 to ${MAX_PROCESSORS}`);
    }
    this.core = new ProcessorCore(memory, configuration);
    const { seed = 1 } = configuration;
    this.all = Array.from({ length: count }, (_, id) => {
      const interrupts = {
        send: (message: InterruptMessage, destination: InterruptDestination) =>
          this.#send(id, message, destination),
        endOfInterrupt: (vector: number) => this.onEndOfInterrupt?.(vector),
      };
      return new SystemProcessor(this.core, { ...wires, interrupts }, {
        id,
        count,
        vmx,
        cpu,
        crossover,
        seed: seed + id,
      });
    });
    this.core.seat(this.all[0]!);
    this.stateFormat = { version: 5, shape: processorsShape(this) };
  }

  /** The processor whose turn it is. */
  get current(): SystemProcessor {
    return this.all[this.#turn]!;
  }

  /** Guest instructions that all have executed so far. */
  get instructions(): number {
    return this.core.inner.instructions;
  }

  saveState(): ProcessorsState {
    return saveProcessors(this, { turn: this.#turn, left: this.#left });
  }

  /** Brings the processors back to how they were; the instructions that have been executed since count. */
  startAgain(state: ProcessorsState): void {
    const { cycles, switches } = this.saveState();
    this.loadState({ ...state, cycles, switches });
  }

  loadState(state: ProcessorsState): void {
    this.#turn = state.turn;
    this.#left = state.left;
    loadProcessors(this, state);
  }

  /**
   * Executes exactly `instructions` guest instructions unless something stops it before.
   *
   * @param idle cycles that may be skipped while all wait: then it returns before, too
   */
  run(instructions: number, idle = Infinity): SystemStop {
    const end = this.instructions + instructions, { schedule, clock } = this.core;
    const idleEnd = clock.skipped + idle;
    schedule.refresh();
    for (let unheard = 0;;) {
      const left = end - this.instructions;
      if (left <= 0) return "budget";
      schedule.advance(clock.now());
      if (!this.current.isReady || this.#left <= 0) {
        const next = this.#nextReady();
        if (next === undefined) {
          if (clock.skipped >= idleEnd) return "budget";
          if (++unheard > MOST_UNHEARD || !this.#skipTime(idleEnd - clock.skipped)) return "halt";
          continue;
        }
        this.#turn = next;
        this.#left = this.#isUndisturbed ? Infinity : TURN;
      }
      unheard = 0;
      const stop = this.#runCurrent(left);
      if (stop === "asked" || stop === "shutdown") return stop;
    }
  }

  #runCurrent(left: number): SystemStop {
    const { current, all, core } = this;
    core.seat(current);
    if (all.length === 1) return current.run(left, Infinity);
    const before = this.instructions, wake = this.#nextWake();
    const stop = current.run(Math.min(left, this.#left), wake);
    const goesOn = (stop === "budget" || stop === "asked") && core.clock.now() < wake;
    this.#left = goesOn ? this.#left - (this.instructions - before) : 0;
    return stop;
  }

  /** Number of the first processor after the current one that has something to execute; undefined: none has. */
  #nextReady(): number | undefined {
    const { length } = this.all;
    for (let distance = 1; distance <= length; distance++) {
      const n = (this.#turn + distance) % length;
      if (this.all[n]!.isReady) return n;
    }
    return undefined;
  }

  /**
   * Whether no other processor has something to execute, nor will have before the current one is told: stores, which
   * end MWAIT, tell nobody.
   */
  get #isUndisturbed(): boolean {
    return this.all.every((processor) =>
      processor === this.current || (!processor.isReady && !processor.isMonitoring)
    );
  }

  /** When a timer will wake a processor other than the current one. */
  #nextWake(): number {
    let next = Infinity;
    for (const processor of this.all) {
      if (processor !== this.current) next = Math.min(next, processor.wakesAt);
    }
    return next;
  }

  /** Lets time pass, `most` cycles of it, until a timer wakes somebody; false: none will. */
  #skipTime(most: number): boolean {
    const chips = this.all.some(({ listens }) => listens) ? this.core.schedule.nextHeard : Infinity;
    const next = Math.min(chips, ...this.all.map((processor) => processor.wakesAt));
    if (next === Infinity) return false;
    this.core.clock.skipTo(Math.min(next, this.core.clock.now() + most));
    return true;
  }

  /** Brings an interrupt of an I/O APIC, or one that a device writes as a message, to the processors that it is for. */
  interrupt(message: InterruptMessage, destination: Omit<InterruptDestination, "shorthand">): void {
    this.#send(BUS, message, { ...destination, shorthand: Shorthand.NONE });
  }

  /** Brings an interprocessor interrupt to the processors that it is for. */
  #send(sender: number, message: InterruptMessage, destination: InterruptDestination): void {
    const { shorthand } = destination;
    const targets = this.all.filter(({ id, apic }) => {
      switch (shorthand) {
        case Shorthand.NONE:
          return apic.matches(destination);
        case Shorthand.SELF:
          return id === sender;
        case Shorthand.ALL:
          return true;
        default:
          return id !== sender;
      }
    });
    if (message.mode !== DeliveryMode.LOWEST_PRIORITY) {
      for (const target of targets) target.receive(message);
      return;
    }
    const lowest = targets.reduce<SystemProcessor | undefined>(
      (best, target) => best === undefined || target.apic.priority < best.apic.priority ? target : best,
      undefined,
    );
    lowest?.receive(message);
  }
}
