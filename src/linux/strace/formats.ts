/** How `--strace` prints arguments: one function for each format word of the system-call table. */
import { SyscallError } from "../abi/errno.ts";
import { signalName, SIGNALS } from "../abi/signals.ts";
import { SignalSet } from "../signals/set.ts";
import type { SignalInfo } from "../signals/state.ts";
import type { Task } from "../task.ts";
import {
  ACCESS_FLAGS,
  ACCESS_MODES,
  ACTION_FLAGS,
  ARCH_PRCTLS,
  AT_FLAGS,
  CLOCKS,
  CLONE_FLAGS,
  FAULT_CODES,
  FCNTLS,
  FILE_TYPES,
  FUTEX_OPERATIONS,
  GETRANDOM_FLAGS,
  IOCTLS,
  LIMITS,
  MADVICES,
  MAP_FLAGS,
  nameFlags,
  OPEN_FLAGS,
  POLL_FLAGS,
  PRCTLS,
  PROT_FLAGS,
  SIGMASK_HOWS,
  SIGNAL_CODES,
  WAIT_FLAGS,
  WHENCES,
} from "./flags.ts"; // deno-fmt-ignore

/** Longest string that is printed whole. */
const MAX_STRING = 32;

/** What a printer gets: the value, all arguments, the argument its suffix names, and the result (undefined at entry). */
interface Context {
  readonly task: Task;
  readonly value: number;
  readonly args: readonly number[];
  readonly related: number;
  readonly result: number | undefined;
}

type Printer = (context: Context) => string;

const hex = (value: number): string => value === 0 ? "0" : `0x${value.toString(16)}`;
const pointer = ({ value }: Context): string => value === 0 ? "NULL" : `0x${value.toString(16)}`;
const decimal = ({ value }: Context): string => `${value}`;
const named = (names: readonly string[]): Printer => ({ value }) => names[value] ?? hex(value);
const flags = (names: Parameters<typeof nameFlags>[1], none = "0"): Printer => ({ value }) =>
  nameFlags(value | 0, names, none);

/** A string in quotes, with escapes as in C; "..." if it is cut. */
export function quote(bytes: Uint8Array, limit = MAX_STRING): string {
  let text = "";
  const shown = bytes.subarray(0, limit);
  shown.forEach((byte, i) => {
    const special = {
      7: "\\a",
      8: "\\b",
      9: "\\t",
      10: "\\n",
      11: "\\v",
      12: "\\f",
      13: "\\r",
      34: '\\"',
      92: "\\\\",
    }[byte];
    if (special !== undefined) text += special;
    else if (byte >= 32 && byte < 127) text += String.fromCharCode(byte);
    else {
      const next = shown[i + 1] ?? 0;
      text += "\\" + (next >= 48 && next <= 55 ? byte.toString(8).padStart(3, "0") : byte.toString(8));
    }
  });
  return `"${text}"${bytes.length > limit ? "..." : ""}`;
}

/** Runs a printer that reads memory; a bad address is printed as itself. */
function reading(printer: Printer): Printer {
  return (context) => {
    if (context.value === 0) return "NULL";
    try {
      return printer(context);
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      return pointer(context);
    }
  };
}

/** As `reading`, for what a call fills: after a failure only the address is printed. */
function filled(printer: Printer): Printer {
  const print = reading(printer);
  return (context) => context.result !== undefined && context.result < 0 ? pointer(context) : print(context);
}

function bytesAt({ task, value }: Context, length: number): string {
  const bytes = task.memory.read(value, Math.min(length, MAX_STRING + 1));
  return quote(bytes);
}

const string = reading(({ task, value }) => quote(task.memory.stringBytes(value), 256));

function stringArray(count: boolean): Printer {
  return reading(({ task, value }) => {
    const strings: string[] = [];
    for (let at = value; strings.length < 4096; at += 8) {
      const address = task.memory.u64(at);
      if (address === 0) break;
      strings.push(quote(task.memory.stringBytes(address, 0x2_0000)));
    }
    if (!count) return `[${strings.join(", ")}]`;
    return `0x${value.toString(16)} /* ${strings.length} var${strings.length === 1 ? "" : "s"} */`;
  });
}

/** A set of signals as strace writes it. */
export function signalSet(set: SignalSet): string {
  const names: string[] = [], others: string[] = [];
  for (let signal = 1; signal <= SIGNALS; signal++) {
    const name = signalName(signal).replace(/^SIG/, "");
    (set.has(signal) ? names : others).push(name);
  }
  return names.length > SIGNALS / 2 ? `~[${others.join(" ")}]` : `[${names.join(" ")}]`;
}

