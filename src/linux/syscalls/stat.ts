/** What files are: stat(2), statx(2), access(2), statfs(2), getdents64(2). */
import { Errno, fail } from "../abi/errno.ts";
import { At, direntType } from "../abi/files.ts";
import type { Outcome } from "../blocked.ts";
import { SECOND } from "../clock.ts";
import { DirectoryFile } from "../files/regular.ts";
import { type FileStatus, type FileSystemStatus, isLink } from "../fs/file_system.ts";
import { bytesOfText } from "../memory/user_memory.ts";
import type { Task } from "../task.ts";
import { baseOf } from "./descriptors.ts";
import type { Call, Row } from "./row.ts";

const NANOSECONDS = BigInt(SECOND);

/** Sizes of struct stat and struct statx. */
const STAT_BYTES = 144;
const STATX_BYTES = 256;

function put64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setInt32(at + 4, Math.floor(value / 0x1_0000_0000), true);
}

function putTime(view: DataView, at: number, time: bigint): void {
  if (time === 0n) {
    put64(view, at, 0);
    return put64(view, at + 8, 0);
  }
  let seconds = time / NANOSECONDS, rest = time % NANOSECONDS;
  if (rest < 0n) {
    rest += NANOSECONDS;
    seconds -= 1n;
  }
  view.setBigInt64(at, seconds, true);
  view.setBigInt64(at + 8, rest, true);
}

/** What `encodeStat` writes all of, but for padding. */
const STAT = new Uint8Array(STAT_BYTES), STAT_VIEW = new DataView(STAT.buffer);

/** struct stat; valid until the next one. */
function encodeStat(status: FileStatus): Uint8Array {
  const bytes = STAT, view = STAT_VIEW;
  put64(view, 0, status.dev);
  put64(view, 8, status.ino);
  put64(view, 16, status.nlink);
  view.setUint32(24, status.mode, true);
  view.setUint32(28, status.uid, true);
  view.setUint32(32, status.gid, true);
  put64(view, 40, status.rdev);
  put64(view, 48, status.size);
  put64(view, 56, status.blksize);
  put64(view, 64, status.blocks);
  putTime(view, 72, status.atime);
  putTime(view, 88, status.mtime);
  putTime(view, 104, status.ctime);
  return bytes;
}

function encodeStatx(status: FileStatus): Uint8Array {
  const bytes = new Uint8Array(STATX_BYTES);
  const view = new DataView(bytes.buffer);
  const putStatxTime = (at: number, time: bigint): void => {
    view.setBigInt64(at, time / NANOSECONDS, true);
    view.setUint32(at + 8, Number(time % NANOSECONDS), true);
  };
  view.setUint32(0, 0x17ff & ~0x800, true); // STATX_BASIC_STATS and mount id, without the time of birth
  view.setUint32(4, status.blksize, true);
  view.setUint32(16, status.nlink, true);
  view.setUint32(20, status.uid, true);
  view.setUint32(24, status.gid, true);
  view.setUint16(28, status.mode, true);
  put64(view, 32, status.ino);
  put64(view, 40, status.size);
  put64(view, 48, status.blocks);
  putStatxTime(64, status.atime);
  putStatxTime(96, status.ctime);
  putStatxTime(112, status.mtime);
  view.setUint32(128, major(status.rdev), true);
  view.setUint32(132, minor(status.rdev), true);
  view.setUint32(136, major(status.dev), true);
  view.setUint32(140, minor(status.dev), true);
  put64(view, 144, 1);
  return bytes;
}

const major = (device: number): number => (device >>> 8) & 0xfff;
const minor = (device: number): number => (device & 0xff) | ((device >>> 12) & 0xfff00);

/** Status by folder, path and flags, as the `*at` calls look it up. */
function statusAt(task: Task, dirfd: number, path: number, flags: number): FileStatus {
  const isEmpty = (flags & At.EMPTY_PATH) !== 0 && (path === 0 || task.memory.u8(path) === 0);
  if (isEmpty && dirfd !== At.FDCWD) return task.files.get(dirfd).status();
  const text = isEmpty ? "." : task.memory.string(path);
  const follow = (flags & At.SYMLINK_NOFOLLOW) === 0;
  return task.system.mounts.existing(task, text, baseOf(task, dirfd, text), follow).status;
}

function newfstatat(task: Task, dirfd: number, path: number, address: number, flags: number): Outcome {
  task.memory.write(address, encodeStat(statusAt(task, dirfd, path, flags)));
  return 0;
}

function fstat(task: Task, fd: number, address: number): Outcome {
  task.memory.write(address, encodeStat(task.files.get(fd).status()));
  return 0;
}

function statx(
  task: Task,
  dirfd: number,
  path: number,
  flags: number,
  _mask: number,
  address: number,
): Outcome {
  task.memory.write(address, encodeStatx(statusAt(task, dirfd, path, flags)));
  return 0;
}

function faccessat2(task: Task, dirfd: number, path: number, mode: number, flags: number): Outcome {
  if ((mode & ~7) !== 0) fail(Errno.EINVAL);
  const text = task.memory.string(path);
  const follow = (flags & At.SYMLINK_NOFOLLOW) === 0;
  const place = task.system.mounts.existing(task, text, baseOf(task, dirfd, text), follow);
  if (mode !== 0 && !isLink(place.status) && place.file === undefined) {
    task.system.mounts.checkAccess(task, place, mode, place.status);
  }
  return 0;
}

