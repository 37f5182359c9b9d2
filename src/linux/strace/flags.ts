/** Names of flags in system-call arguments, for `--strace`. */

/** A set of flags: [bit or value, name], larger ones first where they overlap. */
export type FlagNames = readonly (readonly [number, string])[];

/** Flags joined with "|"; what has no name follows as a number. `none` stands for 0. */
export function nameFlags(value: number, names: FlagNames, none = "0"): string {
  if (value === 0) return none;
  const parts: string[] = [];
  let rest = value;
  for (const [bits, name] of names) {
    if (bits !== 0 && (rest & bits) === bits) {
      parts.push(name);
      rest &= ~bits;
    }
  }
  if (rest !== 0) parts.push(`0x${(rest >>> 0).toString(16)}`);
  return parts.join("|");
}

// deno-fmt-ignore
export const OPEN_FLAGS: FlagNames = [
  [0o100, "O_CREAT"], [0o200, "O_EXCL"], [0o400, "O_NOCTTY"], [0o1000, "O_TRUNC"], [0o2000, "O_APPEND"],
  [0o4000, "O_NONBLOCK"], [0o4010000, "O_SYNC"], [0o10000, "O_DSYNC"], [0o40000, "O_DIRECT"], [0o100000, "O_LARGEFILE"],
  [0o20200000, "O_TMPFILE"], [0o200000, "O_DIRECTORY"], [0o400000, "O_NOFOLLOW"], [0o1000000, "O_NOATIME"],
  [0o2000000, "O_CLOEXEC"], [0o10000000, "O_PATH"],
];
export const ACCESS_MODES: readonly string[] = ["O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"];
export const PROT_FLAGS: FlagNames = [[1, "PROT_READ"], [2, "PROT_WRITE"], [4, "PROT_EXEC"], [
  0x0100_0000,
  "PROT_GROWSDOWN",
]];
// deno-fmt-ignore
export const MAP_FLAGS: FlagNames = [
  [3, "MAP_SHARED_VALIDATE"], [1, "MAP_SHARED"], [2, "MAP_PRIVATE"], [0x10, "MAP_FIXED"], [0x20, "MAP_ANONYMOUS"],
  [0x100, "MAP_GROWSDOWN"], [0x800, "MAP_DENYWRITE"], [0x1000, "MAP_EXECUTABLE"], [0x2000, "MAP_LOCKED"],
  [0x4000, "MAP_NORESERVE"], [0x8000, "MAP_POPULATE"], [0x1_0000, "MAP_NONBLOCK"], [0x2_0000, "MAP_STACK"],
  [0x10_0000, "MAP_FIXED_NOREPLACE"],
];
export const AT_FLAGS: FlagNames = [
  [0x100, "AT_SYMLINK_NOFOLLOW"],
  [0x200, "AT_REMOVEDIR"],
  [0x400, "AT_SYMLINK_FOLLOW"],
  [0x800, "AT_NO_AUTOMOUNT"],
  [0x1000, "AT_EMPTY_PATH"],
]; // deno-fmt-ignore
export const ACCESS_FLAGS: FlagNames = [[4, "R_OK"], [2, "W_OK"], [1, "X_OK"]];
// deno-fmt-ignore
export const CLONE_FLAGS: FlagNames = [
  [0x100, "CLONE_VM"], [0x200, "CLONE_FS"], [0x400, "CLONE_FILES"], [0x800, "CLONE_SIGHAND"], [0x4000, "CLONE_VFORK"],
  [0x8000, "CLONE_PARENT"], [0x1_0000, "CLONE_THREAD"], [0x4_0000, "CLONE_SYSVSEM"], [0x8_0000, "CLONE_SETTLS"],
  [0x10_0000, "CLONE_PARENT_SETTID"], [0x20_0000, "CLONE_CHILD_CLEARTID"], [0x40_0000, "CLONE_DETACHED"],
  [0x100_0000, "CLONE_CHILD_SETTID"],
];
export const WAIT_FLAGS: FlagNames = [
  [1, "WNOHANG"],
  [2, "WSTOPPED"],
  [4, "WEXITED"],
  [8, "WCONTINUED"],
  [0x0100_0000, "WNOWAIT"],
]; // deno-fmt-ignore
// deno-fmt-ignore
export const ACTION_FLAGS: FlagNames = [
  [0x0400_0000, "SA_RESTORER"], [0x0800_0000, "SA_ONSTACK"], [0x1000_0000, "SA_RESTART"], [0x4000_0000, "SA_NODEFER"],
  [0x8000_0000 | 0, "SA_RESETHAND"], [1, "SA_NOCLDSTOP"], [2, "SA_NOCLDWAIT"], [4, "SA_SIGINFO"],
];
export const CLOCKS: readonly string[] = [
  "CLOCK_REALTIME",
  "CLOCK_MONOTONIC",
  "CLOCK_PROCESS_CPUTIME_ID",
  "CLOCK_THREAD_CPUTIME_ID",
  "CLOCK_MONOTONIC_RAW",
  "CLOCK_REALTIME_COARSE",
  "CLOCK_MONOTONIC_COARSE",
  "CLOCK_BOOTTIME",
  "CLOCK_REALTIME_ALARM",
  "CLOCK_BOOTTIME_ALARM",
]; // deno-fmt-ignore
export const WHENCES: readonly string[] = ["SEEK_SET", "SEEK_CUR", "SEEK_END", "SEEK_DATA", "SEEK_HOLE"];
export const SIGMASK_HOWS: readonly string[] = ["SIG_BLOCK", "SIG_UNBLOCK", "SIG_SETMASK"];
export const LIMITS: readonly string[] = [
  "RLIMIT_CPU",
  "RLIMIT_FSIZE",
  "RLIMIT_DATA",
  "RLIMIT_STACK",
  "RLIMIT_CORE",
  "RLIMIT_RSS",
  "RLIMIT_NPROC",
  "RLIMIT_NOFILE",
  "RLIMIT_MEMLOCK",
  "RLIMIT_AS",
  "RLIMIT_LOCKS",
  "RLIMIT_SIGPENDING",
  "RLIMIT_MSGQUEUE",
  "RLIMIT_NICE",
  "RLIMIT_RTPRIO",
  "RLIMIT_RTTIME",
]; // deno-fmt-ignore
// deno-fmt-ignore
export const FCNTLS: ReadonlyMap<number, string> = new Map([
  [0, "F_DUPFD"], [1, "F_GETFD"], [2, "F_SETFD"], [3, "F_GETFL"], [4, "F_SETFL"], [5, "F_GETLK"], [6, "F_SETLK"],
  [7, "F_SETLKW"], [8, "F_SETOWN"], [9, "F_GETOWN"], [36, "F_OFD_GETLK"], [37, "F_OFD_SETLK"], [38, "F_OFD_SETLKW"],
  [1030, "F_DUPFD_CLOEXEC"], [1031, "F_SETPIPE_SZ"], [1032, "F_GETPIPE_SZ"], [1033, "F_ADD_SEALS"], [1034, "F_GET_SEALS"],
]);
// deno-fmt-ignore
export const IOCTLS: ReadonlyMap<number, string> = new Map([
  [0x5401, "TCGETS"], [0x5402, "TCSETS"], [0x5403, "TCSETSW"], [0x5404, "TCSETSF"], [0x540e, "TIOCSCTTY"],
  [0x540f, "TIOCGPGRP"], [0x5410, "TIOCSPGRP"], [0x5413, "TIOCGWINSZ"], [0x5414, "TIOCSWINSZ"], [0x541b, "FIONREAD"],
  [0x5421, "FIONBIO"], [0x5450, "FIONCLEX"], [0x5451, "FIOCLEX"],
]);
export const FUTEX_OPERATIONS: readonly string[] = [
  "FUTEX_WAIT",
  "FUTEX_WAKE",
  "FUTEX_FD",
  "FUTEX_REQUEUE",
  "FUTEX_CMP_REQUEUE",
  "FUTEX_WAKE_OP",
  "FUTEX_LOCK_PI",
  "FUTEX_UNLOCK_PI",
  "FUTEX_TRYLOCK_PI",
  "FUTEX_WAIT_BITSET",
  "FUTEX_WAKE_BITSET",
  "FUTEX_WAIT_REQUEUE_PI",
  "FUTEX_CMP_REQUEUE_PI",
  "FUTEX_LOCK_PI2",
]; // deno-fmt-ignore
export const MADVICES: readonly string[] = [
  "MADV_NORMAL", "MADV_RANDOM", "MADV_SEQUENTIAL", "MADV_WILLNEED", "MADV_DONTNEED", "5", "6", "7", "MADV_FREE",
  "MADV_REMOVE", "MADV_DONTFORK", "MADV_DOFORK", "MADV_MERGEABLE", "MADV_UNMERGEABLE", "MADV_HUGEPAGE",
  "MADV_NOHUGEPAGE", "MADV_DONTDUMP", "MADV_DODUMP",
]; // deno-fmt-ignore
export const FILE_TYPES: ReadonlyMap<number, string> = new Map([
  [0o140000, "S_IFSOCK"], [0o120000, "S_IFLNK"], [0o100000, "S_IFREG"], [0o60000, "S_IFBLK"], [0o40000, "S_IFDIR"],
  [0o20000, "S_IFCHR"], [0o10000, "S_IFIFO"],
]); // deno-fmt-ignore
export const POLL_FLAGS: FlagNames = [
  [1, "POLLIN"], [2, "POLLPRI"], [4, "POLLOUT"], [8, "POLLERR"], [0x10, "POLLHUP"], [0x20, "POLLNVAL"],
  [0x40, "POLLRDNORM"], [0x100, "POLLWRNORM"],
]; // deno-fmt-ignore
export const SIGNAL_CODES: ReadonlyMap<number, string> = new Map([
  [0, "SI_USER"], [0x80, "SI_KERNEL"], [-1, "SI_QUEUE"], [-2, "SI_TIMER"], [-6, "SI_TKILL"],
]); // deno-fmt-ignore
/** Codes of signals for faults and children, by signal. */
export const FAULT_CODES: Readonly<Record<number, readonly string[]>> = {
  4: ["ILL_ILLOPC", "ILL_ILLOPN"],
  5: ["TRAP_BRKPT", "TRAP_TRACE"],
  7: ["BUS_ADRALN", "BUS_ADRERR"],
  8: ["FPE_INTDIV", "FPE_INTOVF", "FPE_FLTDIV", "FPE_FLTOVF", "FPE_FLTUND", "FPE_FLTRES", "FPE_FLTINV"],
  11: ["SEGV_MAPERR", "SEGV_ACCERR"],
  17: ["CLD_EXITED", "CLD_KILLED", "CLD_DUMPED", "CLD_TRAPPED", "CLD_STOPPED", "CLD_CONTINUED"],
};
export const GETRANDOM_FLAGS: FlagNames = [[1, "GRND_NONBLOCK"], [2, "GRND_RANDOM"], [4, "GRND_INSECURE"]];
export const ARCH_PRCTLS: ReadonlyMap<number, string> = new Map([
  [0x1001, "ARCH_SET_GS"],
  [0x1002, "ARCH_SET_FS"],
  [0x1003, "ARCH_GET_FS"],
  [0x1004, "ARCH_GET_GS"],
]); // deno-fmt-ignore
// deno-fmt-ignore
export const PRCTLS: ReadonlyMap<number, string> = new Map([
  [1, "PR_SET_PDEATHSIG"], [2, "PR_GET_PDEATHSIG"], [3, "PR_GET_DUMPABLE"], [4, "PR_SET_DUMPABLE"], [15, "PR_SET_NAME"],
  [16, "PR_GET_NAME"], [21, "PR_GET_SECCOMP"], [22, "PR_SET_SECCOMP"], [23, "PR_CAPBSET_READ"], [29, "PR_SET_TIMERSLACK"],
  [36, "PR_SET_CHILD_SUBREAPER"], [38, "PR_SET_NO_NEW_PRIVS"], [39, "PR_GET_NO_NEW_PRIVS"], [0x53564d41, "PR_SET_VMA"],
]);
