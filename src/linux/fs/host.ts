/** The host's files, or a folder of the host as the whole tree. Node and Deno; a browser has no such thing. */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import process from "node:process";
import { Errno, errnoOfHost, fail } from "../abi/errno.ts";
import { Mode, Open } from "../abi/files.ts";
import type { OpenFile } from "../files/open_file.ts";
import {
  type DirectoryEntry,
  type FileStatus,
  type FileSystem,
  type FileSystemStatus,
  isDirectory,
  type OpenNode,
} from "./file_system.ts";
import { modeAllows } from "./permissions.ts";

/** Runs a file operation of the host; what it throws becomes a `SyscallError`. */
function host<T>(operation: () => T): T {
  try {
    return operation();
  } catch (error) {
    return fail(errnoOfHost(error));
  }
}

function convert(stats: fs.BigIntStats): FileStatus {
  return {
    dev: Number(stats.dev),
    ino: Number(stats.ino),
    mode: Number(stats.mode),
    nlink: Number(stats.nlink),
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    rdev: Number(stats.rdev),
    size: Number(stats.size),
    blksize: Number(stats.blksize),
    blocks: Number(stats.blocks),
    atime: stats.atimeNs,
    mtime: stats.mtimeNs,
    ctime: stats.ctimeNs,
  };
}

/** A time for the host's calls, which cut a number of seconds off at microseconds: never below what it stands for. */
function seconds(time: bigint): number {
  return Number(time / 1_000n) / 1e6 * (1 + Number.EPSILON);
}

function keyOf({ dev, ino }: FileStatus): string {
  return `${dev}:${ino}`;
}

/** An open file of the host. */
class HostNode implements OpenNode {
  #key: string | undefined;
  #references = { count: 1 };
  constructor(readonly fd: number, readonly append: boolean) {}

  get key(): string {
    if (this.#key === undefined) {
      const status = this.status();
      this.#key = `host:${status.dev}:${status.ino}`;
    }
    return this.#key;
  }
  read(target: Uint8Array, position: number): number {
    if (target.length === 0) return 0;
    return host(() => fs.readSync(this.fd, target, 0, target.length, position));
  }
  write(bytes: Uint8Array, position: number): number {
    let done = 0;
    while (done < bytes.length) {
      const at = position < 0 ? null : position + done;
      done += host(() => fs.writeSync(this.fd, bytes, done, bytes.length - done, at));
    }
    return done;
  }
  status(): FileStatus {
    return convert(host(() => fs.fstatSync(this.fd, { bigint: true })));
  }
  truncate(size: number): void {
    host(() => fs.ftruncateSync(this.fd, size));
  }
  sync(): void {
    host(() => fs.fdatasyncSync(this.fd));
  }
  chmod(mode: number): void {
    host(() => fs.fchmodSync(this.fd, mode));
  }
  chown(uid: number, gid: number): void {
    const status = this.status();
    host(() => fs.fchownSync(this.fd, uid < 0 ? status.uid : uid, gid < 0 ? status.gid : gid));
  }
  setTimes(atime: bigint | undefined, mtime: bigint | undefined): void {
    const status = this.status();
    host(() => fs.futimesSync(this.fd, seconds(atime ?? status.atime), seconds(mtime ?? status.mtime)));
  }
  reopen(): OpenNode {
    const second = new HostNode(this.fd, this.append);
    second.#references = this.#references;
    this.#references.count++;
    return second;
  }
  close(): void {
    if (--this.#references.count === 0) host(() => fs.closeSync(this.fd));
  }
}

/** Makes a FIFO; the runtimes have no call for it, so the host's command does it. */
function makeFifo(path: string, mode: number): void {
  const { status } = spawnSync("mkfifo", ["-m", mode.toString(8), "--", path], { stdio: "ignore" });
  if (status !== 0) fail(Errno.EPERM);
}

/** A tree of the host's files. */
export class HostFileSystem implements FileSystem {
  readonly kind = "ext4";
  /** The host decides by its own user what programs may do, so they are that user. */
  readonly owner: { uid: number; gid: number; groups: number[] } = {
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    groups: process.getgroups?.() ?? [],
  };
  readonly unconfined: boolean;
  readonly #root: string;

  /**
   * @param root folder of the host that is the tree's root; "/" is all of the host's files
   */
  constructor(root = "/") {
    const real = fs.realpathSync(root);
    if (!fs.statSync(real).isDirectory()) throw new Error(`Cannot take ${root} as root: it is no directory`);
    this.#root = real === "/" ? "" : real;
    this.unconfined = real === "/";
  }

  /** Files that stand for sockets: empty ones of the host. */
  readonly #sockets = new Set<string>();

  #path(path: string): string {
    return this.#root + path;
  }

