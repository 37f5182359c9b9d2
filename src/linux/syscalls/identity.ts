/** Who a task is: ids of groups, jobs, sessions and users; limits; scheduling. credentials(7). */
import { Errno, fail } from "../abi/errno.ts";
import type { Outcome } from "../blocked.ts";
import { Limit } from "../limits.ts";
import type { Task, ThreadGroup } from "../task.ts";
import type { Row } from "./row.ts";

function groupOf(task: Task, pid: number): ThreadGroup {
  if (pid === 0) return task.group;
  return task.system.groups.get(pid) ?? task.system.tasks.find(({ tid }) => tid === pid)?.group ??
    fail(Errno.ESRCH);
}

function setpgid(task: Task, pid: number, pgid: number): Outcome {
  const { group, system } = task;
  const target = groupOf(task, pid);
  const wanted = pgid === 0 ? target.pid : pgid;
  if (wanted < 0) fail(Errno.EINVAL);
  if (target !== group) {
    if (target.parent !== group) fail(Errno.ESRCH);
    if (target.hasExecuted) fail(Errno.EACCES);
    if (target.sid !== group.sid) fail(Errno.EPERM);
  }
  if (target.sid === target.pid) fail(Errno.EPERM);
  const exists = [...system.groups.values()].some((other) =>
    other.pgid === wanted && other.sid === group.sid
  );
  if (wanted !== target.pid && !exists) fail(Errno.EPERM);
  target.pgid = wanted;
  return 0;
}

function setsid(task: Task): Outcome {
  const { group, system } = task;
  if ([...system.groups.values()].some((other) => other.pgid === group.pid)) fail(Errno.EPERM);
  group.sid = group.pgid = group.pid;
  return group.pid;
}

/** -1 keeps an id; only root and those who have the id already may take it. */
function pick(task: Task, wanted: number, present: number, allowed: readonly number[]): number {
  const id = wanted | 0;
  if (id === -1) return present;
  if (task.group.credentials.euid !== 0 && !allowed.includes(id)) fail(Errno.EPERM);
  return id;
}

function setresuid(task: Task, real: number, effective: number, saved: number): Outcome {
  const c = task.group.credentials;
  const allowed = [c.uid, c.euid, c.suid];
  const ids = [
    pick(task, real, c.uid, allowed),
    pick(task, effective, c.euid, allowed),
    pick(task, saved, c.suid, allowed),
  ];
  [c.uid, c.euid, c.suid] = ids as [number, number, number];
  return 0;
}

function setresgid(task: Task, real: number, effective: number, saved: number): Outcome {
  const c = task.group.credentials;
  const allowed = [c.gid, c.egid, c.sgid];
  const ids = [
    pick(task, real, c.gid, allowed),
    pick(task, effective, c.egid, allowed),
    pick(task, saved, c.sgid, allowed),
  ];
  [c.gid, c.egid, c.sgid] = ids as [number, number, number];
  return 0;
}

function setuid(task: Task, id: number): Outcome {
  return task.group.credentials.euid === 0 ? setresuid(task, id, id, id) : setresuid(task, -1, id, -1);
}

function setgid(task: Task, id: number): Outcome {
  return task.group.credentials.euid === 0 ? setresgid(task, id, id, id) : setresgid(task, -1, id, -1);
}

function writeThree(
  task: Task,
  a: number,
  b: number,
  c: number,
  values: readonly [number, number, number],
): number {
  task.memory.setI32(a, values[0]);
  task.memory.setI32(b, values[1]);
  task.memory.setI32(c, values[2]);
  return 0;
}

function getgroups(task: Task, size: number, list: number): Outcome {
  const { groups } = task.group.credentials;
  if (size === 0) return groups.length;
  if (size < groups.length) fail(Errno.EINVAL);
  groups.forEach((id, i) => task.memory.setI32(list + 4 * i, id));
  return groups.length;
}

function setgroups(task: Task, size: number, list: number): Outcome {
  if (task.group.credentials.euid !== 0) fail(Errno.EPERM);
  if (size > 65536) fail(Errno.EINVAL);
  task.group.credentials.groups = Array.from({ length: size }, (_, i) => task.memory.i32(list + 4 * i));
  return 0;
}

/** Writes a limit: Infinity is all ones. */
function writeLimit(task: Task, address: number, [soft, hard]: readonly [number, number]): void {
  const encode = (limit: number): bigint => limit === Infinity ? 0xffff_ffff_ffff_ffffn : BigInt(limit);
  task.memory.setBig(address, encode(soft));
  task.memory.setBig(address + 8, encode(hard));
}

function prlimit64(task: Task, pid: number, resource: number, wanted: number, old: number): Outcome {
  const group = groupOf(task, pid);
  const present = group.limits[resource] ?? fail(Errno.EINVAL);
  const decode = (limit: number): number => limit >= 2 ** 63 ? Infinity : limit;
  let next: [number, number] | undefined;
  if (wanted !== 0) {
    next = [decode(task.memory.u64(wanted)), decode(task.memory.u64(wanted + 8))];
    if (next[0] > next[1]) fail(Errno.EINVAL);
    if (next[1] > present[1] && task.group.credentials.euid !== 0) fail(Errno.EPERM);
  }
  if (old !== 0) writeLimit(task, old, present);
  if (next === undefined) return 0;
  group.limits[resource] = next;
  for (const member of group.tasks) {
    if (resource === Limit.STACK) member.space.stackLimit = Math.min(next[0], 0x4000_0000);
    if (resource === Limit.NOFILE) member.files.limit = Math.min(next[0], 1048576);
  }
  return 0;
}

