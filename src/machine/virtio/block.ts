/** The block device. Virtio 1.2, section 5.2. */
import { type Disk, DiskError, SECTOR } from "../disk.ts";
import { gather, lengthOf, scatter, split } from "./buffers.ts";
import { BadQueue, type Buffer, type Chain, type Dma, QUEUE_SIZE } from "./virtqueue.ts";
import type { VirtioDevice } from "./pci_transport.ts";

const BLOCK = 2, MASS_STORAGE = 0x0100_0000;
/** Features: segments have a limit; flushes. */
const SEG_MAX = 1 << 2, FLUSH_FEATURE = 1 << 9;
/** Configuration: capacity in sectors, most segments of a request. */
const CONFIGURATION_BYTES = 16, SEG_MAX_AT = 12;
/** Requests: type, reserved, sector; then data; then a byte of status. */
const HEADER = 16, SECTOR_AT = 8;
const Request = { IN: 0, OUT: 1, FLUSH: 4, GET_ID: 8 } as const;
const Status = { OK: 0, IOERR: 1, UNSUPP: 2 } as const;
const ID_BYTES = 20;

/** How a request ended: its status, and the bytes written before that. */
interface Outcome {
  readonly status: number;
  readonly written: number;
}

/** A disk as a virtio device. */
export class VirtioBlock implements VirtioDevice {
  readonly type = BLOCK;
  readonly classCode = MASS_STORAGE;
  readonly features: number = SEG_MAX | FLUSH_FEATURE;
  readonly queues = 1;
  readonly configuration = new Uint8Array(CONFIGURATION_BYTES);
  readonly #id: Uint8Array;

  constructor(readonly disk: Disk, readonly dma: Dma, name: string) {
    const view = new DataView(this.configuration.buffer);
    view.setBigUint64(0, BigInt(disk.size / SECTOR), true);
    // Header and status are segments, too.
    view.setUint32(SEG_MAX_AT, QUEUE_SIZE - 2, true);
    this.#id = new Uint8Array(ID_BYTES);
    this.#id.set(new TextEncoder().encode(name).subarray(0, ID_BYTES));
  }

  serve(_queue: number, { readable, writable }: Chain): number {
    const header = new Uint8Array(HEADER), data = split(readable, HEADER);
    gather(data.first, header);
    const room = lengthOf(writable);
    if (lengthOf(data.first) < HEADER || room === 0) throw new BadQueue("no request of a block device");
    const answer = split(writable, room - 1), view = new DataView(header.buffer);
    const at = Number(view.getBigUint64(SECTOR_AT, true)) * SECTOR;
    const { status, written } = this.#attempt(view.getUint32(0, true), at, data.rest, answer.first);
    const [last] = answer.rest;
    last!.bytes[0] = status;
    this.dma.wrote(last!.address, 1);
    return written + 1;
  }

  #attempt(type: number, at: number, from: readonly Buffer[], to: readonly Buffer[]): Outcome {
    try {
      return this.#do(type, at, from, to);
    } catch (error) {
      if (error instanceof DiskError) return { status: Status.IOERR, written: 0 };
      throw error;
    }
  }

  #do(type: number, at: number, from: readonly Buffer[], to: readonly Buffer[]): Outcome {
    const length = lengthOf(type === Request.OUT ? from : to);
    const fits = length % SECTOR === 0 && at + length <= this.disk.size;
    switch (type) {
      case Request.IN:
        if (!fits) return { status: Status.IOERR, written: 0 };
        this.#each(at, to, (place, bytes) => this.disk.read(place, bytes));
        for (const { address, bytes } of to) this.dma.wrote(address, bytes.length);
        return { status: Status.OK, written: length };
      case Request.OUT:
        if (!fits) return { status: Status.IOERR, written: 0 };
        this.#each(at, from, (place, bytes) => this.disk.write(place, bytes));
        return { status: Status.OK, written: 0 };
      case Request.FLUSH:
        this.disk.flush();
        return { status: Status.OK, written: 0 };
      case Request.GET_ID:
        return { status: Status.OK, written: scatter(this.#id, to, this.dma) };
      default:
        return { status: Status.UNSUPP, written: 0 };
    }
  }

  #each(at: number, buffers: readonly Buffer[], use: (at: number, bytes: Uint8Array) => void): void {
    let place = at;
    for (const { bytes } of buffers) {
      use(place, bytes);
      place += bytes.length;
    }
  }
}
