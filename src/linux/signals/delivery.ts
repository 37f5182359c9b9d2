/** Sending and delivering signals. signal(7). */
import { RIP } from "../../cpu/state.ts";
import { Errno, SyscallError } from "../abi/errno.ts";
import { ActionFlag, defaultAction, SIG_DFL, SIG_IGN, Signal, SignalCode } from "../abi/signals.ts";
import { rip, setGpr, setNumber } from "../registers.ts";
import type { LinuxSystem } from "../system.ts";
import type { Task, ThreadGroup } from "../task.ts";
import { describeFault } from "./fatal_fault.ts";
import { pushFrame } from "./frame.ts";
import type { SignalInfo } from "./state.ts";

/** How an interrupted system call goes on once its signal is delivered. */
export interface Restart {
  readonly number: number;
  /** Only where the action has SA_RESTART; else EINTR. Without an action of the program always. */
  readonly restarts: boolean;
}

/** The signals of a system. */
export class Signals {
  constructor(readonly system: LinuxSystem) {}

  /** Sends a signal to a thread group. */
  sendTo(group: ThreadGroup, info: SignalInfo): void {
    if (group.end !== undefined) return;
    if (!this.#prepare(group, info)) return;
    if (group.pending.add(info)) {
      for (const task of group.tasks) {
        if (!task.mask.has(info.signal)) task.signalled = true;
      }
    }
  }

  /** Sends a signal to one task. */
  sendToTask(task: Task, info: SignalInfo): void {
    if (task.dead) return;
    if (!this.#prepare(task.group, info)) return;
    if (task.pending.add(info)) task.signalled = true;
  }

  /** Sends a signal to all groups of a job. Answers how many there are. */
  sendToGroup(pgid: number, signal: number, sender?: ThreadGroup): number {
    let count = 0;
    for (const group of this.system.groups.values()) {
      if (group.pgid !== pgid || group.end !== undefined) continue;
      count++;
      this.sendTo(group, {
        signal,
        code: sender === undefined ? SignalCode.KERNEL : SignalCode.USER,
        pid: sender?.pid ?? 0,
        uid: sender?.credentials.uid ?? 0,
      });
    }
    return count;
  }

  /** Sends the signal of a fault: if it is blocked or ignored, the program ends all the same. */
  force(task: Task, info: SignalInfo): void {
    const action = task.actions.get(info.signal);
    if (task.mask.has(info.signal) || action.entry === SIG_IGN) {
      task.actions.set(info.signal, { ...action, entry: SIG_DFL });
      task.mask.delete(info.signal);
    }
    task.pending.add(info);
    task.signalled = true;
    this.system.onFault?.(task, info);
  }

  /** What happens at once: SIGCONT and stop signals cancel each other. Answers whether the signal is to be queued. */
  #prepare(group: ThreadGroup, info: SignalInfo): boolean {
    const { signal } = info;
    const action = defaultAction(signal);
    if (action === "stop") this.#discard(group, Signal.CONT);
    if (signal === Signal.CONT) {
      this.#discard(group, Signal.STOP, Signal.TSTP, Signal.TTIN, Signal.TTOU);
      if (group.stopSignal !== 0) {
        group.stopSignal = 0;
        group.unseen = "continued";
        this.#tellParent(group, SignalCode.CLD_CONTINUED, Signal.CONT);
      }
    }
    if (signal === Signal.KILL) {
      this.system.endGroup(group, { kind: "signaled", signal });
      return false;
    }
    const leader = group.leader;
    if (leader === undefined) return false;
    // An ignored signal is dropped, unless somebody blocks it and may be waiting for it.
    return !leader.actions.isIgnored(signal) || group.tasks.some((task) => task.mask.has(signal));
  }

  #discard(group: ThreadGroup, ...signals: number[]): void {
    group.pending.discard(...signals);
    for (const task of group.tasks) task.pending.discard(...signals);
  }

