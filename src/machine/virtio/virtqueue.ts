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

/** Descriptors: address, length, flags, next. */
const DESCRIPTOR = 16, LENGTH = 8, FLAGS = 12, NEXT = 14;
const HAS_NEXT = 1, WRITABLE = 2, INDIRECT = 4;
/** Both rings: flags, index, entries. */
const INDEX = 2, RING = 4, USED_ENTRY = 8;
const NO_INTERRUPT = 1;

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
   * Takes all requests that are there and gives them back. `serve` answers how many bytes it has written. Returns whether
   * the driver wants an interrupt.
   *
   * @throws {BadQueue} if the driver has broken the rules
   */
  serve(serve: (chain: Chain) => number): boolean {
    // Read once: the guest does not run meanwhile, and a request that writes over this index must not go on for ever.
    const available = this.#word(1, INDEX), waiting = (available - this.#taken) & 0xffff;
    if (waiting > this.size) throw new BadQueue("more requests than entries");
    while (this.#taken !== available) {
      const head = this.#word(1, RING + 2 * (this.#taken % this.size)), chain = this.#chain(head);
      this.#taken = (this.#taken + 1) & 0xffff;
      this.#giveBack(head, serve(chain));
    }
    return waiting !== 0 && (this.#word(1, 0) & NO_INTERRUPT) === 0;
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

  /** The buffers of a request. It has at most as many descriptors as the table, so that circles end. */
  #chain(head: number): Chain {
    const readable: Buffer[] = [], writable: Buffer[] = [];
    let index = head;
    for (let count = 0; count < this.size; count++) {
      if (index >= this.size) throw new BadQueue("no such descriptor");
      const at = index * DESCRIPTOR, { bytes } = this.#at(0, at, DESCRIPTOR), view = viewOf(bytes);
      const flags = view.getUint16(FLAGS, true);
      if ((flags & INDIRECT) !== 0) throw new BadQueue("indirect descriptors were not offered");
      const address = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
      const buffer = { address, bytes: this.#ram(address, view.getUint32(LENGTH, true)) };
      if ((flags & WRITABLE) !== 0) writable.push(buffer);
      else if (writable.length > 0) throw new BadQueue("a buffer to be read behind one to be written");
      else readable.push(buffer);
      if ((flags & HAS_NEXT) === 0) return { readable, writable };
      index = view.getUint16(NEXT, true);
    }
    throw new BadQueue("a chain longer than the queue");
  }

  #giveBack(head: number, written: number): void {
    const entry = this.#at(2, RING + USED_ENTRY * (this.#used % this.size), USED_ENTRY);
    viewOf(entry.bytes).setUint32(0, head, true);
    viewOf(entry.bytes).setUint32(4, written, true);
    this.dma.wrote(entry.address, USED_ENTRY);
    this.#used = (this.#used + 1) & 0xffff;
    const index = this.#at(2, INDEX, 2);
    viewOf(index.bytes).setUint16(0, this.#used, true);
    this.dma.wrote(index.address, 2);
  }

  #word(area: 0 | 1 | 2, offset: number): number {
    return viewOf(this.#at(area, offset, 2).bytes).getUint16(0, true);
  }

  #at(area: 0 | 1 | 2, offset: number, length: number): Buffer {
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
