/** A board with virtio devices in its slots, and a driver of the tests for one of them. */
import { Bus } from "../../../src/machine/bus.ts";
import type { InterruptMessage } from "../../../src/machine/devices/interrupt_message.ts";
import { PciConfiguration } from "../../../src/machine/devices/pci_configuration.ts";
import { addVirtioDevices, type SlotDevices } from "../../../src/machine/pci_slots.ts";
import { StatefulParts } from "../../../src/snapshot/stateful.ts";

/** The BAR of the first device, and its parts. */
export const BAR = 0xe000_0000, ISR = BAR + 0x1000, DEVICE = BAR + 0x2000, NOTIFY = BAR + 0x3000;
export const MSIX_TABLE = BAR + 0x4000, MSIX_PENDING = BAR + 0x5000;
/** Where the driver keeps the queues: table and rings of each. */
export const TABLE = 0x1000, AVAILABLE = 0x2000, USED = 0x3000, QUEUE_BYTES = 0x400;
/** RAM that the tests may use. */
export const REQUEST = 0x4000, DATA = 0x5000, STATUS = 0x6000;
export const RAM_BYTES = 0x1_0000;
/** Flags of descriptors. */
export const NEXT = 1, WRITE = 2, INDIRECT = 4;
/** Features, in the lower half. */
export const INDIRECT_FEATURE = 1 << 28, EVENT_INDEX_FEATURE = 1 << 29;
export type Descriptor = readonly [address: number, length: number, flags: number, next: number];
/** Entries of a queue. */
export const ENTRIES = 128;

/** What a driver finds and does. */
export interface Board {
  readonly bus: Bus;
  readonly ram: Uint8Array;
  readonly view: DataView;
  readonly parts: StatefulParts;
  /** Where the device wrote. */
  readonly wrote: number[];
  /** Levels of the first slot's interrupt line, in order. */
  readonly levels: boolean[];
  /** Interrupts by message. */
  readonly messages: { message: InterruptMessage; id: number }[];
  /** Reads and writes configuration space of the first device. */
  configuration(register: number): number;
  configure(register: number, size: 1 | 2 | 4, value: number): void;
  /** Resets the device, accepts features and enables so many queues. */
  start(features?: number, queues?: number): void;
  /** Writes a table of descriptors. */
  describe(at: number, descriptors: readonly Descriptor[]): void;
  /** Makes a request available without telling. */
  offer(head: number, queue?: number): void;
  notify(queue?: number): void;
  /** Writes a queue's table, makes its first descriptor available, and tells. */
  send(descriptors: readonly Descriptor[], head?: number, queue?: number): void;
  /** How many requests the device has given back. */
  used(queue?: number): number;
  /** Bytes that it said to have written of the last request given back. */
  lastLength(queue?: number): number;
  status(): number;
}

/** A board; the first device is what the driver is for. */
export function board(devices: SlotDevices): Board {
  const bus = new Bus(), pci = new PciConfiguration(), ram = new Uint8Array(RAM_BYTES), wrote: number[] = [];
  const view = new DataView(ram.buffer), levels: boolean[] = [], parts = new StatefulParts();
  const messages: Board["messages"] = [];
  for (const chip of pci.chips) bus.addPorts(chip);
  addVirtioDevices(devices, {
    bus,
    pci,
    parts,
    hasFirmware: false,
    setLine: (line, level) => {
      if (line === 10) levels.push(level);
    },
    setLevelTriggered: () => {},
    send: (message, { id }) => void messages.push({ message, id }),
    dma: {
      view: (at, length) => at + length <= ram.length ? ram.subarray(at, at + length) : undefined,
      wrote: (at) => wrote.push(at),
    },
  });
  const indices = [0, 0, 0, 0];
  const select = (register: number): void => bus.out(0xcf8, 4, (0x8000_0800 | (register & 0xfc)) >>> 0);
  const common = (at: number, size: 1 | 2 | 4, value: number): void => bus.write(BAR + at, size, value);
  const self: Board = {
    bus,
    ram,
    view,
    parts,
    wrote,
    levels,
    messages,
    configuration: (register) => {
      select(register);
      return bus.in(0xcfc, 4);
    },
    configure: (register, size, value) => {
      select(register);
      bus.out(0xcfc + (register & 3), size, value);
    },
    start: (features = 0, queues = 1) => {
      common(0x14, 1, 0);
      indices.fill(0);
      ram.fill(0, TABLE, REQUEST);
      common(0x14, 1, 3);
      for (const [half, accepted] of [features, 1].entries()) {
        common(0x08, 4, half);
        common(0x0c, 4, accepted);
      }
      common(0x14, 1, 0xb);
      for (let queue = 0; queue < queues; queue++) {
        common(0x16, 2, queue);
        common(0x18, 2, queues === 1 ? ENTRIES : 32);
        for (const [at, address] of [[0x20, TABLE], [0x28, AVAILABLE], [0x30, USED]] as const) {
          common(at, 4, address + queue * QUEUE_BYTES);
        }
        common(0x1c, 2, 1);
      }
      common(0x14, 1, 0xf);
    },
    describe: (at, descriptors) => {
      for (const [n, [address, length, flags, next]] of descriptors.entries()) {
        view.setUint32(at + 16 * n, address >>> 0, true);
        view.setUint32(at + 16 * n + 4, Math.floor(address / 2 ** 32), true);
        view.setUint32(at + 16 * n + 8, length, true);
        view.setUint16(at + 16 * n + 12, flags, true);
        view.setUint16(at + 16 * n + 14, next, true);
      }
    },
    offer: (head, queue = 0) => {
      const ring = AVAILABLE + queue * QUEUE_BYTES, entries = bus.read(BAR + 0x18, 2);
      view.setUint16(ring + 4 + 2 * (indices[queue]! % entries), head, true);
      view.setUint16(ring + 2, ++indices[queue]!, true);
    },
    notify: (queue = 0) => bus.write(NOTIFY, 2, queue),
    send: (descriptors, head = 0, queue = 0) => {
      self.describe(TABLE + queue * QUEUE_BYTES, descriptors);
      self.offer(head, queue);
      self.notify(queue);
    },
    used: (queue = 0) => view.getUint16(USED + queue * QUEUE_BYTES + 2, true),
    lastLength: (queue = 0) => {
      const last = (self.used(queue) - 1) % bus.read(BAR + 0x18, 2);
      return view.getUint32(USED + queue * QUEUE_BYTES + 8 + 8 * last, true);
    },
    status: () => bus.read(BAR + 0x14, 1),
  };
  return self;
}
