/** Names: making, removing and renaming files, links and folders, their lengths, and where a program is. */
import { Errno, fail } from "../abi/errno.ts";
import { At, Mode, Open } from "../abi/files.ts";
import type { Outcome } from "../blocked.ts";
import { Notify } from "../files/inotify.ts";
import { DirectoryFile, RegularFile } from "../files/regular.ts";
import { isDirectory } from "../fs/file_system.ts";
import type { Place } from "../fs/mounts.ts";
import { checkFileSize } from "../limits.ts";
import { bytesOfText } from "../memory/user_memory.ts";
import type { Task } from "../task.ts";
import { baseOf } from "./descriptors.ts";
import type { Row } from "./row.ts";

const { FDCWD } = At;

function placeOf(task: Task, dirfd: number, path: number, follow: boolean): Place {
  const text = task.memory.string(path);
  return task.system.mounts.resolve(task, text, baseOf(task, dirfd, text), follow);
}

/** Where a path in memory leads; fails if there is nothing. */
export function existingPlace(task: Task, dirfd: number, path: number, follow: boolean) {
  const text = task.memory.string(path);
  return task.system.mounts.existing(task, text, baseOf(task, dirfd, text), follow);
}

/** The last component must be a name, as removing and renaming need it. */
function lastName(task: Task, path: number, dots: number): void {
  const text = task.memory.string(path).replace(/\/+$/, "");
  const name = text.slice(text.lastIndexOf("/") + 1);
  if (name === "." || name === "..") fail(dots);
}

function mkdirat(task: Task, dirfd: number, path: number, mode: number): Outcome {
  const place = placeOf(task, dirfd, path, false);
  if (place.status !== undefined) fail(Errno.EEXIST);
  place.fs.makeDirectory(place.inner, mode & 0o1777 & ~task.paths.umask);
  task.system.mounts.own(task, place);
  task.system.watchers.tellFolder(place.path, Notify.CREATE, true);
  return 0;
}

function mknodat(task: Task, dirfd: number, path: number, mode: number, device: number): Outcome {
  const place = placeOf(task, dirfd, path, false);
  if (place.status !== undefined) fail(Errno.EEXIST);
  place.fs.makeNode(place.inner, (mode & Mode.IFMT) | (mode & 0o7777 & ~task.paths.umask), device);
  task.system.mounts.own(task, place);
  task.system.watchers.tellFolder(place.path, Notify.CREATE);
  return 0;
}

function unlinkat(task: Task, dirfd: number, path: number, flags: number): Outcome {
  if ((flags & ~At.REMOVEDIR) !== 0) fail(Errno.EINVAL);
  const isFolder = (flags & At.REMOVEDIR) !== 0;
  lastName(task, path, isFolder ? Errno.EINVAL : Errno.EISDIR);
  const place = placeOf(task, dirfd, path, false);
  if (place.status === undefined) fail(Errno.ENOENT);
  if (isFolder) {
    if (!isDirectory(place.status)) fail(Errno.ENOTDIR);
    place.fs.removeDirectory(place.inner);
    task.system.mounts.forgetFolders();
  } else {
    if (isDirectory(place.status)) fail(Errno.EISDIR);
    place.fs.unlink(place.inner);
  }
  task.system.watchers.unlinked(place.path, isFolder, place.status.nlink === 1);
  return 0;
}

