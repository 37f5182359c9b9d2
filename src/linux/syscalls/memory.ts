/** Memory: mmap(2) and its relatives, brk(2). */
import { PAGE_SIZE } from "../../memory/physical.ts";
import { Errno, fail } from "../abi/errno.ts";
import type { Outcome } from "../blocked.ts";
import { pageUp } from "../elf.ts";
import { RegularFile } from "../files/regular.ts";
import { Limit } from "../limits.ts";
import type { AddressSpace } from "../memory/address_space.ts";
import type { Backing, PageStore } from "../memory/backing.ts";
import { USER_END } from "../memory/page_tables.ts";
import { Prot, type Region } from "../memory/vma.ts";
import type { Task } from "../task.ts";
import type { Row } from "./row.ts";

/** Flags of mmap(2). */
const Map = {
  SHARED: 1,
  PRIVATE: 2,
  SHARED_VALIDATE: 3,
  TYPE: 0xf,
  FIXED: 0x10,
  ANONYMOUS: 0x20,
  GROWSDOWN: 0x100,
  NORESERVE: 0x4000,
  POPULATE: 0x8000,
  STACK: 0x2_0000,
  FIXED_NOREPLACE: 0x10_0000,
} as const; // deno-fmt-ignore
const MREMAP_MAYMOVE = 1, MREMAP_FIXED = 2, MREMAP_DONTUNMAP = 4;
const MADV_DONTNEED = 4, MADV_FREE = 8, MADV_REMOVE = 9, MADV_DONTNEED_LOCKED = 24;
const MAX_ADVICE = 25;
/** Below this nothing is placed that asks for no place. */
const LOWEST = 0x1_0000;
const MAX_REGIONS = 65530;

/** Refuses what cannot fit: a private writable mapping larger than all memory that is left. */
function checkRoom(space: AddressSpace, length: number, prot: number, shared: boolean, flags = 0): void {
  if (space.regions.list.length >= MAX_REGIONS) fail(Errno.ENOMEM);
  if (shared || (prot & Prot.WRITE) === 0 || (flags & Map.NORESERVE) !== 0) return;
  const { frames, cache } = space.memory;
  const pages = length / PAGE_SIZE;
  if (pages > frames.free && pages > frames.free + cache.reclaimable) fail(Errno.ENOMEM);
}

function checkLimit(task: Task, added: number): void {
  const limit = task.group.limits[Limit.AS]![0];
  if (limit !== Infinity && task.space.sizes().mapped + added > limit) fail(Errno.ENOMEM);
}

function mmap(
  task: Task,
  hint: number,
  length: number,
  prot: number,
  flags: number,
  fd: number,
  offset: number,
): Outcome {
  const { space } = task;
  if (length === 0 || offset % PAGE_SIZE !== 0 || offset < 0) fail(Errno.EINVAL);
  const size = pageUp(length);
  if (size > USER_END) fail(Errno.ENOMEM);
  const type = flags & Map.TYPE;
  if (type !== Map.SHARED && type !== Map.PRIVATE && type !== Map.SHARED_VALIDATE) fail(Errno.EINVAL);
  const shared = type !== Map.PRIVATE;
  const rights = prot & 7;
  checkLimit(task, size);
  checkRoom(space, size, rights, shared, flags);
  const start = place(space, hint, size, flags);
  const source = (flags & Map.ANONYMOUS) !== 0
    ? (shared ? { backing: task.system.memory.cache.anonymous() } : {})
    : openMapping(task, fd, rights, shared);
  const region: Region = {
    start,
    end: start + size,
    prot: rights,
    shared,
    growsDown: (flags & Map.GROWSDOWN) !== 0,
    backing: source.backing,
    offset: (flags & Map.ANONYMOUS) !== 0 ? 0 : offset,
    name: "",
    mayWrite: source.mayWrite ?? true,
  };
  space.map(region, source.store);
  if ((flags & Map.POPULATE) !== 0 && size <= 0x1000_0000) {
    for (let page = start; page < start + size; page += PAGE_SIZE) {
      space.fault(page, shared ? "read" : "write");
    }
  }
  return start;
}

