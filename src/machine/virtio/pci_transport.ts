/** Virtio over PCI, the modern transport: a function with one memory BAR, an interrupt line, and MSI-X. Virtio 1.2, section 4.1. */
import { fields, i32, list, type Shape, u16, u32, u8, whole } from "../../snapshot/shape.ts";
import type { StateFormat, Stateful } from "../../snapshot/stateful.ts";
import type { AccessSize, MmioRange } from "../bus.ts";
import type { PciFunction } from "../devices/pci_configuration.ts";
import { msixShape, type MsixState, MsixTable } from "../devices/msix_table.ts";
import { CONFIGURATION_BYTES, PciCommand, PciHeader, type PciRegisters } from "../devices/pci_registers.ts";
import {
  BAR_BYTES,
  makeHeader,
  MSIX_CONTROL,
  Part,
  PART_BYTES,
  TRANSPORT_FEATURES,
  Window,
} from "./pci_header.ts";
import { BadQueue, type Chain, type Dma, QUEUE_STATE, type QueueState, Virtqueue } from "./virtqueue.ts";

/** What is behind the transport. */
export interface VirtioDevice {
  /** Device ID, section 5. */
  readonly type: number;
  /** PCI class, subclass and interface in the upper 24 bits. */
  readonly classCode: number;
  /** Feature bits of its own, 0 to 23. */
  readonly features: number;
  readonly queues: number;
  /** Its configuration, which the driver reads. */
  readonly configuration: Uint8Array;
  /**
   * Serves a request. Returns how many bytes it has written; undefined: not now, what it is for has not come yet. Throws
   * `BadQueue` for what is no request.
   */
  serve(queue: number, chain: Chain): number | undefined;
  /** Is given what it calls when requests that it did not serve can be served. */
  connect?(ready: (queue: number) => void): void;
}

/** What the function is wired to. */
export interface VirtioWires {
  readonly dma: Dma;
  /** Drives the interrupt line. */
  interrupt(level: boolean): void;
  /** Writes a word as a message, of an interrupt if the address is one for that. */
  post(address: number, data: number): void;
}

/** In the status register: the line is up. */
const INTERRUPT_STATUS = 8;
/** Common configuration. Section 4.1.4.3. */
const Common = {
  DEVICE_FEATURE_SELECT: 0x00,
  DEVICE_FEATURE: 0x04,
  DRIVER_FEATURE_SELECT: 0x08,
  DRIVER_FEATURE: 0x0c,
  CONFIG_MSIX: 0x10,
  QUEUES: 0x12,
  STATUS: 0x14,
  QUEUE_SELECT: 0x16,
  QUEUE_SIZE: 0x18,
  QUEUE_MSIX: 0x1a,
  QUEUE_ENABLE: 0x1c,
  QUEUE_ADDRESSES: 0x20,
  END: 0x38,
} as const;
const NO_VECTOR = 0xffff;
/** VIRTIO_F_VERSION_1, in the upper half of the features. */
const VERSION_1 = 1;
const DeviceStatus = { DRIVER_OK: 4, FEATURES_OK: 8, NEEDS_RESET: 0x40 } as const;
const Isr = { QUEUE: 1, CONFIGURATION: 2 } as const;

type State = {
  readonly configuration: readonly number[];
  readonly selects: readonly number[];
  readonly features: readonly number[];
  readonly status: number;
  readonly isr: number;
  readonly queues: readonly QueueState[];
  /** Entries of the MSI-X table for changes of the configuration, and for each queue. */
  readonly vectors: readonly number[];
  readonly msix: MsixState;
};
const shapeOf = (queues: number): Shape<State> =>
  fields({
    configuration: list(u8, CONFIGURATION_BYTES),
    selects: list(u32, 3),
    features: list(i32, 2),
    status: u8,
    isr: whole(0, 3),
    queues: list(QUEUE_STATE, queues),
    vectors: list(u16, queues + 1),
    msix: msixShape(queues + 1),
  });

/** The function. */
export class VirtioPci implements PciFunction, MmioRange, Stateful<State> {
  readonly stateFormat: StateFormat<State>;
  readonly bytes = BAR_BYTES;
  readonly #registers: PciRegisters;
  readonly #queues: readonly Virtqueue[];
  /** Selected half of the device's features, of the driver's, and queue. */
  readonly #selects = [0, 0, 0];
  /** What the driver has accepted. */
  readonly #features = [0, 0];
  #status = 0;
  #isr = 0;

  /** Entries of the MSI-X table: for changes of the configuration, and for each queue. */
  readonly #vectors: number[];
  readonly #msix: MsixTable;

