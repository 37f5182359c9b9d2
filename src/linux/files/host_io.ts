/** The three standard streams of the host, and the terminal they may be. */
import { errnoOfHost, fail } from "../abi/errno.ts";
import { deviceNumber, Mode, Open, Poll } from "../abi/files.ts";
import { type FileStatus, makeStatus } from "../fs/file_system.ts";
import type { Task } from "../task.ts";
import { OpenFile, WOULD_BLOCK } from "./open_file.ts";
import { terminalIoctl, type TerminalState } from "./terminal.ts";

/** Standard streams, as whoever runs the programs provides them. */
export interface HostIo {
  /** Reads standard input, waiting for it: bytes read, 0 at the end. */
  readStdin(target: Uint8Array): number;
  /** Reads what a terminal has without waiting: bytes read, 0 at the end, -1 if nothing has come. */
  tryReadStdin?(target: Uint8Array): number;
  writeStdout(bytes: Uint8Array): void;
  writeStderr(bytes: Uint8Array): void;
  /** True if the stream is a terminal. */
  isTerminal(fd: 0 | 1 | 2): boolean;
  /** Size of the terminal. */
  windowSize(): { readonly columns: number; readonly rows: number };
  /** Characters reach the program one by one, without echo (true), or in edited lines, which are shown if `echoes`. */
  setRaw?(raw: boolean, echoes: boolean): void;
}

/** Standard streams of a library user: input from bytes, output handed over. */
export class CollectedIo implements HostIo {
  #position = 0;
  readonly #input: Uint8Array;
  constructor(
    input: string | Uint8Array = "",
    readonly onStdout: (bytes: Uint8Array) => void = () => {},
    readonly onStderr: (bytes: Uint8Array) => void = () => {},
  ) {
    this.#input = typeof input === "string" ? new TextEncoder().encode(input) : input;
  }
  readStdin(target: Uint8Array): number {
    const part = this.#input.subarray(this.#position, this.#position + target.length);
    target.set(part);
    this.#position += part.length;
    return part.length;
  }
  writeStdout(bytes: Uint8Array): void {
    this.onStdout(bytes);
  }
  writeStderr(bytes: Uint8Array): void {
    this.onStderr(bytes);
  }
  isTerminal(): boolean {
    return false;
  }
  windowSize(): { columns: number; rows: number } {
    return { columns: 80, rows: 25 };
  }
}

/** Bytes read from a terminal at a time, and how often it is looked at. */
const INPUT_BYTES = 4096;
const POLL_MS = 10;

/** Standard input. A terminal is only waited for when no program can run: `wanted` says that somebody does. */
export class HostInput {
  wanted = false;
  #buffer = new Uint8Array(0);
  #ended = false;
  constructor(readonly io: HostIo) {}

  /** Bytes that are there. */
  get available(): number {
    return this.#buffer.length;
  }

  /** True if a read would not wait. */
  get ready(): boolean {
    if (!this.io.isTerminal(0) || this.#buffer.length > 0 || this.#ended) return true;
    this.wanted = true;
    return false;
  }

  /** Reads what is there, or `WOULD_BLOCK`. */
  read(target: Uint8Array): number {
    if (!this.io.isTerminal(0)) return this.io.readStdin(target);
    if (this.#buffer.length === 0) {
      if (this.#ended) {
        this.#ended = false; // the end a user types is passed on once
        return 0;
      }
      this.wanted = true;
      return WOULD_BLOCK;
    }
    const part = this.#buffer.subarray(0, target.length);
    target.set(part);
    this.#buffer = this.#buffer.subarray(part.length);
    return part.length;
  }

  /** Waits for input. */
  fill(): void {
    const buffer = new Uint8Array(INPUT_BYTES);
    this.#take(buffer, this.io.readStdin(buffer));
  }

  /** Waits for input, but not longer than this. False if none has come. */
  fillWithin(milliseconds: number): boolean {
    if (this.io.tryReadStdin === undefined) return false;
    const buffer = new Uint8Array(INPUT_BYTES);
    const end = performance.now() + milliseconds;
    for (;;) {
      const length = this.io.tryReadStdin(buffer);
      if (length >= 0) {
        this.#take(buffer, length);
        return true;
      }
      const left = end - performance.now();
      if (left <= 0) return false;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Math.min(left, POLL_MS));
    }
  }

  #take(buffer: Uint8Array<ArrayBuffer>, length: number): void {
    this.wanted = false;
    if (length === 0) this.#ended = true;
    this.#buffer = buffer.subarray(0, length);
  }
}

/** The host's terminal among the programs' devices. */
export const CONSOLE = {
  path: "/dev/console",
  status: makeStatus({
    mode: Mode.IFCHR | 0o620,
    dev: 6,
    ino: 22,
    rdev: deviceNumber(5, 1),
    blksize: 1024,
  }),
} as const;

/** A standard stream as an open file. */
export class HostStream extends OpenFile {
  readonly isTerminal: boolean;

  constructor(
    readonly fd: 0 | 1 | 2,
    readonly io: HostIo,
    readonly input: HostInput,
    readonly terminal: TerminalState,
    path?: string,
    readonly device: FileStatus = CONSOLE.status,
  ) {
    super(
      path ?? (io.isTerminal(fd) ? CONSOLE.path : `pipe:[${fd + 1}]`),
      io.isTerminal(fd) ? Open.RDWR : fd === 0 ? Open.RDONLY : Open.WRONLY,
    );
    this.isTerminal = io.isTerminal(fd);
  }

  override status(): FileStatus {
    return this.isTerminal
      ? this.device
      : makeStatus({ mode: Mode.IFIFO | 0o600, ino: this.fd + 1, dev: 14 });
  }

  override read(target: Uint8Array, task: Task): number {
    if (this.isTerminal) this.terminal.checkForeground(task, false);
    try {
      return this.input.read(target);
    } catch (error) {
      return fail(errnoOfHost(error));
    }
  }

  override write(bytes: Uint8Array): number {
    try {
      if (this.fd === 2) this.io.writeStderr(bytes);
      else this.io.writeStdout(bytes);
    } catch (error) {
      fail(errnoOfHost(error));
    }
    return bytes.length;
  }

  override poll(): number {
    if (this.fd === 0 || this.isTerminal) {
      const ready = this.readable && this.input.ready ? Poll.IN | Poll.RDNORM : 0;
      return this.isTerminal ? ready | Poll.OUT | Poll.WRNORM : ready;
    }
    return Poll.OUT | Poll.WRNORM;
  }

  override ioctl(task: Task, request: number, argument: number): number {
    if (!this.isTerminal) {
      if (request === 0x541b) { // FIONREAD
        task.memory.setI32(argument, this.input.available);
        return 0;
      }
      return super.ioctl(task, request, argument);
    }
    return terminalIoctl(this, task, request, argument);
  }
}
