/** A computer: processor, RAM, bus and chips, put together and booted. */
import type { DebugPoints } from "../cpu/system/debug_points.ts";
import { findLinear } from "../memory/inspect.ts";
import { LinearMemory } from "../memory/physical.ts";
import { findWholeRange, type RamRange, readRange, writeRange } from "../memory/ram_range.ts";
import { EventSource } from "./api/events.ts";
import { type LiveOptions, runLive } from "./api/live.ts";
import { postMortem } from "./api/post_mortem.ts";
import {
  addBreakpoint,
  addWatchpoint,
  leavePoint,
  type PointStop,
  pointStop,
  type WatchedAccess,
} from "./api/points.ts";
import { readRegister, type RegisterName, writeRegister } from "./api/registers.ts";
import { type MachineStatistics, readMachineStatistics } from "./api/statistics.ts";
import {
  dumpRegisters,
  isSystemRegisterName,
  readSystemRegister,
  type SystemRegisterName,
} from "./api/system_registers.ts";
import { momentOf, watchWorlds, type WorldEvents } from "./api/world_watch.ts";
import { switchCounts } from "./api/world_events.ts";
import { StatefulParts } from "../snapshot/stateful.ts";
import type { UserNetwork } from "./net/user_network.ts";
import { linearRip } from "./debug/program_counter.ts";
import { type InputLimits, InputSignal } from "./input.ts";
import { attachDevice } from "./attached_device.ts";
import { addBootChips, firmwareFiles, prepareBoot, wakeUp } from "./boot_source.ts";
import { CannotBootError } from "./loaders/boot_error.ts";
import { isElf } from "./loaders/elf_image.ts";
import { Bus } from "./bus.ts";
import { Console } from "./console.ts";
import { extraCycles } from "./cycle_model.ts";
import { IoApic82093AA } from "./devices/82093aa_io_apic.ts";
import { addExpansion } from "./expansion.ts";
import { Pic8259 } from "./devices/8259_pic.ts";
import { IsaLines } from "./devices/isa_lines.ts";
import { MarkPort } from "./devices/mark_port.ts";
import { PcTestdev } from "./devices/pc_testdev.ts";
import type { Vga } from "./devices/vga.ts";
import { configurationOf, type MachineConfiguration } from "./snapshot/configuration.ts";
import { saveMachine } from "./snapshot/save.ts";
import type { MachineOptions } from "./machine_options.ts";
import { Ending, isEnd, type MachineEnd, type MachineStop } from "./machine_stop.ts";
import { addPlatform } from "./platform.ts";
import { Processors } from "./processors.ts";
import { readScreen, type Screen } from "./screen.ts";
import { Suspension } from "./suspension.ts";
import type { SystemProcessor } from "./system_processor.ts";

export type { MachineOptions } from "./machine_options.ts";
export type { MachineStop } from "./machine_stop.ts";

/** The events of a machine. */
export interface MachineEvents extends WorldEvents {
  /** The guest has written to its console. */
  readonly console: Uint8Array;
  /** The guest has written to its second serial port. */
  readonly secondSerial: Uint8Array;
  /** The guest has written to its virtio console. */
  readonly virtioConsole: Uint8Array;
  /** The guest has written a byte to the debug port, E9H, or firmware to its own, 402H. */
  readonly debug: number;
  /** `run` is about to return. */
  readonly stop: MachineStop;
}

/** Most instructions asked of the processor at a time. */
const SLICE = 1 << 28;
/** Most virtual time, in nanoseconds, that is skipped in a run while something may come from the host. */
const HOST_IDLE = 10_000_000;

