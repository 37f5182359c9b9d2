/** Ends of tasks and thread groups, and what their parents see of them. wait(2), exit_group(2). */
import { SyscallError } from "./abi/errno.ts";
import { SignalCode } from "./abi/signals.ts";
import { dropAllLocks } from "./files/locks.ts";
import { leaveRobustList, wakeFutex } from "./futex.ts";
import { INSTRUCTIONS_PER_TICK } from "./times.ts";
import type { LinuxSystem } from "./system.ts";
import type { GroupEnd, Task, ThreadGroup } from "./task.ts";

/** Ends all tasks of a group. */
export function endGroup(system: LinuxSystem, group: ThreadGroup, end: GroupEnd): void {
  if (group.end !== undefined || group.ending !== undefined) return;
  group.ending = end;
  for (const task of [...group.tasks]) endTask(system, task, end);
}

/** Ends a task; with the last one ends its group. */
export function endTask(system: LinuxSystem, task: Task, end: GroupEnd): void {
  if (task.dead) return;
  const { group } = task;
  if (task.blocked !== undefined) system.strace?.interrupted(task);
  task.blocked?.abandon?.(true);
  task.blocked = undefined;
  releaseMemory(task);
  if (system.current === task) system.leaveCurrent();
  task.dead = true;
  task.files.release();
  remove(system.tasks, task);
  remove(group.tasks, task);
  group.instructions += task.instructions;
  if (task.tid === group.pid && group.ending === undefined) group.leaderEnd = end;
  if (group.tasks.length === 0) finishGroup(system, group, group.ending ?? group.leaderEnd ?? end);
}

/** What a task leaves when it ends or executes another program: futexes it holds, and the address space. */
export function releaseMemory(task: Task): void {
  try {
    leaveRobustList(task);
    if (task.clearChildTid !== 0 && task.space.users > 1) {
      task.memory.setI32(task.clearChildTid, 0);
      wakeFutex(task, task.clearChildTid, 1);
    }
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
  }
  task.space.release();
  task.vforkDone?.();
  task.vforkDone = undefined;
}

function finishGroup(system: LinuxSystem, group: ThreadGroup, end: GroupEnd): void {
  group.end = end;
  dropAllLocks(group);
  system.ptys.leaderEnded(group);
  system.ipc.groupEnded(group);
  system.strace?.ended(group, end);
  for (const timer of group.intervalTimers.values()) timer.cancel();
  for (const timer of group.timers.values()) timer.cancel();
  for (const child of group.children) {
    child.parent = undefined;
    const signal = child.leader?.deathSignal ?? 0;
    if (signal !== 0) system.signals.sendTo(child, { signal, code: SignalCode.USER, pid: group.pid, uid: 0 });
    if (child.end !== undefined) system.groups.delete(child.pid);
  }
  group.children.clear();
  const { parent } = group;
  const leader = parent?.leader;
  if (parent === undefined || leader === undefined) {
    if (parent === undefined) system.groups.delete(group.pid);
    return;
  }
  const reaped = group.exitSignal === 17 && leader.actions.reapsChildren;
  if (group.exitSignal !== 0) {
    system.signals.sendTo(parent, {
      signal: group.exitSignal,
      code: end.kind === "exited" ? SignalCode.CLD_EXITED : SignalCode.CLD_KILLED,
      pid: group.pid,
      uid: group.credentials.uid,
      status: end.kind === "exited" ? end.code : end.signal,
    });
  }
  if (reaped) reap(system, group);
}

/** A parent has seen the end of a child: its number is free. */
export function reap(system: LinuxSystem, group: ThreadGroup): void {
  group.parent?.children.delete(group);
  if (group.parent !== undefined) {
    group.parent.childInstructions += group.instructions + group.childInstructions;
  }
  system.groups.delete(group.pid);
}

/** The status word of wait(2). */
export function waitStatus(end: GroupEnd): number {
  return end.kind === "exited" ? (end.code & 0xff) << 8 : end.signal;
}

/** Processor time of a group in clock ticks of times(2). */
export function ticks(instructions: number): number {
  return Math.floor(instructions / INSTRUCTIONS_PER_TICK);
}

function remove<T>(list: T[], item: T): void {
  const at = list.indexOf(item);
  if (at >= 0) list.splice(at, 1);
}