function renameat2(
  task: Task,
  fromFd: number,
  from: number,
  toFd: number,
  to: number,
  flags: number,
): Outcome {
  lastName(task, from, Errno.EBUSY);
  lastName(task, to, Errno.EBUSY);
  const source = existingPlace(task, fromFd, from, false);
  const target = placeOf(task, toFd, to, false);
  if (source.fs !== target.fs) fail(Errno.EXDEV);
  if ((flags & ~1) !== 0) fail(Errno.EINVAL);
  if ((flags & 1) !== 0 && target.status !== undefined) fail(Errno.EEXIST);
  if (target.mustBeFolder && !isDirectory(source.status)) fail(Errno.ENOTDIR);
  if (target.status !== undefined) {
    const sourceIsFolder = isDirectory(source.status), targetIsFolder = isDirectory(target.status);
    if (sourceIsFolder && !targetIsFolder) fail(Errno.ENOTDIR);
    if (!sourceIsFolder && targetIsFolder) fail(Errno.EISDIR);
  }
  source.fs.rename(source.inner, target.inner);
  task.system.mounts.forgetFolders();
  task.system.watchers.renamed(source.path, target.path, isDirectory(source.status));
  return 0;
}

function linkat(task: Task, fromFd: number, from: number, toFd: number, to: number, flags: number): Outcome {
  const source = existingPlace(task, fromFd, from, (flags & At.SYMLINK_FOLLOW) !== 0);
  const target = placeOf(task, toFd, to, false);
  if (target.status !== undefined) fail(Errno.EEXIST);
  if (isDirectory(source.status)) fail(Errno.EPERM);
  if (source.fs !== target.fs || source.file !== undefined) fail(Errno.EXDEV);
  source.fs.link(source.inner, target.inner);
  task.system.watchers.tellSelf(source.path, Notify.ATTRIB);
  task.system.watchers.tellFolder(target.path, Notify.CREATE);
  return 0;
}

function symlinkat(task: Task, text: number, dirfd: number, path: number): Outcome {
  const target = task.memory.string(text);
  if (target === "") fail(Errno.ENOENT);
  const place = placeOf(task, dirfd, path, false);
  if (place.status !== undefined) fail(Errno.EEXIST);
  if (place.mustBeFolder) fail(Errno.ENOENT);
  place.fs.symlink(target, place.inner);
  task.system.mounts.own(task, place);
  task.system.watchers.tellFolder(place.path, Notify.CREATE);
  return 0;
}

function readlinkat(task: Task, dirfd: number, path: number, address: number, size: number): Outcome {
  if (size <= 0) fail(Errno.EINVAL);
  const place = existingPlace(task, dirfd, path, false);
  if ((place.status.mode & Mode.IFMT) !== Mode.IFLNK) fail(Errno.EINVAL);
  const bytes = bytesOfText(place.fs.readlink(place.inner, task)).subarray(0, size);
  task.memory.write(address, bytes);
  return bytes.length;
}

function truncate(task: Task, path: number, size: number): Outcome {
  if (size < 0) fail(Errno.EINVAL);
  const place = existingPlace(task, FDCWD, path, true);
  if (isDirectory(place.status)) fail(Errno.EISDIR);
  const file = task.system.mounts.open(task, place, Open.WRONLY, 0, false);
  file.references++;
  try {
    if (!(file instanceof RegularFile)) fail(Errno.EINVAL);
    cut(task, file, size);
    task.system.watchers.tell(place.path, Notify.MODIFY);
  } finally {
    file.release();
  }
  return 0;
}

function cut(task: Task, file: RegularFile, size: number): void {
  if (size > file.status().size) checkFileSize(task, size);
  const backing = task.system.memory.cache.find(file.node.key);
  if (backing !== undefined) task.system.memory.unmapBeyond(backing, size);
  file.truncate(size);
}

function ftruncate(task: Task, fd: number, size: number): Outcome {
  const file = task.files.get(fd);
  if (!(file instanceof RegularFile) || !file.writable || size < 0) fail(Errno.EINVAL);
  cut(task, file, size);
  return 0;
}

function fallocate(task: Task, fd: number, mode: number, offset: number, length: number): Outcome {
  const file = task.files.get(fd);
  if (!file.writable) fail(Errno.EBADF);
  if (!(file instanceof RegularFile)) fail(Errno.ESPIPE);
  if (offset < 0 || length <= 0) fail(Errno.EINVAL);
  const { size } = file.status();
  if ((mode & ~3) !== 0 || mode === 2) fail(Errno.EOPNOTSUPP);
  if ((mode & 2) !== 0) { // PUNCH_HOLE
    file.writeAt(new Uint8Array(Math.max(0, Math.min(length, size - offset))), offset);
  } else if ((mode & 1) === 0 && offset + length > size) cut(task, file, offset + length);
  return 0;
}

