/** A computer, for those who run it and look into it. */
import type { DebugPoints } from "../cpu/system/debug_points.ts";
import { findLinear } from "../memory/inspect.ts";
import { findWholeRange, type RamRange, readRange, writeRange } from "../memory/ram_range.ts";
import type { StatefulParts } from "../snapshot/stateful.ts";
import { type LiveOptions, runLive } from "./api/live.ts";
import { addBreakpoint, addWatchpoint, leavePoint, pointStop, type WatchedAccess } from "./api/points.ts";
import { postMortem, whereabouts } from "./api/post_mortem.ts";
import { readRegister, type RegisterName, writeRegister } from "./api/registers.ts";
import { type MachineStatistics, readMachineStatistics } from "./api/statistics.ts";
import {
  dumpRegisters,
  isSystemRegisterName,
  readSystemRegister,
  type SystemRegisterName,
} from "./api/system_registers.ts";
import type { Console } from "./console.ts";
import { linearRip } from "./debug/program_counter.ts";
import { Hardware } from "./hardware.ts";
import type { InputLimits } from "./input.ts";
import { CannotBootError } from "./loaders/boot_error.ts";
import { isElf } from "./loaders/elf_image.ts";
import type { MachineEvents } from "./machine_events.ts";
import type { MachineOptions } from "./machine_options.ts";
import { isEnd, type MachineStop } from "./machine_stop.ts";
import type { Processors } from "./processors.ts";
import type { Keyboard } from "./keyboard.ts";
import { readScreen, type Screen } from "./screen.ts";
import { configurationOf, type MachineConfiguration } from "./snapshot/configuration.ts";
import { saveMachine } from "./snapshot/save.ts";
import type { SystemProcessor } from "./system_processor.ts";

export type { MachineEvents } from "./machine_events.ts";
export type { MachineOptions } from "./machine_options.ts";
export type { MachineStop } from "./machine_stop.ts";

/** Most instructions asked of the processor at a time. */
const SLICE = 1 << 28;
/** Most virtual time, in nanoseconds, that is skipped in a run while something may come from the host. */
const HOST_IDLE = 10_000_000;

/** A computer. Make it with `bootMachine` or `loadMachine`. */
export class Machine {
  /** What it is made of. */
  readonly configuration: MachineConfiguration;
  readonly #hardware: Hardware;
  readonly #kernel: Uint8Array | undefined;
  #isRunning = false;

  /** @param boots false: RAM is empty and the processor where nothing is, until a snapshot's states are restored */
  constructor(options: MachineOptions, boots = true) {
    const { kernel } = options;
    this.configuration = configurationOf(options);
    // Others have no symbols, and may be large.
    this.#kernel = kernel !== undefined && isElf(kernel) ? kernel : undefined;
    this.#hardware = new Hardware(options, this.configuration, boots);
  }

  /** The first serial port. */
  get console(): Console {
    return this.#hardware.consoles.serial;
  }

  /** The second one. */
  get secondSerial(): Console {
    return this.#hardware.consoles.second;
  }

  /** The virtio console, if there is one. */
  get virtioConsole(): Console | undefined {
    return this.#hardware.consoles.virtio;
  }

  /** All consoles. */
  get consoles(): readonly Console[] {
    return this.#hardware.consoles.all;
  }

  get processors(): Processors {
    return this.#hardware.processors;
  }

  /** Everything that has a state of its own, for snapshots. */
  get parts(): StatefulParts {
    return this.#hardware.parts;
  }

  /** The processor whose turn it is: its registers are those that can be read and set. */
  get processor(): SystemProcessor {
    return this.#hardware.processor;
  }

  /**
   * Stops runs before the instruction at a linear address, in whatever address space and on whichever processor. The run after
   * that goes on with this instruction. The guest cannot see it. Returns a function that takes it away.
   */
  breakpoint(address: bigint | number): () => void {
    return addBreakpoint(this.debugPoints, address);
  }

  /**
   * Stops runs behind instructions that access any of `size` bytes at a linear address. Other accesses to the pages that
   * they lie in become slower. Returns a function that takes it away.
   */
  watch(address: bigint | number, size: number, access: WatchedAccess = "any"): () => void {
    return addWatchpoint(this.debugPoints, address, size, access);
  }

