/** Pipes, FIFOs and pairs of local sockets. pipe(7), unix(7). */
import { Errno, fail } from "../abi/errno.ts";
import { Mode, Open, Poll } from "../abi/files.ts";
import { type FileStatus, makeStatus } from "../fs/file_system.ts";
import type { Task } from "../task.ts";
import { copyBytes } from "../memory/copy_bytes.ts";
import { OpenFile, WOULD_BLOCK } from "./open_file.ts";

/** Writes of up to this many bytes are not mixed with others. */
const PIPE_BUF = 4096;
const FIONREAD = 0x541b;

/** Bytes in a page of a pipe. */
const PAGE = 4096;

/** A page of a pipe, or a packet: its bytes from `start` on are still to be read. */
interface Chunk {
  bytes: Uint8Array;
  start: number;
  end: number;
}

/**
 * Bytes on their way, oldest first. As in Linux, a pipe has room for so many pages, and a write begins a new one where
 * its odd end does not fit into the last. With `packets`, each write stays a unit and bytes are counted.
 */
export class PipeBuffer {
  readers = 0;
  writers = 0;
  length = 0;
  readonly #chunks: Chunk[] = [];
  /** A page that has been read, for the next one. */
  #spare: Uint8Array | undefined;

  constructor(readonly packets = false, public capacity = 0x1_0000) {}

  /** Takes bytes out; 0 if there are none. */
  read(target: Uint8Array): number {
    let done = 0;
    while (done < target.length && this.#chunks.length > 0) {
      const chunk = this.#chunks[0]!;
      const part = Math.min(chunk.end - chunk.start, target.length - done);
      copyBytes(target, done, chunk.bytes, chunk.start, part);
      done += part;
      chunk.start += part;
      if (chunk.start === chunk.end || this.packets) {
        this.#chunks.shift();
        this.length -= chunk.end - chunk.start; // what a packet's reader leaves is lost
        if (!this.packets) this.#spare = chunk.bytes;
      }
      this.length -= part;
      if (this.packets) break;
    }
    return done;
  }

  /** A look at the bytes without taking them. */
  peek(target: Uint8Array): number {
    let done = 0;
    for (const { bytes, start, end } of this.#chunks) {
      const part = bytes.subarray(start, Math.min(end, start + target.length - done));
      target.set(part, done);
      done += part.length;
      if (this.packets || done === target.length) break;
    }
    return done;
  }

  get empty(): boolean {
    return this.#chunks.length === 0;
  }

  /** True if nothing can be written now. */
  get full(): boolean {
    return this.packets ? this.length >= this.capacity : this.#chunks.length * PAGE >= this.capacity;
  }

  /** Puts bytes in: how many, or `WOULD_BLOCK`. */
  write(bytes: Uint8Array): number {
    return this.packets ? this.#writePacket(bytes) : this.#writePages(bytes);
  }

  #writePacket(bytes: Uint8Array): number {
    if (bytes.length > this.capacity) fail(Errno.EMSGSIZE);
    if (this.length + bytes.length > this.capacity) return WOULD_BLOCK;
    this.#chunks.push({ bytes: bytes.slice(), start: 0, end: bytes.length });
    this.length += bytes.length;
    return bytes.length;
  }

  #writePages(bytes: Uint8Array): number {
    const last = this.#chunks.at(-1);
    const odd = bytes.length % PAGE;
    const merges = odd > 0 && last !== undefined && last.end + odd <= PAGE;
    const room = this.capacity / PAGE - this.#chunks.length;
    const pages = Math.ceil((merges ? bytes.length - odd : bytes.length) / PAGE);
    if (bytes.length <= PIPE_BUF && pages > room) return WOULD_BLOCK;
    let done = 0;
    if (merges) {
      copyBytes(last.bytes, last.end, bytes, 0, odd);
      last.end += odd;
      done = odd;
    }
    for (let i = 0; i < Math.min(pages, room); i++) {
      const part = Math.min(bytes.length - done, PAGE);
      const page = this.#spare ?? new Uint8Array(PAGE);
      this.#spare = undefined;
      copyBytes(page, 0, bytes, done, part);
      this.#chunks.push({ bytes: page, start: 0, end: part });
      done += part;
    }
    this.length += done;
    return done === 0 ? WOULD_BLOCK : done;
  }
}

/** An end of a pipe, or a FIFO opened for both. */
export class PipeFile extends OpenFile {
  constructor(readonly buffer: PipeBuffer, path: string, flags: number, readonly fileStatus: FileStatus) {
    super(path, flags);
    if (this.readable) buffer.readers++;
    if (this.writable) buffer.writers++;
  }

  /** The two ends of a new pipe: for reading, for writing. */
  static pair(flags: number, ino: number): [PipeFile, PipeFile] {
    const buffer = new PipeBuffer();
    const status = makeStatus({ mode: Mode.IFIFO | 0o600, ino, dev: 14 });
    const path = `pipe:[${ino}]`;
    return [
      new PipeFile(buffer, path, flags | Open.RDONLY, status),
      new PipeFile(buffer, path, flags | Open.WRONLY, status),
    ];
  }

