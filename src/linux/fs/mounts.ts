/** The tree of files as programs see it: file systems at their places, and the resolution of paths. path_resolution(7). */
import { Errno, fail } from "../abi/errno.ts";
import { isType, Mode, Open } from "../abi/files.ts";
import { Notify } from "../files/inotify.ts";
import { OpenFile } from "../files/open_file.ts";
import { PipeBuffer, PipeFile } from "../files/pipe.ts";
import { DirectoryFile, PathFile, RegularFile } from "../files/regular.ts";
import { bytesOfText, PATH_MAX } from "../memory/user_memory.ts";
import type { LinuxSystem } from "../system.ts";
import type { Task } from "../task.ts";
import { DeviceFileSystem } from "./devices.ts";
import { type DirectoryEntry, type FileStatus, type FileSystem, isDirectory, isLink } from "./file_system.ts";
import { MemoryFileSystem } from "./memory.ts";
import { modeAllows } from "./permissions.ts";
import { ProcFileSystem } from "./proc.ts";

const MAX_LINKS = 40;
const NAME_MAX = 255;
const FOLDER_MEMORY_MS = 50;

/** Where a path leads. */
export interface Place {
  readonly fs: FileSystem;
  /** The path inside the file system. */
  readonly inner: string;
  /** The path from the programs' root, without links. */
  readonly path: string;
  /** Status of what is there (of the link, if links are not followed); undefined if there is nothing. */
  readonly status: FileStatus | undefined;
  /** The path ended in a slash: only a folder will do. */
  readonly mustBeFolder: boolean;
  /** A link of /proc led to this open file. */
  readonly file?: OpenFile;
}

interface Mount {
  readonly at: string;
  readonly fs: FileSystem;
}

/** The mounted file systems. Nothing in a path leads above the root: paths are resolved here, component by component. */
export class MountTable {
  readonly mounts: Mount[];
  readonly #fifos = new Map<string, PipeBuffer>();
  /** Folders that were seen lately, and until when that holds. */
  readonly #folders = new Set<string>();
  #foldersEnd = 0;

  constructor(readonly system: LinuxSystem, root: FileSystem) {
    const clock = (): bigint => system.clock.realtimeBig();
    if (root instanceof MemoryFileSystem) root.clock = clock;
    this.mounts = [
      { at: "/dev/shm", fs: new MemoryFileSystem({}, clock, 0x21) },
      { at: "/dev", fs: new DeviceFileSystem(system) },
      { at: "/proc", fs: new ProcFileSystem(system) },
      { at: "", fs: root },
    ];
  }

  /** The file system that holds a normalized path, and the path inside it. */
  locate(path: string): { fs: FileSystem; inner: string } {
    for (const { at, fs } of this.mounts) {
      if (path === at) return { fs, inner: "/" };
      if (path.startsWith(at) && path.charCodeAt(at.length) === 0x2f) {
        return { fs, inner: path.slice(at.length) };
      }
    }
    return { fs: this.mounts[this.mounts.length - 1]!.fs, inner: path };
  }

