/** Descriptors for events: eventfd(2), timerfd_create(2), signalfd(2), pidfd_open(2), epoll(7). */
import { Errno, fail } from "../abi/errno.ts";
import { Open, Poll } from "../abi/files.ts";
import { type FileStatus, makeStatus } from "../fs/file_system.ts";
import type { SignalSet } from "../signals/set.ts";
import type { Task, ThreadGroup } from "../task.ts";
import type { Clock } from "../clock.ts";
import { OpenFile, WOULD_BLOCK } from "./open_file.ts";

const STATUS = makeStatus({ mode: 0o600, dev: 15, ino: 1 });

/** Base of files without a place in the tree. */
export abstract class AnonymousFile extends OpenFile {
  constructor(kind: string, flags: number) {
    super(`anon_inode:[${kind}]`, Open.RDWR | flags);
  }
  override status(): FileStatus {
    return STATUS;
  }
}

const MAX_COUNT = 0xffff_ffff_ffff_fffen;

/** A counter that can be waited for. */
export class EventFile extends AnonymousFile {
  #writes = 0;
  constructor(public count: bigint, readonly semaphore: boolean, flags: number) {
    super("eventfd", flags);
  }
  override read(target: Uint8Array): number {
    if (target.length < 8) fail(Errno.EINVAL);
    if (this.count === 0n) return WOULD_BLOCK;
    const taken = this.semaphore ? 1n : this.count;
    this.count -= taken;
    new DataView(target.buffer, target.byteOffset).setBigUint64(0, taken, true);
    return 8;
  }
  override write(bytes: Uint8Array): number {
    if (bytes.length < 8) fail(Errno.EINVAL);
    const added = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
    if (added > MAX_COUNT) fail(Errno.EINVAL);
    if (this.count + added > MAX_COUNT) return WOULD_BLOCK;
    this.count += added;
    this.#writes++;
    return 8;
  }
  override changes(): number {
    return this.#writes;
  }
  override poll(): number {
    return (this.count > 0n ? Poll.IN | Poll.RDNORM : 0) |
      (this.count < MAX_COUNT ? Poll.OUT | Poll.WRNORM : 0);
  }
}

/** A timer that is read. Times are the clock's nanoseconds. */
export class TimerFile extends AnonymousFile {
  deadline = 0;
  interval = 0;
  #expirations = 0;
  #fired = 0;
  #cancel = (): void => {};
  constructor(readonly clock: Clock, readonly clockId: number, flags: number) {
    super("timerfd", flags);
  }

  /** Starts the timer, or stops it with a deadline of 0. */
  arm(deadline: number, interval: number): void {
    this.#cancel();
    this.#expirations = 0;
    this.deadline = deadline;
    this.interval = interval;
    this.#cancel = (): void => {};
    if (deadline !== 0) this.#schedule();
  }

