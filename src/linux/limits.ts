/** Resource limits, and those that act on a task as it goes on. getrlimit(2). */
import { Errno, fail } from "./abi/errno.ts";
import { Signal, SignalCode } from "./abi/signals.ts";
import { Open } from "./abi/files.ts";
import { SECOND } from "./clock.ts";
import type { OpenFile } from "./files/open_file.ts";
import { RegularFile } from "./files/regular.ts";
import type { Task } from "./task.ts";

/** Numbers of resources. */
// deno-fmt-ignore
export const Limit = {
  CPU: 0, FSIZE: 1, DATA: 2, STACK: 3, NPROC: 6, NOFILE: 7, AS: 9,
} as const;

/** Limits as a usual system has them: [soft, hard] by resource, Infinity for none. */
export function defaultLimits(): [number, number][] {
  const none: [number, number] = [Infinity, Infinity];
  return [
    none, // CPU
    none, // FSIZE
    none, // DATA
    [0x80_0000, Infinity], // STACK
    [0, Infinity], // CORE
    none, // RSS
    [4096, 4096], // NPROC
    [1024, 1048576], // NOFILE
    [0x80_0000, 0x80_0000], // MEMLOCK
    none, // AS
    none, // LOCKS
    [4096, 4096], // SIGPENDING
    [819200, 819200], // MSGQUEUE
    [0, 0], // NICE
    [0, 0], // RTPRIO
    none, // RTTIME
  ];
}

/** After a task has run: SIGXCPU where its group has used the time it may, and each second after; SIGKILL at the hard limit. */
export function checkProcessorTime({ group, system }: Task): void {
  const [soft, hard] = group.limits[Limit.CPU]!;
  if (soft === Infinity) return;
  const used = group.cpuTime / SECOND, info = { code: SignalCode.KERNEL, pid: 0, uid: 0 };
  if (used >= hard) return system.signals.sendTo(group, { ...info, signal: Signal.KILL });
  if (used < soft) return;
  group.limits[Limit.CPU] = [soft + 1, hard];
  system.signals.sendTo(group, { ...info, signal: Signal.XCPU });
}

/** The part of `bytes` that a task may write to a file, at `position` or where it would go. Fails if that is none of it. */
export function withinFileSize(
  task: Task,
  file: OpenFile,
  bytes: Uint8Array,
  position?: number,
): Uint8Array {
  const limit = task.group.limits[Limit.FSIZE]![0];
  if (limit === Infinity || !(file instanceof RegularFile) || bytes.length === 0) return bytes;
  const start = position ?? ((file.flags & Open.APPEND) !== 0 ? file.status().size : file.position);
  checkFileSize(task, start + 1);
  return bytes.subarray(0, limit - start);
}

/** Fails, and sends SIGXFSZ, if a task may not give a file this size. */
export function checkFileSize(task: Task, size: number): void {
  if (size <= task.group.limits[Limit.FSIZE]![0]) return;
  sendFromItself(task, Signal.XFSZ);
  fail(Errno.EFBIG);
}

/** A signal that a task gets for what it does, as if it had sent it to itself. */
export function sendFromItself(task: Task, signal: number): void {
  const { pid, credentials } = task.group;
  task.system.signals.sendToTask(task, { signal, code: SignalCode.USER, pid, uid: credentials.uid });
}
