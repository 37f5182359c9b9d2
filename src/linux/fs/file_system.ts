/** What the Linux personality needs of a file system. The host, memory, /proc and /dev implement it. */
import { Mode } from "../abi/files.ts";
import type { OpenFile } from "../files/open_file.ts";
import type { Task } from "../task.ts";

/** What stat(2) tells of a file. Times are in nanoseconds since 1970. */
export interface FileStatus {
  readonly dev: number;
  readonly ino: number;
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: number;
  readonly size: number;
  readonly blksize: number;
  readonly blocks: number;
  readonly atime: bigint;
  readonly mtime: bigint;
  readonly ctime: bigint;
}

/** An entry of a directory; `type` is the type in a mode's bits, 0 if unknown. */
export interface DirectoryEntry {
  readonly name: string;
  readonly ino: number;
  readonly type: number;
}

/** What statfs(2) tells. Sizes in blocks. */
export interface FileSystemStatus {
  readonly type: number;
  readonly blockSize: number;
  readonly blocks: number;
  readonly free: number;
  readonly available: number;
  readonly files: number;
  readonly filesFree: number;
}

/** The bytes of an open file. Failures are thrown as `SyscallError`. */
export interface OpenNode {
  /** Identity for the page cache; empty if the file cannot be mapped. */
  readonly key: string;
  /** Reads at `position`: bytes read, 0 at the end. */
  read(target: Uint8Array, position: number): number;
  /** Writes all bytes at `position`, or at the end if it is -1: bytes written. */
  write(bytes: Uint8Array, position: number): number;
  status(): FileStatus;
  truncate(size: number): void;
  sync(): void;
  chmod(mode: number): void;
  chown(uid: number, gid: number): void;
  /** Sets times in nanoseconds; undefined leaves one as it is. */
  setTimes(atime: bigint | undefined, mtime: bigint | undefined): void;
  /** A second handle to the same file, which outlives the first. */
  reopen(): OpenNode;
  close(): void;
}

/** A symbolic link that leads somewhere without a text, as those of /proc do. */
export type MagicTarget = { readonly file: OpenFile } | { readonly path: string };

/**
 * A file system. Paths are absolute inside it, normalized, and no component but the last is a symbolic link:
 * the mount table has resolved them. Failures are thrown as `SyscallError`.
 */
export interface FileSystem {
  /** What /proc/mounts calls it. */
  readonly kind: string;
  /** Nothing depends on where links lead: what was a folder a moment ago may be taken for one. */
  readonly unconfined?: boolean;
  /** Who programs are in this tree; by default root. */
  readonly owner?: { readonly uid: number; readonly gid: number; readonly groups: readonly number[] };
  /** Status without following a link; undefined if there is no such file. */
  status(path: string, task: Task | undefined): FileStatus | undefined;
  /** Text of a symbolic link. */
  readlink(path: string, task: Task | undefined): string;
  /** Where a link that only has meaning for a task leads; undefined for ordinary links. */
  magic?(path: string, task: Task): MagicTarget | undefined;
  list(path: string, task: Task | undefined): DirectoryEntry[];
  /** Opens what is no directory and no link. `flags` are those of open(2). Creates the file if they say so. */
  open(path: string, flags: number, mode: number, task: Task | undefined): OpenNode | OpenFile;
  makeDirectory(path: string, mode: number): void;
  /** Makes a FIFO, device or socket; files are made by `open`. */
  makeNode(path: string, mode: number, device: number): void;
  removeDirectory(path: string): void;
  unlink(path: string): void;
  rename(from: string, to: string): void;
  link(from: string, to: string): void;
  symlink(text: string, path: string): void;
  chmod(path: string, mode: number): void;
  chown(path: string, uid: number, gid: number): void;
  setTimes(path: string, atime: bigint | undefined, mtime: bigint | undefined): void;
  /** Fails unless the program may do this: bits as of access(2). */
  access(path: string, mode: number, status: FileStatus): void;
  statfs(path: string): FileSystemStatus;
}

/** A status with the fields given and plain values for the rest. */
export function makeStatus(fields: Partial<FileStatus> & { readonly mode: number }): FileStatus {
  const size = fields.size ?? 0;
  return {
    dev: 0,
    ino: 1,
    nlink: 1,
    uid: 0,
    gid: 0,
    rdev: 0,
    size,
    blksize: 4096,
    blocks: Math.ceil(size / 512),
    atime: 0n,
    mtime: 0n,
    ctime: 0n,
    ...fields,
  };
}

/** True for directories. */
export function isDirectory(status: FileStatus): boolean {
  return (status.mode & Mode.IFMT) === Mode.IFDIR;
}

/** True for symbolic links. */
export function isLink(status: FileStatus): boolean {
  return (status.mode & Mode.IFMT) === Mode.IFLNK;
}

/** True for regular files. */
export function isRegular(status: FileStatus): boolean {
  return (status.mode & Mode.IFMT) === Mode.IFREG;
}
