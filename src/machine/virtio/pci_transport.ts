/** Virtio over PCI, the modern transport: a function with one memory BAR and an interrupt line. Virtio 1.2, section 4.1. */
import { fields, i32, list, type Shape, u32, u8, whole } from "../../snapshot/shape.ts";
import type { StateFormat, Stateful } from "../../snapshot/stateful.ts";
import type { AccessSize, MmioRange } from "../bus.ts";
import type { PciFunction } from "../devices/pci_configuration.ts";
import { BadQueue, type Chain, type Dma, QUEUE_STATE, type QueueState, Virtqueue } from "./virtqueue.ts";

/** What is behind the transport. */
export interface VirtioDevice {
  /** Device ID, section 5. */
  readonly type: number;
  /** PCI class, subclass and interface in the upper 24 bits. */
  readonly classCode: number;
  /** Feature bits 0 to 31. */
  readonly features: number;
  readonly queues: number;
  /** Its configuration, which the driver reads. */
  readonly configuration: Uint8Array;
  /** Serves a request. Returns how many bytes it has written. Throws `BadQueue` for what is no request. */
  serve(queue: number, chain: Chain): number;
}

/** PCI configuration space. */
const CONFIGURATION_BYTES = 0x100;
const COMMAND = 0x04, STATUS = 0x06, CLASS = 0x08, BAR0 = 0x10, SUBSYSTEM = 0x2c, CAPABILITIES = 0x34;
const INTERRUPT_LINE = 0x3c, INTERRUPT_PIN = 0x3d;
const RED_HAT = 0x1af4, MODERN = 0x1040, REVISION = 1;
const MEMORY = 2, MASTER = 4, NO_INTX = 0x400, INTERRUPT_STATUS = 8, HAS_CAPABILITIES = 0x10;
/** Where the parts of the BAR lie, and what it takes. */
const Part = { COMMON: 0, ISR: 0x1000, DEVICE: 0x2000, NOTIFY: 0x3000 } as const;
const BAR_BYTES = 0x4000, PART_BYTES = 0x1000;
/** Capabilities: vendor-specific ones of 16 bytes, of 20 where a number follows. Section 4.1.4. */
const VENDOR_SPECIFIC = 9, FIRST_CAPABILITY = 0x40;
const CAPABILITY_TYPES = [
  { type: 1, offset: Part.COMMON, size: 16 },
  { type: 3, offset: Part.ISR, size: 16 },
  { type: 4, offset: Part.DEVICE, size: 16 },
  { type: 2, offset: Part.NOTIFY, size: 20 },
  { type: 5, offset: 0, size: 20 },
] as const;
/** The last of them, a window into the BAR: registers for BAR, offset, length, data. */
const WINDOW = 0x84, WINDOW_OFFSET = WINDOW + 8, WINDOW_LENGTH = WINDOW + 12, WINDOW_DATA = WINDOW + 16;
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
};
const shapeOf = (queues: number): Shape<State> =>
  fields({
    configuration: list(u8, CONFIGURATION_BYTES),
    selects: list(u32, 3),
    features: list(i32, 2),
    status: u8,
    isr: whole(0, 3),
    queues: list(QUEUE_STATE, queues),
  });

/** The function. */
export class VirtioPci implements PciFunction, MmioRange, Stateful<State> {
  readonly stateFormat: StateFormat<State>;
  readonly bytes = BAR_BYTES;
  readonly #values = new Uint8Array(CONFIGURATION_BYTES);
  readonly #view = new DataView(this.#values.buffer);
  readonly #writable = new Uint8Array(CONFIGURATION_BYTES);
  readonly #queues: readonly Virtqueue[];
  /** Selected half of the device's features, of the driver's, and queue. */
  readonly #selects = [0, 0, 0];
  /** What the driver has accepted. */
  readonly #features = [0, 0];
  #status = 0;
  #isr = 0;

  /**
   * @param line number that configuration space tells of the interrupt line
   * @param base physical address of the BAR, as firmware would set it; undefined: firmware will
   */
  constructor(
    readonly device: VirtioDevice,
    dma: Dma,
    readonly interrupt: (level: boolean) => void,
    { line, base }: { readonly line: number; readonly base: number | undefined },
  ) {
    this.#queues = Array.from({ length: device.queues }, () => new Virtqueue(dma));
    this.stateFormat = { version: 1, shape: shapeOf(device.queues) };
    const view = this.#view, writable = new DataView(this.#writable.buffer);
    view.setUint32(0, RED_HAT | ((MODERN + device.type) << 16), true);
    view.setUint32(CLASS, device.classCode | REVISION, true);
    view.setUint16(STATUS, HAS_CAPABILITIES, true);
    view.setUint32(SUBSYSTEM, RED_HAT | ((MODERN + device.type) << 16), true);
    view.setUint8(CAPABILITIES, FIRST_CAPABILITY);
    view.setUint8(INTERRUPT_LINE, line);
    view.setUint8(INTERRUPT_PIN, 1);
    if (base !== undefined) {
      view.setUint32(BAR0, base, true);
      view.setUint16(COMMAND, MEMORY | MASTER, true);
    }
    writable.setUint16(COMMAND, MEMORY | MASTER | NO_INTX, true);
    writable.setInt32(BAR0, -BAR_BYTES, true);
    writable.setUint8(INTERRUPT_LINE, 0xff);
    let at = FIRST_CAPABILITY;
    for (const [n, { type, offset, size }] of CAPABILITY_TYPES.entries()) {
      const next = n + 1 < CAPABILITY_TYPES.length ? at + size : 0;
      this.#values.set([VENDOR_SPECIFIC, next, size, type], at);
      view.setUint32(at + 8, offset, true);
      view.setUint32(at + 12, type === 5 ? 0 : PART_BYTES, true);
      at += size;
    }
    writable.setUint32(WINDOW_OFFSET, -1, true);
    writable.setUint32(WINDOW_LENGTH, -1, true);
  }