  status(path: string): FileStatus | undefined {
    const stats = host(() => fs.lstatSync(this.#path(path), { bigint: true, throwIfNoEntry: false }));
    if (stats === undefined) return undefined;
    const status = convert(stats);
    if (this.#sockets.size === 0 || !this.#sockets.has(keyOf(status)) || status.size > 0) return status;
    return { ...status, mode: (status.mode & ~Mode.IFMT) | Mode.IFSOCK };
  }

  /** A name goes; the file behind it too, if it is the last. */
  #forgetSocket(path: string): void {
    if (this.#sockets.size === 0) return;
    const status = this.status(path);
    if (status !== undefined && status.nlink === 1) this.#sockets.delete(keyOf(status));
  }

  readlink(path: string): string {
    return host(() => fs.readlinkSync(this.#path(path)));
  }

  list(path: string): DirectoryEntry[] {
    // readdirSync would sort the names; programs see the order of the file system.
    const directory = this.#path(path);
    const entries: DirectoryEntry[] = [];
    const open = host(() => fs.opendirSync(directory));
    try {
      for (let entry = open.readSync(); entry !== null; entry = open.readSync()) {
        const { name } = entry;
        const stats = fs.lstatSync(`${directory}/${name}`, { bigint: true, throwIfNoEntry: false });
        const isSocket = stats !== undefined && this.#sockets.has(`${stats.dev}:${stats.ino}`);
        entries.push({
          name,
          ino: stats === undefined ? 1 : Number(stats.ino),
          type: stats === undefined ? 0 : isSocket ? Mode.IFSOCK : Number(stats.mode) & Mode.IFMT,
        });
      }
    } finally {
      open.closeSync();
    }
    return entries;
  }

  open(path: string, flags: number, mode: number): OpenNode | OpenFile {
    const wanted = flags & (Open.ACCMODE | Open.CREAT | Open.EXCL | Open.TRUNC | Open.APPEND);
    // The path is resolved: a link here was put there since, by somebody outside. NONBLOCK: never wait for a FIFO's peer.
    const fd = host(() => fs.openSync(this.#path(path), wanted | Open.NOFOLLOW | Open.NONBLOCK, mode));
    if (this.#root !== "" && !this.#isInside(fd)) {
      fs.closeSync(fd);
      fail(Errno.EACCES);
    }
    return new HostNode(fd, (flags & Open.APPEND) !== 0);
  }

  /** Guards against folders that somebody outside turned into links between resolving and opening. */
  #isInside(fd: number): boolean {
    let real: string;
    try {
      real = fs.readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return true; // no /proc on this host
    }
    return real.startsWith(`${this.#root}/`);
  }

  makeDirectory(path: string, mode: number): void {
    host(() => fs.mkdirSync(this.#path(path), mode));
  }

  makeNode(path: string, mode: number): void {
    const type = mode & Mode.IFMT;
    if (type === Mode.IFIFO) return makeFifo(this.#path(path), mode & 0o7777);
    if (type !== Mode.IFREG && type !== Mode.IFSOCK && type !== 0) fail(Errno.EPERM);
    host(() =>
      fs.closeSync(fs.openSync(this.#path(path), Open.CREAT | Open.EXCL | Open.WRONLY, mode & 0o7777))
    );
    if (type === Mode.IFSOCK) this.#sockets.add(keyOf(this.status(path)!));
  }

  removeDirectory(path: string): void {
    const status = this.status(path);
    if (status !== undefined && !isDirectory(status)) fail(Errno.ENOTDIR);
    host(() => fs.rmdirSync(this.#path(path)));
  }

  unlink(path: string): void {
    const status = this.status(path);
    if (status !== undefined && isDirectory(status)) fail(Errno.EISDIR);
    this.#forgetSocket(path);
    host(() => fs.unlinkSync(this.#path(path)));
  }

  rename(from: string, to: string): void {
    this.#forgetSocket(to);
    host(() => fs.renameSync(this.#path(from), this.#path(to)));
  }

  link(from: string, to: string): void {
    host(() => fs.linkSync(this.#path(from), this.#path(to)));
  }

  symlink(text: string, path: string): void {
    host(() => fs.symlinkSync(text, this.#path(path)));
  }

  chmod(path: string, mode: number): void {
    host(() => fs.chmodSync(this.#path(path), mode));
  }

  chown(path: string, uid: number, gid: number): void {
    const status = this.status(path) ?? fail(Errno.ENOENT);
    host(() => fs.lchownSync(this.#path(path), uid < 0 ? status.uid : uid, gid < 0 ? status.gid : gid));
  }

  setTimes(path: string, atime: bigint | undefined, mtime: bigint | undefined): void {
    const status = this.status(path) ?? fail(Errno.ENOENT);
    host(() =>
      fs.lutimesSync(this.#path(path), seconds(atime ?? status.atime), seconds(mtime ?? status.mtime))
    );
  }

  access(path: string, mode: number, status: FileStatus): void {
    try {
      fs.accessSync(this.#path(path), mode);
    } catch (error) {
      // Deno asks the bits of the mode only, and knows neither groups nor that root may do everything.
      const errno = errnoOfHost(error);
      if (errno !== Errno.EACCES || !modeAllows(mode, status, this.owner)) fail(errno);
    }
  }

  statfs(path: string): FileSystemStatus {
    const stats = host(() => fs.statfsSync(this.#path(path)));
    return {
      type: stats.type,
      blockSize: stats.bsize,
      blocks: stats.blocks,
      free: stats.bfree,
      available: stats.bavail,
      files: stats.files,
      filesFree: stats.ffree,
    };
  }
}
