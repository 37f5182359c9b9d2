/** The system: its tasks, the scheduler, and what all of them share. */
import type { Processor } from "../machine/processor.ts";
import { SyscallError } from "./abi/errno.ts";
import type { Outcome } from "./blocked.ts";
import { Clock } from "./clock.ts";
import { executeFirst, startIn } from "./exec.ts";
import type { FileSystem } from "./fs/file_system.ts";
import { MountTable } from "./fs/mounts.ts";
import { CollectedIo, HostInput, type HostIo, HostStream } from "./files/host_io.ts";
import { Watchers } from "./files/inotify.ts";
import { FileLocks } from "./files/locks.ts";
import { FileTable } from "./files/open_file.ts";
import { TerminalState } from "./files/terminal.ts";
import { Ipc } from "./ipc.ts";
import { endGroup, endTask } from "./lifecycle.ts";
import { checkProcessorTime, defaultLimits } from "./limits.ts";
import { AddressSpace, MemorySystem } from "./memory/address_space.ts";
import { bytesOfText } from "./memory/user_memory.ts";
import { RandomSource } from "./random.ts";
import { copyRegisters, enterUserMode, gpr, setGpr } from "./registers.ts";
import { INTERRUPTED, Signals } from "./signals/delivery.ts";
import { SignalActions, type SignalInfo } from "./signals/state.ts";
import { SocketTable } from "./sockets/table.ts";
import { PtyTable } from "./terminals/pty.ts";
import { Strace } from "./strace/strace.ts";
import { runSystemCall } from "./syscalls/dispatch.ts";
import { type GroupEnd, PathContext, Task, ThreadGroup } from "./task.ts";
import { onStop } from "./traps.ts";

/** How a Linux system is set up. */
export interface LinuxOptions {
  /** The tree of files. */
  readonly fileSystem: FileSystem;
  /** Standard streams; by default no input, and output goes nowhere. */
  readonly io?: HostIo;
  /** Folder the first program starts in; default "/". */
  readonly cwd?: string;
  /** Bytes of memory for programs, at most the processor's RAM; default all of it. */
  readonly memory?: number;
  /** Gets a line for each system call, as strace(1) prints them. */
  readonly strace?: (line: string) => void;
  /** Gets a line for what the user should know: memory has run out, say. */
  readonly warn?: (line: string) => void;
  /** Random numbers programs see; default 1. */
  readonly seed?: number;
  /** Instructions after which the run ends; default none. */
  readonly maxInstructions?: number;
  /** `virtual` (default): counted in instructions, the same in each run. `host`: the host's time. */
  readonly clock?: "virtual" | "host";
  /** User id and group id of programs; default those of the file system's owner. */
  readonly uid?: number;
  readonly gid?: number;
  /** AT_HWCAP; default EDX of CPUID leaf 1. */
  readonly hwcap?: number;
  /** AT_HWCAP2; default 2 (FSGSBASE). */
  readonly hwcap2?: number;
}

/** How the first program ended, or why the system was left before. */
export type ExitStatus =
  | GroupEnd
  /** `maxInstructions` were executed. */
  | { readonly kind: "limit" }
  /** Every task waits for something that cannot happen. */
  | { readonly kind: "deadlock" };

/** Instructions a task runs before another gets its turn; and before others are looked for, where there is none. */
const QUANTUM = 200_000;
const QUANTUM_ALONE = 20_000_000;
/** Instructions that what is left in the background may execute after the first program's end. */
const ORPHAN_INSTRUCTIONS = 2e9;
/** Timers farther away than this do not limit the wait for a terminal. */
const MAX_TERMINAL_WAIT = 1e15;

