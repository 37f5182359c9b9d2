/** Descriptors: opening, closing, copying, fcntl(2), pipes and ioctl(2). */
import { Errno, fail } from "../abi/errno.ts";
import { At, Fcntl, isType, Mode, Open } from "../abi/files.ts";
import type { Outcome } from "../blocked.ts";
import { dropLocks, flockFile, getLock, setLock } from "../files/locks.ts";
import type { OpenFile } from "../files/open_file.ts";
import { PipeFile } from "../files/pipe.ts";
import { DirectoryFile, RegularFile } from "../files/regular.ts";
import { memoryFile } from "../fs/memory.ts";
import type { Task } from "../task.ts";
import type { Row } from "./row.ts";

/** Folder that a relative path starts from. */
export function baseOf(task: Task, dirfd: number, path: string): string {
  if (dirfd === At.FDCWD || path.startsWith("/")) return task.paths.cwd;
  const file = task.files.get(dirfd);
  return file instanceof DirectoryFile ? file.path : fail(Errno.ENOTDIR);
}

function openAt(task: Task, dirfd: number, path: string, flags: number, mode: number): Outcome {
  const { mounts } = task.system;
  const noFollow = (flags & Open.NOFOLLOW) !== 0 ||
    (flags & (Open.CREAT | Open.EXCL)) === (Open.CREAT | Open.EXCL);
  if ((flags & Open.TMPFILE_BIT) !== 0) return temporary(task, dirfd, path, flags, mode);
  const place = mounts.resolve(task, path, baseOf(task, dirfd, path), !noFollow);
  const file = mounts.open(task, place, flags, mode);
  const fd = task.files.add(file, (flags & Open.CLOEXEC) !== 0);
  if (!(file instanceof PipeFile) || place.file !== undefined || file.nonBlocking) return fd;
  // Opening a FIFO waits for the other side, which may have come and gone before it is this task's turn.
  const { buffer, readable } = file;
  if ((readable ? buffer.writers : buffer.readers) > 0) return fd;
  const seen = (): number => readable ? buffer.writersSeen : buffer.readersSeen;
  const before = seen();
  return {
    poll: () => seen() !== before ? fd : undefined,
    interruption: "restarts",
    abandon: () => task.files.close(fd),
  };
}

/** O_TMPFILE: a file without a name. */
function temporary(task: Task, dirfd: number, path: string, flags: number, mode: number): number {
  const { mounts, clock, memory } = task.system;
  const place = mounts.existing(task, path, baseOf(task, dirfd, path), true);
  if (!isType(place.status.mode, Mode.IFDIR)) fail(Errno.ENOTDIR);
  if ((flags & Open.ACCMODE) === Open.RDONLY) fail(Errno.EINVAL);
  const node = memoryFile(() => clock.realtimeBig(), mode & ~task.paths.umask, task.system.nextInode());
  const file = new RegularFile(node, `${place.path}/#tmp (deleted)`, flags & ~Open.CREAT, memory.cache);
  return task.files.add(file, (flags & Open.CLOEXEC) !== 0);
}

function openat(task: Task, dirfd: number, path: number, flags: number, mode: number): Outcome {
  return openAt(task, dirfd, task.memory.string(path), flags, mode & 0o7777);
}

function open(task: Task, path: number, flags: number, mode: number): Outcome {
  return openAt(task, At.FDCWD, task.memory.string(path), flags, mode & 0o7777);
}

function creat(task: Task, path: number, mode: number): Outcome {
  return openAt(
    task,
    At.FDCWD,
    task.memory.string(path),
    Open.CREAT | Open.WRONLY | Open.TRUNC,
    mode & 0o7777,
  );
}

function openat2(task: Task, dirfd: number, path: number, how: number, size: number): Outcome {
  if (size < 24) fail(Errno.EINVAL);
  const flags = task.memory.u64(how), mode = task.memory.u64(how + 8), resolve = task.memory.u64(how + 16);
  // RESOLVE_IN_ROOT and its kin are promises this resolution does not keep for folders inside the root.
  if (resolve !== 0) fail(Errno.EAGAIN);
  return openAt(task, dirfd, task.memory.string(path), flags, mode);
}

function close(task: Task, fd: number): Outcome {
  const file = task.files.get(fd);
  dropLocks(task.group, file);
  task.files.close(fd);
  return 0;
}

