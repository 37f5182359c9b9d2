/** Tasks: clone(2), execve(2), exit(2), wait4(2). */
import { Gpr, Segment, segmentBase } from "../../cpu/state.ts";
import { Errno, fail } from "../abi/errno.ts";
import { Open } from "../abi/files.ts";
import { SignalCode } from "../abi/signals.ts";
import type { Outcome } from "../blocked.ts";
import { execute } from "../exec.ts";
import { PidFile } from "../files/events.ts";
import { reap, waitStatus } from "../lifecycle.ts";
import { Limit } from "../limits.ts";
import { copyRegisters, setGpr, setNumber } from "../registers.ts";
import { Task, ThreadGroup } from "../task.ts";
import { baseOf } from "./descriptors.ts";
import type { Row } from "./row.ts";

/** Flags of clone(2). */
export const Clone = {
  VM: 0x100,
  FS: 0x200,
  FILES: 0x400,
  SIGHAND: 0x800,
  PIDFD: 0x1000,
  PTRACE: 0x2000,
  VFORK: 0x4000,
  PARENT: 0x8000,
  THREAD: 0x1_0000,
  NEWNS: 0x2_0000,
  SYSVSEM: 0x4_0000,
  SETTLS: 0x8_0000,
  PARENT_SETTID: 0x10_0000,
  CHILD_CLEARTID: 0x20_0000,
  DETACHED: 0x40_0000,
  UNTRACED: 0x80_0000,
  CHILD_SETTID: 0x100_0000,
  NEWCGROUP: 0x200_0000,
  NEWUTS: 0x400_0000,
  NEWIPC: 0x800_0000,
  NEWUSER: 0x1000_0000,
  NEWPID: 0x2000_0000,
  NEWNET: 0x4000_0000,
} as const; // deno-fmt-ignore
const NAMESPACES = Clone.NEWNS | Clone.NEWCGROUP | Clone.NEWUTS | Clone.NEWIPC | Clone.NEWUSER | Clone.NEWPID |
  Clone.NEWNET;

/** What clone and its relatives are asked for. */
interface CloneRequest {
  readonly flags: number;
  readonly exitSignal: number;
  /** Stack pointer of the child; 0: as the parent's. */
  readonly stack: number;
  readonly parentTid: number;
  /** Where the descriptor of a new process goes. */
  readonly pidfd: number;
  readonly childTid: number;
  readonly tls: number;
}

function cloneTask(parent: Task, request: CloneRequest): Outcome {
  const { flags } = request;
  const { system } = parent;
  const has = (flag: number): boolean => (flags & flag) !== 0;
  if (has(Clone.SIGHAND) && !has(Clone.VM)) fail(Errno.EINVAL);
  if (has(Clone.THREAD) && !has(Clone.SIGHAND)) fail(Errno.EINVAL);
  if (has(NAMESPACES)) fail(Errno.EPERM);
  if (has(Clone.PIDFD) && (has(Clone.THREAD) || has(Clone.DETACHED))) fail(Errno.EINVAL);
  if (system.tasks.length >= parent.group.limits[Limit.NPROC]![0]) fail(Errno.EAGAIN);

  const space = has(Clone.VM) ? parent.space.retain() : parent.space.fork();
  const tid = system.nextId();
  const group = has(Clone.THREAD)
    ? parent.group
    : forkGroup(parent, tid, request.exitSignal, has(Clone.PARENT));
  const child = new Task(
    system,
    tid,
    group,
    space,
    has(Clone.FILES) ? parent.files.retain() : parent.files.copy(),
    has(Clone.FS) ? parent.paths : parent.paths.copy(),
    has(Clone.SIGHAND) ? parent.actions.retain() : parent.actions.copy(),
  );
  child.name = parent.name;
  child.mask = (parent.restoreMask ?? parent.mask).copy();
  if (!has(Clone.VM) || has(Clone.VFORK)) child.altStack = { ...parent.altStack };
  copyRegisters(parent.registers, child.saved);
  setGpr(child.saved, Gpr.RAX, 0);
  if (request.stack !== 0) setGpr(child.saved, Gpr.RSP, request.stack);
  if (has(Clone.SETTLS)) setNumber(child.saved, segmentBase(Segment.FS), request.tls);
  if (has(Clone.PARENT_SETTID)) parent.memory.setI32(request.parentTid, tid);
  if (has(Clone.CHILD_SETTID)) child.memory.setI32(request.childTid, tid);
  if (has(Clone.CHILD_CLEARTID)) child.clearChildTid = request.childTid;
  if (has(Clone.PIDFD)) {
    parent.memory.setI32(request.pidfd, parent.files.add(new PidFile(group, 0), true));
  }
  system.tasks.push(child);
  if (!has(Clone.VFORK)) return tid;
  let done = false;
  child.vforkDone = () => done = true;
  return { poll: () => done ? tid : undefined, interruption: "not" };
}

