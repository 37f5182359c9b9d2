/** A processor that counts why it stopped, and remembers what it could not execute. */
import { Vector } from "../../cpu/fault.ts";
import { CR3, RIP } from "../../cpu/state.ts";
import { WorldSwitch, type WorldSwitchKind } from "../../cpu/system/world_switches.ts";
import type { Processor, Stop } from "../processor.ts";
import { missingInstruction } from "./missing_instruction.ts";

const MAX_LENGTH = 15;

/** How often the host was needed, and the processor changed worlds. */
export interface WorldSwitches {
  readonly systemCalls: number;
  readonly pageFaults: number;
  /** Other exceptions, and INT n. */
  readonly otherExceptions: number;
  /** Changes of the address space between two runs. */
  readonly addressSpaceSwitches: number;
}

/** A processor, watched. */
export class WatchedProcessor implements Processor {
  readonly memory: Processor["memory"];
  readonly mmu: Processor["mmu"];
  /** As `missingInstruction` has it, the last one; undefined while there was none. */
  missing: string | undefined;
  readonly #switches = { systemCalls: 0, pageFaults: 0, otherExceptions: 0, addressSpaceSwitches: 0 };
  #cr3 = -1;

  constructor(readonly inner: Processor) {
    this.memory = inner.memory;
    this.mmu = inner.mmu;
  }

  get instructions(): number {
    return this.inner.instructions;
  }

  get cycles(): number {
    return this.inner.cycles;
  }

  count(kind: WorldSwitchKind): void {
    this.inner.count(kind);
  }

  /** The counts so far. */
  get switches(): WorldSwitches {
    return { ...this.#switches };
  }

  get onSystemCall(): (() => boolean) | undefined {
    return this.#onSystemCall;
  }
  set onSystemCall(handler: (() => boolean) | undefined) {
    this.#onSystemCall = handler;
    this.inner.onSystemCall = handler && (() => {
      this.#countSystemCall();
      return handler();
    });
  }
  #onSystemCall: (() => boolean) | undefined;

  goOn(instructions: number, executed: number): void {
    this.inner.goOn(instructions, executed);
  }

  run(instructions: number): Stop {
    const cr3 = this.memory.i32[CR3 >> 2]!;
    if (this.#cr3 !== -1 && cr3 !== this.#cr3) {
      this.#switches.addressSpaceSwitches++;
      this.count(WorldSwitch.CR3_WRITE);
    }
    this.#cr3 = cr3;
    const stop = this.inner.run(instructions);
    if (stop.kind === "fault" || stop.kind === "interrupt") {
      this.count(WorldSwitch.INTERRUPT);
      this.count(WorldSwitch.IRET);
    }
    if (stop.kind === "syscall" && this.#onSystemCall === undefined) this.#countSystemCall();
    else if (stop.kind === "fault" && stop.vector === Vector.PF) this.#switches.pageFaults++;
    else if (stop.kind === "fault" || stop.kind === "interrupt") this.#switches.otherExceptions++;
    if (stop.kind === "fault" && stop.vector === Vector.UD) {
      this.missing = missingInstruction(this.#bytesAtRip()) ?? this.missing;
    }
    return stop;
  }

  /** Into the kernel, and back out of it: the cycle model's share. */
  #countSystemCall(): void {
    this.#switches.systemCalls++;
    this.count(WorldSwitch.SYSCALL);
    this.count(WorldSwitch.SYSRET);
  }

  #bytesAtRip(): Uint8Array {
    const rip = this.memory.view.getBigUint64(RIP, true);
    const bytes: number[] = [];
    while (bytes.length < MAX_LENGTH) {
      const place = this.mmu.translate(rip + BigInt(bytes.length), "execute", true);
      if ("error" in place) break;
      bytes.push(this.memory.ram(place.hpa, 1)[0]!);
    }
    return Uint8Array.from(bytes);
  }
}
