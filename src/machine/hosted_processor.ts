/** A processor whose exceptions and system calls the host settles. */
import { Event, Vector } from "../cpu/fault.ts";
import { ATTENTION, EVENT, EVENT_ADDRESS, EVENT_ERROR, EVENT_VECTOR } from "../cpu/state.ts";
import type { WorldSwitchKind } from "../cpu/system/world_switches.ts";
import type { Dispatcher } from "../jit/dispatcher.ts";
import type { SystemCallHandler } from "../jit/system_calls.ts";
import type { Mmu } from "../memory/mmu.ts";
import type { LinearMemory } from "../memory/physical.ts";
import type { Processor, Stop } from "./processor.ts";

/** Largest budget of one run: the budget cell is a signed 32-bit number. */
const MAX_BUDGET = 0x7fff_ffff;

/** The processor that the Linux personality and bare programs run on. */
export class HostedProcessor implements Processor {
  readonly memory: LinearMemory;
  readonly mmu: Mmu;
  /** Count of instructions at which the run ends. */
  #end = 0;

  constructor(readonly dispatcher: Dispatcher) {
    this.memory = dispatcher.bindings.memory;
    this.mmu = dispatcher.bindings.access.mmu;
  }

  get instructions(): number {
    return this.dispatcher.instructions();
  }

  get cycles(): number {
    return this.dispatcher.cycles();
  }

  count(kind: WorldSwitchKind): void {
    this.dispatcher.switches.count(kind);
  }

  get onSystemCall(): SystemCallHandler | undefined {
    return this.dispatcher.bindings.systemCalls.handler;
  }
  set onSystemCall(handler: SystemCallHandler | undefined) {
    this.dispatcher.bindings.systemCalls.handler = handler;
  }

  goOn(instructions: number, executed: number): void {
    this.#end = executed + instructions;
    this.dispatcher.grantAnew(Math.min(instructions, MAX_BUDGET));
  }

  run(instructions: number): Stop {
    const m = this.memory.i32;
    this.#end = this.instructions + instructions;
    this.mmu.enterWorld();
    do {
      // There is nothing to attend to: interrupts are the host's.
      m[ATTENTION >> 2] = 0;
      this.dispatcher.run(Math.min(this.#end - this.instructions, MAX_BUDGET));
    } while (m[EVENT >> 2] === Event.ATTENTION && this.mmu.breakpoints.outside.hit === undefined);
    return this.#stop();
  }

  /** What CR2 is after a page fault. */
  #faultAddress(): bigint {
    const m = this.memory.i32;
    return (BigInt(m[(EVENT_ADDRESS >> 2) + 1]! >>> 0) << 32n) | BigInt(m[EVENT_ADDRESS >> 2]! >>> 0);
  }

  #stop(): Stop {
    const m = this.memory.i32;
    const event = m[EVENT >> 2]!;
    switch (event) {
      case Event.BUDGET:
      case Event.ATTENTION:
        return { kind: "budget" };
      case Event.SYSCALL:
      case Event.SYSCALL_MADE:
        return { kind: "syscall" };
      case Event.HALT:
        return { kind: "halt" };
      case Event.INTERRUPT:
        return { kind: "interrupt", vector: m[EVENT_VECTOR >> 2]! };
      case Event.FAULT:
        return {
          kind: "fault",
          vector: m[EVENT_VECTOR >> 2]!,
          error: m[EVENT_ERROR >> 2]!,
          address: m[EVENT_VECTOR >> 2] === Vector.PF ? this.#faultAddress() : 0n,
        };
      default:
        throw new Error(`the dispatcher left event ${event} unsettled`);
    }
  }
}