  /** Breakpoints and watchpoints, for debuggers. */
  get debugPoints(): DebugPoints {
    return this.#hardware.mmu.breakpoints.outside;
  }

  /** Virtual time so far, in nanoseconds, in which no instruction was executed. */
  get skippedTime(): number {
    return this.processors.core.clock.skipped;
  }

  /** Whether a connection to the host is open: something may come from there, which takes time of the host's. */
  get waitsForHost(): boolean {
    return this.#hardware.network?.isWaiting === true;
  }

  /** Waits, in the host's time, until something is typed or comes from the host, or as `limits` say. */
  input(limits: InputLimits = {}): Promise<void> {
    return this.#hardware.input.wait(limits);
  }

  /** Guest instructions executed so far. */
  get instructions(): number {
    return this.processors.instructions;
  }

  /**
   * Runs until the guest ends, waits for what cannot come by itself, has executed this many instructions, or has written
   * a text to a console, behind the last one that was found: then it stops right after it. With
   * `idle` it stops when so many nanoseconds of virtual time have passed in which no instruction was executed.
   */
  run(
    { instructions = Infinity, until, idle = Infinity }: {
      readonly instructions?: number;
      readonly until?: string | undefined;
      readonly idle?: number;
    } = {},
  ): MachineStop {
    this.#refuseListener("run");
    const { consoles, events } = this.#hardware;
    this.#isRunning = true;
    try {
      consoles.expect(until);
      const stop: MachineStop = consoles.isFound
        ? { kind: "text" }
        : this.#run(this.instructions + instructions, idle);
      consoles.settle();
      if (isEnd(stop)) consoles.close();
      events.emit("stop", stop);
      return stop;
    } finally {
      this.#isRunning = false;
    }
  }

  /**
   * Runs among other things: the host's events go on meanwhile, and where the guest waits for input, that is waited for.
   * With `console.readable` and `console.writable` this is a computer with a terminal.
   */
  live(options: LiveOptions = {}): Promise<MachineStop> {
    return runLive(this, options);
  }

  /** Runs one instruction. */
  step(): MachineStop {
    return this.run({ instructions: 1 });
  }

  /**
   * Runs until the guest has written a text, behind the last text waited for. Stops right after it. Returns everything
   * that the guest has written so far.
   */
  waitForText(text: string, { instructions = 1e10 }: { readonly instructions?: number } = {}): string {
    const stop = this.run({ instructions, until: text });
    if (stop.kind === "text") return this.console.text;
    throw new Error(
      `Waited for ${JSON.stringify(text)}, but the machine stopped (${stop.kind}). It wrote ${
        JSON.stringify(this.console.text)
      }`,
    );
  }

  /** Value of a register. */
  get(name: RegisterName | SystemRegisterName): bigint {
    const { view } = this.#hardware.memory;
    return isSystemRegisterName(name) ? readSystemRegister(view, name) : readRegister(view, name);
  }

