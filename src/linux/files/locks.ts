/** Advisory locks: fcntl(2) on ranges, flock(2) on whole files. */
import { Errno, fail } from "../abi/errno.ts";
import type { Outcome } from "../blocked.ts";
import type { Task, ThreadGroup } from "../task.ts";
import type { OpenFile } from "./open_file.ts";
import { RegularFile } from "./regular.ts";

/** A lock on bytes [start, end). Held by a thread group, or by an open file (OFD locks). */
export interface RangeLock {
  readonly owner: ThreadGroup | OpenFile;
  readonly start: number;
  readonly end: number;
  readonly exclusive: boolean;
}

/** The locks of a system, by the file's identity. */
export class FileLocks {
  /** Locks of fcntl(2). */
  readonly ranges: Map<string, RangeLock[]> = new Map();
  /** Open files that hold locks of flock(2). */
  readonly wholeFiles: Map<string, Set<OpenFile>> = new Map();
}

const F_RDLCK = 0, F_WRLCK = 1, F_UNLCK = 2;
const LOCK_SH = 1, LOCK_EX = 2, LOCK_NB = 4, LOCK_UN = 8;

function keyOf(file: OpenFile): string {
  if (file instanceof RegularFile && file.node.key !== "") return file.node.key;
  const { dev, ino } = file.status();
  return `${dev}:${ino}`;
}

/** Reads struct flock: type, and the range from the file's start. */
function readRange(
  task: Task,
  file: OpenFile,
  address: number,
): { type: number; start: number; end: number } {
  const { memory } = task;
  const whence = memory.u16(address + 2);
  const origin = whence === 0
    ? 0
    : whence === 1
    ? ("position" in file ? file.position as number : 0)
    : whence === 2
    ? file.status().size
    : fail(Errno.EINVAL);
  const start = origin + memory.i64(address + 8);
  const length = memory.i64(address + 16);
  const type = memory.u16(address);
  if (type > F_UNLCK) fail(Errno.EINVAL);
  const from = length < 0 ? start + length : start;
  const end = length < 0 ? start : length === 0 ? Infinity : start + length;
  if (from < 0) fail(Errno.EINVAL);
  return { type, start: from, end };
}

function conflict(
  locks: readonly RangeLock[],
  owner: ThreadGroup | OpenFile,
  range: { type: number; start: number; end: number },
): RangeLock | undefined {
  return locks.find((lock) =>
    lock.owner !== owner && lock.start < range.end && lock.end > range.start &&
    (lock.exclusive || range.type === F_WRLCK)
  );
}

/** F_GETLK. */
export function getLock(task: Task, file: OpenFile, address: number, byFile: boolean): number {
  const range = readRange(task, file, address);
  const found = conflict(task.system.locks.ranges.get(keyOf(file)) ?? [], byFile ? file : task.group, range);
  const { memory } = task;
  if (found === undefined) {
    memory.setU8(address, F_UNLCK);
    memory.setU8(address + 1, 0);
    return 0;
  }
  memory.setI32(address, found.exclusive ? F_WRLCK : F_RDLCK);
  memory.setI64(address + 8, found.start);
  memory.setI64(address + 16, found.end === Infinity ? 0 : found.end - found.start);
  memory.setI32(address + 24, "pid" in found.owner ? found.owner.pid : -1);
  return 0;
}

/** F_SETLK and F_SETLKW. */
export function setLock(
  task: Task,
  file: OpenFile,
  address: number,
  byFile: boolean,
  waits: boolean,
): Outcome {
  const range = readRange(task, file, address);
  const owner = byFile ? file : task.group;
  if ((range.type === F_RDLCK && !file.readable) || (range.type === F_WRLCK && !file.writable)) {
    fail(Errno.EBADF);
  }
  const key = keyOf(file);
  const { ranges } = task.system.locks;
  const attempt = (): number | undefined => {
    const locks = ranges.get(key) ?? [];
    if (range.type !== F_UNLCK && conflict(locks, owner, range) !== undefined) return undefined;
    const rest = locks.flatMap((lock) => lock.owner === owner ? outside(lock, range) : [lock]);
    if (range.type !== F_UNLCK) {
      rest.push({ owner, start: range.start, end: range.end, exclusive: range.type === F_WRLCK });
    }
    if (rest.length === 0) ranges.delete(key);
    else ranges.set(key, rest);
    return 0;
  };
  const result = attempt();
  if (result !== undefined) return result;
  return waits ? { poll: attempt, interruption: "restarts" } : -Errno.EAGAIN;
}

/** What is left of a lock outside of a range. */
function outside(lock: RangeLock, range: { start: number; end: number }): RangeLock[] {
  if (lock.end <= range.start || lock.start >= range.end) return [lock];
  const parts: RangeLock[] = [];
  if (lock.start < range.start) parts.push({ ...lock, end: range.start });
  if (lock.end > range.end) parts.push({ ...lock, start: range.end });
  return parts;
}

/** A group closes a descriptor of a file: its range locks on the file are gone. */
export function dropLocks(group: ThreadGroup, file: OpenFile): void {
  const { locks } = group.system;
  if (locks.ranges.size === 0 && file.lock === "none") return;
  if (locks.ranges.size > 0) {
    const key = keyOf(file);
    dropFrom(locks, key, (lock) => lock.owner === group || (lock.owner === file && file.references === 1));
  }
  if (file.lock !== "none" && file.references === 1) unlock(locks, file);
}

/** A group ends: all its locks are gone. */
export function dropAllLocks(group: ThreadGroup): void {
  const { locks } = group.system;
  for (const key of [...locks.ranges.keys()]) dropFrom(locks, key, (lock) => lock.owner === group);
}

function dropFrom({ ranges }: FileLocks, key: string, gone: (lock: RangeLock) => boolean): void {
  const rest = ranges.get(key)?.filter((lock) => !gone(lock)) ?? [];
  if (rest.length === 0) ranges.delete(key);
  else ranges.set(key, rest);
}

function unlock(locks: FileLocks, file: OpenFile): void {
  file.lock = "none";
  locks.wholeFiles.get(keyOf(file))?.delete(file);
}

/** flock(2). */
export function flockFile(task: Task, file: OpenFile, operation: number): Outcome {
  const { locks } = task.system;
  const wanted = operation & ~LOCK_NB;
  if (wanted === LOCK_UN) {
    unlock(locks, file);
    return 0;
  }
  if (wanted !== LOCK_SH && wanted !== LOCK_EX) fail(Errno.EINVAL);
  const key = keyOf(file);
  const attempt = (): number | undefined => {
    const holders = locks.wholeFiles.get(key) ?? new Set();
    for (const holder of holders) {
      if (holder.references === 0) holders.delete(holder);
      else if (holder !== file && (wanted === LOCK_EX || holder.lock === "exclusive")) return undefined;
    }
    file.lock = wanted === LOCK_EX ? "exclusive" : "shared";
    locks.wholeFiles.set(key, holders.add(file));
    return 0;
  };
  const result = attempt();
  if (result !== undefined) return result;
  return (operation & LOCK_NB) !== 0 ? -Errno.EAGAIN : { poll: attempt, interruption: "restarts" };
}