  #schedule(): void {
    this.#cancel = this.clock.schedule(this.deadline, () => {
      this.#expirations++;
      this.#fired++;
      if (this.interval === 0) {
        this.deadline = 0;
        return;
      }
      this.deadline += this.interval;
      this.#schedule();
    });
  }

  override read(target: Uint8Array): number {
    if (target.length < 8) fail(Errno.EINVAL);
    this.clock.fire();
    if (this.#expirations === 0) return WOULD_BLOCK;
    new DataView(target.buffer, target.byteOffset).setBigUint64(0, BigInt(this.#expirations), true);
    this.#expirations = 0;
    return 8;
  }
  override changes(): number {
    return this.#fired;
  }
  override poll(): number {
    return this.#expirations > 0 ? Poll.IN | Poll.RDNORM : 0;
  }
  override close(): void {
    this.#cancel();
  }
}

/** Signals that are read. */
export class SignalFile extends AnonymousFile {
  constructor(public set: SignalSet, flags: number) {
    super("signalfd", flags);
  }
  #next(task: Task): number {
    const all = task.pending.set.union(task.group.pending.set);
    return all.without(all.without(this.set)).first();
  }
  override read(target: Uint8Array, task: Task): number {
    if (target.length < 128) fail(Errno.EINVAL);
    let done = 0;
    for (
      let signal = this.#next(task);
      signal !== 0 && done + 128 <= target.length;
      signal = this.#next(task)
    ) {
      const info = task.pending.take(signal) ?? task.group.pending.take(signal);
      if (info === undefined) break;
      target.fill(0, done, done + 128);
      const view = new DataView(target.buffer, target.byteOffset + done);
      view.setUint32(0, signal, true);
      view.setInt32(8, info.code, true);
      view.setUint32(12, info.pid ?? 0, true);
      view.setUint32(16, info.uid ?? 0, true);
      view.setInt32(40, info.status ?? 0, true);
      view.setBigUint64(48, info.value ?? 0n, true);
      done += 128;
    }
    return done === 0 ? WOULD_BLOCK : done;
  }
  override poll(task: Task): number {
    return this.#next(task) === 0 ? 0 : Poll.IN | Poll.RDNORM;
  }
}

/** A process: readable once it has ended. pidfd_open(2). */
export class PidFile extends AnonymousFile {
  constructor(readonly group: ThreadGroup, flags: number) {
    super("pidfd", flags);
  }
  override changes(): number {
    return this.group.end === undefined ? 0 : 1;
  }
  override poll(): number {
    return this.group.end === undefined ? 0 : Poll.IN | Poll.RDNORM;
  }
}

/** What an epoll watches. */
interface Watch {
  readonly file: OpenFile;
  events: number;
  data: bigint;
  /** Events that were reported and still hold (edge-triggered); and what the file had counted then. */
  reported: number;
  changes: number;
  room: number;
  disabled: boolean;
}

const EPOLLET = 0x8000_0000 | 0;
const EPOLLONESHOT = 0x4000_0000;
const READ_EVENTS = Poll.IN | Poll.RDNORM | Poll.RDHUP | Poll.HUP;
const WRITE_EVENTS = Poll.OUT | Poll.WRNORM;

/** What was reported and is no news: nothing has come since. Notes what has come. */
function stillReported(watch: Watch): number {
  const changes = watch.file.changes(), room = watch.file.room();
  let { reported } = watch;
  if (changes !== watch.changes) reported &= ~READ_EVENTS;
  if (room !== watch.room) reported &= ~WRITE_EVENTS;
  watch.changes = changes;
  watch.room = room;
  return reported;
}

/** A watch that has reported nothing yet. */
function newWatch(file: OpenFile, events: number, data: bigint): Watch {
  return { file, events, data, reported: 0, changes: 0, room: 0, disabled: false };
}

/** A set of files to wait for. */
export class EpollFile extends AnonymousFile {
  readonly #watches = new Map<string, Watch>();
  constructor() {
    super("eventpoll", 0);
  }

  static #key(fd: number, file: OpenFile): string {
    if (file.epollId === 0) file.epollId = ++lastEpollId;
    return `${fd}:${file.epollId}`;
  }

  /** epoll_ctl(2): 1 adds, 2 removes, 3 changes. */
  control(operation: number, fd: number, file: OpenFile, events: number, data: bigint): void {
    const key = EpollFile.#key(fd, file);
    const watch = this.#watches.get(key);
    if (file === this) fail(Errno.EINVAL);
    if (operation === 1) {
      if (watch !== undefined) fail(Errno.EEXIST);
      if ("node" in file || "list" in file) fail(Errno.EPERM);
      this.#watches.set(key, newWatch(file, events, data));
      return;
    }
    if (watch === undefined) fail(Errno.ENOENT);
    if (operation === 2) this.#watches.delete(key);
    else if (operation === 3) this.#watches.set(key, newWatch(file, events, data));
    else fail(Errno.EINVAL);
  }

  /** Events that hold now, at most `limit`. */
  ready(task: Task, limit: number): { events: number; data: bigint }[] {
    const found: { events: number; data: bigint }[] = [];
    for (const [key, watch] of this.#watches) {
      if (watch.file.references === 0) {
        this.#watches.delete(key);
        continue;
      }
      if (watch.disabled || found.length >= limit) continue;
      const holds = watch.file.poll(task) & (watch.events | Poll.ERR | Poll.HUP);
      const news = (watch.events & EPOLLET) !== 0 ? holds & ~stillReported(watch) : holds;
      watch.reported = holds;
      if (news === 0) continue;
      if ((watch.events & EPOLLONESHOT) !== 0) watch.disabled = true;
      found.push({ events: holds, data: watch.data });
    }
    return found;
  }

  override poll(task: Task): number {
    for (const watch of this.#watches.values()) {
      if (!watch.disabled && (watch.file.poll(task) & (watch.events | Poll.ERR | Poll.HUP)) !== 0) {
        return Poll.IN | Poll.RDNORM;
      }
    }
    return 0;
  }
}

let lastEpollId = 0;