function encodeStatfs(status: FileSystemStatus): Uint8Array {
  const bytes = new Uint8Array(120);
  const view = new DataView(bytes.buffer);
  put64(view, 0, status.type);
  put64(view, 8, status.blockSize);
  put64(view, 16, status.blocks);
  put64(view, 24, status.free);
  put64(view, 32, status.available);
  put64(view, 40, status.files);
  put64(view, 48, status.filesFree);
  put64(view, 64, 255); // longest name
  put64(view, 72, status.blockSize);
  return bytes;
}

function statfs(task: Task, path: number, address: number): Outcome {
  const place = task.system.mounts.existing(task, task.memory.string(path), task.paths.cwd, true);
  task.memory.write(address, encodeStatfs(place.fs.statfs(place.inner)));
  return 0;
}

function fstatfs(task: Task, fd: number, address: number): Outcome {
  const { path } = task.files.get(fd);
  const { fs, inner } = task.system.mounts.locate(path.startsWith("/") ? path : "/proc");
  const exists = fs.status(inner, task) !== undefined;
  task.memory.write(address, encodeStatfs(fs.statfs(exists ? inner : "/")));
  return 0;
}

/** Fills a buffer with entries; `encode` gives one of them. */
function listInto(
  task: Task,
  fd: number,
  address: number,
  size: number,
  encode: (name: Uint8Array, ino: number, type: number, next: number) => Uint8Array,
): number {
  const file = task.files.get(fd);
  if (!(file instanceof DirectoryFile)) fail(Errno.ENOTDIR);
  const entries = file.entries();
  let done = 0;
  while (file.position < entries.length) {
    const entry = entries[file.position]!;
    const bytes = encode(bytesOfText(entry.name), entry.ino, direntType(entry.type), file.position + 1);
    if (done + bytes.length > size) {
      if (done === 0) fail(Errno.EINVAL);
      break;
    }
    task.memory.write(address + done, bytes);
    done += bytes.length;
    file.position++;
  }
  return done;
}

function getdents64(task: Task, fd: number, address: number, size: number): Outcome {
  return listInto(task, fd, address, size, (name, ino, type, next) => {
    const bytes = new Uint8Array(Math.ceil((19 + name.length + 1) / 8) * 8);
    const view = new DataView(bytes.buffer);
    put64(view, 0, ino);
    put64(view, 8, next);
    view.setUint16(16, bytes.length, true);
    view.setUint8(18, type);
    bytes.set(name, 19);
    return bytes;
  });
}

function getdents(task: Task, fd: number, address: number, size: number): Outcome {
  return listInto(task, fd, address, size, (name, ino, type, next) => {
    const bytes = new Uint8Array(Math.ceil((18 + name.length + 2) / 8) * 8);
    const view = new DataView(bytes.buffer);
    put64(view, 0, ino);
    put64(view, 8, next);
    view.setUint16(16, bytes.length, true);
    bytes.set(name, 18);
    view.setUint8(bytes.length - 1, type);
    return bytes;
  });
}

/** Extended attributes of a path (`follow` links or not) or of a descriptor: there are none, and none can be made. */
function attributesOf(kind: "follow" | "link" | "fd", answer: number): Call {
  return (task, file) => {
    if (kind === "fd") task.files.get(file);
    else task.system.mounts.existing(task, task.memory.string(file), task.paths.cwd, kind === "follow");
    return answer;
  };
}

const NO_LIST = 0, NO_VALUE = -Errno.ENODATA, REFUSED = -Errno.EOPNOTSUPP;

/** Calls of this file. */
// deno-fmt-ignore
export const STAT_CALLS: readonly Row[] = [
  [4, "stat", "path stat", (task, path, to) => newfstatat(task, At.FDCWD, path, to, 0)],
  [5, "fstat", "fd stat", fstat],
  [6, "lstat", "path stat", (task, path, to) => newfstatat(task, At.FDCWD, path, to, At.SYMLINK_NOFOLLOW)],
  [21, "access", "path access", (task, path, mode) => faccessat2(task, At.FDCWD, path, mode, 0)],
  [78, "getdents", "fd ptr size", getdents],
  [137, "statfs", "path ptr", statfs],
  [138, "fstatfs", "fd ptr", fstatfs],
  [188, "setxattr", "path str ptr size hex", attributesOf("follow", REFUSED)],
  [189, "lsetxattr", "path str ptr size hex", attributesOf("link", REFUSED)],
  [190, "fsetxattr", "fd str ptr size hex", attributesOf("fd", REFUSED)],
  [191, "getxattr", "path str ptr size", attributesOf("follow", NO_VALUE)],
  [192, "lgetxattr", "path str ptr size", attributesOf("link", NO_VALUE)],
  [193, "fgetxattr", "fd str ptr size", attributesOf("fd", NO_VALUE)],
  [194, "listxattr", "path ptr size", attributesOf("follow", NO_LIST)],
  [195, "llistxattr", "path ptr size", attributesOf("link", NO_LIST)],
  [196, "flistxattr", "fd ptr size", attributesOf("fd", NO_LIST)],
  [197, "removexattr", "path str", attributesOf("follow", NO_VALUE)],
  [198, "lremovexattr", "path str", attributesOf("link", NO_VALUE)],
  [199, "fremovexattr", "fd str", attributesOf("fd", NO_VALUE)],
  [217, "getdents64", "fd dirents size", getdents64],
  [262, "newfstatat", "dirfd path stat atflags", newfstatat],
  [269, "faccessat", "dirfd path access", (task, dirfd, path, mode) => faccessat2(task, dirfd, path, mode, 0)],
  [332, "statx", "dirfd path atflags hex ptr", statx],
  [439, "faccessat2", "dirfd path access atflags", faccessat2],
];
