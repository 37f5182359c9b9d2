/** Pseudo-terminals: a master that plays keyboard and screen, and the terminal that programs see. pty(7), pts(4). */
import { Errno, fail } from "../abi/errno.ts";
import { deviceNumber, Mode, Open, Poll } from "../abi/files.ts";
import { Signal } from "../abi/signals.ts";
import { OpenFile, WOULD_BLOCK } from "../files/open_file.ts";
import { ERESTARTSYS, newTermios, TERMIOS_BYTES, Tty } from "../files/terminal.ts";
import { type FileStatus, makeStatus } from "../fs/file_system.ts";
import type { LinuxSystem } from "../system.ts";
import type { Task, ThreadGroup } from "../task.ts";
import { LineDiscipline } from "./line_discipline.ts";

// deno-fmt-ignore
const PtyRequest = {
  TIOCPKT: 0x5420, TIOCGPTPEER: 0x5441, TIOCGPTN: 0x80045430, TIOCSPTLCK: 0x40045431, TIOCGPTLCK: 0x80045439,
} as const;

/** Group of terminals. */
const GROUP_TTY = 5;
/** Major number of the terminals of pseudo-terminals. */
const MAJOR = 136;
/** VTIME counts these. */
const TENTH = 1e8;

/** A pair. */
export class Pty {
  readonly line: LineDiscipline;
  readonly owner: { readonly uid: number };
  readonly windowSize: Uint8Array = new Uint8Array(8);
  /** Session whose terminal it is, and its group in the foreground; 0 for none. */
  session = 0;
  foreground = 0;
  isLocked = true;
  hasMaster = true;
  /** Open descriptions of the terminal; -1 before the first. */
  slaves = -1;
  hangups = 0;

  constructor(readonly system: LinuxSystem, readonly index: number, uid: number) {
    this.owner = { uid };
    this.line = new LineDiscipline(newTermios(), (signal) => this.signal(signal));
  }

  get path(): string {
    return `/dev/pts/${this.index}`;
  }

  /** Status of the terminal. */
  status(): FileStatus {
    return makeStatus({
      mode: Mode.IFCHR | 0o620,
      dev: 24,
      ino: this.index + 3,
      uid: this.owner.uid,
      gid: GROUP_TTY,
      rdev: deviceNumber(MAJOR, this.index),
      blksize: 1024,
    });
  }

  /** Sends a signal to the group in the foreground. */
  signal(signal: number): void {
    if (this.foreground !== 0) this.system.signals.sendToGroup(this.foreground, signal);
  }

  /** Makes it the terminal of a session. */
  adopt(group: ThreadGroup): void {
    this.session = group.sid;
    this.foreground = group.pgid;
  }

  /** The session is left alone, and told. */
  hangUp(): void {
    const { groups, signals } = this.system;
    const leader = groups.get(this.session);
    const pgids = new Set([this.foreground, leader?.pgid ?? 0]);
    this.session = this.foreground = 0;
    for (const pgid of pgids) {
      if (pgid === 0) continue;
      signals.sendToGroup(pgid, Signal.HUP);
      signals.sendToGroup(pgid, Signal.CONT);
    }
  }

  /** Stops a group in the background that uses its terminal. */
  checkForeground(task: Task, writes: boolean): void {
    const { group } = task;
    if (group.sid !== this.session || this.foreground === 0 || group.pgid === this.foreground) return;
    const signal = writes ? Signal.TTOU : Signal.TTIN;
    if (task.isBlockedOrIgnored(signal)) {
      if (writes) return;
      fail(Errno.EIO);
    }
    this.system.signals.sendToGroup(group.pgid, signal);
    fail(ERESTARTSYS);
  }