function forkGroup(parent: Task, pid: number, exitSignal: number, sibling: boolean): ThreadGroup {
  const { group, system } = parent;
  const owner = sibling ? group.parent : group;
  const child = new ThreadGroup(system, pid, owner, group);
  child.exitSignal = exitSignal;
  child.nice = group.nice;
  child.oomScore = group.oomScore;
  child.executable = group.executable;
  child.commandLine = group.commandLine;
  child.environment = group.environment;
  child.auxiliary = group.auxiliary;
  owner?.children.add(child);
  system.groups.set(pid, child);
  return child;
}

function clone(
  task: Task,
  flags: number,
  stack: number,
  parentTid: number,
  childTid: number,
  tls: number,
): Outcome {
  return cloneTask(task, {
    flags: flags - flags % 0x100,
    exitSignal: flags % 0x100,
    stack,
    parentTid,
    pidfd: parentTid,
    childTid,
    tls,
  });
}

function clone3(task: Task, address: number, size: number): Outcome {
  if (size < 64) fail(Errno.EINVAL);
  const word = (i: number): number => task.memory.u64(address + 8 * i);
  const stack = word(5), stackSize = word(6);
  if ((stack === 0) !== (stackSize === 0)) fail(Errno.EINVAL);
  if (word(0) > 0xffff_ffff) fail(Errno.EINVAL);
  return cloneTask(task, {
    flags: word(0) | 0,
    exitSignal: word(4),
    stack: stack + stackSize,
    parentTid: word(3),
    pidfd: word(1),
    childTid: word(2),
    tls: word(7),
  });
}

function fork(task: Task): Outcome {
  return clone(task, 17, 0, 0, 0, 0);
}

function vfork(task: Task): Outcome {
  return clone(task, Clone.VFORK | Clone.VM | 17, 0, 0, 0, 0);
}

/** Reads an array of strings that ends with a null pointer. */
function readStrings(task: Task, address: number): Uint8Array[] {
  const strings: Uint8Array[] = [];
  if (address === 0) return strings;
  let total = 0;
  for (let at = address;; at += 8) {
    const pointer = task.memory.u64(at);
    if (pointer === 0) return strings;
    const string = task.memory.stringBytes(pointer, 0x2_0000, Errno.E2BIG);
    total += string.length + 9;
    if (total > 0x60_0000) fail(Errno.E2BIG);
    strings.push(string);
  }
}

function execve(task: Task, path: number, argv: number, environment: number): Outcome {
  const strings = readStrings(task, argv);
  if (strings.length === 0) strings.push(new Uint8Array(0));
  execute(task, task.memory.string(path), strings, readStrings(task, environment));
  return 0;
}

function execveat(
  task: Task,
  dirfd: number,
  path: number,
  argv: number,
  environment: number,
  flags: number,
): Outcome {
  const text = task.memory.string(path);
  const strings = readStrings(task, argv);
  if (strings.length === 0) strings.push(new Uint8Array(0));
  const isEmpty = text === "" && (flags & 0x1000) !== 0;
  const name = isEmpty ? `/proc/self/fd/${dirfd}` : text;
  execute(task, name, strings, readStrings(task, environment), isEmpty ? "/" : baseOf(task, dirfd, text));
  return 0;
}

function exit(task: Task, code: number): Outcome {
  task.system.endTask(task, code & 0xff);
  return undefined;
}