function openMapping(
  task: Task,
  fd: number,
  prot: number,
  shared: boolean,
): { backing?: Backing; store?: PageStore; mayWrite?: boolean } {
  const file = task.files.get(fd);
  if (!file.readable) fail(Errno.EACCES);
  if (shared && (prot & Prot.WRITE) !== 0 && !file.writable) fail(Errno.EACCES);
  // /dev/zero gives anonymous memory.
  if (file.path === "/dev/zero") return shared ? { backing: task.system.memory.cache.anonymous() } : {};
  if (!(file instanceof RegularFile)) fail(Errno.ENODEV);
  return { ...file.mapping(), mayWrite: file.writable };
}

/** Decides where a mapping goes. */
function place(space: AddressSpace, hint: number, size: number, flags: number): number {
  if ((flags & (Map.FIXED | Map.FIXED_NOREPLACE)) !== 0) {
    if (hint % PAGE_SIZE !== 0) fail(Errno.EINVAL);
    if (hint + size > USER_END) fail(Errno.ENOMEM);
    if ((flags & Map.FIXED_NOREPLACE) !== 0 && space.regions.overlapping(hint, hint + size).length > 0) {
      fail(Errno.EEXIST);
    }
    return hint;
  }
  const wanted = hint - hint % PAGE_SIZE;
  if (
    wanted >= LOWEST && wanted + size <= USER_END &&
    space.regions.overlapping(wanted, wanted + size).length === 0
  ) {
    return wanted;
  }
  const found = space.regions.gapBelow(size, LOWEST, space.mmapBase);
  if (found >= 0) return found;
  const above = space.regions.gapBelow(size, LOWEST, USER_END);
  return above >= 0 ? above : fail(Errno.ENOMEM);
}

/** A free place for a mapping that asks for none. */
export function placeMapping(space: AddressSpace, size: number): number {
  return place(space, 0, size, 0);
}

/** Checks a range; answers its end. */
function rangeEnd(start: number, length: number, failure: number = Errno.EINVAL): number {
  if (start % PAGE_SIZE !== 0) fail(Errno.EINVAL);
  const end = start + pageUp(length);
  if (end > USER_END) fail(failure);
  return end;
}

function munmap(task: Task, start: number, length: number): Outcome {
  if (length === 0) fail(Errno.EINVAL);
  task.space.unmap(start, rangeEnd(start, length));
  return 0;
}

function mprotect(task: Task, start: number, length: number, prot: number): Outcome {
  const end = rangeEnd(start, length, Errno.ENOMEM);
  if ((prot & ~0x0300_0007) !== 0) fail(Errno.EINVAL);
  if (end > start) task.space.protect(start, end, prot & 7);
  return 0;
}

function brk(task: Task, address: number): Outcome {
  const { space } = task;
  if (address < space.brkStart || address >= USER_END) return space.brk;
  const before = pageUp(space.brk), after = pageUp(address);
  if (after < before) space.unmap(after, before);
  else if (after > before) {
    if (space.regions.overlapping(before, after).length > 0) return space.brk;
    const limit = task.group.limits[Limit.DATA]![0];
    if (address - space.brkStart > limit) return space.brk;
    try {
      checkLimit(task, after - before);
      checkRoom(space, after - before, Prot.WRITE, false);
    } catch {
      return space.brk;
    }
    space.map({
      start: before,
      end: after,
      prot: Prot.READ | Prot.WRITE,
      shared: false,
      growsDown: false,
      backing: undefined,
      offset: 0,
      name: "[heap]",
      mayWrite: true,
    });
  }
  space.brk = address;
  return address;
}