  /** What both ends answer. */
  ioctl(task: Task, request: number, argument: number, isMaster: boolean): number {
    const { memory, group } = task, { line } = this;
    switch (request) {
      case Tty.TCGETS:
        memory.write(argument, line.termios);
        return 0;
      case Tty.TCSETS:
      case Tty.TCSETSW:
      case Tty.TCSETSF: {
        const settings = memory.read(argument, TERMIOS_BYTES);
        if (!isMaster) this.checkForeground(task, true);
        if (request === Tty.TCSETSF) line.flushInput();
        line.configure(settings);
        return 0;
      }
      case Tty.TIOCGWINSZ:
        memory.write(argument, this.windowSize);
        return 0;
      case Tty.TIOCSWINSZ: {
        const size = memory.read(argument, 8);
        if (size.every((byte, i) => byte === this.windowSize[i])) return 0;
        this.windowSize.set(size);
        this.signal(Signal.WINCH);
        return 0;
      }
      case Tty.TIOCGPGRP:
      case Tty.TIOCGSID:
        if (!isMaster && group.sid !== this.session) fail(Errno.ENOTTY);
        if (this.session === 0) fail(Errno.ENOTTY);
        memory.setI32(argument, request === Tty.TIOCGSID ? this.session : this.foreground);
        return 0;
      case Tty.TIOCSPGRP: {
        if (group.sid !== this.session) fail(Errno.ENOTTY);
        this.checkForeground(task, true);
        this.foreground = this.#groupToSet(task, memory.i32(argument));
        return 0;
      }
      case Tty.FIONREAD:
        memory.setI32(argument, isMaster ? line.pending : line.available);
        return 0;
      case Tty.TIOCOUTQ:
        memory.setI32(argument, isMaster ? 0 : line.pending);
        return 0;
      case Tty.TIOCSCTTY:
        return this.#take(task, argument);
      case Tty.TIOCNOTTY:
        if (group.sid !== this.session) fail(Errno.ENOTTY);
        if (group.pid === group.sid) this.hangUp();
        return 0;
      case Tty.TCFLSH:
        if (argument > 2) fail(Errno.EINVAL);
        // What was written is at the other end already.
        if (argument === 1) return 0;
        if (isMaster) line.flushOutput();
        else line.flushInput();
        return 0;
      case Tty.TCSBRK:
      case Tty.TCSBRKP:
      case Tty.TCXONC:
        return 0;
      default:
        return fail(Errno.ENOTTY);
    }
  }

  #groupToSet(task: Task, pgid: number): number {
    if (pgid < 0) fail(Errno.EINVAL);
    const members = [...this.system.groups.values()].filter((other) => other.pgid === pgid);
    if (members.length === 0) fail(Errno.ESRCH);
    return members.some(({ sid }) => sid === task.group.sid) ? pgid : fail(Errno.EPERM);
  }

  /** TIOCSCTTY. */
  #take({ group }: Task, steals: number): number {
    if (this.session === group.sid) return 0;
    if (group.pid !== group.sid || this.system.ptys.ofSession(group.sid) !== undefined) fail(Errno.EPERM);
    if (this.session !== 0 && !(steals === 1 && group.credentials.euid === 0)) fail(Errno.EPERM);
    this.adopt(group);
    return 0;
  }
}

/** The end that plays keyboard and screen. */
export class PtyMaster extends OpenFile {
  constructor(readonly pty: Pty, flags: number) {
    super("/dev/ptmx", flags & (Open.ACCMODE | Open.NONBLOCK));
  }
  override status(): FileStatus {
    return makeStatus({ mode: Mode.IFCHR | 0o666, dev: 6, ino: 21, rdev: deviceNumber(5, 2) });
  }
  override read(target: Uint8Array): number {
    const { line, slaves } = this.pty;
    if (target.length === 0) return 0;
    if (line.pending > 0) return line.show(target);
    return slaves === 0 ? fail(Errno.EIO) : WOULD_BLOCK;
  }
  override get copiesWrites(): boolean {
    return true;
  }
  override write(bytes: Uint8Array): number {
    if (this.pty.slaves === 0) fail(Errno.EIO);
    this.pty.line.type(bytes);
    return bytes.length;
  }
  override changes(): number {
    return this.pty.line.shown + this.pty.hangups;
  }
  override poll(): number {
    const { line, slaves } = this.pty;
    return (line.pending > 0 ? Poll.IN | Poll.RDNORM : 0) | Poll.OUT | Poll.WRNORM |
      (slaves === 0 ? Poll.HUP : 0);
  }
  override ioctl(task: Task, request: number, argument: number): number {
    const { pty } = this, { memory } = task;
    switch (request) {
      case PtyRequest.TIOCGPTN:
        memory.setI32(argument, pty.index);
        return 0;
      case PtyRequest.TIOCSPTLCK:
        pty.isLocked = memory.i32(argument) !== 0;
        return 0;
      case PtyRequest.TIOCGPTLCK:
        memory.setI32(argument, Number(pty.isLocked));
        return 0;
      case PtyRequest.TIOCGPTPEER:
        return task.files.add(openSlave(pty, argument, task), (argument & Open.CLOEXEC) !== 0);
      case PtyRequest.TIOCPKT:
        return memory.i32(argument) === 0 ? 0 : fail(Errno.EINVAL); // packet mode is not there
      default:
        return pty.ioctl(task, request, argument, true);
    }
  }
  override close(): void {
    const { pty } = this;
    pty.hasMaster = false;
    pty.hangups++;
    if (pty.session !== 0) pty.hangUp();
    pty.system.ptys.forget(pty);
  }
}