function exitGroup(task: Task, code: number): Outcome {
  task.system.endGroup(task.group, { kind: "exited", code: code & 0xff });
  return undefined;
}

const WNOHANG = 1, WSTOPPED = 2, WEXITED = 4, WCONTINUED = 8, WNOWAIT = 0x100_0000;

/** A change of a child that somebody waits for. */
interface ChildEvent {
  readonly child: ThreadGroup;
  readonly what: "ended" | "stopped" | "continued";
}

/** Looks for a change of a child; undefined if none has come yet. Fails with ECHILD if there is no such child. */
function findChild(
  task: Task,
  matches: (child: ThreadGroup) => boolean,
  options: number,
): ChildEvent | undefined {
  let any = false;
  for (const child of task.group.children) {
    if (!matches(child)) continue;
    any = true;
    if (child.end !== undefined) {
      if ((options & WEXITED) !== 0) return { child, what: "ended" };
    } else if (child.unseen === "stopped" && (options & WSTOPPED) !== 0) return { child, what: "stopped" };
    else if (child.unseen === "continued" && (options & WCONTINUED) !== 0) {
      return { child, what: "continued" };
    }
  }
  return any ? undefined : fail(Errno.ECHILD);
}

function matcher(task: Task, pid: number): (child: ThreadGroup) => boolean {
  if (pid > 0) return (child) => child.pid === pid;
  if (pid === -1) return () => true;
  const pgid = pid === 0 ? task.group.pgid : -pid;
  return (child) => child.pgid === pgid;
}

function waitChild(
  task: Task,
  matches: (child: ThreadGroup) => boolean,
  options: number,
  report: (event: ChildEvent) => number,
): Outcome {
  const attempt = (): number | undefined => {
    const event = findChild(task, matches, options);
    if (event === undefined) return undefined;
    const result = report(event);
    if ((options & WNOWAIT) === 0) {
      if (event.what === "ended") reap(task.system, event.child);
      else event.child.unseen = undefined;
    }
    return result;
  };
  return attempt() ?? ((options & WNOHANG) !== 0 ? 0 : { poll: attempt, interruption: "restarts" });
}

function wait4(task: Task, pid: number, status: number, options: number, usage: number): Outcome {
  return waitChild(task, matcher(task, pid), options | WEXITED, ({ child, what }) => {
    const word = what === "stopped"
      ? (child.stopSignal << 8) | 0x7f
      : what === "continued"
      ? 0xffff
      : waitStatus(child.end!);
    if (status !== 0) task.memory.setI32(status, word);
    if (usage !== 0) writeUsage(task, usage, child.cpuTime);
    return child.pid;
  });
}

/** struct rusage with a processor time in instructions. */
export function writeUsage(task: Task, address: number, instructions: number): void {
  task.memory.clear(address, 144);
  task.memory.setI64(address, Math.floor(instructions / 1e9));
  task.memory.setI64(address + 8, Math.floor(instructions % 1e9 / 1e3));
  task.memory.setI64(address + 32, Math.floor(task.space.sizes().resident / 1024));
  task.memory.setI64(address + 64, task.space.minorFaults);
}

/** Whom waitid waits for: all, a process, a group, or the process of a descriptor. */
function waitidMatcher(task: Task, type: number, id: number): (child: ThreadGroup) => boolean {
  switch (type) {
    case 0:
      return matcher(task, -1);
    case 1:
      return id > 0 ? matcher(task, id) : fail(Errno.EINVAL);
    case 2:
      return matcher(task, id === 0 ? 0 : -id);
    case 3: {
      const wanted = pidFileOf(task, id).group;
      return (child) => child === wanted;
    }
    default:
      return fail(Errno.EINVAL);
  }
}

function pidFileOf(task: Task, fd: number): PidFile {
  const file = task.files.get(fd);
  return file instanceof PidFile ? file : fail(Errno.EBADF);
}

