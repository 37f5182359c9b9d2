/** Constants of the file calls, with their x86-64 values. open(2), stat(2), fcntl(2), poll(2). */

/** Flags of open(2). */
// deno-fmt-ignore
export const Open = {
  RDONLY: 0, WRONLY: 1, RDWR: 2, ACCMODE: 3, CREAT: 0o100, EXCL: 0o200, NOCTTY: 0o400, TRUNC: 0o1000,
  APPEND: 0o2000, NONBLOCK: 0o4000, DSYNC: 0o10000, ASYNC: 0o20000, DIRECT: 0o40000, LARGEFILE: 0o100000,
  DIRECTORY: 0o200000, NOFOLLOW: 0o400000, NOATIME: 0o1000000, CLOEXEC: 0o2000000, PATH: 0o10000000,
  TMPFILE_BIT: 0o20000000,
} as const;

/** Types of files in `st_mode`, and the special mode bits. */
// deno-fmt-ignore
export const Mode = {
  IFMT: 0o170000, IFSOCK: 0o140000, IFLNK: 0o120000, IFREG: 0o100000, IFBLK: 0o60000, IFDIR: 0o40000,
  IFCHR: 0o20000, IFIFO: 0o10000, ISUID: 0o4000, ISGID: 0o2000, ISVTX: 0o1000,
} as const;

/** Flags of the `*at` calls. */
export const At = {
  FDCWD: -100,
  SYMLINK_NOFOLLOW: 0x100,
  REMOVEDIR: 0x200,
  EACCESS: 0x200,
  SYMLINK_FOLLOW: 0x400,
  NO_AUTOMOUNT: 0x800,
  EMPTY_PATH: 0x1000,
} as const;

/** Commands of fcntl(2). */
// deno-fmt-ignore
export const Fcntl = {
  DUPFD: 0, GETFD: 1, SETFD: 2, GETFL: 3, SETFL: 4, GETLK: 5, SETLK: 6, SETLKW: 7, SETOWN: 8, GETOWN: 9,
  SETSIG: 10, GETSIG: 11, SETOWN_EX: 15, GETOWN_EX: 16, OFD_GETLK: 36, OFD_SETLK: 37, OFD_SETLKW: 38, SETLEASE: 1024, GETLEASE: 1025,
  DUPFD_CLOEXEC: 1030, SETPIPE_SZ: 1031, GETPIPE_SZ: 1032, ADD_SEALS: 1033, GET_SEALS: 1034,
} as const;

/** Events of poll(2); epoll(7) uses the same bits. */
export const Poll = {
  IN: 1,
  PRI: 2,
  OUT: 4,
  ERR: 8,
  HUP: 0x10,
  NVAL: 0x20,
  RDNORM: 0x40,
  WRNORM: 0x100,
  RDHUP: 0x2000,
} as const;

/** `d_type` of a directory entry for a mode. */
export function direntType(mode: number): number {
  return (mode & Mode.IFMT) >> 12;
}

/** True if `mode` is of the file type `type`. */
export function isType(mode: number, type: number): boolean {
  return (mode & Mode.IFMT) === type;
}

/** Device number as makedev(3) packs it (the low 32 bits of the 64-bit form). */
export function deviceNumber(major: number, minor: number): number {
  return (major << 8) | (minor & 0xff) | ((minor & 0xfff00) << 12);
}