/** Groups that getpriority and setpriority mean: one process (0), a group (1), or a user's (2). */
function prioritized(task: Task, which: number, who: number): ThreadGroup[] {
  if (which < 0 || which > 2) fail(Errno.EINVAL);
  if (which === 0) return [groupOf(task, who)];
  const { group, system } = task;
  const found = [...system.groups.values()].filter((other) =>
    which === 1
      ? other.pgid === (who === 0 ? group.pgid : who)
      : other.credentials.uid === (who === 0 ? group.credentials.uid : who)
  );
  return found.length > 0 ? found : fail(Errno.ESRCH);
}

function getpriority(task: Task, which: number, who: number): Outcome {
  return 20 - Math.min(...prioritized(task, which, who).map(({ nice }) => nice));
}

function setpriority(task: Task, which: number, who: number, wanted: number): Outcome {
  const nice = Math.max(-20, Math.min(19, wanted));
  for (const group of prioritized(task, which, who)) {
    if (nice < group.nice && task.group.credentials.euid !== 0) fail(Errno.EACCES);
    group.nice = nice;
  }
  return 0;
}

function schedGetaffinity(task: Task, _pid: number, size: number, mask: number): Outcome {
  if (size < 8) fail(Errno.EINVAL);
  task.memory.setI64(mask, 1);
  return 8;
}

function schedGetparam(task: Task, _pid: number, address: number): Outcome {
  task.memory.setI32(address, 0);
  return 0;
}

function priorityBound(policy: number, value: number): number {
  if (policy < 0 || policy > 6) fail(Errno.EINVAL);
  return policy === 1 || policy === 2 ? value : 0;
}

function schedYield(task: Task): Outcome {
  task.system.yielded = true;
  return 0;
}

function schedRrGetInterval(task: Task, _pid: number, address: number): Outcome {
  task.memory.setI64(address, 0);
  task.memory.setI64(address + 8, 4_000_000);
  return 0;
}

/** Calls of this file. */
// deno-fmt-ignore
export const IDENTITY_CALLS: readonly Row[] = [
  [24, "sched_yield", "", schedYield],
  [39, "getpid", "", (task) => task.group.pid],
  [97, "getrlimit", "rlimit outrlimits", (task, resource, address) => prlimit64(task, 0, resource, 0, address)],
  [102, "getuid", "", (task) => task.group.credentials.uid],
  [104, "getgid", "", (task) => task.group.credentials.gid],
  [105, "setuid", "id", setuid],
  [106, "setgid", "id", setgid],
  [107, "geteuid", "", (task) => task.group.credentials.euid],
  [108, "getegid", "", (task) => task.group.credentials.egid],
  [109, "setpgid", "pid pid", setpgid],
  [110, "getppid", "", (task) => task.group.parent?.pid ?? 1],
  [111, "getpgrp", "", (task) => task.group.pgid],
  [112, "setsid", "", setsid],
  [113, "setreuid", "id id", (task, real, effective) => setresuid(task, real, effective, -1)],
  [114, "setregid", "id id", (task, real, effective) => setresgid(task, real, effective, -1)],
  [115, "getgroups", "int ptr", getgroups],
  [116, "setgroups", "int ptr", setgroups],
  [117, "setresuid", "id id id", setresuid],
  [118, "getresuid", "ptr ptr ptr", (task, a, b, c) => {
    const { uid, euid, suid } = task.group.credentials;
    return writeThree(task, a, b, c, [uid, euid, suid]);
  }],
  [119, "setresgid", "id id id", setresgid],
  [120, "getresgid", "ptr ptr ptr", (task, a, b, c) => {
    const { gid, egid, sgid } = task.group.credentials;
    return writeThree(task, a, b, c, [gid, egid, sgid]);
  }],
  [121, "getpgid", "pid", (task, pid) => groupOf(task, pid).pgid],
  [122, "setfsuid", "id", (task) => task.group.credentials.euid],
  [123, "setfsgid", "id", (task) => task.group.credentials.egid],
  [124, "getsid", "pid", (task, pid) => groupOf(task, pid).sid],
  [140, "getpriority", "int int", getpriority],
  [141, "setpriority", "int int int", setpriority],
  [142, "sched_setparam", "pid ptr", () => 0],
  [143, "sched_getparam", "pid ptr", schedGetparam],
  [144, "sched_setscheduler", "pid int ptr", () => 0],
  [145, "sched_getscheduler", "pid", () => 0],
  [146, "sched_get_priority_max", "int", (_task, policy) => priorityBound(policy, 99)],
  [147, "sched_get_priority_min", "int", (_task, policy) => priorityBound(policy, 1)],
  [148, "sched_rr_get_interval", "pid ptr", schedRrGetInterval],
  [160, "setrlimit", "rlimit rlimits", (task, resource, address) => prlimit64(task, 0, resource, address, 0)],
  [186, "gettid", "", (task) => task.tid],
  [203, "sched_setaffinity", "pid size ptr", () => 0],
  [204, "sched_getaffinity", "pid size ptr", schedGetaffinity],
  [251, "ioprio_set", "int int int", () => 0],
  [252, "ioprio_get", "int int", () => 0],
  [302, "prlimit64", "pid rlimit rlimits outrlimits", prlimit64],
];
