/** The slots of PCI bus 0: where their addresses and interrupt lines are. */
import type { StatefulParts } from "../snapshot/stateful.ts";
import type { Bus } from "./bus.ts";
import {
  type InterruptDestination,
  type InterruptMessage,
  messageWritten,
} from "./devices/interrupt_message.ts";
import type { PciConfiguration } from "./devices/pci_configuration.ts";
import type { Disk } from "./disk.ts";
import { MAX_RAM } from "../memory/physical.ts";
import { VirtioBlock } from "./virtio/block.ts";
import type { VirtioConsole } from "./virtio/console.ts";
import { VirtioEntropy } from "./virtio/entropy.ts";
import type { VirtioNet } from "./virtio/net.ts";
import { type VirtioDevice, VirtioPci } from "./virtio/pci_transport.ts";
import type { Dma } from "./virtio/virtqueue.ts";

/** Lines of the slots' INTA#, from slot 1, then over again: as SeaBIOS routes them on a board with an 82441FX. */
const LINES = [10, 10, 11, 11] as const;
/** Slots for devices. */
export const FIRST_SLOT = 1, SLOTS = 8;
const PINS = 4;
/** Behind them: where the IDE controller is, which has lines of its own. */
export const IDE_DEVICE: number = FIRST_SLOT + SLOTS;

const WORD_BYTES = 4;

/** The line that a pin (0: INTA#) of a slot leads to. */
export function pciLine(slot: number, pin: number): number {
  return LINES[(slot - 1 + pin) % LINES.length]!;
}

/** Where all the pins of the slots lead. */
export function slotPins(): { readonly slot: number; readonly pin: number; readonly line: number }[] {
  return Array.from({ length: SLOTS * PINS }, (_, n) => {
    const slot = FIRST_SLOT + Math.floor(n / PINS), pin = n % PINS;
    return { slot, pin, line: pciLine(slot, pin) };
  });
}

/** What the slots are wired to. */
export interface SlotWires {
  readonly bus: Bus;
  readonly pci: PciConfiguration;
  readonly parts: StatefulParts;
  readonly dma: Dma;
  /** Whether firmware assigns addresses; otherwise they are assigned here. */
  readonly hasFirmware: boolean;
  setLine(line: number, level: boolean): void;
  /** Tells the interrupt controllers that a line is level-triggered, as firmware would. */
  setLevelTriggered(line: number): void;
  /** Brings an interrupt that a device writes as a message. */
  send(message: InterruptMessage, destination: Omit<InterruptDestination, "shorthand">): void;
}

/** What is in the slots, in this order. */
export interface SlotDevices {
  readonly disks: readonly Disk[];
  /** Seed of a source of random numbers; undefined: there is none. */
  readonly entropySeed?: number | undefined;
  /** A network card. */
  readonly card?: VirtioNet | undefined;
  /** A console besides the serial port. */
  readonly console?: VirtioConsole | undefined;
}

/** Fills the slots with virtio devices. */
export function addVirtioDevices({ disks, entropySeed, card, console }: SlotDevices, wires: SlotWires): void {
  const { bus, pci, parts, dma, hasFirmware, setLine, send } = wires;
  const devices: { readonly name: string; readonly device: VirtioDevice }[] = disks.map((disk, n) => {
    parts.add(`disk ${n}`, disk, "kept");
    return { name: `virtio-blk ${n}`, device: new VirtioBlock(disk, dma, `disk${n}`) };
  });
  if (entropySeed !== undefined) {
    const device = new VirtioEntropy(entropySeed, dma);
    parts.add("random numbers", device, "kept");
    devices.push({ name: "virtio-rng", device });
  }
  if (card !== undefined) devices.push({ name: "virtio-net", device: card });
  if (console !== undefined) {
    parts.add("virtio console port", console);
    devices.push({ name: "virtio-console", device: console });
  }
  if (devices.length > SLOTS) {
    throw new RangeError(`Cannot attach ${devices.length} disks and other devices: there are ${SLOTS} slots`);
  }
  const post = (address: number, data: number): void => {
    const written = messageWritten(address, data);
    if (written !== undefined) return send(written.message, written.destination);
    const bytes = dma.view(address, WORD_BYTES);
    if (bytes === undefined) return;
    new DataView(bytes.buffer, bytes.byteOffset, WORD_BYTES).setUint32(0, data, true);
    dma.wrote(address, WORD_BYTES);
  };
  // Slots share lines: one is up while any of them asks for it.
  const asking = new Map<number, Set<number>>(LINES.map((line) => [line, new Set<number>()]));
  for (const [n, { name, device }] of devices.entries()) {
    const slot = FIRST_SLOT + n, line = pciLine(slot, 0), users = asking.get(line)!;
    const interrupt = (level: boolean): void => {
      if (level) users.add(slot);
      else users.delete(slot);
      setLine(line, users.size > 0);
    };
    if (!hasFirmware) wires.setLevelTriggered(line);
    const base = hasFirmware ? undefined : MAX_RAM + 0x1_0000 * n;
    const chip = new VirtioPci(device, { dma, interrupt, post }, { line, base });
    pci.add(slot, 0, chip);
    bus.addRange(chip);
    parts.add(name, chip);
  }
}