function mremap(
  task: Task,
  old: number,
  oldLength: number,
  newLength: number,
  flags: number,
  to: number,
): Outcome {
  const { space } = task;
  if (old % PAGE_SIZE !== 0 || newLength === 0 || (flags & ~7) !== 0) fail(Errno.EINVAL);
  if ((flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) !== 0 && (flags & MREMAP_MAYMOVE) === 0) fail(Errno.EINVAL);
  const from = pageUp(oldLength), size = pageUp(newLength);
  const inPlace = (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) === 0;
  if (inPlace && size <= from) { // shrinking is an unmapping, whatever is there
    if (old + from > USER_END) fail(Errno.EINVAL);
    if (size < from) space.unmap(old + size, old + from);
    return old;
  }
  const region = space.regions.find(old) ?? fail(Errno.EFAULT);
  if (old + from > region.end) fail(Errno.EFAULT);
  if (from === 0 && !region.shared) fail(Errno.EINVAL);
  if (inPlace) {
    checkRoom(space, size - from, region.prot, region.shared);
    const isFree = space.regions.overlapping(old + from, old + size).length === 0;
    if (old + from === region.end && isFree && old + size <= USER_END) {
      region.backing?.share();
      space.regions.insert({
        ...region,
        start: region.end,
        end: old + size,
        offset: region.offset + region.end - region.start,
      });
      return old;
    }
    if ((flags & MREMAP_MAYMOVE) === 0) fail(Errno.ENOMEM);
  }
  return moveMapping(task, region, old, from, size, flags, to);
}

function moveMapping(
  task: Task,
  region: Region,
  old: number,
  from: number,
  size: number,
  flags: number,
  to: number,
): number {
  const { space } = task;
  let target = to;
  if ((flags & MREMAP_FIXED) !== 0) {
    if (to % PAGE_SIZE !== 0 || to + size > USER_END) fail(Errno.EINVAL);
    if (to < old + from && to + size > old) fail(Errno.EINVAL);
  } else {
    checkRoom(space, Math.max(0, size - from), region.prot, region.shared);
    target = place(space, 0, size, 0);
  }
  const moved = Math.min(from, size);
  const offset = region.offset + old - region.start;
  space.unmap(target, target + size);
  region.backing?.share();
  space.regions.insert({ ...region, start: target, end: target + size, offset, growsDown: false });
  space.movePages(old, target, moved);
  if ((flags & MREMAP_DONTUNMAP) === 0 && from > 0) space.unmap(old, old + from);
  return target;
}

function madvise(task: Task, start: number, length: number, advice: number): Outcome {
  const end = rangeEnd(start, length);
  if (advice > MAX_ADVICE && advice < 100) fail(Errno.EINVAL);
  if (end === start) return 0;
  if (!task.space.regions.covers(start, end)) fail(Errno.ENOMEM);
  if (advice === MADV_DONTNEED || advice === MADV_FREE || advice === MADV_DONTNEED_LOCKED) {
    task.space.releasePages(start, end);
  } else if (advice === MADV_REMOVE) fail(Errno.EOPNOTSUPP);
  return 0;
}

function msync(task: Task, start: number, length: number, flags: number): Outcome {
  const end = rangeEnd(start, length, Errno.ENOMEM);
  if ((flags & ~7) !== 0) fail(Errno.EINVAL);
  if (!task.space.regions.covers(start, end)) fail(Errno.ENOMEM);
  task.space.sync(start, end);
  return 0;
}

function mincore(task: Task, start: number, length: number, vector: number): Outcome {
  const end = rangeEnd(start, length, Errno.ENOMEM);
  if (!task.space.regions.covers(start, end)) fail(Errno.ENOMEM);
  for (let page = start, i = 0; page < end; page += PAGE_SIZE, i++) {
    task.memory.setU8(vector + i, task.space.resident(page) ? 1 : 0);
  }
  return 0;
}

function mlock(task: Task, start: number, length: number): Outcome {
  const first = start - start % PAGE_SIZE;
  if (!task.space.regions.covers(first, pageUp(start + length))) fail(Errno.ENOMEM);
  return 0;
}

/** Calls of this file. */
// deno-fmt-ignore
export const MEMORY_CALLS: readonly Row[] = [
  [9, "mmap", "ptr size prot mapflags fd off", mmap],
  [10, "mprotect", "ptr size prot", mprotect],
  [11, "munmap", "ptr size", munmap],
  [12, "brk", "ptr", brk],
  [25, "mremap", "ptr size size hex ptr", mremap],
  [26, "msync", "ptr size hex", msync],
  [27, "mincore", "ptr size ptr", mincore],
  [28, "madvise", "ptr size madvise", madvise],
  [149, "mlock", "ptr size", mlock],
  [150, "munlock", "ptr size", mlock],
  [151, "mlockall", "hex", () => 0],
  [152, "munlockall", "", () => 0],
  [325, "mlock2", "ptr size hex", mlock],
];