  /**
   * @param line number that configuration space tells of the interrupt line
   * @param base physical address of the BAR, as firmware would set it; undefined: firmware will
   */
  constructor(
    readonly device: VirtioDevice,
    readonly wires: VirtioWires,
    { line, base }: { readonly line: number; readonly base: number | undefined },
  ) {
    const { type, classCode, queues } = device, vectors = queues + 1;
    this.#queues = Array.from({ length: queues }, () => new Virtqueue(wires.dma));
    this.#vectors = Array.from({ length: vectors }, () => NO_VECTOR);
    this.#msix = new MsixTable(vectors, (address, data) => {
      // A message is a write like any other: only bus masters do that.
      if (this.#isMaster) wires.post(address, data);
    });
    this.stateFormat = { version: 2, shape: shapeOf(queues) };
    this.#registers = makeHeader({ type, classCode, vectors, line, base });
    device.connect?.((queue) => this.#serve(queue));
  }

  /** Where the BAR is; undefined: it answers nowhere. */
  get base(): number | undefined {
    const { values } = this.#registers;
    return this.#registers.has(PciCommand.MEMORY) ? values.getUint32(PciHeader.BAR0, true) : undefined;
  }

  readConfiguration(register: number): number {
    if (register === Window.DATA) {
      const window = this.#window();
      return window === undefined ? 0 : this.read(window.offset, window.size);
    }
    const pending = register === PciHeader.COMMAND && this.#isr !== 0 ? INTERRUPT_STATUS << 16 : 0;
    return this.#registers.read(register) | pending;
  }

  writeConfiguration(register: number, value: number, mask: number): void {
    if (register === Window.DATA) {
      const window = this.#window();
      if (window !== undefined) this.write(window.offset, value, window.size);
      return;
    }
    this.#registers.write(register, value, mask);
    this.#msix.setControl(this.#msixControl);
    this.#drive();
  }