function closeRange(task: Task, first: number, last: number, flags: number): Outcome {
  if (first > last || (flags & ~6) !== 0) fail(Errno.EINVAL);
  if ((flags & 2) !== 0 && task.files.users > 1) {
    const files = task.files.copy();
    task.files.release();
    task.files = files;
  }
  for (const fd of task.files.numbers()) {
    if (fd < first || fd > last) continue;
    if ((flags & 4) !== 0) task.files.setCloseOnExec(fd, true);
    else close(task, fd);
  }
  return 0;
}

function dup(task: Task, fd: number): Outcome {
  return task.files.add(task.files.get(fd), false);
}

function dup2(task: Task, from: number, to: number): Outcome {
  const file = task.files.get(from);
  if (from === to) return to;
  return dupTo(task, file, to, false);
}

function dup3(task: Task, from: number, to: number, flags: number): Outcome {
  if (from === to || (flags & ~Open.CLOEXEC) !== 0) fail(Errno.EINVAL);
  return dupTo(task, task.files.get(from), to, (flags & Open.CLOEXEC) !== 0);
}

function dupTo(task: Task, file: OpenFile, to: number, closeOnExec: boolean): number {
  if (to < 0 || to >= task.files.limit) fail(Errno.EBADF);
  task.files.set(to, file, closeOnExec);
  return to;
}

/** Status flags that F_SETFL may change. */
const SETTABLE = Open.APPEND | Open.NONBLOCK | Open.ASYNC | Open.DIRECT | Open.NOATIME;

const F_OWNER_PID = 1, F_OWNER_PGRP = 2;

function fcntl(task: Task, fd: number, command: number, argument: number): Outcome {
  const { files } = task;
  const file = files.get(fd);
  switch (command) {
    case Fcntl.DUPFD:
    case Fcntl.DUPFD_CLOEXEC:
      if (argument >= files.limit) fail(Errno.EINVAL);
      return files.add(file, command === Fcntl.DUPFD_CLOEXEC, argument);
    case Fcntl.GETFD:
      return files.closeOnExec(fd) ? 1 : 0;
    case Fcntl.SETFD:
      files.setCloseOnExec(fd, argument % 2 === 1);
      return 0;
    case Fcntl.GETFL:
      return file.flags;
    case Fcntl.SETFL:
      file.flags = (file.flags & ~SETTABLE) | (argument & SETTABLE);
      return 0;
    case Fcntl.GETLK:
    case Fcntl.OFD_GETLK:
      return getLock(task, file, argument, command === Fcntl.OFD_GETLK);
    case Fcntl.SETLK:
    case Fcntl.OFD_SETLK:
      return setLock(task, file, argument, command === Fcntl.OFD_SETLK, false);
    case Fcntl.SETLKW:
    case Fcntl.OFD_SETLKW:
      return setLock(task, file, argument, command === Fcntl.OFD_SETLKW, true);
    case Fcntl.GETPIPE_SZ:
      return file instanceof PipeFile ? file.buffer.capacity : fail(Errno.EBADF);
    case Fcntl.SETPIPE_SZ: {
      if (!(file instanceof PipeFile)) fail(Errno.EBADF);
      if (argument > 0x10_0000) fail(Errno.EPERM);
      file.buffer.capacity = Math.max(4096, 2 ** Math.ceil(Math.log2(Math.max(1, argument))));
      return file.buffer.capacity;
    }
    // SIGIO is never sent, but who would get it is kept.
    case Fcntl.GETOWN:
      return file.owner;
    case Fcntl.SETOWN:
      file.owner = argument | 0;
      return 0;
    case Fcntl.GETOWN_EX:
      task.memory.setI32(argument, file.owner < 0 ? F_OWNER_PGRP : F_OWNER_PID);
      task.memory.setI32(argument + 4, Math.abs(file.owner));
      return 0;
    case Fcntl.SETOWN_EX: {
      const type = task.memory.u32(argument), id = task.memory.i32(argument + 4);
      if (type > F_OWNER_PGRP) fail(Errno.EINVAL);
      file.owner = type === F_OWNER_PGRP ? -id : id;
      return 0;
    }
    case Fcntl.GETSIG:
    case Fcntl.SETSIG:
      return 0;
    case Fcntl.GET_SEALS:
    case Fcntl.ADD_SEALS:
      return file instanceof RegularFile && file.path.startsWith("/memfd:") ? 0 : fail(Errno.EINVAL);
    case Fcntl.GETLEASE:
      return 2; // F_UNLCK
    default:
      return fail(Errno.EINVAL);
  }
}

