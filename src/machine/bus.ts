/** I/O ports and memory-mapped devices: which chip answers where. */
import type { Mmio } from "../memory/mmio.ts";

/** Size of an access in bytes. */
export type AccessSize = 1 | 2 | 4;

/** A chip behind I/O ports. Its registers have 8 bits each unless it takes wider accesses itself. */
export interface PortDevice {
  /** First port, and how many there are. */
  readonly ports: readonly [first: number, count: number];
  /** Whether it takes accesses of 2 and 4 bytes itself; others are split into bytes. */
  readonly wide?: boolean;
  /** Reads a register; `offset` counts from the first port. */
  in(offset: number, size: AccessSize): number;
  out(offset: number, value: number, size: AccessSize): void;
}

/** A chip behind a page of host-physical addresses. */
export interface MmioDevice {
  /** Host-physical address of its page. */
  readonly page: number;
  read(offset: number, size: AccessSize): number;
  write(offset: number, value: number, size: AccessSize): void;
}

/** A chip behind a range of host-physical addresses that software can move. */
export interface MmioRange {
  /** Where it is now, a multiple of its size; undefined: nowhere. */
  readonly base: number | undefined;
  readonly bytes: number;
  read(offset: number, size: AccessSize): number;
  write(offset: number, value: number, size: AccessSize): void;
}

/** Value of a bus that nobody drives. */
export const ALL_ONES: Readonly<Record<AccessSize, number>> = { 1: 0xff, 2: 0xffff, 4: -1 };

/** The machine's bus. Ports and addresses without a device read as ones; writes to them go nowhere. */
export class Bus implements Mmio {
  readonly #ports = new Map<number, PortDevice>();
  readonly #movablePorts: PortDevice[] = [];
  readonly #pages = new Map<number, MmioDevice>();
  readonly #ranges: MmioRange[] = [];

  /** Puts a chip behind its ports. */
  addPorts(device: PortDevice): void {
    const [first, count] = device.ports;
    for (let port = first; port < first + count; port++) this.#ports.set(port, device);
  }

  /** Puts a chip behind ports that software can move: `ports` tells where they are now. Fixed ones come before them. */
  addMovablePorts(device: PortDevice): void {
    this.#movablePorts.push(device);
  }

  /** Puts a chip behind its page. */
  addPage(device: MmioDevice): void {
    this.#pages.set(device.page, device);
  }

  /** Puts a chip behind its range. Pages come before ranges. */
  addRange(device: MmioRange): void {
    this.#ranges.push(device);
  }

  /** Whether a chip is behind a port. */
  hasPort(port: number): boolean {
    return this.#ports.has(port);
  }

  /** Whether a chip is behind the page at a host-physical address. */
  hasPage(page: number): boolean {
    return this.#pages.has(page);
  }

  /** IN: a value of `size` bytes. */
  in(port: number, size: AccessSize): number {
    const device = this.#ports.get(port) ?? this.#movableAt(port);
    if (size === 1 || device?.wide === true) {
      return device === undefined ? ALL_ONES[size] : device.in(port - device.ports[0], size);
    }
    let value = 0;
    for (let byte = 0; byte < size; byte++) value |= this.in((port + byte) & 0xffff, 1) << (8 * byte);
    return value;
  }

  /** OUT. */
  out(port: number, size: AccessSize, value: number): void {
    const device = this.#ports.get(port) ?? this.#movableAt(port);
    if (size === 1 || device?.wide === true) {
      device?.out(port - device.ports[0], size === 4 ? value : value & ALL_ONES[size], size);
      return;
    }
    for (let byte = 0; byte < size; byte++) {
      this.out((port + byte) & 0xffff, 1, (value >>> (8 * byte)) & 0xff);
    }
  }

  read(hpa: number, size: AccessSize): number {
    const offset = hpa % 0x1000;
    const page = this.#pages.get(hpa - offset);
    if (page !== undefined) return page.read(offset, size);
    const range = this.#rangeAt(hpa);
    return range?.read(hpa - range.base!, size) ?? ALL_ONES[size];
  }

  write(hpa: number, size: AccessSize, value: number): void {
    const offset = hpa % 0x1000;
    const page = this.#pages.get(hpa - offset);
    if (page !== undefined) return page.write(offset, value, size);
    const range = this.#rangeAt(hpa);
    range?.write(hpa - range.base!, value, size);
  }

  #movableAt(port: number): PortDevice | undefined {
    return this.#movablePorts.find(({ ports: [first, count] }) => port >= first && port < first + count);
  }

  #rangeAt(hpa: number): MmioRange | undefined {
    return this.#ranges.find(({ base, bytes }) => base !== undefined && hpa >= base && hpa < base + bytes);
  }
}
