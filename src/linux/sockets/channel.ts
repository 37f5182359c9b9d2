/** What is on its way to a socket: bytes or packets, and what comes with them. */
import { Errno, fail } from "../abi/errno.ts";
import { type OpenFile, WOULD_BLOCK } from "../files/open_file.ts";

/** Who sent something: SCM_CREDENTIALS of unix(7). */
export interface Sender {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** What a message has besides its bytes. */
export interface Envelope {
  /** Files that come with it; each counts as a reference. */
  readonly files?: readonly OpenFile[];
  readonly sender?: Sender;
  /** `struct sockaddr` of the socket that sent it. */
  readonly from?: Uint8Array;
}

interface Message extends Envelope {
  readonly bytes: Uint8Array;
  start: number;
}

/** What was received: the bytes are in the buffer given. */
export interface Received extends Envelope {
  readonly length: number;
  /** Length of the packet, more than `length` if it was cut. */
  readonly whole: number;
}

/** What a message costs besides its bytes, so that empty ones are not free. */
const OVERHEAD = 256;
/** Messages of a stream that are shorter go on in the last one's buffer. */
const JOINED = 4096;

/** A queue of bytes (`packets` is false) or of messages that stay units. */
export class Channel {
  readonly #messages: Message[] = [];
  #used = 0;
  /** Bytes to be read. */
  length = 0;
  /** Nobody writes any more. */
  ended = false;
  /** Nobody reads any more. */
  abandoned = false;
  /** Counts what a reader, and a writer, may want to know. */
  arrivals = 0;
  departures = 0;
  #refused = false;

  constructor(readonly packets: boolean, public capacity = 0x3_4000) {}

  get empty(): boolean {
    return this.#messages.length === 0;
  }

  get full(): boolean {
    return this.#used >= this.capacity;
  }

  /** Puts a message in: bytes taken, or `WOULD_BLOCK`. Takes over the references of its files. */
  put(bytes: Uint8Array, envelope: Envelope = {}): number {
    const room = this.capacity - this.#used;
    if (this.packets) {
      if (bytes.length > this.capacity) fail(Errno.EMSGSIZE);
      if (room < bytes.length && this.#messages.length > 0) return this.#refuse();
    } else if (room <= 0) return this.#refuse();
    const part = this.packets ? bytes : bytes.subarray(0, room);
    if (part.length < bytes.length) this.#refused = true;
    this.#messages.push({ ...envelope, bytes: part.slice(), start: 0 });
    this.#used += part.length + (part.length < JOINED ? OVERHEAD : 0);
    this.length += part.length;
    this.arrivals++;
    return part.length;
  }

  #refuse(): number {
    this.#refused = true;
    return WOULD_BLOCK;
  }

  /** Takes bytes or a packet out, or looks at them only; undefined if there is nothing. */
  take(target: Uint8Array, peeks = false): Received | undefined {
    const first = this.#messages[0];
    if (first === undefined) return undefined;
    let done = 0, at = 0, whole = 0, files: readonly OpenFile[] | undefined;
    for (;;) {
      const message = this.#messages[at];
      // A read of a stream does not go on behind files, and not from one sender to the next.
      if (message === undefined || files !== undefined || message.sender?.pid !== first.sender?.pid) break;
      const left = message.bytes.length - message.start;
      const length = Math.min(left, target.length - done);
      target.set(message.bytes.subarray(message.start, message.start + length), done);
      done += length;
      whole = left;
      files = message.files;
      if (peeks) at++;
      else if (length < left && !this.packets) this.#consume(message, length);
      else this.#drop(left);
      if (this.packets || done === target.length) break;
    }
    const { sender, from } = first;
    const taken = { length: done, whole: this.packets ? whole : done };
    return {
      ...taken,
      ...(files === undefined ? {} : { files }),
      ...(sender === undefined ? {} : { sender }),
      ...(from === undefined ? {} : { from }),
    };
  }

  #drop(left: number): void {
    const message = this.#messages.shift()!;
    const { length } = message.bytes;
    this.#used -= left + (length < JOINED ? OVERHEAD : 0);
    this.length -= left;
    this.#depart();
  }

  #consume(message: Message, length: number): void {
    // The files have gone with the first byte.
    this.#messages[0] = { bytes: message.bytes, start: message.start + length, ...rest(message) };
    this.#used -= length;
    this.length -= length;
    this.#depart();
  }

  #depart(): void {
    if (this.#refused) this.departures++;
    this.#refused = false;
  }

  /** The writer goes. */
  end(): void {
    this.ended = true;
    this.arrivals++;
  }

  /** The reader goes; what is left is lost. */
  abandon(): void {
    this.abandoned = true;
    this.departures++;
    for (const { files } of this.#messages) for (const file of files ?? []) file.release();
    this.#messages.length = 0;
    this.#used = this.length = 0;
  }
}

/** What stays with the rest of a stream's message of which a part was read. */
function rest({ sender, from }: Message): Envelope {
  return { ...(sender === undefined ? {} : { sender }), ...(from === undefined ? {} : { from }) };
}
