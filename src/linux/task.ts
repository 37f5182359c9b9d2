/** Tasks (threads) and thread groups (what a shell calls a job's members). clone(2). */
import type { Blocked } from "./blocked.ts";
import type { FileTable } from "./files/open_file.ts";
import type { AddressSpace } from "./memory/address_space.ts";
import { UserMemory } from "./memory/user_memory.ts";
import { PendingSignals, type SignalActions } from "./signals/state.ts";
import { SignalSet } from "./signals/set.ts";
import type { LinuxSystem } from "./system.ts";
import { SAVED_WORDS } from "./registers.ts";

/** Where paths start, and the mask for new files. */
export class PathContext {
  /**
   * @param cwd where relative paths start
   * @param root where absolute paths start, and what ".." does not leave: empty, or a path without a slash at its end
   */
  constructor(public cwd: string, public umask: number, public root = "") {}
  copy(): PathContext {
    return new PathContext(this.cwd, this.umask, this.root);
  }

  /** A path as seen from this root. */
  shown(path: string): string {
    if (this.root === "" || (path !== this.root && !path.startsWith(`${this.root}/`))) return path;
    return path.slice(this.root.length) || "/";
  }
}

/** How a thread group ended. */
export type GroupEnd = { readonly kind: "exited"; readonly code: number } | {
  readonly kind: "signaled";
  readonly signal: number;
  /** Where and why, if it was the signal of a fault. */
  readonly fault?: string | undefined;
};

/** User and group ids. */
export interface Credentials {
  uid: number;
  euid: number;
  suid: number;
  gid: number;
  egid: number;
  sgid: number;
  groups: number[];
}

/** An interval timer: virtual nanoseconds. */
export interface IntervalTimer {
  /** When it fires next; 0: off. */
  deadline: number;
  interval: number;
  cancel: () => void;
}

/** A timer of timer_create(2). */
export interface SignalTimer extends IntervalTimer {
  /** 0 for none. */
  readonly signal: number;
  readonly value: bigint;
  /** Task that gets the signal; 0: any of the group. */
  readonly tid: number;
  readonly clock: number;
}

/** A thread group: tasks with one address space, one set of descriptors and one parent. */
export class ThreadGroup {
  readonly tasks: Task[] = [];
  readonly children: Set<ThreadGroup> = new Set();
  pending: PendingSignals = new PendingSignals();
  pgid: number;
  sid: number;
  /** Signal to the parent at the end; 0 for none. */
  exitSignal = 17;
  end: GroupEnd | undefined;
  /** Being killed: the tasks end as soon as they are looked at. */
  ending: GroupEnd | undefined;
  /** How the leader ended, while other tasks go on. */
  leaderEnd: GroupEnd | undefined;
  /** Stopped by this signal; 0: running. */
  stopSignal = 0;
  /** A change that a waiting parent has not seen. */
  unseen: "stopped" | "continued" | undefined;
  executable = "";
  commandLine: Uint8Array = new Uint8Array(0);
  environment: Uint8Array = new Uint8Array(0);
  auxiliary: Uint8Array = new Uint8Array(0);
  hasExecuted = false;
  /** setpriority(2): -20 to 19. It is told and does nothing. */
  nice = 0;
  /** /proc/PID/oom_score_adj: as well. */
  oomScore = 0;
  limits: [number, number][];
  credentials: Credentials;
  readonly intervalTimers: Map<number, IntervalTimer> = new Map();
  readonly timers: Map<number, SignalTimer> = new Map();
  /** Instructions executed by tasks that have ended. */
  instructions = 0;
  childInstructions = 0;
  readonly started: number;

  constructor(
    readonly system: LinuxSystem,
    readonly pid: number,
    public parent: ThreadGroup | undefined,
    like: { pgid: number; sid: number; limits: [number, number][]; credentials: Credentials },
  ) {
    this.pgid = like.pgid;
    this.sid = like.sid;
    this.limits = like.limits.map(([soft, hard]) => [soft, hard]);
    this.credentials = { ...like.credentials, groups: [...like.credentials.groups] };
    this.started = system.clock.now();
  }

  /** The task whose id is the group's; any task if that one has ended. */
  get leader(): Task | undefined {
    return this.tasks.find((task) => task.tid === this.pid) ?? this.tasks[0];
  }

  /** Instructions that all its tasks have executed. */
  get cpuTime(): number {
    return this.tasks.reduce((sum, task) => sum + task.instructions, this.instructions);
  }
}

/** A task: what the scheduler runs. */
export class Task {
  memory: UserMemory;
  /** Registers of a task that is not running; the layout of the processor state. */
  readonly saved: Int32Array = new Int32Array(SAVED_WORDS);
  /** The registers now: the processor's state while the task runs, else `saved`. Index by state offset >> 2. */
  registers: Int32Array = this.saved;
  blocked: Blocked | undefined;
  /** Number of the system call that `blocked` belongs to, or that is being made. */
  callNumber = -1;
  dead = false;
  name = "";
  mask: SignalSet = new SignalSet();
  /** Mask to restore once a signal has been delivered (sigsuspend, ppoll). */
  restoreMask: SignalSet | undefined;
  readonly pending: PendingSignals = new PendingSignals();
  /** Some signal may be deliverable: look. */
  signalled = false;
  /** sigaltstack(2); `flags` is SS_DISABLE where there is none. */
  altStack = { start: 0, size: 0, flags: 2 };
  robustList = 0;
  clearChildTid = 0;
  /** Instructions this task has executed. */
  instructions = 0;
  /** vfork: called when the task has its own memory or is gone. */
  vforkDone: (() => void) | undefined;
  deathSignal = 0;

  constructor(
    readonly system: LinuxSystem,
    public tid: number,
    readonly group: ThreadGroup,
    public space: AddressSpace,
    public files: FileTable,
    public paths: PathContext,
    public actions: SignalActions,
  ) {
    this.memory = new UserMemory(space);
    group.tasks.push(this);
  }

  /** Takes another address space, giving up the present one. */
  replaceSpace(space: AddressSpace): void {
    this.space = space;
    this.memory = new UserMemory(space);
  }

  /** True if sending `signal` to this task now would do nothing. */
  isBlockedOrIgnored(signal: number): boolean {
    return this.mask.has(signal) || this.actions.isIgnored(signal);
  }

  /** Signals that could be delivered now. */
  deliverable(): SignalSet {
    return this.pending.set.union(this.group.pending.set).without(this.mask);
  }

  /** Changes the mask of blocked signals. */
  setMask(mask: SignalSet): void {
    this.mask = mask.copy();
    this.mask.delete(9);
    this.mask.delete(19);
    this.signalled = true;
  }
}