  /** Sets a register; a negative value as its two's complement. */
  set(name: RegisterName, value: bigint | number): void {
    writeRegister(this.#hardware.memory.view, name, BigInt(value));
  }

  /** Reads memory at a linear address, as the code that is running sees it, whatever its protection. */
  read(address: bigint | number, size: number): Uint8Array {
    return readRange(this.#hardware.memory, this.#find(address, size));
  }

  /** Writes memory at a linear address, as the code that is running sees it, whatever its protection. */
  write(address: bigint | number, bytes: Uint8Array): void {
    const { memory, mmu } = this.#hardware, range = this.#find(address, bytes.length);
    writeRange(memory, range, bytes, (physical, length) => mmu.wroteRam(physical, length));
  }

  /** Reads memory at a physical address. */
  readPhysical(address: number, size: number): Uint8Array {
    return this.#hardware.read(address, size);
  }

  /** Writes memory at a physical address. */
  writePhysical(address: number, bytes: Uint8Array): void {
    this.#hardware.write(address, bytes);
  }

  /**
   * Text that tells how the machine died: registers, the code at RIP, the last events, where execution came from.
   *
   * @param symbols an ELF file whose symbols name the addresses; by default the kernel that was booted
   */
  postMortem(symbols: Uint8Array | undefined = this.#kernel): string {
    return postMortem(this.processor, symbols);
  }

  /** Text that tells where each processor is, in a line. */
  whereabouts(symbols: Uint8Array | undefined = this.#kernel): string {
    return whereabouts(this.processors.all, symbols);
  }

  /**
   * Everything that the machine is, as bytes: `loadMachine` makes one from them that goes on as this one does. It is taken
   * at once: the machine may run on while the promise is pending.
   */
  snapshot(): Promise<Uint8Array> {
    this.#refuseListener("save");
    return saveMachine(this);
  }

  /** The keyboard: PS/2, behind an 8042. */
  get keyboard(): Keyboard {
    return this.#hardware.keyboard;
  }

  /** What the display shows, in text modes. */
  get screen(): Screen {
    const { memory, display } = this.#hardware;
    return readScreen(memory.ram(0, memory.ramBytes), display.view);
  }

  /** The registers as text. */
  dumpRegisters(): string {
    return dumpRegisters(this.#hardware.memory.view);
  }

  /** Numbers about all runs so far. */
  statistics(): MachineStatistics {
    return readMachineStatistics(this.processors);
  }

  /** Calls `listener` at each event of this name. Returns a function that ends it. */
  on<N extends keyof MachineEvents>(name: N, listener: (event: MachineEvents[N]) => void): () => void {
    return this.#hardware.events.on(name, listener);
  }

  /** What only works between runs. */
  #refuseListener(verb: string): void {
    if (this.#isRunning) {
      throw new Error(`Cannot ${verb} the machine while it runs: listeners are called in between`);
    }
  }

  #find(address: bigint | number, size: number): RamRange {
    const { memory } = this.#hardware;
    return findWholeRange(memory, BigInt(address), size, (linear) => findLinear(memory, memory.view, linear));
  }

  #run(end: number, idle: number): MachineStop {
    const { processors, memory, consoles, ending, suspension } = this.#hardware;
    const { clock } = processors.core, { skipped } = clock;
    leavePoint(this.debugPoints, linearRip(memory.view));
    while (ending.end === undefined) {
      const left = end - this.instructions,
        idleEnd = skipped + (this.waitsForHost ? Math.min(idle, HOST_IDLE) : idle);
      if (left <= 0 || clock.skipped >= idleEnd) return { kind: "budget" };
      switch (suspension.pass(idleEnd - clock.skipped)) {
        case "awake":
          break;
        case "asleep":
          return { kind: "budget" };
        case "forever":
          return { kind: "halt", awaitsInput: false };
        case "lost":
          ending.end = { kind: "reset" };
          continue;
      }
      switch (processors.run(Math.min(left, SLICE), idleEnd - clock.skipped)) {
        case "budget":
          break;
        case "asked": {
          if (consoles.isFound) return { kind: "text" };
          const met = pointStop(this.debugPoints);
          if (met !== undefined) return met;
          break;
        }
        case "halt":
          return { kind: "halt", awaitsInput: this.#acceptsInterrupts && this.#mayGetInput };
        case "shutdown":
          ending.end = { kind: "triple fault" };
      }
    }
    return ending.end;
  }

  get #mayGetInput(): boolean {
    return this.waitsForHost || this.#hardware.consoles.wantInput || this.keyboard.wantsInput;
  }

  get #acceptsInterrupts(): boolean {
    return this.processors.all.some(({ isHalted, acceptsInterrupts }) => isHalted && acceptsInterrupts);
  }
}

/**
 * Boots a computer with a kernel. It runs when it is told to, and every run is the same.
 *
 * @example Boot a kernel and wait for what it says
 * ```ts
 * import assert from "node:assert";
 * import { readFileSync } from "node:fs";
 * import { bootMachine } from "@causeway/x86";
 *
 * const machine = bootMachine({ kernel: readFileSync("src/guests/echo/echo.elf") });
 * machine.waitForText("> ");
 * machine.console.write("hello\n");
 * machine.waitForText("hello");
 * machine.console.write("exit\n");
 * const stop = machine.run();
 * assert(stop.kind === "exit" && stop.code === 1);
 * ```
 */
export function bootMachine(options: MachineOptions): Machine {
  if (options.kernel === undefined && options.firmware === undefined) {
    throw new CannotBootError("there is neither a kernel nor firmware");
  }
  return new Machine(options);
}
