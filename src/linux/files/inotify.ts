/** Changes of files, told to programs that watch them: inotify(7). What programs of the same run do is told, not what others do. */
import { Errno, fail } from "../abi/errno.ts";
import { Open, Poll } from "../abi/files.ts";
import type { Task } from "../task.ts";
import { AnonymousFile } from "./events.ts";
import { WOULD_BLOCK } from "./open_file.ts";

/** Events, and flags of watches. */
export const Notify = {
  ACCESS: 1,
  MODIFY: 2,
  ATTRIB: 4,
  CLOSE_WRITE: 8,
  CLOSE_NOWRITE: 0x10,
  OPEN: 0x20,
  MOVED_FROM: 0x40,
  MOVED_TO: 0x80,
  CREATE: 0x100,
  DELETE: 0x200,
  DELETE_SELF: 0x400,
  MOVE_SELF: 0x800,
  ALL: 0xfff,
  Q_OVERFLOW: 0x4000,
  IGNORED: 0x8000,
  ONLYDIR: 0x100_0000,
  DONT_FOLLOW: 0x200_0000,
  MASK_CREATE: 0x1000_0000,
  MASK_ADD: 0x2000_0000,
  ISDIR: 0x4000_0000,
  ONESHOT: 0x8000_0000 | 0,
} as const;

interface Watch {
  readonly id: number;
  path: string;
  mask: number;
}

interface Event {
  readonly watch: number;
  readonly mask: number;
  readonly cookie: number;
  readonly name: string;
}

const HEADER = 16;
const MAX_EVENTS = 16384;
const FIONREAD = 0x541b;

/** A queue of events. */
export class InotifyFile extends AnonymousFile {
  readonly #watches = new Map<number, Watch>();
  readonly #events: Event[] = [];
  #lastId = 0;
  #told = 0;

  constructor(readonly watchers: Watchers, flags: number) {
    super("inotify", 0);
    this.flags = Open.RDONLY | flags;
    watchers.add(this);
  }

