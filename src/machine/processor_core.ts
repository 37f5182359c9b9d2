/** What the processors of a machine share: linear memory, engines, soft TLBs, virtual time. */
import { ATTENTION, Attention, BUDGET, INSTRUCTIONS, PROCESSOR_BYTES } from "../cpu/state.ts";
import { ProcessorSeat, type SystemHelpers } from "../cpu/system/seat.ts";
import type { AccessPage } from "../memory/access_page.ts";
import type { GuestAccess } from "../memory/access.ts";
import type { Mmio } from "../memory/mmio.ts";
import type { LinearMemory } from "../memory/physical.ts";
import type { SecondStage } from "../memory/second_stage.ts";
import { newProcessor, type ProcessorConfiguration } from "./engines.ts";
import type { HostedProcessor } from "./hosted_processor.ts";
import { Schedule } from "./schedule.ts";
import { VirtualClock } from "./virtual_clock.ts";

/** What a processor brings along when it takes the seat. */
export interface Resident {
  /** Its state while another one sits there: `PROCESSOR_BYTES` bytes. */
  readonly saved: Uint8Array;
  readonly helpers: SystemHelpers;
  /** Does what is left of SYSCALL when RCX and R11 are written and RIP is behind it. */
  syscall(): void;
  readonly bus: Mmio;
  readonly secondStage: SecondStage | undefined;
  readonly accessPage: AccessPage | undefined;
  /** It has taken the seat. */
  enter(): void;
  /** It is about to leave it. */
  leave(): void;
}

/** Cells in the processors' part of the state that belong to the run, not to one of them, as word indices. */
const SHARED_WORDS = [BUDGET >> 2, INSTRUCTIONS >> 2, (INSTRUCTIONS >> 2) + 1] as const;

/**
 * One linear memory, one code cache and one set of world slots for all processors. One of them executes at a time: its
 * state lies in the linear memory, where translated code has it.
 */
export class ProcessorCore {
  readonly inner: HostedProcessor;
  readonly clock: VirtualClock;
  /** What happens in the chips as time passes. */
  readonly schedule: Schedule;
  readonly access: GuestAccess;
  /** The processor in the seat is to return after the instruction that it is at. */
  asked = false;
  /** It is to end its turn: something has arrived for another one. */
  interrupted = false;
  readonly #seat = new ProcessorSeat();
  #resident: Resident | undefined;

  constructor(readonly memory: LinearMemory, configuration: Omit<ProcessorConfiguration, "system">) {
    this.inner = newProcessor(memory, { ...configuration, system: () => this.#seat });
    this.inner.onSystemCall = () => {
      this.#resident!.syscall();
      return true;
    };
    this.access = this.inner.dispatcher.bindings.access;
    this.access.mmu.breakpoints.outside.onHit = () => this.ask();
    this.clock = new VirtualClock(() => this.inner.dispatcher.cycles());
    this.schedule = new Schedule(() => void (this.memory.i32[ATTENTION >> 2]! |= Attention.NOW));
  }

  /** Makes the machine return after the instruction that it is at. */
  ask(): void {
    this.asked = true;
    this.memory.i32[ATTENTION >> 2]! |= Attention.NOW;
  }

  /** Whether the state in the linear memory is this processor's. */
  isSeated(processor: Resident): boolean {
    return this.#resident === processor;
  }

  /** Puts a processor's state into the linear memory, in exchange for that of the one before. */
  seat(processor: Resident): void {
    if (this.#resident === processor) return;
    const { i32, u8 } = this.memory, { mmu } = this.inner;
    this.#resident?.leave();
    const shared = SHARED_WORDS.map((word) => i32[word]!);
    this.#resident?.saved.set(u8.subarray(0, PROCESSOR_BYTES));
    u8.set(processor.saved);
    for (const [n, word] of SHARED_WORDS.entries()) i32[word] = shared[n]!;
    this.#resident = processor;
    this.interrupted = false;
    this.#seat.take(processor.helpers);
    this.access.mmio = processor.bus;
    mmu.secondStage = processor.secondStage;
    mmu.accessPage = processor.accessPage;
    mmu.enterWorld();
    mmu.breakpointsChanged();
    processor.enter();
  }
}
