/** Attributes of files: their mode, owner and times. chmod(2), chown(2), utimensat(2). */
import { Errno, fail } from "../abi/errno.ts";
import { At, Mode, Open } from "../abi/files.ts";
import type { Outcome } from "../blocked.ts";
import { SECOND } from "../clock.ts";
import { Notify } from "../files/inotify.ts";
import type { OpenFile } from "../files/open_file.ts";
import { DirectoryFile, PathFile, RegularFile } from "../files/regular.ts";
import type { FileSystem, OpenNode } from "../fs/file_system.ts";
import type { Task } from "../task.ts";
import { existingPlace } from "./paths.ts";
import type { Row } from "./row.ts";

const { FDCWD } = At;

/** A file whose attributes are to change. */
interface Target {
  readonly path: string;
  readonly mode: number;
  /** Changes them; undefined: the file has none that can be changed. */
  readonly attributes: Pick<OpenNode, "chmod" | "chown" | "setTimes"> | undefined;
}

/** What a path leads to. A link of /proc/self/fd leads to an open file. */
function named(task: Task, dirfd: number, path: number, flags: number): Target {
  const place = existingPlace(task, dirfd, path, (flags & At.SYMLINK_NOFOLLOW) === 0);
  if (place.file !== undefined) return opened(task, place.file);
  return { path: place.path, mode: place.status.mode, attributes: attributesAt(place.fs, place.inner) };
}

function opened(task: Task, file: OpenFile): Target {
  return { path: file.path, mode: file.status().mode, attributes: attributesOf(task, file) };
}

function attributesOf(task: Task, file: OpenFile): Target["attributes"] {
  if (file instanceof RegularFile) return file.node;
  if (!(file instanceof DirectoryFile || file instanceof PathFile)) return undefined;
  const { fs, inner } = task.system.mounts.locate(file.path);
  return attributesAt(fs, inner);
}

function attributesAt(fs: FileSystem, inner: string): Target["attributes"] {
  return {
    chmod: (mode) => fs.chmod(inner, mode),
    chown: (uid, gid) => fs.chown(inner, uid, gid),
    setTimes: (atime, mtime) => fs.setTimes(inner, atime, mtime),
  };
}

/** A path, or, where `flags` allow it and the path is empty, a descriptor. */
function target(task: Task, dirfd: number, path: number, flags: number): Target {
  const isDescriptor = (flags & At.EMPTY_PATH) !== 0 && task.memory.u8(path) === 0;
  return isDescriptor ? opened(task, task.files.get(dirfd)) : named(task, dirfd, path, flags);
}

/** Tells those who watch the file. */
function changed(task: Task, { path, mode }: Target): number {
  task.system.watchers.tell(path, Notify.ATTRIB, (mode & Mode.IFMT) === Mode.IFDIR);
  return 0;
}

function changeMode(task: Task, file: Target, mode: number): Outcome {
  if ((file.mode & Mode.IFMT) === Mode.IFLNK) fail(Errno.EOPNOTSUPP);
  file.attributes?.chmod(mode & 0o7777);
  return changed(task, file);
}

function changeOwner(task: Task, file: Target, uid: number, gid: number): Outcome {
  file.attributes?.chown(uid | 0, gid | 0);
  return changed(task, file);
}

function fchmod(task: Task, fd: number, mode: number): Outcome {
  return changeMode(task, opened(task, withoutPath(task, fd)), mode);
}

function fchown(task: Task, fd: number, uid: number, gid: number): Outcome {
  return changeOwner(task, opened(task, withoutPath(task, fd)), uid, gid);
}

/** The file of a descriptor, which is not one of O_PATH: that is good for paths only. */
function withoutPath(task: Task, fd: number): OpenFile {
  const file = task.files.get(fd);
  if ((file.flags & Open.PATH) !== 0) fail(Errno.EBADF);
  return file;
}

function fchmodat2(task: Task, dirfd: number, path: number, mode: number, flags: number): Outcome {
  return changeMode(task, target(task, dirfd, path, flags), mode);
}

function fchownat(task: Task, dirfd: number, path: number, uid: number, gid: number, flags: number): Outcome {
  return changeOwner(task, target(task, dirfd, path, flags), uid, gid);
}

const UTIME_NOW = 0x3fff_ffff, UTIME_OMIT = 0x3fff_fffe;

/** Reads a time for utimensat: undefined for UTIME_OMIT. */
function fileTime(task: Task, address: number): bigint | undefined {
  const nanoseconds = task.memory.i64(address + 8);
  if (nanoseconds === UTIME_NOW) return task.system.clock.realtimeBig();
  if (nanoseconds === UTIME_OMIT) return undefined;
  if (nanoseconds < 0 || nanoseconds >= SECOND) fail(Errno.EINVAL);
  return BigInt(task.memory.i64(address)) * BigInt(SECOND) + BigInt(nanoseconds);
}

function setTimes(
  task: Task,
  dirfd: number,
  path: number,
  times: readonly [bigint | undefined, bigint | undefined],
  flags: number,
): number {
  const file = path === 0 ? opened(task, withoutPath(task, dirfd)) : target(task, dirfd, path, flags);
  if (times[0] !== undefined || times[1] !== undefined) file.attributes?.setTimes(...times);
  return changed(task, file);
}

function utimensat(task: Task, dirfd: number, path: number, address: number, flags: number): Outcome {
  const now = task.system.clock.realtimeBig();
  const times = address === 0
    ? [now, now] as const
    : [fileTime(task, address), fileTime(task, address + 16)] as const;
  return setTimes(task, dirfd, path, times, flags);
}

function utimes(task: Task, dirfd: number, path: number, address: number): Outcome {
  const now = task.system.clock.realtimeBig();
  const time = (at: number): bigint =>
    BigInt(task.memory.i64(at)) * BigInt(SECOND) + BigInt(task.memory.i64(at + 8) * 1000);
  return setTimes(task, dirfd, path, address === 0 ? [now, now] : [time(address), time(address + 16)], 0);
}

function utime(task: Task, path: number, address: number): Outcome {
  const now = task.system.clock.realtimeBig();
  const time = (at: number): bigint => BigInt(task.memory.i64(at)) * BigInt(SECOND);
  return setTimes(task, FDCWD, path, address === 0 ? [now, now] : [time(address), time(address + 8)], 0);
}

/** Calls of this file. */
// deno-fmt-ignore
export const ATTRIBUTE_CALLS: readonly Row[] = [
  [90, "chmod", "path oct", (task, path, mode) => fchmodat2(task, FDCWD, path, mode, 0)],
  [91, "fchmod", "fd oct", fchmod],
  [92, "chown", "path id id", (task, path, uid, gid) => fchownat(task, FDCWD, path, uid, gid, 0)],
  [93, "fchown", "fd id id", fchown],
  [94, "lchown", "path id id", (task, path, uid, gid) => fchownat(task, FDCWD, path, uid, gid, At.SYMLINK_NOFOLLOW)],
  [132, "utime", "path ptr", utime],
  [235, "utimes", "path ptr", (task, path, times) => utimes(task, FDCWD, path, times)],
  [260, "fchownat", "dirfd path id id atflags", fchownat],
  [261, "futimesat", "dirfd path ptr", utimes],
  [268, "fchmodat", "dirfd path oct", (task, dirfd, path, mode) => fchmodat2(task, dirfd, path, mode, 0)],
  [280, "utimensat", "dirfd path ptr atflags", utimensat],
  [452, "fchmodat2", "dirfd path oct atflags", fchmodat2],
];
