/** Open file descriptions, and the table that numbers them. open(2). */
import { Errno, fail } from "../abi/errno.ts";
import { Open, Poll } from "../abi/files.ts";
import type { FileStatus } from "../fs/file_system.ts";
import type { Task } from "../task.ts";

/** What `read` and `write` return where they would have to wait: -EAGAIN. */
export const WOULD_BLOCK = -Errno.EAGAIN;

/** An open file description: what descriptors refer to. Failures are thrown as `SyscallError`. */
export abstract class OpenFile {
  /** Descriptors (and mappings of descriptors in flight) that refer to this. */
  references = 0;
  /** What epoll knows this file by; 0: not watched yet. */
  epollId = 0;
  /** F_SETOWN: a process, or a group if it is negative. */
  owner = 0;
  /** Lock of flock(2). */
  lock: "none" | "shared" | "exclusive" = "none";

  /**
   * @param path what /proc/self/fd shows
   * @param flags access mode and status flags of open(2)
   */
  constructor(readonly path: string, public flags: number) {}

  /** Whether `write` has copied what it takes when it returns. */
  get copiesWrites(): boolean {
    return false;
  }

  /** Status for fstat(2). */
  abstract status(): FileStatus;

  /** Reads where the file stands: bytes read, 0 at the end, or `WOULD_BLOCK`. */
  read(_target: Uint8Array, _task: Task): number {
    return fail(Errno.EINVAL);
  }

  /** Writes where the file stands: bytes written (perhaps fewer), or `WOULD_BLOCK`. */
  write(_bytes: Uint8Array, _task: Task): number {
    return fail(Errno.EINVAL);
  }

  /** Reads at a position. */
  readAt(_target: Uint8Array, _position: number): number {
    return fail(Errno.ESPIPE);
  }

  /** Writes at a position. */
  writeAt(_bytes: Uint8Array, _position: number): number {
    return fail(Errno.ESPIPE);
  }

  /** Moves to `offset` from the start (0), the present place (1), or the end (2); answers the new place. */
  seek(_offset: number, _whence: number): number {
    return fail(Errno.ESPIPE);
  }

  /** Events of poll(2) that hold now. */
  poll(_task: Task): number {
    return Poll.IN | Poll.OUT | Poll.RDNORM | Poll.WRNORM;
  }

  /** Counts what has come, and the room that has come, for those who watch edges: epoll(7), EPOLLET. */
  changes(): number {
    return 0;
  }
  room(): number {
    return 0;
  }

  /** ioctl(2). */
  ioctl(_task: Task, _request: number, _argument: number): number {
    return fail(Errno.ENOTTY);
  }

  /** The last descriptor is closed. */
  close(): void {}

  get readable(): boolean {
    return (this.flags & Open.ACCMODE) !== Open.WRONLY && (this.flags & Open.PATH) === 0;
  }

  get writable(): boolean {
    return (this.flags & Open.ACCMODE) !== Open.RDONLY && (this.flags & Open.PATH) === 0;
  }

  get nonBlocking(): boolean {
    return (this.flags & Open.NONBLOCK) !== 0;
  }

  /** One reference fewer. */
  release(): void {
    if (--this.references === 0) this.close();
  }
}

/** What a descriptor is. */
interface Slot {
  readonly file: OpenFile;
  closeOnExec: boolean;
}

/** Descriptors of a thread group. */
export class FileTable {
  #slots: (Slot | undefined)[] = [];
  #users = 1;
  /** RLIMIT_NOFILE. */
  limit = 1024;

  /** One more task shares the table. */
  retain(): this {
    this.#users++;
    return this;
  }

  /** Tasks that share the table. */
  get users(): number {
    return this.#users;
  }

  /** A task leaves; the last one closes all. */
  release(): void {
    if (--this.#users > 0) return;
    for (const fd of this.numbers()) this.close(fd);
  }

  /** A copy, for fork. */
  copy(): FileTable {
    const table = new FileTable();
    table.limit = this.limit;
    table.#slots = this.#slots.map((slot) => {
      if (slot === undefined) return undefined;
      slot.file.references++;
      return { ...slot };
    });
    return table;
  }

  /** The file of a descriptor. Fails with EBADF. */
  get(fd: number): OpenFile {
    return this.#slots[fd]?.file ?? fail(Errno.EBADF);
  }

  /** The file of a descriptor, if there is one. */
  find(fd: number): OpenFile | undefined {
    return this.#slots[fd]?.file;
  }

  /** Numbers in use, in order. */
  numbers(): number[] {
    const numbers: number[] = [];
    this.#slots.forEach((slot, fd) => slot !== undefined && numbers.push(fd));
    return numbers;
  }

  /** Gives a file the lowest free number from `lowest` on. Fails with EMFILE. */
  add(file: OpenFile, closeOnExec: boolean, lowest = 0): number {
    let fd = lowest;
    while (this.#slots[fd] !== undefined) fd++;
    if (fd >= this.limit) {
      if (file.references === 0) file.close();
      fail(Errno.EMFILE);
    }
    this.set(fd, file, closeOnExec);
    return fd;
  }

  /** Gives a file this number, closing what had it. */
  set(fd: number, file: OpenFile, closeOnExec: boolean): void {
    file.references++;
    const before = this.#slots[fd];
    while (this.#slots.length < fd) this.#slots.push(undefined);
    this.#slots[fd] = { file, closeOnExec };
    before?.file.release();
  }

  /** Frees a number. Fails with EBADF. */
  close(fd: number): void {
    const slot = this.#slots[fd] ?? fail(Errno.EBADF);
    this.#slots[fd] = undefined;
    slot.file.release();
  }

  /** FD_CLOEXEC of a descriptor. */
  closeOnExec(fd: number): boolean {
    return (this.#slots[fd] ?? fail(Errno.EBADF)).closeOnExec;
  }

  /** Sets FD_CLOEXEC. */
  setCloseOnExec(fd: number, value: boolean): void {
    (this.#slots[fd] ?? fail(Errno.EBADF)).closeOnExec = value;
  }

  /** Closes what execve closes. */
  exec(): void {
    for (const fd of this.numbers()) if (this.closeOnExec(fd)) this.close(fd);
  }
}