const sigset = reading(({ task, value }) => signalSet(SignalSet.read(task.memory, value)));

const sigaction = reading(({ task, value }) => {
  const { memory } = task;
  const entry = memory.u64(value), flagBits = memory.u32(value + 8);
  const name = entry === 0 ? "SIG_DFL" : entry === 1 ? "SIG_IGN" : hex(entry);
  const mask = signalSet(SignalSet.read(memory, value + 24));
  const restorer = (flagBits & 0x0400_0000) === 0 ? "" : `, sa_restorer=${hex(memory.u64(value + 16))}`;
  return `{sa_handler=${name}, sa_mask=${mask}, sa_flags=${
    nameFlags(flagBits | 0, ACTION_FLAGS)
  }${restorer}}`;
});

const timespec = reading(({ task, value }) =>
  `{tv_sec=${task.memory.i64(value)}, tv_nsec=${task.memory.i64(value + 8)}}`
);
const timeval = reading(({ task, value }) =>
  `{tv_sec=${task.memory.i64(value)}, tv_usec=${task.memory.i64(value + 8)}}`
);

const stat = filled(({ task, value }) => {
  const mode = task.memory.u32(value + 24);
  const type = FILE_TYPES.get(mode & 0o170000) ?? "0";
  const bits = (mode & 0o7777).toString(8).padStart(3, "0");
  return `{st_mode=${type}|0${bits}, st_size=${task.memory.i64(value + 48)}, ...}`;
});

const waitStatus = filled(({ task, value, result }) => {
  if (result === 0) return pointer({ task, value, result, args: [], related: 0 });
  const status = task.memory.i32(value);
  if ((status & 0x7f) === 0) return `[{WIFEXITED(s) && WEXITSTATUS(s) == ${(status >> 8) & 0xff}}]`;
  if ((status & 0xff) === 0x7f) {
    return `[{WIFSTOPPED(s) && WSTOPSIG(s) == ${signalName((status >> 8) & 0xff)}}]`;
  }
  if (status === 0xffff) return "[{WIFCONTINUED(s)}]";
  return `[{WIFSIGNALED(s) && WTERMSIG(s) == ${signalName(status & 0x7f)}}]`;
});

const vector = reading(({ task, value, related, result }) => {
  const parts: string[] = [];
  let left = result === undefined || result < 0 ? 0 : result;
  for (let i = 0; i < Math.min(related, 16); i++) {
    const base = task.memory.u64(value + 16 * i), length = task.memory.u64(value + 16 * i + 8);
    const shown = Math.min(length, left);
    left -= shown;
    const bytes = base === 0 ? "NULL" : quote(task.memory.read(base, Math.min(shown, MAX_STRING + 1)));
    parts.push(`{iov_base=${bytes}, iov_len=${length}}`);
  }
  return `[${parts.join(", ")}]`;
});

const pollfds = reading(({ task, value, related }) => {
  const parts: string[] = [];
  for (let i = 0; i < Math.min(related, 32); i++) {
    const at = value + 8 * i;
    const events = nameFlags(task.memory.u16(at + 4), POLL_FLAGS);
    const revents = task.memory.u16(at + 6);
    const found = revents === 0 ? "" : `, revents=${nameFlags(revents, POLL_FLAGS)}`;
    parts.push(`{fd=${task.memory.i32(at)}, events=${events}${found}}`);
  }
  return `[${parts.join(", ")}]`;
});

const clone: Printer = ({ value }) => {
  const signal = value % 0x100;
  const bits = nameFlags((value - signal) | 0, CLONE_FLAGS, "");
  const parts = [bits, signal === 0 ? "" : signalName(signal)].filter((part) => part !== "");
  return parts.length === 0 ? "0" : parts.join("|");
};

const futex: Printer = ({ value }) => {
  const name = FUTEX_OPERATIONS[value & 127] ?? `${value & 127}`;
  return name + ((value & 128) === 0 ? "" : "_PRIVATE") +
    ((value & 256) === 0 ? "" : "|FUTEX_CLOCK_REALTIME");
};

const open: Printer = ({ value }) => {
  const rest = nameFlags(value & ~3, OPEN_FLAGS, "");
  return ACCESS_MODES[value & 3]! + (rest === "" ? "" : `|${rest}`);
};

