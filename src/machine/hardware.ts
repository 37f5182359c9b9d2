/** The hardware of a computer: processors, RAM, bus and chips, put together as its options ask. */
import { StatefulParts } from "../snapshot/stateful.ts";
import { LinearMemory } from "../memory/physical.ts";
import type { Mmu } from "../memory/mmu.ts";
import { EventSource } from "./api/events.ts";
import { switchCounts } from "./api/world_events.ts";
import { momentOf, watchWorlds } from "./api/world_watch.ts";
import { attachDevice } from "./attached_device.ts";
import { addBootChips, firmwareFiles, prepareBoot, wakeUp } from "./boot_source.ts";
import { Bus } from "./bus.ts";
import { Console, type ConsolePort } from "./console.ts";
import { Consoles } from "./consoles.ts";
import { extraCycles } from "./cycle_model.ts";
import { IoApic82093AA } from "./devices/82093aa_io_apic.ts";
import { Pic8259 } from "./devices/8259_pic.ts";
import { IsaLines } from "./devices/isa_lines.ts";
import { MarkPort } from "./devices/mark_port.ts";
import { PcTestdev } from "./devices/pc_testdev.ts";
import type { PciConfiguration } from "./devices/pci_configuration.ts";
import type { Vga } from "./devices/vga.ts";
import { addExpansion, type Expansion } from "./expansion.ts";
import { InputSignal } from "./input.ts";
import type { MachineEvents } from "./machine_events.ts";
import { Keyboard } from "./keyboard.ts";
import type { MachineOptions } from "./machine_options.ts";
import { Ending, type MachineEnd } from "./machine_stop.ts";
import type { UserNetwork } from "./net/user_network.ts";
import { addPlatform } from "./platform.ts";
import { Processors } from "./processors.ts";
import type { MachineConfiguration } from "./snapshot/configuration.ts";
import { Suspension } from "./suspension.ts";
import type { SystemProcessor } from "./system_processor.ts";

/** The hardware, from its first moment on. What the guest says with it are events. */
export class Hardware {
  readonly memory: LinearMemory;
  readonly processors: Processors;
  readonly consoles: Consoles;
  readonly display: Vga;
  readonly keyboard: Keyboard;
  readonly network: UserNetwork | undefined;
  /** Something comes from outside. */
  readonly input: InputSignal = new InputSignal();
  readonly ending: Ending = new Ending();
  readonly suspension: Suspension;
  readonly events: EventSource<MachineEvents> = new EventSource(() => {
    for (const processor of this.processors.all) watchWorlds(processor, this.events);
  });
  /** Everything that has a state of its own, for snapshots. */
  readonly parts: StatefulParts = new StatefulParts();
  readonly #bus = new Bus();
  readonly #pic: Pic8259 = new Pic8259(() => this.processors.all[0]!.attend());
  readonly #lines: IsaLines;
  /** Virtual time. */
  readonly #now = (): number => this.processors.core.clock.now();

  /** @param boots false: RAM is empty and the processor where nothing is, until a snapshot's states are restored */
  constructor(options: MachineOptions, configuration: MachineConfiguration, boots: boolean) {
    const { memory, processors, commandLine } = configuration, parts = this.parts, bus = this.#bus;
    const { kernel, firmware, initrd, loadAddress } = options;
    const modules = [...initrd === undefined ? [] : [{ bytes: initrd }], ...options.modules ?? []];
    this.memory = new LinearMemory(memory);
    const debug = (byte: number): void => this.events.emit("debug", byte);
    addBootChips(bus, { firmware, debug });
    const hasIde = configuration.ide !== undefined;
    const source = { kernel, firmware, modules, commandLine, loadAddress, processors, hasIde, debug };
    const enter = boots ? prepareBoot(this.memory.ram(0, memory), source) : () => {};
    const ioApic = this.#addInterruptControllers();
    this.#lines = new IsaLines(this.#pic, ioApic);
    this.processors = this.#makeProcessors(options, configuration);
    this.processors.onEndOfInterrupt = (vector) => ioApic.endOfInterrupt(vector);
    parts.add("virtual clock", this.processors.core.clock, "kept");
    parts.add("8259", this.#pic);
    parts.add("82093AA", ioApic);
    for (const { id, apic } of this.processors.all) parts.add(`local APIC ${id}`, apic);
    const serial = this.#console("console", () => uart);
    const second = this.#console("secondSerial", () => secondUart);
    const { uart, secondUart, display, keyboard, pci, power, clock } = addPlatform({
      ...configuration,
      files: firmwareFiles({ firmware, processors, hasIde }, options.firmwareFiles ?? {}),
      bus,
      lines: this.#lines,
      schedule: this.processors.core.schedule,
      parts,
      now: this.#now,
      transmit: (byte) => serial.put(byte),
      transmitSecond: (byte) => second.put(byte),
      end: (end) => this.#end(end),
      sleep: () => this.processors.core.ask(),
    });
    this.display = display;
    this.keyboard = new Keyboard(keyboard, this.input);
    const { console: port, network } = this.#fillSlots(options, configuration, pci);
    const virtio = port && this.#console("virtioConsole", () => port);
    this.network = network;
    this.consoles = new Consoles(serial, second, virtio, () => this.processors.core.ask());
    if (virtio !== undefined) parts.add("virtio console", virtio, "kept");
    this.#attachDevices(options);
    parts.add("processors", this.processors, "kept");
    parts.add("console", serial, "kept");
    parts.add("second serial port", second, "kept");
    parts.add("machine", this.ending, "kept");
    if (configuration.testDevice) this.#addTestDevice();
    if (configuration.marks) this.#addMarkPort();
    this.processor.unit.context.switches.setCosts(extraCycles(options.cycles ?? "off"));
    this.suspension = new Suspension({
      power,
      clock,
      processors: this.processors,
      parts,
      wakeUp: () =>
        wakeUp({ ram: this.memory.ram(0, memory), state: this.memory.view, bus }, firmware !== undefined),
    });
    enter(this.memory.view, bus);
    this.mmu.enterWorld();
  }

  get mmu(): Mmu {
    return this.processors.core.inner.mmu;
  }

  /** The processor whose turn it is, in the seat: the state in the linear memory is its own. */
  get processor(): SystemProcessor {
    const { current, core } = this.processors;
    core.seat(current);
    return current;
  }

  /** Reads RAM at a physical address. */
  read(address: number, size: number): Uint8Array {
    return this.memory.ram(address, size).slice();
  }

  /** Writes RAM at a physical address. Code that was translated from there is forgotten. */
  write(address: number, bytes: Uint8Array): void {
    this.memory.ram(address, bytes.length).set(bytes);
    this.mmu.wroteRam(address, bytes.length);
  }

  #end(end: MachineEnd): void {
    this.ending.end = end;
    this.processors.core.ask();
  }