  /**
   * Follows a path.
   * @param base folder that relative paths start from
   * @param follow follow a link at the end, too
   */
  resolve(task: Task, path: string, base: string, follow: boolean): Place {
    if (path === "") fail(Errno.ENOENT);
    if (path.length >= PATH_MAX) fail(Errno.ENAMETOOLONG);
    const rest = path.split("/").reverse();
    const { root } = task.paths;
    let folder = path.startsWith("/") ? root : base === "/" ? "" : base;
    let links = 0;
    let mustBeFolder = false;
    for (;;) {
      const name = rest.pop();
      if (name === undefined) return this.#placeOfFolder(task, folder);
      if (name === "" || name === ".") continue;
      if (name === "..") {
        if (folder !== root) folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/")));
        continue;
      }
      if (name.length > NAME_MAX || bytesOfText(name).length > NAME_MAX) fail(Errno.ENAMETOOLONG);
      const isLast = rest.every((next) => next === "" || next === ".");
      if (isLast && rest.length > 0) mustBeFolder = true;
      const here = `${folder}/${name}`;
      if (!isLast && this.#folders.has(here) && performance.now() < this.#foldersEnd) {
        folder = here;
        continue;
      }
      const { fs, inner } = this.locate(here);
      const status = fs.status(inner, task);
      if (status === undefined) {
        if (!isLast) fail(Errno.ENOENT);
        return { fs, inner, path: here, status, mustBeFolder };
      }
      if (isLink(status) && (!isLast || follow || mustBeFolder)) {
        if (++links > MAX_LINKS) fail(Errno.ELOOP);
        const magic = fs.magic?.(inner, task);
        if (magic !== undefined && "file" in magic) {
          if (!isLast) {
            if (!(magic.file instanceof DirectoryFile)) fail(Errno.ENOTDIR);
            rest.push(...magic.file.path.split("/").reverse());
            folder = "";
            continue;
          }
          return {
            fs,
            inner,
            path: magic.file.path,
            status: magic.file.status(),
            mustBeFolder,
            file: magic.file,
          };
        }
        const target = magic?.path ?? fs.readlink(inner, task);
        if (target === "") fail(Errno.ENOENT);
        if (target.startsWith("/")) folder = magic === undefined ? root : "";
        rest.push(...target.split("/").reverse());
        continue;
      }
      if (isLast) {
        if (mustBeFolder && !isDirectory(status)) fail(Errno.ENOTDIR);
        return { fs, inner, path: here, status, mustBeFolder };
      }
      if (!isDirectory(status)) fail(Errno.ENOTDIR);
      folder = here;
      if (fs.unconfined === true) this.#rememberFolder(here);
    }
  }

