/** Pipes and FIFOs. pipe(7). */
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

/** A page of a pipe: its bytes from `start` on are still to be read. */
interface Chunk {
  bytes: Uint8Array;
  start: number;
  end: number;
}

/**
 * Bytes on their way, oldest first. As in Linux, a pipe has room for so many pages, and a write begins a new one where
 * its odd end does not fit into the last.
 */
export class PipeBuffer {
  readers = 0;
  writers = 0;
  /** Counts those who have ever opened it to read, and to write. */
  readersSeen = 0;
  writersSeen = 0;
  length = 0;
  /** Counts what a reader, and a writer, may want to know. */
  arrivals = 0;
  departures = 0;
  readonly #chunks: Chunk[] = [];
  /** A page that has been read, for the next one. */
  #spare: Uint8Array | undefined;

  constructor(public capacity = 0x1_0000) {}

  /** Takes bytes out; 0 if there are none. */
  read(target: Uint8Array): number {
    let done = 0;
    while (done < target.length && this.#chunks.length > 0) {
      const chunk = this.#chunks[0]!;
      const part = Math.min(chunk.end - chunk.start, target.length - done);
      copyBytes(target, done, chunk.bytes, chunk.start, part);
      done += part;
      chunk.start += part;
      if (chunk.start === chunk.end) {
        this.#chunks.shift();
        this.#spare = chunk.bytes;
      }
      this.length -= part;
    }
    if (done > 0) this.departures++;
    return done;
  }

  get empty(): boolean {
    return this.#chunks.length === 0;
  }

  /** True if nothing can be written now. */
  get full(): boolean {
    return this.#chunks.length * PAGE >= this.capacity;
  }

  /** Puts bytes in: how many, or `WOULD_BLOCK`. */
  write(bytes: Uint8Array): number {
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
    if (done > 0) this.arrivals++;
    return done === 0 ? WOULD_BLOCK : done;
  }
}

/** An end of a pipe, or a FIFO opened for both. */
export class PipeFile extends OpenFile {
  constructor(readonly buffer: PipeBuffer, path: string, flags: number, readonly fileStatus: FileStatus) {
    super(path, flags);
    if (this.readable) {
      buffer.readers++;
      buffer.readersSeen++;
    }
    if (this.writable) {
      buffer.writers++;
      buffer.writersSeen++;
    }
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

  override changes(): number {
    return this.readable ? this.buffer.arrivals : 0;
  }

  override room(): number {
    return this.writable ? this.buffer.departures : 0;
  }

  override close(): void {
    if (this.readable) this.buffer.readers--;
    if (this.writable) this.buffer.writers--;
  }
}