/** A computer. Make it with `bootMachine` or `loadMachine`. */
export class Machine {
  /** The first serial port. */
  readonly console: Console;
  /** The second one. */
  readonly secondSerial: Console;
  /** The virtio console, if there is one. */
  readonly virtioConsole: Console | undefined;
  /** All consoles. */
  readonly consoles: readonly Console[];
  readonly processors: Processors;
  /** What it is made of. */
  readonly configuration: MachineConfiguration;
  /** Everything that has a state of its own, for snapshots. */
  readonly parts: StatefulParts = new StatefulParts();
  readonly #memory: LinearMemory;
  readonly #display: Vga;
  readonly #ending = new Ending();
  readonly #events = new EventSource<MachineEvents>(() => {
    for (const processor of this.processors.all) watchWorlds(processor, this.#events);
  });
  readonly #input = new InputSignal();
  readonly #network: UserNetwork | undefined;
  readonly #suspension: Suspension;
  readonly #kernel: Uint8Array | undefined;
  #found = false;
  #isRunning = false;

  /** @param boots false: RAM is empty and the processor where nothing is, until a snapshot's states are restored */
  constructor(options: MachineOptions, boots = true) {
    this.configuration = configurationOf(options);
    const { commandLine, memory, processors, seed, vmx, cpu, crossover, marks, testDevice } =
      this.configuration;
    const { kernel, firmware, modules = [], observer, tiers, loadAddress } = options;
    // Others have no symbols, and may be large.
    this.#kernel = kernel !== undefined && isElf(kernel) ? kernel : undefined;
    this.#memory = new LinearMemory(memory);
    const ram = this.#memory.ram(0, memory);
    const bus = new Bus();
    const debug = (byte: number): void => this.#events.emit("debug", byte);
    addBootChips(bus, { firmware, debug });
    const enter = boots
      ? prepareBoot(ram, { kernel, firmware, modules, commandLine, loadAddress, processors, debug })
      : () => {};
    const pic = new Pic8259(() => this.processors.all[0]!.attend());
    const ioApic = new IoApic82093AA({
      send: (message, destination) => this.processors.interrupt(message, destination),
    });
    for (const chip of [...pic.chips, pic.edgeLevel]) bus.addPorts(chip);
    bus.addPage(ioApic);
    this.processors = new Processors(this.#memory, { bus, pic }, {
      count: processors,
      engine: options.engine ?? "auto",
      vmx,
      cpu,
      crossover,
      seed,
      ...(tiers === undefined ? {} : { tiers }),
      ...(observer === undefined ? {} : { observer }),
    });
    this.processors.onEndOfInterrupt = (vector) => ioApic.endOfInterrupt(vector);
    const { schedule, clock } = this.processors.core, lines = new IsaLines(pic, ioApic);
    const now = (): number => clock.now();
    this.parts.add("virtual clock", clock, "kept");
    this.parts.add("8259", pic);
    this.parts.add("82093AA", ioApic);
    for (const { id, apic } of this.processors.all) this.parts.add(`local APIC ${id}`, apic);
    const { uart, secondUart, display, pci, power, clock: realTimeClock } = addPlatform({
      ...this.configuration,
      files: firmwareFiles({ firmware, processors }, options.firmwareFiles ?? {}),
      bus,
      lines,
      schedule,
      parts: this.parts,
      now,
      transmit: (byte) => this.console.put(byte),
      transmitSecond: (byte) => this.secondSerial.put(byte),
      end: (end) => this.#end(end),
      sleep: () => this.processors.core.ask(),
    });
    this.#display = display;
    this.console = new Console(() => uart, this.#input);
    this.console.onOutput = (bytes) => this.#events.emit("console", bytes);
    this.secondSerial = new Console(() => secondUart, this.#input);
    this.secondSerial.onOutput = (bytes) => this.#events.emit("secondSerial", bytes);
    const expansion = addExpansion(this.configuration, options, {
      bus,
      pci,
      parts: this.parts,
      schedule,
      input: this.#input,
      hasFirmware: firmware !== undefined,
      now,
      setLine: (line, level) => lines.set(line, level),
      setLevelTriggered: (line) => pic.setLevelTriggered(line),
      send: (message, destination) => this.processors.interrupt(message, destination),
      connected: () => this.processors.core.ask(),
      print: (byte) => this.virtioConsole!.put(byte),
      dma: {
        view: (address, length) => address + length <= memory ? this.#memory.ram(address, length) : undefined,
        wrote: (address, length) => this.processors.core.inner.mmu.wroteRam(address, length),
      },
    });
    this.#network = expansion.network;
    const { console: port } = expansion;
    if (port !== undefined) {
      this.virtioConsole = new Console(() => port, this.#input);
      this.virtioConsole.onOutput = (bytes) => this.#events.emit("virtioConsole", bytes);
      this.parts.add("virtio console", this.virtioConsole, "kept");
    }
    for (const device of options.devices ?? []) {
      attachDevice(device, {
        bus,
        schedule,
        parts: this.parts,
        board: {
          now,
          read: (address, size) => this.readPhysical(address, size),
          write: (address, bytes) => this.writePhysical(address, bytes),
        },
        ramBytes: memory,
        setLine: (line, level) => lines.set(line, level),
      });
    }
    const { virtioConsole } = this, serialPorts = [this.console, this.secondSerial];
    this.consoles = virtioConsole === undefined ? serialPorts : [...serialPorts, virtioConsole];
    for (const console of this.consoles) {
      console.onFound = () => {
        this.#found = true;
        this.processors.core.ask();
      };
    }
    this.parts.add("processors", this.processors, "kept");
    this.parts.add("console", this.console, "kept");
    this.parts.add("second serial port", this.secondSerial, "kept");
    this.parts.add("machine", this.#ending, "kept");
    if (testDevice) {
      const device = new PcTestdev((line, level) => lines.set(line, level));
      for (const ports of device.ports) bus.addPorts(ports);
      bus.addRange(device);
      this.parts.add("pc-testdev", device);
    }
    if (marks) {
      bus.addPorts(
        new MarkPort((value) =>
          this.#events.emit("mark", {
            value,
            switches: switchCounts(this.processor.unit.context.switches),
            ...momentOf(this.processor),
          })
        ),
      );
    }
    this.processor.unit.context.switches.setCosts(extraCycles(options.cycles ?? "off"));
    this.#suspension = new Suspension({
      power,
      clock: realTimeClock,
      processors: this.processors,
      parts: this.parts,
      wakeUp: () =>
        wakeUp({ ram: this.#memory.ram(0, memory), state: this.#memory.view, bus }, firmware !== undefined),
    });
    enter(this.#memory.view, bus);
    this.processors.core.inner.mmu.enterWorld();
  }

  /** The processor whose turn it is: its registers are those that can be read and set. */
  get processor(): SystemProcessor {
    const { current, core } = this.processors;
    core.seat(current);
    return current;
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
    return this.processors.core.inner.mmu.breakpoints.outside;
  }

  /** Virtual time so far, in nanoseconds, in which no instruction was executed. */
  get skippedTime(): number {
    return this.processors.core.clock.skipped;
  }

  /** Whether a connection to the host is open: something may come from there, which takes time of the host's. */
  get waitsForHost(): boolean {
    return this.#network?.isWaiting === true;
  }

  /** Waits, in the host's time, until something is typed or comes from the host, or as `limits` say. */
  input(limits: InputLimits = {}): Promise<void> {
    return this.#input.wait(limits);
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
    this.#isRunning = true;
    try {
      this.#found = until !== undefined && this.consoles.some((console) => console.expect(until));
      const stop: MachineStop = this.#found
        ? { kind: "text" }
        : this.#run(this.instructions + instructions, idle);
      for (const console of this.consoles) {
        console.expectNothing();
        console.flush();
        if (isEnd(stop)) console.close();
      }
      this.#events.emit("stop", stop);
      return stop;
    } finally {
      this.#found = false;
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
    const { view } = this.#memory;
    return isSystemRegisterName(name) ? readSystemRegister(view, name) : readRegister(view, name);
  }

  /** Sets a register; a negative value as its two's complement. */
  set(name: RegisterName, value: bigint | number): void {
    writeRegister(this.#memory.view, name, BigInt(value));
  }

  /** Reads memory at a linear address, as the code that is running sees it, whatever its protection. */
  read(address: bigint | number, size: number): Uint8Array {
    return readRange(this.#memory, this.#find(address, size));
  }

  /** Writes memory at a linear address, as the code that is running sees it, whatever its protection. */
  write(address: bigint | number, bytes: Uint8Array): void {
    const { mmu } = this.processors.core.inner, range = this.#find(address, bytes.length);
    writeRange(this.#memory, range, bytes, (physical, length) => mmu.wroteRam(physical, length));
  }

  /** Reads memory at a physical address. */
  readPhysical(address: number, size: number): Uint8Array {
    return this.#memory.ram(address, size).slice();
  }

  /** Writes memory at a physical address. */
  writePhysical(address: number, bytes: Uint8Array): void {
    this.#memory.ram(address, bytes.length).set(bytes);
    this.processors.core.inner.mmu.wroteRam(address, bytes.length);
  }

  /**
   * Text that tells how the machine died: registers, the code at RIP, the last events, where execution came from.
   *
   * @param symbols an ELF file whose symbols name the addresses; by default the kernel that was booted
   */
  postMortem(symbols: Uint8Array | undefined = this.#kernel): string {
    return postMortem(this.processor, symbols);
  }

  /**
   * Everything that the machine is, as bytes: `loadMachine` makes one from them that goes on as this one does. It is taken
   * at once: the machine may run on while the promise is pending.
   */
  snapshot(): Promise<Uint8Array> {
    this.#refuseListener("save");
    return saveMachine(this);
  }

  /** What the display shows, in text modes. */
  get screen(): Screen {
    return readScreen(this.#memory.ram(0, this.#memory.ramBytes), this.#display.view);
  }

  /** The registers as text. */
  dumpRegisters(): string {
    return dumpRegisters(this.#memory.view);
  }

  /** Numbers about all runs so far. */
  statistics(): MachineStatistics {
    return readMachineStatistics(this.processors);
  }

  /** Calls `listener` at each event of this name. Returns a function that ends it. */
  on<N extends keyof MachineEvents>(name: N, listener: (event: MachineEvents[N]) => void): () => void {
    return this.#events.on(name, listener);
  }

  /** What only works between runs. */
  #refuseListener(verb: string): void {
    if (this.#isRunning) {
      throw new Error(`Cannot ${verb} the machine while it runs: listeners are called in between`);
    }
  }

  #find(address: bigint | number, size: number): RamRange {
    const memory = this.#memory;
    return findWholeRange(memory, BigInt(address), size, (linear) => findLinear(memory, memory.view, linear));
  }

  #run(end: number, idle: number): MachineStop {
    const { clock } = this.processors.core, { skipped } = clock;
    let met: PointStop | undefined;
    leavePoint(this.debugPoints, linearRip(this.#memory.view));
    while (this.#ending.end === undefined) {
      const left = end - this.instructions,
        idleEnd = skipped + (this.waitsForHost ? Math.min(idle, HOST_IDLE) : idle);
      if (left <= 0 || clock.skipped >= idleEnd) return { kind: "budget" };
      switch (this.#suspension.pass(idleEnd - clock.skipped)) {
        case "awake":
          break;
        case "asleep":
          return { kind: "budget" };
        case "forever":
          return { kind: "halt", awaitsInput: false };
        case "lost":
          this.#ending.end = { kind: "reset" };
          continue;
      }
      switch (this.processors.run(Math.min(left, SLICE), idleEnd - clock.skipped)) {
        case "budget":
          break;
        case "asked":
          if (this.#found) return { kind: "text" };
          met = pointStop(this.debugPoints);
          if (met !== undefined) return met;
          break;
        case "halt":
          return { kind: "halt", awaitsInput: this.#acceptsInterrupts && this.#mayGetInput };
        case "shutdown":
          this.#ending.end = { kind: "triple fault" };
      }
    }
    return this.#ending.end;
  }

  get #mayGetInput(): boolean {
    return this.waitsForHost || this.consoles.some(({ wantsInput }) => wantsInput);
  }

  get #acceptsInterrupts(): boolean {
    return this.processors.all.some(({ isHalted, acceptsInterrupts }) => isHalted && acceptsInterrupts);
  }

  #end(end: MachineEnd): void {
    this.#ending.end = end;
    this.processors.core.ask();
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