  /** The host may change its folders at any time, so they are only remembered for a moment. */
  #rememberFolder(path: string): void {
    const now = performance.now();
    if (now >= this.#foldersEnd) {
      this.#folders.clear();
      this.#foldersEnd = now + FOLDER_MEMORY_MS;
    }
    this.#folders.add(path);
  }

  /** A program removes or renames something. */
  forgetFolders(): void {
    this.#folders.clear();
  }

  #placeOfFolder(task: Task, folder: string): Place {
    const { fs, inner } = this.locate(folder);
    const status = fs.status(inner === "" ? "/" : inner, task);
    return {
      fs,
      inner: inner === "" ? "/" : inner,
      path: folder === "" ? "/" : folder,
      status,
      mustBeFolder: true,
    };
  }

  /** As `resolve`, for what must exist. */
  existing(task: Task, path: string, base: string, follow: boolean): Place & { readonly status: FileStatus } {
    const place = this.resolve(task, path, base, follow);
    if (place.status === undefined) fail(Errno.ENOENT);
    return place as Place & { readonly status: FileStatus };
  }

  /** Fails unless the task may do this with what is at a place: bits as of access(2). */
  checkAccess(task: Task, { fs, inner }: Place, wanted: number, status: FileStatus): void {
    fs.access(inner, wanted, status);
    this.#checkMode(task, fs, wanted, status);
  }

  /** Where programs start as the host's root, those that are somebody else by now are asked for by the mode. */
  #checkMode(task: Task, fs: FileSystem, wanted: number, status: FileStatus): void {
    const { euid, egid, groups } = task.group.credentials;
    if (fs.owner?.uid !== 0 || euid === 0) return;
    if (!modeAllows(wanted, status, { uid: euid, gid: egid, groups })) fail(Errno.EACCES);
  }

  /** What a task has made belongs to it. */
  own(task: Task, { fs, inner }: Place): void {
    const { euid, egid } = task.group.credentials;
    if (fs.owner?.uid !== 0 || (euid === 0 && egid === fs.owner.gid)) return;
    fs.chown(inner, euid, egid);
  }

  /** Opens what is at a place, and tells those who watch it unless `isTold` is false. open(2). */
  open(task: Task, place: Place, flags: number, mode: number, isTold = true): OpenFile {
    const { status, fs, inner, path } = place;
    const creates = (flags & Open.CREAT) !== 0;
    const writes = (flags & Open.ACCMODE) !== Open.RDONLY;
    if (status === undefined && !creates) fail(Errno.ENOENT);
    if (status !== undefined && creates && (flags & Open.EXCL) !== 0) fail(Errno.EEXIST);
    if (status === undefined && place.mustBeFolder) fail(Errno.EISDIR);
    if (place.file !== undefined) return this.#reopen(place.file, flags);
    const passing = Open.CREAT | Open.EXCL | Open.TRUNC | Open.NOCTTY | Open.CLOEXEC;
    const kept = (flags & ~passing) | Open.LARGEFILE;
    if (status !== undefined) {
      if ((flags & Open.PATH) !== 0) {
        if ((flags & Open.DIRECTORY) !== 0 && !isDirectory(status)) fail(Errno.ENOTDIR);
        if (!isDirectory(status)) return new PathFile(path, kept, () => fs.status(inner, task) ?? status);
      }
      if (isLink(status)) fail(Errno.ELOOP);
      if (isDirectory(status)) {
        if (writes || (creates && (flags & Open.DIRECTORY) === 0)) fail(Errno.EISDIR);
        if ((flags & Open.PATH) === 0) this.checkAccess(task, place, 4, status);
        const list = (): DirectoryEntry[] => this.list(path, task);
        return new DirectoryFile(path, kept, list, () => fs.status(inner, task) ?? { ...status, nlink: 0 });
      }
      if ((flags & Open.DIRECTORY) !== 0) fail(Errno.ENOTDIR);
      if (isType(status.mode, Mode.IFSOCK)) fail(Errno.ENXIO);
      if (isType(status.mode, Mode.IFIFO)) return this.#openFifo(path, flags, status);
    }
    if (status !== undefined) this.#checkMode(task, fs, accessOf(flags), status);
    const opened = fs.open(inner, flags, mode & ~task.paths.umask, task);
    if (opened instanceof OpenFile) return opened;
    if (status === undefined) this.own(task, place);
    if (status !== undefined && (flags & Open.TRUNC) !== 0 && opened.key !== "") {
      this.system.memory.cache.find(opened.key)?.cut(0);
    }
    const file = new RegularFile(opened, path, kept, this.system.memory.cache);
    if (opened.key !== "" && isTold) {
      const { watchers } = this.system;
      file.watchers = watchers;
      if (status === undefined) watchers.tellFolder(path, Notify.CREATE);
      else if ((flags & Open.TRUNC) !== 0 && status.size > 0) watchers.tell(path, Notify.MODIFY);
      watchers.opened(path);
    }
    return file;
  }

  /** All who open a FIFO by its name meet at one buffer. */
  #openFifo(path: string, flags: number, status: FileStatus): OpenFile {
    const key = `${status.dev}:${status.ino}`;
    let buffer = this.#fifos.get(key);
    if (buffer === undefined || buffer.readers + buffer.writers === 0) {
      this.#fifos.set(key, buffer = new PipeBuffer());
    }
    return PipeFile.named(buffer, path, flags, status);
  }

  /** Opening a link of /proc/self/fd gives the file itself; a regular file is opened anew by its node, a pipe as a FIFO. */
  #reopen(file: OpenFile, flags: number): OpenFile {
    if (file instanceof PipeFile && (flags & Open.PATH) === 0) {
      return PipeFile.named(file.buffer, file.path, flags, file.fileStatus);
    }
    if (!(file instanceof RegularFile)) {
      if ((flags & Open.DIRECTORY) !== 0 && !(file instanceof DirectoryFile)) fail(Errno.ENOTDIR);
      return file;
    }
    const writes = (flags & Open.ACCMODE) !== Open.RDONLY;
    if (writes && !file.writable) fail(Errno.EACCES);
    const copy = new RegularFile(file.node.reopen(), file.path, flags, file.cache);
    if ((flags & Open.TRUNC) !== 0 && writes) copy.truncate(0);
    return copy;
  }

  /** Entries of a folder, with the places where file systems are mounted. */
  list(path: string, task: Task): DirectoryEntry[] {
    const { fs, inner } = this.locate(path === "/" ? "" : path);
    const entries = fs.list(inner === "" ? "/" : inner, task);
    const prefix = path === "/" ? "/" : `${path}/`;
    for (const { at } of this.mounts) {
      const name = at.slice(prefix.length);
      if (at.startsWith(prefix) && name !== "" && !name.includes("/")) {
        if (!entries.some((entry) => entry.name === name)) entries.push({ name, ino: 1, type: Mode.IFDIR });
      }
    }
    return entries;
  }
}

/** Bits as of access(2) that opening with these flags needs. */
function accessOf(flags: number): number {
  const mode = flags & Open.ACCMODE;
  const writes = mode !== Open.RDONLY || (flags & Open.TRUNC) !== 0;
  return (mode === Open.WRONLY ? 0 : 4) | (writes ? 2 : 0);
}