  /** A FIFO that has a name. */
  static named(buffer: PipeBuffer, path: string, flags: number, status: FileStatus): PipeFile {
    const kept = flags & (Open.ACCMODE | Open.NONBLOCK);
    if (kept === (Open.WRONLY | Open.NONBLOCK) && buffer.readers === 0) fail(Errno.ENXIO);
    return new PipeFile(buffer, path, kept, status);
  }

  override get copiesWrites(): boolean {
    return true;
  }

  override status(): FileStatus {
    return this.fileStatus;
  }

  override read(target: Uint8Array): number {
    if (target.length === 0) return 0;
    const length = this.buffer.read(target);
    return length > 0 || this.buffer.writers === 0 ? length : WOULD_BLOCK;
  }

  override write(bytes: Uint8Array): number {
    if (this.buffer.readers === 0) fail(Errno.EPIPE);
    return bytes.length === 0 ? 0 : this.buffer.write(bytes);
  }

  override poll(): number {
    let events = 0;
    const { buffer } = this;
    if (this.readable) {
      if (!buffer.empty) events |= Poll.IN | Poll.RDNORM;
      if (buffer.writers === 0) events |= Poll.HUP;
    }
    if (this.writable) {
      if (!buffer.full) events |= Poll.OUT | Poll.WRNORM;
      if (buffer.readers === 0) events |= Poll.ERR;
    }
    return events;
  }

  override ioctl(task: Task, request: number, argument: number): number {
    if (request !== FIONREAD) return super.ioctl(task, request, argument);
    task.memory.setI32(argument, this.buffer.length);
    return 0;
  }

  override close(): void {
    if (this.readable) this.buffer.readers--;
    if (this.writable) this.buffer.writers--;
  }
}

/** One of two sockets that are connected to each other; or a socket that is connected to nothing. */
export class SocketFile extends OpenFile {
  #shutRead = false;
  #shutWrite = false;
  constructor(
    readonly incoming: PipeBuffer | undefined,
    readonly outgoing: PipeBuffer | undefined,
    flags: number,
    readonly type: number,
    readonly ino: number,
  ) {
    super(`socket:[${ino}]`, flags | Open.RDWR);
    if (incoming !== undefined) incoming.readers++;
    if (outgoing !== undefined) outgoing.writers++;
  }

  /** Two sockets connected to each other. `type` is 1 (stream), 2 (datagram) or 5 (sequenced packets). */
  static pair(flags: number, type: number, inodes: readonly [number, number]): [SocketFile, SocketFile] {
    const there = new PipeBuffer(type !== 1, 0x3_4000), back = new PipeBuffer(type !== 1, 0x3_4000);
    return [
      new SocketFile(back, there, flags, type, inodes[0]),
      new SocketFile(there, back, flags, type, inodes[1]),
    ];
  }

  override status(): FileStatus {
    return makeStatus({ mode: Mode.IFSOCK | 0o777, ino: this.ino, dev: 8 });
  }

  override read(target: Uint8Array): number {
    if (this.incoming === undefined) return fail(Errno.ENOTCONN);
    if (!this.incoming.empty) return this.incoming.read(target);
    return this.incoming.writers === 0 || this.#shutRead ? 0 : WOULD_BLOCK;
  }

  override write(bytes: Uint8Array): number {
    if (this.outgoing === undefined) return fail(Errno.ENOTCONN);
    if (this.#shutWrite || this.outgoing.readers === 0) fail(Errno.EPIPE);
    return bytes.length === 0 && this.type === 1 ? 0 : this.outgoing.write(bytes);
  }

  /** shutdown(2): 0 reading, 1 writing, 2 both. */
  shutdown(how: number): void {
    if (this.outgoing === undefined) fail(Errno.ENOTCONN);
    if (how !== 1) this.#shutRead = true;
    if (how !== 0 && !this.#shutWrite) {
      this.#shutWrite = true;
      this.outgoing.writers--;
    }
  }

  override poll(): number {
    if (this.incoming === undefined || this.outgoing === undefined) return Poll.OUT | Poll.HUP;
    let events = 0;
    const ended = this.incoming.writers === 0 || this.#shutRead;
    if (!this.incoming.empty || ended) events |= Poll.IN | Poll.RDNORM;
    if (ended) events |= Poll.RDHUP;
    if (ended && (this.#shutWrite || this.outgoing.readers === 0)) events |= Poll.HUP;
    if (this.outgoing.readers === 0 || !this.outgoing.full) {
      events |= Poll.OUT | Poll.WRNORM;
    }
    return events;
  }

  override ioctl(task: Task, request: number, argument: number): number {
    if (request !== FIONREAD) return super.ioctl(task, request, argument);
    task.memory.setI32(argument, this.incoming?.length ?? 0);
    return 0;
  }

  override close(): void {
    if (this.incoming !== undefined) this.incoming.readers--;
    if (this.outgoing !== undefined && !this.#shutWrite) this.outgoing.writers--;
  }
}