/** Programs, and the kernel they think they run on. */
export class LinuxSystem {
  readonly memory: MemorySystem;
  readonly mounts: MountTable;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly input: HostInput;
  readonly io: HostIo;
  readonly terminal: TerminalState = new TerminalState();
  readonly locks: FileLocks = new FileLocks();
  readonly ptys: PtyTable = new PtyTable(this);
  readonly watchers: Watchers = new Watchers();
  readonly ipc: Ipc = new Ipc();
  readonly sockets: SocketTable = new SocketTable();
  readonly signals: Signals;
  readonly strace: Strace | undefined;
  readonly groups: Map<number, ThreadGroup> = new Map();
  readonly tasks: Task[] = [];
  hostName = "causeway";
  current: Task | undefined;
  /** Set by sched_yield. */
  yielded = false;
  /** Is told of each change of the task that runs, for debuggers. */
  onSwitch: ((task: Task) => void) | undefined;
  /** Is told of each signal of a fault, before it is delivered. */
  onFault: ((task: Task, info: SignalInfo) => void) | undefined;
  /** Cycles that the processor had run before. */
  readonly #origin: number;
  #nextId = 1000;
  #nextInode = 1000;
  #turn = 0;
  #first: ThreadGroup | undefined;
  /** The first program has ended; others have not. */
  #isOrphaned = false;
  /** Count of instructions at which the run ends. */
  #limit: number;
  /** Count of instructions at which `advance` returns; and whether it is to return at once. */
  #pauseAt = Infinity;
  #pauses = false;
  /** A turn that `advance` has returned from, and what is left of it. */
  #unfinished: { readonly task: Task; readonly left: number } | undefined;
  /** Instructions left of the turn, those that the processor was given of them, and its count of them then. */
  #left = 0;
  #share = 0;
  #before = 0;

