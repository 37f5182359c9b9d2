/** Base of the synthetic file systems: whatever would change them is refused. */
import { Errno, fail } from "../abi/errno.ts";
import type { OpenFile } from "../files/open_file.ts";
import type { Task } from "../task.ts";
import type { DirectoryEntry, FileStatus, FileSystem, FileSystemStatus, OpenNode } from "./file_system.ts";

/** A file system in which nothing can be made, removed or renamed. */
export abstract class ReadOnlyFileSystem implements FileSystem {
  abstract readonly kind: string;
  abstract status(path: string, task: Task | undefined): FileStatus | undefined;
  abstract readlink(path: string, task: Task | undefined): string;
  abstract list(path: string, task: Task | undefined): DirectoryEntry[];
  abstract open(path: string, flags: number, mode: number, task: Task | undefined): OpenNode | OpenFile;
  abstract statfs(path: string): FileSystemStatus;

  makeDirectory(): void {
    fail(Errno.EPERM);
  }
  makeNode(): void {
    fail(Errno.EPERM);
  }
  removeDirectory(): void {
    fail(Errno.EPERM);
  }
  unlink(): void {
    fail(Errno.EPERM);
  }
  rename(): void {
    fail(Errno.EPERM);
  }
  link(): void {
    fail(Errno.EPERM);
  }
  symlink(): void {
    fail(Errno.EPERM);
  }
  chmod(): void {
    fail(Errno.EPERM);
  }
  chown(): void {
    fail(Errno.EPERM);
  }
  setTimes(): void {
    fail(Errno.EPERM);
  }

  /** Execution needs an x bit. */
  access(_path: string, mode: number, status: FileStatus): void {
    if ((mode & 1) !== 0 && (status.mode & 0o111) === 0) fail(Errno.EACCES);
  }
}

/** The bytes of a file that is made when it is opened. */
export class TextNode implements OpenNode {
  readonly key = "";

  /** @param accept takes what is written, a write at a time; undefined: nothing can be */
  constructor(
    readonly bytes: Uint8Array,
    readonly fileStatus: FileStatus,
    readonly accept?: (text: string) => void,
  ) {}

  read(target: Uint8Array, position: number): number {
    const part = this.bytes.subarray(position, position + target.length);
    target.set(part);
    return part.length;
  }
  write(bytes: Uint8Array): number {
    if (this.accept === undefined) return fail(Errno.EACCES);
    this.accept(new TextDecoder().decode(bytes));
    return bytes.length;
  }
  status(): FileStatus {
    return this.fileStatus;
  }
  truncate(): void {
    if (this.accept === undefined) fail(Errno.EINVAL);
  }
  sync(): void {}
  chmod(): void {
    fail(Errno.EPERM);
  }
  chown(): void {
    fail(Errno.EPERM);
  }
  setTimes(): void {
    fail(Errno.EPERM);
  }
  reopen(): OpenNode {
    return this;
  }
  close(): void {}
}
