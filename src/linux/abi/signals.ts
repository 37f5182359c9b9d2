/** Signals: numbers, names, default actions, codes and flags. signal(7), sigaction(2). */

/** Signal numbers. */
// deno-fmt-ignore
export const Signal = {
  HUP: 1, INT: 2, QUIT: 3, ILL: 4, TRAP: 5, ABRT: 6, BUS: 7, FPE: 8, KILL: 9, USR1: 10, SEGV: 11, USR2: 12,
  PIPE: 13, ALRM: 14, TERM: 15, STKFLT: 16, CHLD: 17, CONT: 18, STOP: 19, TSTP: 20, TTIN: 21, TTOU: 22,
  URG: 23, XCPU: 24, XFSZ: 25, VTALRM: 26, PROF: 27, WINCH: 28, IO: 29, PWR: 30, SYS: 31,
} as const;

/** First real-time signal of the kernel's count. */
export const SIGRTMIN = 32;
/** Highest signal number. */
export const SIGNALS = 64;

const NAMES = new Map<number, string>(Object.entries(Signal).map(([name, number]) => [number, `SIG${name}`]));

/** Name of a signal, `SIGSEGV` say. */
export function signalName(signal: number): string {
  return NAMES.get(signal) ?? (signal === SIGRTMIN ? "SIGRTMIN" : `SIGRT_${signal - SIGRTMIN}`);
}

const TEXTS: Readonly<Record<number, string>> = {
  [Signal.HUP]: "Hangup",
  [Signal.INT]: "Interrupt",
  [Signal.QUIT]: "Quit",
  [Signal.ILL]: "Illegal instruction",
  [Signal.TRAP]: "Trace/breakpoint trap",
  [Signal.ABRT]: "Aborted",
  [Signal.BUS]: "Bus error",
  [Signal.FPE]: "Floating point exception",
  [Signal.KILL]: "Killed",
  [Signal.SEGV]: "Segmentation fault",
  [Signal.PIPE]: "Broken pipe",
  [Signal.ALRM]: "Alarm clock",
  [Signal.TERM]: "Terminated",
  [Signal.SYS]: "Bad system call",
};

/** What strsignal(3) says of a signal. */
export function signalText(signal: number): string {
  return TEXTS[signal] ?? signalName(signal);
}

/** What a signal does where no action is set. */
export type DefaultAction = "terminate" | "core" | "ignore" | "stop" | "continue";

/** What `signal` does where no action is set. */
export function defaultAction(signal: number): DefaultAction {
  switch (signal) {
    case Signal.CHLD:
    case Signal.URG:
    case Signal.WINCH:
      return "ignore";
    case Signal.CONT:
      return "continue";
    case Signal.STOP:
    case Signal.TSTP:
    case Signal.TTIN:
    case Signal.TTOU:
      return "stop";
    case Signal.QUIT:
    case Signal.ILL:
    case Signal.TRAP:
    case Signal.ABRT:
    case Signal.BUS:
    case Signal.FPE:
    case Signal.SEGV:
    case Signal.XCPU:
    case Signal.XFSZ:
    case Signal.SYS:
      return "core";
    default:
      return "terminate";
  }
}

/** Values of `si_code`. */
// deno-fmt-ignore
export const SignalCode = {
  USER: 0, KERNEL: 0x80, QUEUE: -1, TIMER: -2, TKILL: -6,
  ILL_ILLOPN: 2, FPE_INTDIV: 1, FPE_INTOVF: 2, FPE_FLTDIV: 3, FPE_FLTOVF: 4, FPE_FLTUND: 5, FPE_FLTRES: 6, FPE_FLTINV: 7,
  SEGV_MAPERR: 1, SEGV_ACCERR: 2, BUS_ADRALN: 1, BUS_ADRERR: 2, TRAP_BRKPT: 1, TRAP_TRACE: 2,
  CLD_EXITED: 1, CLD_KILLED: 2, CLD_DUMPED: 3, CLD_TRAPPED: 4, CLD_STOPPED: 5, CLD_CONTINUED: 6,
} as const;

/** Flags of a signal action. */
// deno-fmt-ignore
export const ActionFlag = {
  NOCLDSTOP: 1, NOCLDWAIT: 2, SIGINFO: 4, ONSTACK: 0x0800_0000, RESTART: 0x1000_0000,
  NODEFER: 0x4000_0000, RESETHAND: 0x8000_0000, RESTORER: 0x0400_0000,
} as const;

/** `sa_handler` values that are no address. */
export const SIG_DFL = 0;
export const SIG_IGN = 1;