  constructor(readonly processor: Processor, readonly options: LinuxOptions) {
    enterUserMode(processor.memory.i32);
    this.memory = new MemorySystem(processor.mmu, options.memory);
    this.#origin = processor.cycles;
    this.#limit = this.#origin + (options.maxInstructions ?? Infinity);
    this.clock = new Clock(() => processor.cycles - this.#origin, options.clock === "host");
    this.random = new RandomSource(options.seed ?? 1);
    this.io = options.io ?? new CollectedIo();
    this.input = new HostInput(this.io);
    this.mounts = new MountTable(this, options.fileSystem);
    this.signals = new Signals(this);
    processor.onSystemCall = () => this.#makeSystemCall();
    this.strace = options.strace === undefined ? undefined : new Strace(this, options.strace);
  }

  /** A number for a file without a place in the tree. */
  nextInode(): number {
    return this.#nextInode++;
  }

  /** A new task or group id. */
  nextId(): number {
    return this.#nextId++;
  }

  /**
   * Loads the first program. Throws `CannotRunError` if it is none that can be run.
   * @param path absolute, or relative to `cwd`
   */
  spawn(path: string, argv: readonly string[], env: Readonly<Record<string, string>> = {}): ThreadGroup {
    const { owner = { uid: 0, gid: 0, groups: [0] } } = this.options.fileSystem;
    const { uid = owner.uid, gid = owner.gid, cwd = "/" } = this.options;
    const pid = this.nextId();
    const credentials = { uid, euid: uid, suid: uid, gid, egid: gid, sgid: gid, groups: [...owner.groups] };
    const group = new ThreadGroup(this, pid, undefined, {
      pgid: pid,
      sid: pid,
      limits: defaultLimits(),
      credentials,
    });
    const files = new FileTable();
    const empty = new AddressSpace(this.memory);
    const paths = new PathContext("/", 0o22);
    const task = new Task(this, pid, group, empty, files, paths, new SignalActions());
    for (const fd of [0, 1, 2] as const) {
      files.set(fd, new HostStream(fd, this.io, this.input, this.terminal), false);
    }
    const environment = Object.entries(env).map(([name, value]) => bytesOfText(`${name}=${value}`));
    startIn(task, cwd);
    executeFirst(task, path, argv.map(bytesOfText), environment);
    this.tasks.push(task);
    this.strace?.started(task, path, argv, environment.length);
    this.groups.set(pid, group);
    this.#first ??= group;
    return group;
  }

  /**
   * Runs until all programs have ended. The status is that of the program that was spawned first; what it has left in
   * the background goes on for a while.
   */
  run(): ExitStatus {
    for (;;) {
      const status = this.advance(Infinity);
      if (status !== undefined) return status;
    }
  }

  /**
   * Runs as `run` does, but for so many instructions at most, or until a debugger's point is met or `pause` called. Going
   * on then is the same run. Returns undefined while there is more to run.
   */
  advance(instructions: number): ExitStatus | undefined {
    this.#pauseAt = this.processor.instructions + instructions;
    this.#pauses = false;
    const { outside } = this.processor.mmu.breakpoints;
    while (this.tasks.length > 0) {
      if (!this.#isOrphaned && this.#first?.end !== undefined) {
        this.#isOrphaned = true;
        this.#limit = Math.min(this.#limit, this.processor.instructions + ORPHAN_INSTRUCTIONS);
      }
      if (this.processor.instructions >= this.#limit) {
        if (!this.#isOrphaned) return { kind: "limit" };
        this.warn(
          `what was left in the background has been stopped: ${
            this.tasks.map(({ name }) => name).join(", ")
          }`,
        );
        break;
      }
      if (!this.#takeTurn()) break;
      const isPaused = this.#unfinished !== undefined || this.#pauses || outside.hit !== undefined;
      if (isPaused || this.processor.instructions >= this.#pauseAt) return undefined;
    }
    return this.#first?.end ?? { kind: "deadlock" };
  }

  /** Makes `advance` return before the next instruction. */
  pause(): void {
    this.#pauses = true;
  }

  /** The program that was spawned first. */
  get first(): ThreadGroup | undefined {
    return this.#first;
  }

  /** Lets a task run, the one whose turn is not over or the next; false: nobody ever will. */
  #takeTurn(): boolean {
    const unfinished = this.#unfinished;
    this.#unfinished = undefined;
    if (unfinished !== undefined) {
      this.#slice(unfinished.task, unfinished.left);
      return true;
    }
    this.clock.fire();
    const task = this.#pick();
    if (task === undefined) return this.tasks.length === 0 || this.#idle();
    this.#slice(task, this.tasks.length === 1 ? QUANTUM_ALONE : QUANTUM);
    return true;
  }

  /** The next task that can run, in turn. */
  #pick(): Task | undefined {
    const count = this.tasks.length;
    for (let i = 1; i <= count; i++) {
      const turn = (this.#turn + i) % count;
      const task = this.tasks[turn];
      if (task === undefined) break; // some have ended while they were asked
      if (this.#canRun(task)) {
        this.#turn = this.tasks.indexOf(task);
        return task;
      }
    }
    // A task may have been passed over before another one made it ready, or the list has changed.
    return this.tasks.find((task) => this.#canRun(task));
  }

  #canRun(task: Task): boolean {
    if (task.dead || task.group.stopSignal !== 0) return false;
    const blocked = task.blocked;
    if (blocked === undefined) return true;
    let result: number | undefined;
    try {
      result = blocked.poll();
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      result = -error.errno;
    }
    if (task.dead) return false;
    if (result !== undefined) {
      task.blocked = undefined;
      this.finishCall(task, result);
    } else if (blocked.interruption !== "not" && this.signals.interrupts(task)) {
      task.blocked = undefined;
      blocked.abandon?.(true);
      const partial = blocked.partial?.() ?? 0;
      if (partial > 0) {
        this.finishCall(task, partial);
        return !task.dead && task.group.stopSignal === 0;
      }
      setGpr(task.registers, 0, INTERRUPTED);
      this.strace?.interrupted(task);
      this.signals.deliver(task, { number: task.callNumber, restarts: blocked.interruption === "restarts" });
    } else if (blocked.deadline !== undefined && blocked.deadline <= this.clock.now()) {
      task.blocked = undefined;
      blocked.abandon?.(false);
      this.finishCall(task, blocked.timeout ?? 0);
    }
    return task.blocked === undefined && !task.dead && task.group.stopSignal === 0;
  }

  /** Nobody can run: waits for input, or for the next timer. False if neither will come. */
  #idle(): boolean {
    let next = this.clock.next;
    for (const { blocked, group } of this.tasks) {
      if (group.stopSignal === 0) next = Math.min(next, blocked?.deadline ?? Infinity);
    }
    if (this.input.wanted) {
      // While somebody waits for a user, time passes as the user's does.
      const wait = next - this.clock.now();
      if (wait > MAX_TERMINAL_WAIT) {
        this.input.fill();
        return true;
      }
      if (this.input.fillWithin(wait / 1e6)) return true;
    }
    if (next === Infinity) return false;
    this.clock.skipTo(next);
    return true;
  }

  #switchTo(task: Task): void {
    const state = this.processor.memory.i32;
    if (this.current !== task) {
      this.leaveCurrent();
      copyRegisters(task.saved, state);
      task.registers = state;
      this.current = task;
      this.onSwitch?.(task);
    }
    this.memory.activate(task.space);
  }

  /** Saves the registers of the task that ran last. */
  leaveCurrent(): void {
    const { current } = this;
    if (current === undefined) return;
    copyRegisters(current.registers, current.saved);
    current.registers = current.saved;
    this.current = undefined;
  }

  #slice(task: Task, instructions: number): void {
    this.#switchTo(task);
    const { processor } = this;
    checkProcessorTime(task);
    if (task.dead) return;
    this.yielded = false;
    this.#left = instructions;
    while (this.#left > 0) {
      const before = processor.instructions;
      if (this.#pauses || before >= this.#pauseAt) {
        this.#unfinished = { task, left: this.#left };
        return;
      }
      if (task.signalled) {
        this.signals.deliver(task);
        if (task.dead || task.group.stopSignal !== 0) return;
      }
      const stop = processor.run(this.#nextShare(before));
      const done = this.#noteDone(task, processor.instructions);
      if (stop.kind === "budget") {
        if (done < this.#share) this.#unfinished = { task, left: this.#left };
        return;
      }
      if (stop.kind !== "syscall") onStop(task, stop);
      if (!this.#keepsTurn(task)) return;
    }
  }

  /** Makes the system call of the task that runs. Returns whether the processor's run goes on. */
  #makeSystemCall(): boolean {
    const task = this.current!, { space } = task, { instructions } = this.processor;
    this.#noteDone(task, instructions);
    runSystemCall(task);
    if (!this.#keepsTurn(task) || task.signalled || task.space !== space) return false;
    if (this.tasks.length > 1) this.#left = Math.min(this.#left, QUANTUM);
    if (this.#left <= 0 || this.#pauses || instructions >= this.#pauseAt) return false;
    this.processor.goOn(this.#nextShare(instructions), instructions);
    return true;
  }

  /** Whether the task goes on running: nothing has become of it, and it has not given its turn away. */
  #keepsTurn(task: Task): boolean {
    return this.current === task && !task.dead && task.blocked === undefined && !this.yielded &&
      task.group.stopSignal === 0;
  }

  /** Instructions that the processor may execute now: to the end of the turn, the next timer, or the end of the run. */
  #nextShare(before: number): number {
    const untilTimer = this.clock.host ? Infinity : this.clock.next - this.clock.now();
    this.#before = before;
    this.#share = Math.max(1, Math.min(this.#left, untilTimer, this.#limit - before));
    return Math.min(this.#share, this.#pauseAt - before);
  }

  /** Counts what the processor has executed since then. */
  #noteDone(task: Task, executed: number): number {
    const done = executed - this.#before;
    task.instructions += done;
    this.#left -= done;
    this.#before = executed;
    return done;
  }

  /** Ends the system call of a task with its result. */
  finishCall(task: Task, result: number): void {
    if (result === RESTART) {
      setGpr(task.registers, 0, INTERRUPTED);
      this.signals.deliver(task, { number: task.callNumber, restarts: true });
      return;
    }
    setGpr(task.registers, 0, result);
    this.strace?.leave(task, result);
    if (task.restoreMask !== undefined || task.signalled) this.signals.deliver(task);
  }

  /** Takes what a system call has answered. */
  settle(task: Task, outcome: Outcome): void {
    if (typeof outcome === "number") this.finishCall(task, outcome);
    else if (outcome !== undefined) task.blocked = outcome;
  }

  /** Ends a thread group. */
  endGroup(group: ThreadGroup, end: GroupEnd): void {
    endGroup(this, group, end);
  }

  /** Ends one task. */
  endTask(task: Task, code: number): void {
    endTask(this, task, { kind: "exited", code });
  }

  /** Tells the user something. */
  warn(line: string): void {
    this.options.warn?.(line);
  }

  /** Value of RAX, for those who print it. */
  result(task: Task): number {
    return gpr(task.registers, 0);
  }
}

/** -ERESTARTSYS: the call is made again after signals are delivered. */
export const RESTART = -512;