function pipe2(task: Task, address: number, flags: number): Outcome {
  if ((flags & ~(Open.CLOEXEC | Open.NONBLOCK | Open.DIRECT)) !== 0) fail(Errno.EINVAL);
  const [reading, writing] = PipeFile.pair(flags & (Open.NONBLOCK | Open.DIRECT), task.system.nextInode());
  return addPair(task, reading, writing, address, (flags & Open.CLOEXEC) !== 0);
}

/** Gives two files numbers and stores these. */
export function addPair(
  task: Task,
  first: OpenFile,
  second: OpenFile,
  address: number,
  closeOnExec: boolean,
): number {
  const { files, memory } = task;
  memory.i32(address);
  const a = files.add(first, closeOnExec);
  try {
    const b = files.add(second, closeOnExec);
    memory.setI32(address, a);
    memory.setI32(address + 4, b);
  } catch (error) {
    files.close(a);
    throw error;
  }
  return 0;
}

const FIONBIO = 0x5421, FIOASYNC = 0x5452, FIOCLEX = 0x5451, FIONCLEX = 0x5450, FIONREAD = 0x541b;

function ioctl(task: Task, fd: number, request: number, argument: number): Outcome {
  const file = task.files.get(fd);
  switch (request) {
    case FIONBIO:
    case FIOASYNC: {
      const flag = request === FIONBIO ? Open.NONBLOCK : Open.ASYNC;
      if (request === FIOASYNC && "node" in file) break;
      if (task.memory.i32(argument) !== 0) file.flags |= flag;
      else file.flags &= ~flag;
      return 0;
    }
    case FIOCLEX:
    case FIONCLEX:
      task.files.setCloseOnExec(fd, request === FIOCLEX);
      return 0;
    case FIONREAD:
      if (!(file instanceof RegularFile)) break;
      task.memory.setI32(argument, Math.max(0, file.status().size - file.position));
      return 0;
  }
  return file.ioctl(task, request, argument);
}

function flock(task: Task, fd: number, operation: number): Outcome {
  return flockFile(task, task.files.get(fd), operation);
}

function memfdCreate(task: Task, name: number, flags: number): Outcome {
  const { clock, memory } = task.system;
  const label = task.memory.string(name, 250);
  const node = memoryFile(() => clock.realtimeBig(), 0o777, task.system.nextInode());
  const file = new RegularFile(node, `/memfd:${label} (deleted)`, Open.RDWR, memory.cache);
  return task.files.add(file, (flags & 1) !== 0);
}

function fsync(task: Task, fd: number): Outcome {
  const file = task.files.get(fd);
  if (file instanceof RegularFile) file.node.sync();
  else if (!(file instanceof DirectoryFile)) fail(Errno.EINVAL);
  return 0;
}

/** Calls of this file. */
// deno-fmt-ignore
export const DESCRIPTOR_CALLS: readonly Row[] = [
  [2, "open", "path open oct", open],
  [3, "close", "fd", close],
  [16, "ioctl", "fd ioctl ptr", ioctl],
  [22, "pipe", "outfds", (task, address) => pipe2(task, address, 0)],
  [32, "dup", "fd", dup],
  [33, "dup2", "fd fd", dup2],
  [72, "fcntl", "fd fcntl hexarg", fcntl],
  [73, "flock", "fd hex", flock],
  [74, "fsync", "fd", fsync],
  [75, "fdatasync", "fd", fsync],
  [85, "creat", "path oct", creat],
  [162, "sync", "", () => 0],
  [187, "readahead", "fd off size", () => 0],
  [221, "fadvise64", "fd off size int", (task, fd) => (task.files.get(fd), 0)],
  [257, "openat", "dirfd path open oct", openat],
  [277, "sync_file_range", "fd off off hex", () => 0],
  [292, "dup3", "fd fd open", dup3],
  [293, "pipe2", "outfds open", pipe2],
  [306, "syncfs", "fd", () => 0],
  [319, "memfd_create", "str hex", memfdCreate],
  [436, "close_range", "uint uint hex", closeRange],
  [437, "openat2", "dirfd path ptr size", openat2],
];