function chdir(task: Task, path: number): Outcome {
  const place = existingPlace(task, FDCWD, path, true);
  if (!isDirectory(place.status)) fail(Errno.ENOTDIR);
  task.system.mounts.checkAccess(task, place, 1, place.status);
  task.paths.cwd = place.path;
  return 0;
}

function fchdir(task: Task, fd: number): Outcome {
  const file = task.files.get(fd);
  if (!(file instanceof DirectoryFile)) fail(Errno.ENOTDIR);
  task.paths.cwd = file.path;
  return 0;
}

function chroot(task: Task, path: number): Outcome {
  const place = existingPlace(task, FDCWD, path, true);
  if (!isDirectory(place.status)) fail(Errno.ENOTDIR);
  task.system.mounts.checkAccess(task, place, 1, place.status);
  if (task.group.credentials.euid !== 0) fail(Errno.EPERM);
  task.paths.root = place.path === "/" ? "" : place.path;
  return 0;
}

function getcwd(task: Task, address: number, size: number): Outcome {
  const { cwd } = task.paths;
  const { fs, inner } = task.system.mounts.locate(cwd);
  if (fs.status(inner, task) === undefined) fail(Errno.ENOENT);
  const bytes = bytesOfText(`${task.paths.shown(cwd)}\0`);
  if (bytes.length > size) fail(Errno.ERANGE);
  task.memory.write(address, bytes);
  return bytes.length;
}

function umask(task: Task, mask: number): Outcome {
  const before = task.paths.umask;
  task.paths.umask = mask & 0o777;
  return before;
}

/** Calls of this file. */
// deno-fmt-ignore
export const PATH_CALLS: readonly Row[] = [
  [76, "truncate", "path off", truncate],
  [77, "ftruncate", "fd off", ftruncate],
  [79, "getcwd", "out size", getcwd],
  [80, "chdir", "path", chdir],
  [81, "fchdir", "fd", fchdir],
  [82, "rename", "path path", (task, from, to) => renameat2(task, FDCWD, from, FDCWD, to, 0)],
  [83, "mkdir", "path oct", (task, path, mode) => mkdirat(task, FDCWD, path, mode)],
  [84, "rmdir", "path", (task, path) => unlinkat(task, FDCWD, path, At.REMOVEDIR)],
  [86, "link", "path path", (task, from, to) => linkat(task, FDCWD, from, FDCWD, to, 0)],
  [87, "unlink", "path", (task, path) => unlinkat(task, FDCWD, path, 0)],
  [88, "symlink", "str path", (task, text, path) => symlinkat(task, text, FDCWD, path)],
  [89, "readlink", "path out size", (task, path, to, size) => readlinkat(task, FDCWD, path, to, size)],
  [95, "umask", "oct", umask],
  [161, "chroot", "path", chroot],
  [133, "mknod", "path oct hex", (task, path, mode, device) => mknodat(task, FDCWD, path, mode, device)],
  [258, "mkdirat", "dirfd path oct", mkdirat],
  [259, "mknodat", "dirfd path oct hex", mknodat],
  [263, "unlinkat", "dirfd path atflags", unlinkat],
  [264, "renameat", "dirfd path dirfd path", (task, a, b, c, d) => renameat2(task, a, b, c, d, 0)],
  [265, "linkat", "dirfd path dirfd path atflags", linkat],
  [266, "symlinkat", "str dirfd path", symlinkat],
  [267, "readlinkat", "dirfd path out size", readlinkat],
  [285, "fallocate", "fd hex off off", fallocate],
  [316, "renameat2", "dirfd path dirfd path hex", renameat2],
];
