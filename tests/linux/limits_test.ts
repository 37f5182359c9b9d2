import { assertEquals, assertThrows } from "@std/assert";
import { Errno, SyscallError } from "../../src/linux/abi/errno.ts";
import { Signal } from "../../src/linux/abi/signals.ts";
import { SECOND } from "../../src/linux/clock.ts";
import { checkFileSize, checkProcessorTime, Limit } from "../../src/linux/limits.ts";
import type { Task } from "../../src/linux/task.ts";
import { startTask } from "./_support/task.ts";

/** Gives a task so many seconds of processor time, in all. */
function use(task: Task, seconds: number): void {
  task.instructions = seconds * SECOND;
  checkProcessorTime(task);
}

/** Whether its group has got SIGXCPU since the last time. */
function isWarned({ group }: Task): boolean {
  return group.pending.take(Signal.XCPU) !== undefined;
}

Deno.test("checkProcessorTime() sends SIGXCPU at RLIMIT_CPU and each second after, and SIGKILL at the hard limit", () => {
  const task = startTask();
  use(task, 10);
  assertEquals(isWarned(task), false);
  task.group.limits[Limit.CPU] = [11, 13];
  use(task, 10.9);
  assertEquals(isWarned(task), false);
  use(task, 11);
  assertEquals(isWarned(task), true);
  use(task, 11.5);
  assertEquals(isWarned(task), false);
  use(task, 12);
  assertEquals(isWarned(task), true);
  use(task, 13);
  assertEquals(task.group.end ?? task.group.ending, { kind: "signaled", signal: Signal.KILL });
});

Deno.test("checkFileSize() fails with EFBIG and sends SIGXFSZ above RLIMIT_FSIZE", () => {
  const task = startTask();
  task.group.limits[Limit.FSIZE] = [1024, Infinity];
  checkFileSize(task, 1024);
  assertEquals(task.pending.take(Signal.XFSZ), undefined);
  const error = assertThrows(() => checkFileSize(task, 1025), SyscallError);
  assertEquals(error.errno, Errno.EFBIG);
  assertEquals(task.pending.take(Signal.XFSZ)?.pid, task.group.pid);
});