  /** Where the BAR is; undefined: it answers nowhere. */
  get base(): number | undefined {
    const isOn = (this.#view.getUint16(COMMAND, true) & MEMORY) !== 0;
    return isOn ? this.#view.getUint32(BAR0, true) : undefined;
  }

  readConfiguration(register: number): number {
    if (register === WINDOW_DATA) {
      const window = this.#window();
      return window === undefined ? 0 : this.read(window.offset, window.size);
    }
    const pending = register === COMMAND && this.#isr !== 0 ? INTERRUPT_STATUS << 16 : 0;
    return this.#view.getInt32(register, true) | pending;
  }

  writeConfiguration(register: number, value: number, mask: number): void {
    if (register === WINDOW_DATA) {
      const window = this.#window();
      if (window !== undefined) this.write(window.offset, value, window.size);
      return;
    }
    for (let byte = 0; byte < 4; byte++) {
      const at = register + byte, bits = this.#writable[at]! & (mask >>> (8 * byte));
      this.#values[at] = (this.#values[at]! & ~bits) | ((value >>> (8 * byte)) & bits);
    }
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
      default:
        return 0;
    }
  }

  write(offset: number, value: number, _size: AccessSize): void {
    if (offset < Common.END) this.#writeCommon(offset, value);
    else if (offset === Part.NOTIFY) this.#notify(value & 0xffff);
  }

  saveState(): State {
    return {
      configuration: [...this.#values],
      selects: [...this.#selects],
      features: [...this.#features],
      status: this.#status,
      isr: this.#isr,
      queues: this.#queues.map((queue) => queue.save()),
    };
  }

  loadState({ configuration, selects, features, status, isr, queues }: State): void {
    for (const [at, value] of configuration.entries()) {
      const bits = this.#writable[at]!;
      this.#values[at] = (this.#values[at]! & ~bits) | (value & bits);
    }
    for (const [n, select] of selects.entries()) this.#selects[n] = select;
    for (const [n, half] of features.entries()) this.#features[n] = half;
    this.#status = status;
    this.#isr = isr;
    for (const [n, queue] of queues.entries()) this.#queues[n]!.load(queue);
  }

  /** What the window shows; undefined: nothing that there is. */
  #window(): { offset: number; size: AccessSize } | undefined {
    const offset = this.#view.getUint32(WINDOW_OFFSET, true);
    const size = this.#view.getUint32(WINDOW_LENGTH, true);
    if ((size !== 1 && size !== 2 && size !== 4) || offset % size !== 0 || offset >= BAR_BYTES) {
      return undefined;
    }
    return { offset, size };
  }

  #offered(half: number): number {
    return half === 0 ? this.device.features : half === 1 ? VERSION_1 : 0;
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
    view.setUint16(Common.CONFIG_MSIX, NO_VECTOR, true);
    view.setUint16(Common.QUEUES, this.#queues.length, true);
    view.setUint8(Common.STATUS, this.#status);
    view.setUint16(Common.QUEUE_SELECT, select!, true);
    view.setUint16(Common.QUEUE_MSIX, NO_VECTOR, true);
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
      this.#drive();
      return;
    }
    const fits = this.#features.every((half, n) => (half & ~this.#offered(n)) === 0) &&
      this.#features[1] === VERSION_1;
    const accepted = fits ? value : value & ~DeviceStatus.FEATURES_OK;
    this.#status = accepted | (this.#status & DeviceStatus.NEEDS_RESET);
  }

  #notify(number: number): void {
    const queue = this.#queues[number];
    const isMaster = (this.#view.getUint16(COMMAND, true) & MASTER) !== 0;
    const isRunning = (this.#status & (DeviceStatus.DRIVER_OK | DeviceStatus.NEEDS_RESET)) ===
      DeviceStatus.DRIVER_OK;
    if (queue === undefined || queue.enabled === 0 || !isMaster || !isRunning) return;
    try {
      if (queue.serve((chain) => this.device.serve(number, chain))) this.#isr |= Isr.QUEUE;
    } catch (error) {
      if (!(error instanceof BadQueue)) throw error;
      this.#status |= DeviceStatus.NEEDS_RESET;
      this.#isr |= Isr.CONFIGURATION;
    }
    this.#drive();
  }

  /** The interrupt line is up while the ISR has a bit, unless software turned it off. */
  #drive(): void {
    this.interrupt(this.#isr !== 0 && (this.#view.getUint16(COMMAND, true) & NO_INTX) === 0);
  }
}

/** An access to bytes; what is behind them reads as 0. */
function part(bytes: Uint8Array, at: number, size: AccessSize): number {
  let value = 0;
  for (let byte = 0; byte < size; byte++) value |= (bytes[at + byte] ?? 0) << (8 * byte);
  return value;
}
