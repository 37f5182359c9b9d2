/** Split virtqueues. Virtio 1.2, section 2.7. */
import { fields, list, type Shape, u16, u32, whole } from "../../snapshot/shape.ts";

/** RAM, as a bus master reaches it. */
export interface Dma {
  /** The bytes themselves; undefined if not all of them are RAM. */
  view(address: number, length: number): Uint8Array | undefined;
  /** Must be told when such bytes have been written. */
  wrote(address: number, length: number): void;
}

/** A buffer of the driver's, within RAM. */
export interface Buffer {
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** What the driver gives with one request: what the device reads, and what it writes. */
export interface Chain {
  readonly readable: readonly Buffer[];
  readonly writable: readonly Buffer[];
}

/** The driver has broken the rules of the queue: the device needs a reset. */
export class BadQueue extends Error {
  override readonly name = "BadQueue";
}

/** Most entries of a queue; it is what the driver finds. */
export const QUEUE_SIZE = 128;
/** Features of the queues themselves, whatever device they belong to. Section 6. */
export const QueueFeature = { INDIRECT: 1 << 28, EVENT_INDEX: 1 << 29 } as const;

/** Descriptors: address, length, flags, next. */
const DESCRIPTOR = 16, LENGTH = 8, FLAGS = 12, NEXT = 14;
const HAS_NEXT = 1, WRITABLE = 2, INDIRECT = 4;
/** Both rings: flags, index, entries; behind these the index at which the other side wants to be told. */
const INDEX = 2, RING = 4, AVAILABLE_ENTRY = 2, USED_ENTRY = 8;
const NO_INTERRUPT = 1;
/** Most bytes of a request. Section 2.7.5.2. */
const MOST_BYTES = 2 ** 32;
/** The queue's areas in RAM. Section 2.7. */
const Area = { DESCRIPTORS: 0, DRIVER: 1, DEVICE: 2 } as const;
type Area = typeof Area[keyof typeof Area];

/** Registers of a queue. Addresses are in two halves each. */
export type QueueState = {
  readonly size: number;
  readonly enabled: number;
  readonly addresses: readonly number[];
  readonly taken: number;
  readonly used: number;
};
export const QUEUE_STATE: Shape<QueueState> = fields({
  size: whole(0, QUEUE_SIZE),
  enabled: whole(0, 1),
  addresses: list(u32, 6),
  taken: u16,
  used: u16,
});

/**
 * Serves a request: answers how many bytes it has written. Undefined: not now; the request stays with the driver until the
 * queue is served again.
 */
export type Serve = (chain: Chain) => number | undefined;

/** A queue. */
export class Virtqueue {
  size = QUEUE_SIZE;
  enabled = 0;
  /** Descriptor area, driver area, device area: low and high halves. */
  readonly addresses: number[] = [0, 0, 0, 0, 0, 0];
  /** How many requests were taken from the driver, and given back, modulo 2^16. */
  #taken = 0;
  #used = 0;

  constructor(readonly dma: Dma) {}