/** The terminal. */
export class PtySlave extends OpenFile {
  #deadline = 0;
  constructor(readonly pty: Pty, flags: number) {
    super(pty.path, flags & (Open.ACCMODE | Open.NONBLOCK));
    pty.slaves = Math.max(0, pty.slaves) + 1;
  }
  override status(): FileStatus {
    return this.pty.status();
  }
  override get copiesWrites(): boolean {
    return true;
  }
  override read(target: Uint8Array, task: Task): number {
    const { pty } = this, { line } = pty;
    if (!pty.hasMaster || target.length === 0) return 0;
    pty.checkForeground(task, false);
    if (line.isReadable || (!line.isCanonical && line.available >= target.length)) {
      this.#deadline = 0;
      return line.take(target);
    }
    if (line.isCanonical || line.minimum > 0) return WOULD_BLOCK;
    return this.#readInTime(task.system);
  }

  /** VMIN is 0: nothing comes, or nothing within VTIME. */
  #readInTime({ clock }: LinuxSystem): number {
    const { timeout } = this.pty.line;
    if (timeout === 0) return 0;
    if (this.#deadline === 0) {
      this.#deadline = clock.now() + timeout * TENTH;
      clock.schedule(this.#deadline, () => {});
    }
    if (clock.now() < this.#deadline) return WOULD_BLOCK;
    this.#deadline = 0;
    return 0;
  }

  override write(bytes: Uint8Array, task: Task): number {
    const { pty } = this;
    if (!pty.hasMaster) fail(Errno.EIO);
    if (pty.line.stopsWriters) pty.checkForeground(task, true);
    const done = pty.line.write(bytes);
    return done === 0 && bytes.length > 0 ? WOULD_BLOCK : done;
  }
  override changes(): number {
    return this.pty.line.typed + this.pty.hangups;
  }
  override poll(): number {
    const { line, hasMaster } = this.pty;
    if (!hasMaster) return Poll.IN | Poll.RDNORM | Poll.OUT | Poll.WRNORM | Poll.ERR | Poll.HUP;
    return (line.isReadable ? Poll.IN | Poll.RDNORM : 0) | (line.isFull ? 0 : Poll.OUT | Poll.WRNORM);
  }
  override ioctl(task: Task, request: number, argument: number): number {
    if (!this.pty.hasMaster) fail(Errno.EIO);
    return this.pty.ioctl(task, request, argument, false);
  }
  override close(): void {
    this.pty.slaves--;
    this.pty.hangups++;
  }
}

/** Opens the terminal of a pair; a session without a terminal takes it. */
export function openSlave(pty: Pty, flags: number, task: Task): PtySlave {
  if (pty.isLocked || !pty.hasMaster) fail(Errno.EIO);
  const { group } = task;
  const isFree = pty.session === 0 && group.pid === group.sid;
  if (isFree && (flags & Open.NOCTTY) === 0 && pty.system.ptys.ofSession(group.sid) === undefined) {
    pty.adopt(group);
  }
  return new PtySlave(pty, flags);
}

/** The pairs of a system. */
export class PtyTable {
  readonly #ptys = new Map<number, Pty>();
  constructor(readonly system: LinuxSystem) {}

  /** Opens /dev/ptmx: a new pair. */
  open(flags: number, uid: number): PtyMaster {
    let index = 0;
    while (this.#ptys.has(index)) index++;
    const pty = new Pty(this.system, index, uid);
    this.#ptys.set(index, pty);
    return new PtyMaster(pty, flags);
  }

  get(index: number): Pty | undefined {
    return this.#ptys.get(index);
  }

  get indices(): number[] {
    return [...this.#ptys.keys()];
  }

  /** The pair that is a session's terminal. */
  ofSession(sid: number): Pty | undefined {
    return [...this.#ptys.values()].find(({ session }) => session === sid);
  }

  /** Who leads a session ends. */
  leaderEnded(group: ThreadGroup): void {
    if (group.pid === group.sid) this.ofSession(group.sid)?.hangUp();
  }

  forget(pty: Pty): void {
    this.#ptys.delete(pty.index);
  }
}