/** A limit as strace writes it. */
function limit(value: number): string {
  if (value >= 2 ** 63) return "RLIM64_INFINITY";
  return value > 0 && value % 1024 === 0 ? `${value / 1024}*1024` : `${value}`;
}

const rlimits = reading(({ task, value }) =>
  `{rlim_cur=${limit(task.memory.u64(value))}, rlim_max=${limit(task.memory.u64(value + 8))}}`
);

const PRINTERS: Readonly<Record<string, Printer>> = {
  int: decimal,
  uint: decimal,
  uint64: ({ value }) => hex(value),
  size: decimal,
  off: decimal,
  fd: decimal,
  pid: decimal,
  id: ({ value }) => `${value === 0xffff_ffff ? -1 : value}`,
  hex: ({ value }) => hex(value),
  hexarg: ({ value }) => hex(value),
  oct: ({ value }) => value === 0 ? "000" : `0${value.toString(8).padStart(3, "0")}`,
  ptr: pointer,
  dirfd: ({ value }) => value === -100 ? "AT_FDCWD" : `${value}`,
  path: string,
  str: string,
  in: reading((context) => bytesAt(context, context.related)),
  out: filled((context) => bytesAt(context, context.result ?? 0)),
  outfds: filled(({ task, value }) => `[${task.memory.i32(value)}, ${task.memory.i32(value + 4)}]`),
  open,
  prot: flags(PROT_FLAGS, "PROT_NONE"),
  mapflags: flags(MAP_FLAGS),
  atflags: flags(AT_FLAGS),
  access: flags(ACCESS_FLAGS, "F_OK"),
  wait: flags(WAIT_FLAGS),
  clone,
  futex,
  clock: named(CLOCKS),
  whence: named(WHENCES),
  how: named(SIGMASK_HOWS),
  rlimit: named(LIMITS),
  rlimits,
  outrlimits: filled(rlimits),
  grnd: flags(GETRANDOM_FLAGS),
  prctl: ({ value }) => PRCTLS.get(value) ?? hex(value),
  archprctl: ({ value }) => ARCH_PRCTLS.get(value) ?? hex(value),
  madvise: named(MADVICES),
  fcntl: ({ value }) => FCNTLS.get(value) ?? hex(value),
  ioctl: ({ value }) => IOCTLS.get(value) ?? hex(value),
  signal: ({ value }) => value === 0 ? "0" : signalName(value),
  sigset,
  outsigset: filled(sigset),
  sigaction,
  outsigaction: filled(sigaction),
  timespec,
  outtimespec: filled(timespec),
  timeval,
  stat,
  status: waitStatus,
  iov: vector,
  pollfds,
  argv: stringArray(false),
  envp: stringArray(true),
  uname: filled(({ task, value }) =>
    `{sysname=${quote(task.memory.stringBytes(value))}, nodename=${
      quote(task.memory.stringBytes(value + 65))
    }, ...}`
  ),
  dirents: filled((context) => `${pointer(context)} /* ${countEntries(context)} entries */`),
};

function countEntries({ task, value, result = 0 }: Context): number {
  let count = 0;
  for (let at = 0; at < result; at += task.memory.u16(value + at + 16)) count++;
  return count;
}

/** Text of an argument. `result` is undefined while the call has none. */
export function printArgument(
  task: Task,
  format: string,
  args: readonly number[],
  index: number,
  result: number | undefined,
): string {
  const [word, related] = format.split(":");
  const printer = PRINTERS[word!] ?? pointer;
  const other = related === undefined ? 0 : args[Number(related)] ?? 0;
  return printer({ task, value: args[index] ?? 0, args, related: other, result });
}

/** The members of siginfo_t that a signal has. */
export function describeSignal(info: SignalInfo, bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const code = SIGNAL_CODES.get(info.code) ?? FAULT_CODES[info.signal]?.[info.code - 1] ?? `${info.code}`;
  const start = `{si_signo=${signalName(info.signal)}, si_code=${code}`;
  if (info.address !== undefined) {
    return `${start}, si_addr=${info.address === 0n ? "NULL" : `0x${info.address.toString(16)}`}}`;
  }
  if (info.signal === 17) {
    const status = info.code === 1 ? `${info.status ?? 0}` : signalName(info.status ?? 0);
    return `${start}, si_pid=${info.pid ?? 0}, si_uid=${
      info.uid ?? 0
    }, si_status=${status}, si_utime=0, si_stime=0}`;
  }
  if (info.code > 0) return `${start}}`;
  return `${start}, si_pid=${view.getInt32(16, true)}, si_uid=${view.getInt32(20, true)}}`;
}
