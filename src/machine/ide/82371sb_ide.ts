/**
 * The IDE function of Intel's 82371SB (PIIX3): two channels at the ports of a PC/AT, and their bus masters. 290550-002, PCI
 * configuration registers of function 1.
 */
import { bytes, fields, type Shaped } from "../../snapshot/shape.ts";
import type { StateFormat, Stateful, StatefulParts } from "../../snapshot/stateful.ts";
import type { Bus, PortDevice } from "../bus.ts";
import type { PciFunction } from "../devices/pci_configuration.ts";
import { CONFIGURATION_BYTES, PciCommand, PciHeader, PciRegisters } from "../devices/pci_registers.ts";
import type { Dma } from "../virtio/virtqueue.ts";
import { BusMaster, BusMasterRegister } from "./bus_master.ts";
import { type ChannelPorts, type Drives, IdeChannel } from "./channel.ts";

const VENDOR_AND_DEVICE = 0x7010_8086;
/** An IDE controller with a bus master, whose channels cannot leave the ports of a PC/AT. */
const IDE_WITH_BUS_MASTER = 0x0101_8000;
/** Status: fast back to back, medium DEVSEL#. */
const ALWAYS = 0x0280;
/**
 * The bus masters' ports. All 32 bits of their address can be written, as PCI has it where a device does not fix the upper half
 * to zeros (PCI Local Bus 3.0, section 6.2.5.1): SeaBIOS takes a range with such bits for one of 4 GB.
 */
const IO_SPACE = 1, BASE_WRITABLE = 0xffff_fff0;
/** IDETIM of each channel, with the bit that enables its ports; SIDETIM, the timing of the second drives. */
const IDE_TIMING = [0x40, 0x42] as const, DECODE = 0x8000, SLAVE_TIMING = 0x44;
const LATENCY_WRITABLE = 0xf0;

/** The channels: their ports and interrupt lines. */
const CHANNELS: readonly (ChannelPorts & { readonly line: number })[] = [
  { command: 0x1f0, control: 0x3f6, line: 14 },
  { command: 0x170, control: 0x376, line: 15 },
];

const STATE = fields({ configuration: bytes(CONFIGURATION_BYTES) });
type State = Shaped<typeof STATE>;

/** What it is wired to. */
export interface IdeWires {
  readonly dma: Dma;
  setLine(line: number, level: boolean): void;
}

/** The function. */
export class Ide82371SB implements PciFunction, Stateful<State> {
  readonly stateFormat: StateFormat<State> = { version: 1, shape: STATE };
  readonly #registers = new PciRegisters();
  readonly #channels: readonly IdeChannel[];
  readonly #masters: readonly BusMaster[];

  /**
   * @param drives those of each channel
   * @param base where firmware would put the bus masters' ports, and have all ports enabled; undefined: firmware will
   */
  constructor(drives: readonly Drives[], { dma, setLine }: IdeWires, base: number | undefined) {
    const { values, writable } = this.#registers;
    values.setUint32(PciHeader.VENDOR, VENDOR_AND_DEVICE, true);
    values.setUint16(PciHeader.STATUS, ALWAYS, true);
    values.setUint32(PciHeader.REVISION, IDE_WITH_BUS_MASTER, true);
    values.setUint32(PciHeader.BAR4, (base ?? 0) | IO_SPACE, true);
    writable.setUint16(PciHeader.COMMAND, PciCommand.IO | PciCommand.MASTER, true);
    writable.setUint8(PciHeader.LATENCY, LATENCY_WRITABLE);
    writable.setUint32(PciHeader.BAR4, BASE_WRITABLE, true);
    for (const at of IDE_TIMING) writable.setUint16(at, 0xffff, true);
    writable.setUint8(SLAVE_TIMING, 0xff);
    if (base !== undefined) {
      values.setUint16(PciHeader.COMMAND, PciCommand.IO | PciCommand.MASTER, true);
      for (const at of IDE_TIMING) values.setUint16(at, DECODE, true);
    }
    this.#masters = CHANNELS.map((_, n) =>
      new BusMaster({
        dma,
        isMaster: () => this.#registers.has(PciCommand.MASTER),
        drive: () => this.#channels[n]!.selected,
      })
    );
    this.#channels = CHANNELS.map(({ line, ...ports }, n) =>
      new IdeChannel(ports, drives[n]!, {
        isDecoded: () =>
          this.#registers.has(PciCommand.IO) && (values.getUint16(IDE_TIMING[n]!, true) & DECODE) !== 0,
        interrupt: (level) => {
          if (level) this.#masters[n]!.interrupted();
          setLine(line, level);
        },
        requestDma: () => this.#masters[n]!.move(),
      })
    );
  }

  /** Puts its ports onto the bus, and its parts to those of the machine. */
  attach(bus: Bus, parts: StatefulParts): void {
    for (const [n, channel] of this.#channels.entries()) {
      for (const ports of channel.ports) bus.addPorts(ports);
      parts.add(`IDE channel ${n}`, channel);
      parts.add(`IDE bus master ${n}`, this.#masters[n]!);
    }
    bus.addMovablePorts(this.#masterPorts());
    parts.add("82371SB IDE", this);
  }

  readConfiguration(register: number): number {
    return this.#registers.read(register);
  }

  writeConfiguration(register: number, value: number, mask: number): void {
    this.#registers.write(register, value, mask);
    // What waited for the bus goes on.
    for (const master of this.#masters) master.move();
  }

  saveState(): State {
    return { configuration: this.#registers.bytes.slice() };
  }

  loadState({ configuration }: State): void {
    this.#registers.load(configuration);
  }

  #masterPorts(): PortDevice {
    const { END } = BusMasterRegister, master = (offset: number) => this.#masters[Math.floor(offset / END)]!;
    const where = (): readonly [number, number] => [
      (this.#registers.values.getUint32(PciHeader.BAR4, true) & BASE_WRITABLE) >>> 0,
      this.#registers.has(PciCommand.IO) ? END * CHANNELS.length : 0,
    ];
    return {
      get ports(): readonly [number, number] {
        return where();
      },
      in: (offset) => master(offset).read(offset % END),
      out: (offset, value) => master(offset).write(offset % END, value),
    };
  }
}