  /** Watches what is at a path, or changes what is watched of it: the number of the watch. */
  watch(path: string, given: number): number {
    const mask = given & (Notify.ALL | Notify.ONESHOT);
    const present = [...this.#watches.values()].find((watch) => watch.path === path);
    if (present !== undefined) {
      if ((given & Notify.MASK_CREATE) !== 0) fail(Errno.EEXIST);
      present.mask = (given & Notify.MASK_ADD) !== 0 ? present.mask | mask : mask;
      return present.id;
    }
    const id = ++this.#lastId;
    this.#watches.set(id, { id, path, mask });
    return id;
  }

  /** Ends a watch. Fails with EINVAL if there is none. */
  unwatch(id: number): void {
    if (!this.#watches.delete(id)) fail(Errno.EINVAL);
    this.#push({ watch: id, mask: Notify.IGNORED, cookie: 0, name: "" });
  }

  /** Something has happened to `path`; `name` is empty, or that of a file in this folder. */
  tell(path: string, mask: number, name: string, cookie: number): void {
    for (const watch of [...this.#watches.values()]) {
      if (watch.path !== path || (watch.mask & mask & Notify.ALL) === 0) continue;
      this.#push({ watch: watch.id, mask, cookie, name });
      if ((watch.mask & Notify.ONESHOT) !== 0) this.unwatch(watch.id);
    }
  }

  /** What was watched at this path is gone. */
  forget(path: string): void {
    for (const watch of [...this.#watches.values()]) if (watch.path === path) this.unwatch(watch.id);
  }

  /** What was watched at this path, and below it, has another one. */
  move(from: string, to: string): void {
    for (const watch of this.#watches.values()) {
      if (watch.path === from) watch.path = to;
      else if (watch.path.startsWith(`${from}/`)) watch.path = to + watch.path.slice(from.length);
    }
  }

  #push(event: Event): void {
    const last = this.#events.at(-1);
    const isSame = last !== undefined && last.watch === event.watch && last.mask === event.mask &&
      last.cookie === event.cookie && last.name === event.name;
    if (isSame || this.#events.length > MAX_EVENTS) return;
    this.#told++;
    const isOverflow = this.#events.length === MAX_EVENTS;
    this.#events.push(isOverflow ? { watch: -1, mask: Notify.Q_OVERFLOW, cookie: 0, name: "" } : event);
  }

  override read(target: Uint8Array): number {
    let done = 0;
    const view = new DataView(target.buffer, target.byteOffset, target.length);
    for (let event = this.#events[0]; event !== undefined; event = this.#events[0]) {
      const size = sizeOf(event);
      if (done + size > target.length) {
        if (done === 0) fail(Errno.EINVAL);
        break;
      }
      target.fill(0, done, done + size);
      view.setInt32(done, event.watch, true);
      view.setInt32(done + 4, event.mask, true);
      view.setInt32(done + 8, event.cookie, true);
      view.setInt32(done + 12, size - HEADER, true);
      new TextEncoder().encodeInto(event.name, target.subarray(done + HEADER, done + size));
      done += size;
      this.#events.shift();
    }
    return done === 0 ? WOULD_BLOCK : done;
  }

  override changes(): number {
    return this.#told;
  }

  override poll(): number {
    return this.#events.length > 0 ? Poll.IN | Poll.RDNORM : 0;
  }

  override ioctl(task: Task, request: number, argument: number): number {
    if (request !== FIONREAD) return super.ioctl(task, request, argument);
    task.memory.setI32(argument, this.#events.reduce((sum, event) => sum + sizeOf(event), 0));
    return 0;
  }

  override close(): void {
    this.watchers.remove(this);
  }
}

/** Bytes of an event: the name ends in zeros, up to a multiple of 16. */
function sizeOf({ name }: Event): number {
  return HEADER + (name === "" ? 0 : Math.ceil((new TextEncoder().encode(name).length + 1) / 16) * 16);
}

/** All who watch. */
export class Watchers {
  readonly #files = new Set<InotifyFile>();
  /** Open descriptions of files by path, and files that were removed while they were open. */
  readonly #open = new Map<string, number>();
  readonly #removed = new Set<string>();
  #cookie = 0;

  add(file: InotifyFile): void {
    this.#files.add(file);
  }

  remove(file: InotifyFile): void {
    this.#files.delete(file);
  }

  /** Something has happened to a file or folder: those are told who watch it or the folder that it is in. */
  tell(path: string, mask: number, isFolder = false, cookie = 0): void {
    if (this.#files.size === 0) return;
    this.tellFolder(path, mask, isFolder, cookie);
    for (const file of this.#files) file.tell(path, isFolder ? mask | Notify.ISDIR : mask, "", cookie);
  }

  /** As `tell`, for what only the folder's watchers see. */
  tellFolder(path: string, mask: number, isFolder = false, cookie = 0): void {
    if (this.#files.size === 0) return;
    const slash = path.lastIndexOf("/");
    const folder = slash <= 0 ? "/" : path.slice(0, slash);
    const shown = isFolder ? mask | Notify.ISDIR : mask;
    for (const file of this.#files) file.tell(folder, shown, path.slice(slash + 1), cookie);
  }

  /** As `tell`, for what only those see who watch the file itself. */
  tellSelf(path: string, mask: number): void {
    for (const file of this.#files) file.tell(path, mask, "", 0);
  }

  /** A file is opened. */
  opened(path: string): void {
    this.#open.set(path, (this.#open.get(path) ?? 0) + 1);
    this.tell(path, Notify.OPEN);
  }

  /** An open file is closed. */
  closed(path: string, wrote: boolean): void {
    this.tell(path, wrote ? Notify.CLOSE_WRITE : Notify.CLOSE_NOWRITE);
    const left = (this.#open.get(path) ?? 1) - 1;
    if (left > 0) {
      this.#open.set(path, left);
      return;
    }
    this.#open.delete(path);
    if (this.#removed.delete(path)) this.#gone(path);
  }

  /** A name has been removed; with the last one the file goes, once nobody has it open. */
  unlinked(path: string, isFolder: boolean, isLast: boolean): void {
    if (this.#files.size === 0) return;
    if (!isFolder) this.tellSelf(path, Notify.ATTRIB);
    if (isFolder) this.#gone(path);
    this.tellFolder(path, Notify.DELETE, isFolder);
    if (!isLast || isFolder) return;
    if (this.#open.has(path)) this.#removed.add(path);
    else this.#gone(path);
  }

  #gone(path: string): void {
    for (const file of this.#files) {
      file.tell(path, Notify.DELETE_SELF, "", 0);
      file.forget(path);
    }
  }

  /** A name has become another one. */
  renamed(from: string, to: string, isFolder: boolean): void {
    if (this.#files.size === 0) return;
    const cookie = ++this.#cookie;
    this.tellFolder(from, Notify.MOVED_FROM, isFolder, cookie);
    this.tellFolder(to, Notify.MOVED_TO, isFolder, cookie);
    for (const file of this.#files) {
      file.move(from, to);
      file.tell(to, Notify.MOVE_SELF, "", 0);
    }
  }
}
