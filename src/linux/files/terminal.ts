/** The terminal: its settings and ioctls, and which thread groups are in the foreground. tty_ioctl(4), termios(3). */
import { Errno, fail } from "../abi/errno.ts";
import { Signal } from "../abi/signals.ts";
import type { Task } from "../task.ts";
import type { HostStream } from "./host_io.ts";

/** Requests of terminals. */
// deno-fmt-ignore
export const Tty = {
  TCGETS: 0x5401, TCSETS: 0x5402, TCSETSW: 0x5403, TCSETSF: 0x5404, TCSBRK: 0x5409, TCXONC: 0x540a, TCFLSH: 0x540b,
  TIOCSCTTY: 0x540e, TIOCGPGRP: 0x540f, TIOCSPGRP: 0x5410, TIOCOUTQ: 0x5411, TIOCGWINSZ: 0x5413, TIOCSWINSZ: 0x5414,
  FIONREAD: 0x541b, TIOCNOTTY: 0x5422, TCSBRKP: 0x5425, TIOCGSID: 0x5429,
} as const;

const ICANON = 2, ECHO = 8;
const LFLAG = 12;
/** Bytes of the kernel's struct termios. */
export const TERMIOS_BYTES = 36;

/** struct termios as a fresh terminal has it. */
export function newTermios(): Uint8Array {
  const termios = new Uint8Array(TERMIOS_BYTES);
  const view = new DataView(termios.buffer);
  view.setUint32(0, 0o2400, true); // ICRNL IXON, IUTF8 left out
  view.setUint32(4, 0o5, true); // OPOST ONLCR
  view.setUint32(8, 0o277, true); // 38400 baud, CS8, CREAD
  view.setUint32(LFLAG, 0o105073, true); // ISIG ICANON ECHO ECHOE ECHOK IEXTEN ECHOCTL ECHOKE
  termios.set([3, 0x1c, 0x7f, 0x15, 4, 0, 1, 0, 0x11, 0x13, 0x1a, 0, 0x12, 0xf, 0x17, 0x16], 17);
  return termios;
}

/** State of the terminal of the host, if there is one. */
export class TerminalState {
  /** Group in the foreground; 0 until a shell sets one: then nobody is in the background. */
  foreground = 0;
  /** struct termios as a fresh terminal has it. */
  readonly termios: Uint8Array = newTermios();

  /** Stops a group in the background that uses the terminal. */
  checkForeground(task: Task, writes: boolean): void {
    const group = task.group;
    if (this.foreground === 0 || group.pgid === this.foreground) return;
    const signal = writes ? Signal.TTOU : Signal.TTIN;
    if (task.isBlockedOrIgnored(signal)) {
      if (writes) return;
      fail(Errno.EIO);
    }
    task.system.signals.sendToGroup(group.pgid, signal);
    fail(ERESTARTSYS);
  }
}

/** Internal result: the call is made again after the signal. */
export const ERESTARTSYS = 512;

/** ioctl(2) on a terminal. */
export function terminalIoctl(stream: HostStream, task: Task, request: number, argument: number): number {
  const { terminal, io } = stream;
  const { memory } = task;
  switch (request) {
    case Tty.TCGETS:
      memory.write(argument, terminal.termios);
      return 0;
    case Tty.TCSETS:
    case Tty.TCSETSW:
    case Tty.TCSETSF: {
      const settings = memory.read(argument, TERMIOS_BYTES);
      terminal.checkForeground(task, true);
      terminal.termios.set(settings);
      io.setRaw?.((settings[LFLAG]! & ICANON) === 0, (settings[LFLAG]! & ECHO) !== 0);
      return 0;
    }
    case Tty.TIOCGWINSZ: {
      const { columns, rows } = io.windowSize();
      memory.setI32(argument, rows | (columns << 16));
      memory.setI32(argument + 4, 0);
      return 0;
    }
    case Tty.TIOCGPGRP:
      memory.setI32(argument, terminal.foreground === 0 ? task.group.pgid : terminal.foreground);
      return 0;
    case Tty.TIOCSPGRP: {
      const group = memory.i32(argument);
      if (group <= 0) fail(Errno.EINVAL);
      terminal.checkForeground(task, true);
      terminal.foreground = group;
      return 0;
    }
    case Tty.TIOCGSID:
      memory.setI32(argument, task.group.sid);
      return 0;
    case Tty.FIONREAD:
      memory.setI32(argument, stream.input.available);
      return 0;
    case Tty.TIOCOUTQ:
      memory.setI32(argument, 0);
      return 0;
    case Tty.TIOCSWINSZ:
    case Tty.TIOCSCTTY:
    case Tty.TIOCNOTTY:
    case Tty.TCSBRK:
    case Tty.TCXONC:
    case Tty.TCFLSH:
      return 0;
    default:
      return fail(Errno.ENOTTY);
  }
}
