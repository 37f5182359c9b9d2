/** A computer as a debugger sees it: its threads are the processors. */
import type { DebugPoints } from "../../cpu/system/debug_points.ts";
import { findLinear } from "../../memory/inspect.ts";
import type { LinearMemory } from "../../memory/physical.ts";
import { findRange, type RamRange, readRange, writeRange } from "../../memory/ram_range.ts";
import type { Machine, MachineStop } from "../machine.ts";
import { type Advance, type Debuggee, DebugSignal, type DebugThread, type Resumption } from "./target.ts";

/** A computer for a debugger. */
export class MachineTarget implements Debuggee<MachineStop> {
  readonly isProgram = false;
  readonly auxiliary = undefined;
  readonly files = undefined;
  readonly points: DebugPoints;
  readonly #memory: LinearMemory;
  /** The triple fault that the debugger was told of. */
  #isDead = false;

  constructor(readonly machine: Machine) {
    this.points = machine.debugPoints;
    this.#memory = machine.processors.core.memory;
  }

  signalInfo(): undefined {}

  get threads(): readonly DebugThread[] {
    return this.machine.processors.all.map((processor) => ({
      id: processor.id + 1,
      name: `processor ${processor.id}${processor.isHalted ? ", halted" : ""}`,
    }));
  }

  get current(): number {
    return this.machine.processors.current.id + 1;
  }

  state(thread: number): DataView | undefined {
    const processor = this.machine.processors.all[thread - 1];
    if (processor === undefined) return undefined;
    const { core } = this.machine.processors;
    return core.isSeated(processor) ? this.#memory.view : new DataView(processor.saved.buffer);
  }

  physical(thread: number, address: bigint): number | undefined {
    const state = this.state(thread);
    return state === undefined ? undefined : findLinear(this.#memory, state, address);
  }

  read(thread: number, address: bigint, length: number): Uint8Array {
    return readRange(this.#memory, this.#find(thread, address, length));
  }

  write(thread: number, address: bigint, bytes: Uint8Array): boolean {
    const { mmu } = this.machine.processors.core.inner, range = this.#find(thread, address, bytes.length);
    if (range.reached < bytes.length) return false;
    writeRange(this.#memory, range, bytes, (physical, length) => mmu.wroteRam(physical, length));
    return true;
  }

  readPhysical(address: bigint, length: number): Uint8Array {
    const { ramBytes } = this.#memory, start = Number(address);
    if (start >= ramBytes) return new Uint8Array(0);
    return this.#memory.ram(start, Math.min(length, ramBytes - start)).slice();
  }

  writePhysical(address: bigint, bytes: Uint8Array): boolean {
    if (!this.#isRam(Number(address), bytes.length)) return false;
    this.machine.writePhysical(Number(address), bytes);
    return true;
  }

  advance(instructions: number, { step }: Resumption): Advance<MachineStop> {
    const { machine } = this, before = machine.instructions;
    const stop = machine.run({ instructions: step === undefined ? instructions : 1 });
    switch (stop.kind) {
      case "exit":
        return { kind: "end", end: stop, packet: `W${(stop.code & 0xff).toString(16).padStart(2, "0")}` };
      case "power off":
      case "reset":
        return { kind: "end", end: stop, packet: "W00" };
      case "halt":
        return { kind: "idle", end: stop };
      case "triple fault":
        if (this.#isDead) return { kind: "end", end: stop, packet: "X0b" };
        this.#isDead = true;
        return { kind: "stop", signal: DebugSignal.SEGV, message: "triple fault" };
      case "budget":
      case "text":
      case "breakpoint":
      case "watchpoint":
        return { kind: step === this.current && machine.instructions > before ? "stepped" : "ran" };
    }
  }

  #find(thread: number, address: bigint, length: number): RamRange {
    return findRange(this.#memory, address, length, (linear) => this.physical(thread, linear));
  }

  #isRam(physical: number, length: number): boolean {
    return physical + length <= this.#memory.ramBytes;
  }
}
