/** /dev: the devices programs expect. null(4), random(4), full(4), tty(4). */
import { Errno, fail } from "../abi/errno.ts";
import { deviceNumber, Mode } from "../abi/files.ts";
import { CONSOLE, HostStream } from "../files/host_io.ts";
import { OpenFile } from "../files/open_file.ts";
import type { LinuxSystem } from "../system.ts";
import type { Task } from "../task.ts";
import { openSlave, type Pty, PtySlave } from "../terminals/pty.ts";
import { type DirectoryEntry, type FileStatus, type FileSystemStatus, makeStatus } from "./file_system.ts";
import { ReadOnlyFileSystem } from "./read_only.ts";

const LINKS: Readonly<Record<string, string>> = {
  fd: "/proc/self/fd",
  stdin: "/proc/self/fd/0",
  stdout: "/proc/self/fd/1",
  stderr: "/proc/self/fd/2",
};

/** Minor numbers of the memory devices (major 1). */
const MEMORY_DEVICES: Readonly<Record<string, number>> = { null: 3, zero: 5, full: 7, random: 8, urandom: 9 };

/** null, zero, full, random and urandom. */
class MemoryDevice extends OpenFile {
  constructor(
    readonly name: string,
    flags: number,
    readonly fileStatus: FileStatus,
    readonly system: LinuxSystem,
  ) {
    super(`/dev/${name}`, flags);
  }
  override status(): FileStatus {
    return this.fileStatus;
  }
  override read(target: Uint8Array): number {
    if (this.name === "null") return 0;
    if (this.name.endsWith("random")) target.set(this.system.random.bytes(target.length));
    else target.fill(0);
    return target.length;
  }
  override readAt(target: Uint8Array): number {
    return this.read(target);
  }
  override write(bytes: Uint8Array): number {
    return this.name === "full" ? fail(Errno.ENOSPC) : bytes.length;
  }
  override writeAt(bytes: Uint8Array): number {
    return this.write(bytes);
  }
  override seek(): number {
    return 0;
  }
}

/** The file system at /dev. */
export class DeviceFileSystem extends ReadOnlyFileSystem {
  readonly kind = "devtmpfs";
  constructor(readonly system: LinuxSystem) {
    super();
  }

  status(path: string): FileStatus | undefined {
    const name = path.slice(1);
    if (name === "") return makeStatus({ mode: Mode.IFDIR | 0o755, dev: 6, nlink: 3 });
    if (name === "shm" || name === "pts") {
      return makeStatus({ mode: Mode.IFDIR | 0o755, dev: 6, ino: 2, nlink: 2 });
    }
    if (name === "ptmx" || name === "pts/ptmx") {
      return makeStatus({ mode: Mode.IFCHR | 0o666, dev: 6, ino: 21, rdev: deviceNumber(5, 2) });
    }
    const terminal = this.#terminal(name);
    if (terminal !== undefined) return terminal.status();
    if (LINKS[name] !== undefined) {
      return makeStatus({ mode: Mode.IFLNK | 0o777, dev: 6, ino: 10, size: LINKS[name].length, blocks: 0 });
    }
    const minor = MEMORY_DEVICES[name];
    if (minor !== undefined) {
      return makeStatus({ mode: Mode.IFCHR | 0o666, dev: 6, ino: minor, rdev: deviceNumber(1, minor) });
    }
    if (name === "tty") {
      return makeStatus({ mode: Mode.IFCHR | 0o666, dev: 6, ino: 20, rdev: deviceNumber(5, 0) });
    }
    return name === "console" ? CONSOLE.status : undefined;
  }

  /** The terminal at this path. */
  #terminal(name: string): Pty | undefined {
    const [, index] = /^pts\/(\d+)$/.exec(name) ?? [];
    return index === undefined ? undefined : this.system.ptys.get(Number(index));
  }

  /** What a terminal's owner makes of it is not kept. */
  override chmod(path = ""): void {
    if (this.#terminal(path.slice(1)) === undefined) fail(Errno.EPERM);
  }

  override chown(path = ""): void {
    if (this.#terminal(path.slice(1)) === undefined) fail(Errno.EPERM);
  }

  readlink(path: string): string {
    return LINKS[path.slice(1)] ?? fail(Errno.EINVAL);
  }

  list(path: string): DirectoryEntry[] {
    const folder = path === "/" ? "" : `${path.slice(1)}/`;
    const names = path === "/"
      ? [...Object.keys(LINKS), ...Object.keys(MEMORY_DEVICES), "tty", "console", "ptmx", "pts"]
      : path === "/pts"
      ? [...this.system.ptys.indices.map(String), "ptmx"]
      : [];
    return names.map((name) => {
      const status = this.status(`/${folder}${name}`)!;
      return { name, ino: status.ino, type: status.mode & Mode.IFMT };
    });
  }

  open(path: string, flags: number, _mode: number, task: Task | undefined): OpenFile {
    const name = path.slice(1);
    const status = this.status(path) ?? fail(Errno.EACCES);
    if (MEMORY_DEVICES[name] !== undefined) return new MemoryDevice(name, flags, status, this.system);
    const { io, input, terminal, ptys } = this.system;
    if (name.endsWith("ptmx")) return ptys.open(flags, task?.group.credentials.euid ?? 0);
    const own = name === "tty" && task !== undefined ? ptys.ofSession(task.group.sid) : undefined;
    if (own !== undefined) return new PtySlave(own, flags);
    const named = this.#terminal(name);
    if (named !== undefined && task !== undefined) return openSlave(named, flags, task);
    const fd = io.isTerminal(0) ? 0 : io.isTerminal(1) ? 1 : io.isTerminal(2) ? 2 : fail(Errno.ENXIO);
    return new HostStream(fd, io, input, terminal, `/dev/${name}`, status);
  }

  statfs(): FileSystemStatus {
    return { type: 0x0102_1994, blockSize: 4096, blocks: 0, free: 0, available: 0, files: 0, filesFree: 0 };
  }
}
