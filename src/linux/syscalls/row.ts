/** The table of system calls: what a row is, and how its arguments are read from registers. */
import type { Outcome } from "../blocked.ts";
import type { Task } from "../task.ts";

/** Implements a call. Arguments are numbers, converted as the row's formats say; failures are thrown as `SyscallError`. */
export type Call = (task: Task, a: number, b: number, c: number, d: number, e: number, f: number) => Outcome;

/**
 * A row: number, name, formats of the arguments, implementation. A format is a word that says how an argument is
 * converted and how `--strace` prints it (strace/formats.ts); a suffix after ":" names another argument it depends on.
 */
export type Row = readonly [number, string, string, Call];

/** How an argument register becomes a number. */
export type Conversion = "i32" | "u32" | "u64" | "i64";

/** Formats that are no unsigned 64-bit numbers. */
const CONVERSIONS: Readonly<Record<string, Conversion>> = {
  int: "i32",
  fd: "i32",
  dirfd: "i32",
  pid: "i32",
  signal: "i32",
  uint: "u32",
  id: "u32",
  oct: "u32",
  hex: "u32",
  open: "u32",
  prot: "u32",
  mapflags: "u32",
  atflags: "u32",
  access: "u32",
  clock: "i32",
  whence: "u32",
  fcntl: "u32",
  futex: "u32",
  rlimit: "u32",
  grnd: "u32",
  prctl: "i32",
  archprctl: "u32",
  wait: "u32",
  how: "u32",
  ioctl: "u32",
  madvise: "u32",
  off: "i64",
};

/** The conversion of a format. */
export function conversionOf(format: string): Conversion {
  return CONVERSIONS[format.split(":")[0]!] ?? "u64";
}