function pidfdOpen(task: Task, pid: number, flags: number): Outcome {
  if ((flags & ~Open.NONBLOCK) !== 0 || pid <= 0) fail(Errno.EINVAL);
  const group = task.system.groups.get(pid);
  if (group === undefined) {
    return -(task.system.tasks.some(({ tid }) => tid === pid) ? Errno.ENOENT : Errno.ESRCH);
  }
  return task.files.add(new PidFile(group, flags), true);
}

function pidfdGetfd(task: Task, pidfd: number, fd: number, flags: number): Outcome {
  if (flags !== 0) fail(Errno.EINVAL);
  const owner = pidFileOf(task, pidfd).group.leader ?? fail(Errno.ESRCH);
  return task.files.add(owner.files.get(fd), true);
}

function waitid(task: Task, type: number, id: number, info: number, options: number, usage: number): Outcome {
  if ((options & (WEXITED | WSTOPPED | WCONTINUED)) === 0) fail(Errno.EINVAL);
  const isImpatient = type === 3 && (pidFileOf(task, id).flags & Open.NONBLOCK) !== 0;
  const given = isImpatient ? options | WNOHANG : options;
  let found = false;
  const outcome = waitChild(task, waitidMatcher(task, type, id), given, ({ child, what }) => {
    found = true;
    if (usage !== 0) writeUsage(task, usage, child.cpuTime);
    if (info === 0) return 0;
    const { end } = child;
    const code = what === "stopped"
      ? SignalCode.CLD_STOPPED
      : what === "continued"
      ? SignalCode.CLD_CONTINUED
      : end?.kind === "exited"
      ? SignalCode.CLD_EXITED
      : SignalCode.CLD_KILLED;
    const value = what !== "ended"
      ? (what === "stopped" ? child.stopSignal : 18)
      : end?.kind === "exited"
      ? end.code
      : end?.signal;
    [17, 0, code, 0, child.pid, child.credentials.uid, value ?? 0].forEach((word, i) =>
      task.memory.setI32(info + 4 * i, word)
    );
    return 0;
  });
  if (outcome === 0 && isImpatient && (options & WNOHANG) === 0 && !found) return -Errno.EAGAIN;
  // Nothing yet: an empty siginfo says so.
  if (outcome === 0 && (options & WNOHANG) !== 0 && info !== 0 && task.memory.i32(info + 12) === 0) return 0;
  return outcome;
}

function getrusage(task: Task, who: number, address: number): Outcome {
  if (who === 0 || who === 1) writeUsage(task, address, who === 0 ? task.group.cpuTime : task.instructions);
  else if (who === -1) writeUsage(task, address, task.group.childInstructions);
  else fail(Errno.EINVAL);
  return 0;
}

function setRobustList(task: Task, head: number, size: number): Outcome {
  if (size !== 24) fail(Errno.EINVAL);
  task.robustList = head;
  return 0;
}

function getRobustList(task: Task, pid: number, head: number, size: number): Outcome {
  const target = pid === 0 ? task : task.system.tasks.find(({ tid }) => tid === pid) ?? fail(Errno.ESRCH);
  task.memory.setI64(head, target.robustList);
  task.memory.setI64(size, 24);
  return 0;
}

/** Calls of this file. */
// deno-fmt-ignore
export const TASK_CALLS: readonly Row[] = [
  [56, "clone", "clone ptr ptr ptr ptr", clone],
  [57, "fork", "", fork],
  [58, "vfork", "", vfork],
  [59, "execve", "path argv envp", execve],
  [60, "exit", "int", exit],
  [61, "wait4", "pid status wait ptr", wait4],
  [98, "getrusage", "int ptr", getrusage],
  [218, "set_tid_address", "ptr", (task, address) => (task.clearChildTid = address, task.tid)],
  [231, "exit_group", "int", exitGroup],
  [247, "waitid", "int pid ptr wait ptr", waitid],
  [273, "set_robust_list", "ptr size", setRobustList],
  [274, "get_robust_list", "pid ptr ptr", getRobustList],
  [322, "execveat", "dirfd path argv envp atflags", execveat],
  [434, "pidfd_open", "pid hex", pidfdOpen],
  [435, "clone3", "ptr size", clone3],
  [438, "pidfd_getfd", "fd fd hex", pidfdGetfd],
];