  #console(event: "console" | "secondSerial" | "virtioConsole", port: () => ConsolePort): Console {
    const console = new Console(port, this.input);
    console.onOutput = (bytes) => this.events.emit(event, bytes);
    return console;
  }

  #addInterruptControllers(): IoApic82093AA {
    const ioApic = new IoApic82093AA({
      send: (message, destination) => this.processors.interrupt(message, destination),
    });
    for (const chip of [...this.#pic.chips, this.#pic.edgeLevel]) this.#bus.addPorts(chip);
    this.#bus.addPage(ioApic);
    return ioApic;
  }

  #makeProcessors(
    { engine = "auto", tiers, observer }: MachineOptions,
    { processors: count, vmx, cpu, crossover, seed }: MachineConfiguration,
  ): Processors {
    return new Processors(this.memory, { bus: this.#bus, pic: this.#pic }, {
      count,
      engine,
      vmx,
      cpu,
      crossover,
      seed,
      ...(tiers === undefined ? {} : { tiers }),
      ...(observer === undefined ? {} : { observer }),
    });
  }

  #fillSlots(options: MachineOptions, configuration: MachineConfiguration, pci: PciConfiguration): Expansion {
    const { memory, processors } = this;
    return addExpansion(configuration, options, {
      bus: this.#bus,
      pci,
      parts: this.parts,
      schedule: processors.core.schedule,
      input: this.input,
      hasFirmware: options.firmware !== undefined,
      now: this.#now,
      setLine: (line, level) => this.#lines.set(line, level),
      setLevelTriggered: (line) => this.#pic.setLevelTriggered(line),
      send: (message, destination) => processors.interrupt(message, destination),
      connected: () => processors.core.ask(),
      print: (byte) => this.consoles.virtio!.put(byte),
      dma: {
        view: (address, size) => address + size <= memory.ramBytes ? memory.ram(address, size) : undefined,
        wrote: (address, size) => this.mmu.wroteRam(address, size),
      },
    });
  }

  #attachDevices({ devices = [] }: MachineOptions): void {
    for (const device of devices) {
      attachDevice(device, {
        bus: this.#bus,
        schedule: this.processors.core.schedule,
        parts: this.parts,
        board: {
          now: this.#now,
          read: (address, size) => this.read(address, size),
          write: (address, bytes) => this.write(address, bytes),
        },
        ramBytes: this.memory.ramBytes,
        setLine: (line, level) => this.#lines.set(line, level),
      });
    }
  }

  #addTestDevice(): void {
    const device = new PcTestdev((line, level) => this.#lines.set(line, level));
    for (const ports of device.ports) this.#bus.addPorts(ports);
    this.#bus.addRange(device);
    this.parts.add("pc-testdev", device);
  }

  #addMarkPort(): void {
    const mark = (value: number): void => {
      const { processor } = this, switches = switchCounts(processor.unit.context.switches);
      this.events.emit("mark", { value, switches, ...momentOf(processor) });
    };
    this.#bus.addPorts(new MarkPort(mark));
  }
}