  /** Tells the parent of a stopped or continued child. */
  #tellParent(group: ThreadGroup, code: number, status: number): void {
    const parent = group.parent;
    const leader = parent?.leader;
    if (parent === undefined || leader === undefined) return;
    const action = leader.actions.get(Signal.CHLD);
    if ((action.flags & ActionFlag.NOCLDSTOP) !== 0) return;
    this.sendTo(parent, { signal: Signal.CHLD, code, pid: group.pid, uid: group.credentials.uid, status });
  }

  /** True if a waiting task must be woken for a signal. Ignored ones are dropped on the way. */
  interrupts(task: Task): boolean {
    if (!task.signalled) return false;
    for (;;) {
      const signal = task.deliverable().first();
      if (signal === 0) {
        task.signalled = false;
        return false;
      }
      if (!task.actions.isIgnored(signal)) return true;
      if (task.pending.take(signal) === undefined) task.group.pending.take(signal);
    }
  }

  /**
   * Delivers what is pending, before the task runs on. `restart` says that a system call was cut short by it.
   * RAX holds -EINTR then, and RIP is behind SYSCALL.
   */
  deliver(task: Task, restart?: Restart): void {
    let pendingRestart = restart;
    while (task.signalled && !task.dead && task.group.stopSignal === 0) {
      const signal = task.deliverable().first();
      if (signal === 0) {
        task.signalled = false;
        break;
      }
      const info = task.pending.take(signal) ?? task.group.pending.take(signal);
      if (info === undefined) continue;
      const action = task.actions.get(signal);
      if (action.entry === SIG_IGN) continue;
      this.system.strace?.signal(task, info);
      if (action.entry === SIG_DFL) {
        const what = defaultAction(signal);
        if (what === "stop") this.#stop(task, signal);
        else if (what === "terminate" || what === "core") {
          this.system.endGroup(task.group, { kind: "signaled", signal, fault: describeFault(task, info) });
        }
        continue;
      }
      if (pendingRestart !== undefined) {
        if (pendingRestart.restarts && (action.flags & ActionFlag.RESTART) !== 0) {
          this.#rewind(task, pendingRestart);
        }
        pendingRestart = undefined;
      }
      this.#enter(task, info);
    }
    // No function of the program has run: the call goes on as if nothing had been.
    if (pendingRestart !== undefined && !task.dead) this.#rewind(task, pendingRestart);
    if (task.restoreMask !== undefined && !task.dead && task.group.stopSignal === 0) {
      const mask = task.restoreMask;
      task.restoreMask = undefined;
      task.setMask(mask);
      if (task.signalled && !task.deliverable().empty) this.deliver(task);
    }
  }

  #enter(task: Task, info: SignalInfo): void {
    const action = task.actions.get(info.signal);
    const saved = task.restoreMask ?? task.mask;
    task.restoreMask = undefined;
    try {
      pushFrame(task, info, action, saved);
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      // No stack to deliver it on: a fault while faulting ends the program.
      this.system.endGroup(task.group, { kind: "signaled", signal: Signal.SEGV });
      return;
    }
    const mask = task.mask.union(action.mask);
    if ((action.flags & ActionFlag.NODEFER) === 0) mask.add(info.signal);
    task.setMask(mask);
    if ((action.flags & ActionFlag.RESETHAND) !== 0) {
      task.actions.set(info.signal, { ...action, entry: SIG_DFL });
    }
  }

  #rewind(task: Task, restart: Restart): void {
    setGpr(task.registers, 0, restart.number);
    setNumber(task.registers, RIP, rip(task.registers) - 2);
  }

  #stop(task: Task, signal: number): void {
    const { group } = task;
    group.stopSignal = signal;
    group.unseen = "stopped";
    this.#tellParent(group, SignalCode.CLD_STOPPED, signal);
  }
}

/** The result of a call that a signal cut short. */
export const INTERRUPTED = -Errno.EINTR;