  /**
   * Takes the requests that are there, as far as `serve` serves them, and gives them back. Returns whether the driver wants
   * an interrupt.
   *
   * @param features those of the queue that the driver has accepted
   * @throws {BadQueue} if the driver has broken the rules
   */
  serve(features: number, serve: Serve): boolean {
    // Read once: the guest does not run meanwhile, and a request that writes over this index must not go on for ever.
    const available = this.#word(Area.DRIVER, INDEX), waiting = (available - this.#taken) & 0xffff;
    if (waiting > this.size) throw new BadQueue("more requests than entries");
    const before = this.#used;
    while (this.#taken !== available) {
      const head = this.#word(Area.DRIVER, RING + AVAILABLE_ENTRY * (this.#taken % this.size));
      const written = serve(this.#chain(head, features));
      if (written === undefined) break;
      this.#taken = (this.#taken + 1) & 0xffff;
      this.#giveBack(head, written);
    }
    const done = (this.#used - before) & 0xffff;
    if ((features & QueueFeature.EVENT_INDEX) === 0) {
      return done !== 0 && (this.#word(Area.DRIVER, 0) & NO_INTERRUPT) === 0;
    }
    this.#put(RING + USED_ENTRY * this.size, this.#taken);
    // Sections 2.7.7.2 and 2.7.10: an interrupt for the request that used_event counts to.
    const wanted = this.#word(Area.DRIVER, RING + AVAILABLE_ENTRY * this.size);
    return ((this.#used - wanted - 1) & 0xffff) < done;
  }

  reset(): void {
    this.load({ size: QUEUE_SIZE, enabled: 0, addresses: [0, 0, 0, 0, 0, 0], taken: 0, used: 0 });
  }

  save(): QueueState {
    const { size, enabled } = this;
    return { size, enabled, addresses: [...this.addresses], taken: this.#taken, used: this.#used };
  }

  load({ size, enabled, addresses, taken, used }: QueueState): void {
    this.size = size;
    this.enabled = enabled;
    for (const [n, half] of addresses.entries()) this.addresses[n] = half;
    this.#taken = taken;
    this.#used = used;
  }

  /** The buffers of a request. It has at most as many descriptors as its table, and as a queue, so that circles end. */
  #chain(head: number, features: number): Chain {
    const readable: Buffer[] = [], writable: Buffer[] = [];
    let table: Uint8Array | undefined, entries = this.size, index = head, total = 0;
    for (let count = 0; count < QUEUE_SIZE;) {
      if (index >= entries || count >= this.size && table === undefined) {
        throw new BadQueue("no such descriptor");
      }
      const at = index * DESCRIPTOR;
      const view = viewOf(
        table?.subarray(at, at + DESCRIPTOR) ?? this.#at(Area.DESCRIPTORS, at, DESCRIPTOR).bytes,
      );
      const flags = view.getUint16(FLAGS, true), length = view.getUint32(LENGTH, true);
      const address = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
      const bytes = this.#ram(address, length);
      if ((flags & INDIRECT) !== 0) {
        const isTable = table === undefined && (flags & HAS_NEXT) === 0 && length !== 0 &&
          length % DESCRIPTOR === 0;
        if (!isTable || (features & QueueFeature.INDIRECT) === 0) {
          throw new BadQueue("no table of descriptors");
        }
        [table, entries, index] = [bytes, length / DESCRIPTOR, 0];
        continue;
      }
      count++;
      total += length;
      if (total > MOST_BYTES) throw new BadQueue("a request of more than 4 GB");
      if ((flags & WRITABLE) !== 0) writable.push({ address, bytes });
      else if (writable.length > 0) throw new BadQueue("a buffer to be read behind one to be written");
      else readable.push({ address, bytes });
      if ((flags & HAS_NEXT) === 0) return { readable, writable };
      index = view.getUint16(NEXT, true);
    }
    throw new BadQueue("a chain longer than the queue");
  }

  #giveBack(head: number, written: number): void {
    const entry = this.#at(Area.DEVICE, RING + USED_ENTRY * (this.#used % this.size), USED_ENTRY);
    viewOf(entry.bytes).setUint32(0, head, true);
    viewOf(entry.bytes).setUint32(4, written, true);
    this.dma.wrote(entry.address, USED_ENTRY);
    this.#used = (this.#used + 1) & 0xffff;
    this.#put(INDEX, this.#used);
  }

  #word(area: Area, offset: number): number {
    return viewOf(this.#at(area, offset, 2).bytes).getUint16(0, true);
  }

  /** Writes a word of the device area. */
  #put(offset: number, value: number): void {
    const { address, bytes } = this.#at(Area.DEVICE, offset, 2);
    viewOf(bytes).setUint16(0, value, true);
    this.dma.wrote(address, 2);
  }

  #at(area: Area, offset: number, length: number): Buffer {
    const address = this.addresses[2 * area]! + this.addresses[2 * area + 1]! * 2 ** 32 + offset;
    return { address, bytes: this.#ram(address, length) };
  }

  #ram(address: number, length: number): Uint8Array {
    const bytes = this.dma.view(address, length);
    if (bytes === undefined) throw new BadQueue("an address outside RAM");
    return bytes;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