  read(offset: number, size: AccessSize): number {
    const at = offset % PART_BYTES;
    switch (offset - at) {
      case Part.COMMON:
        return part(this.#common(), at, size);
      case Part.ISR: {
        const isr = at === 0 ? this.#isr : 0;
        if (at === 0) this.#isr = 0;
        this.#drive();
        return isr;
      }
      case Part.DEVICE:
        return part(this.device.configuration, at, size);
      case Part.MSIX_TABLE:
        return this.#msix.read(at, size);
      case Part.MSIX_PENDING:
        return this.#msix.readPending(at, size);
      default:
        return 0;
    }
  }

  write(offset: number, value: number, size: AccessSize): void {
    const at = offset % PART_BYTES;
    if (offset < Common.END) this.#writeCommon(offset, value);
    else if (offset === Part.NOTIFY) this.#serve(value & 0xffff);
    else if (offset - at === Part.MSIX_TABLE) this.#msix.write(at, value, size);
  }

  saveState(): State {
    return {
      configuration: [...this.#registers.bytes],
      selects: [...this.#selects],
      features: [...this.#features],
      status: this.#status,
      isr: this.#isr,
      queues: this.#queues.map((queue) => queue.save()),
      vectors: [...this.#vectors],
      msix: this.#msix.save(),
    };
  }

  loadState({ configuration, selects, features, status, isr, queues, vectors, msix }: State): void {
    this.#registers.load(Uint8Array.from(configuration));
    for (const [n, select] of selects.entries()) this.#selects[n] = select;
    for (const [n, half] of features.entries()) this.#features[n] = half;
    this.#status = status;
    this.#isr = isr;
    for (const [n, queue] of queues.entries()) this.#queues[n]!.load(queue);
    for (const [n, vector] of vectors.entries()) this.#vectors[n] = vector;
    this.#msix.load(msix, this.#msixControl);
  }

  /** What the window shows; undefined: nothing that there is. */
  #window(): { offset: number; size: AccessSize } | undefined {
    const { values } = this.#registers;
    const offset = values.getUint32(Window.OFFSET, true), size = values.getUint32(Window.LENGTH, true);
    if ((size !== 1 && size !== 2 && size !== 4) || offset % size !== 0 || offset >= BAR_BYTES) {
      return undefined;
    }
    return { offset, size };
  }

  #offered(half: number): number {
    return half === 0 ? this.device.features | TRANSPORT_FEATURES : half === 1 ? VERSION_1 : 0;
  }

  get #selected(): Virtqueue | undefined {
    return this.#queues[this.#selects[2]!];
  }

  /** The common configuration as it reads now. */
  #common(): Uint8Array {
    const view = new DataView(new ArrayBuffer(Common.END)), [device, driver, select] = this.#selects;
    view.setUint32(Common.DEVICE_FEATURE_SELECT, device!, true);
    view.setUint32(Common.DEVICE_FEATURE, this.#offered(device!), true);
    view.setUint32(Common.DRIVER_FEATURE_SELECT, driver!, true);
    view.setUint32(Common.DRIVER_FEATURE, this.#features[driver!] ?? 0, true);
    view.setUint16(Common.CONFIG_MSIX, this.#vectors[0]!, true);
    view.setUint16(Common.QUEUES, this.#queues.length, true);
    view.setUint8(Common.STATUS, this.#status);
    view.setUint16(Common.QUEUE_SELECT, select!, true);
    view.setUint16(Common.QUEUE_MSIX, this.#vectors[1 + select!] ?? NO_VECTOR, true);
    const queue = this.#selected;
    if (queue !== undefined) {
      view.setUint16(Common.QUEUE_SIZE, queue.size, true);
      view.setUint16(Common.QUEUE_ENABLE, queue.enabled, true);
      for (const [n, half] of queue.addresses.entries()) {
        view.setUint32(Common.QUEUE_ADDRESSES + 4 * n, half, true);
      }
    }
    return new Uint8Array(view.buffer);
  }

  #writeCommon(offset: number, value: number): void {
    const queue = this.#selected, wide = value >>> 0;
    switch (offset) {
      case Common.DEVICE_FEATURE_SELECT:
        this.#selects[0] = wide;
        return;
      case Common.DRIVER_FEATURE_SELECT:
        this.#selects[1] = wide;
        return;
      case Common.DRIVER_FEATURE:
        if (this.#selects[1]! < 2) this.#features[this.#selects[1]!] = value | 0;
        return;
      case Common.STATUS:
        this.#setStatus(value & 0xff);
        return;
      case Common.QUEUE_SELECT:
        this.#selects[2] = value & 0xffff;
        return;
      case Common.CONFIG_MSIX:
        this.#vectors[0] = this.#vectorFor(value);
        return;
      case Common.QUEUE_MSIX:
        if (queue !== undefined) this.#vectors[1 + this.#selects[2]!] = this.#vectorFor(value);
        return;
    }
    if (queue === undefined || queue.enabled !== 0) return;
    if (offset === Common.QUEUE_SIZE) {
      const size = value & 0xffff;
      // A power of two, at most what was offered.
      if (size !== 0 && size <= queue.size && (size & (size - 1)) === 0) queue.size = size;
    } else if (offset === Common.QUEUE_ENABLE) {
      queue.enabled = value & 1;
    } else if (offset >= Common.QUEUE_ADDRESSES && offset % 4 === 0) {
      queue.addresses[(offset - Common.QUEUE_ADDRESSES) / 4] = wide;
    }
  }

  /** Section 3.1.1: features that were not offered are not accepted; 0 resets. */
  #setStatus(value: number): void {
    if (value === 0) {
      this.#status = this.#isr = 0;
      this.#features.fill(0);
      this.#selects.fill(0);
      for (const queue of this.#queues) queue.reset();
      this.#vectors.fill(NO_VECTOR);
      this.#msix.forget();
      this.#drive();
      return;
    }
    const fits = this.#features.every((half, n) => (half & ~this.#offered(n)) === 0) &&
      this.#features[1] === VERSION_1;
    const accepted = fits ? value : value & ~DeviceStatus.FEATURES_OK;
    this.#status = accepted | (this.#status & DeviceStatus.NEEDS_RESET);
  }

  /** Section 4.1.5.1.2: an entry that there is not is none. */
  #vectorFor(value: number): number {
    const vector = value & 0xffff;
    return vector < this.#msix.vectors ? vector : NO_VECTOR;
  }

  get #isMaster(): boolean {
    return this.#registers.has(PciCommand.MASTER);
  }

  get #msixControl(): number {
    return this.#registers.values.getUint16(MSIX_CONTROL, true);
  }

  /** Serves a queue: the driver has notified it, or what its requests wait for has come. */
  #serve(number: number): void {
    const queue = this.#queues[number];
    const isRunning = (this.#status & (DeviceStatus.DRIVER_OK | DeviceStatus.NEEDS_RESET)) ===
      DeviceStatus.DRIVER_OK;
    if (queue === undefined || queue.enabled === 0 || !this.#isMaster || !isRunning) return;
    try {
      const wanted = queue.serve(this.#features[0]!, (chain) => this.device.serve(number, chain));
      if (wanted) this.#signal(Isr.QUEUE, this.#vectors[1 + number]!);
    } catch (error) {
      if (!(error instanceof BadQueue)) throw error;
      this.#status |= DeviceStatus.NEEDS_RESET;
      this.#signal(Isr.CONFIGURATION, this.#vectors[0]!);
    }
  }

  /** Interrupts: by a message, or by the line, which the ISR then explains. Section 4.1.5.3. */
  #signal(reason: number, vector: number): void {
    if (this.#msix.isEnabled) return this.#msix.signal(vector);
    this.#isr |= reason;
    this.#drive();
  }

  /** The interrupt line is up while the ISR has a bit, unless software turned it off. */
  #drive(): void {
    const isOff = this.#registers.has(PciCommand.NO_INTX) || this.#msix.isEnabled;
    this.wires.interrupt(this.#isr !== 0 && !isOff);
  }
}

/** An access to bytes; what is behind them reads as 0. */
function part(bytes: Uint8Array, at: number, size: AccessSize): number {
  let value = 0;
  for (let byte = 0; byte < size; byte++) value |= (bytes[at + byte] ?? 0) << (8 * byte);
  return value;
}
