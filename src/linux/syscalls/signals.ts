/** Signal calls. sigaction(2), sigprocmask(2), kill(2), sigaltstack(2). */
import { Errno, fail } from "../abi/errno.ts";
import { SIG_IGN, Signal, SignalCode, SIGNALS } from "../abi/signals.ts";
import type { Outcome } from "../blocked.ts";
import { PidFile } from "../files/events.ts";
import { altStackFlags, onAltStack, popFrame, writeInfo } from "../signals/frame.ts";
import { blockable, SignalSet } from "../signals/set.ts";
import type { SignalInfo } from "../signals/state.ts";
import type { Task, ThreadGroup } from "../task.ts";
import type { Row } from "./row.ts";
import { readTimespec } from "./time.ts";

function checkSetSize(size: number): void {
  if (size !== 8) fail(Errno.EINVAL);
}

function rtSigaction(task: Task, signal: number, action: number, old: number, size: number): Outcome {
  checkSetSize(size);
  const { memory, actions } = task;
  if (signal < 1 || signal > SIGNALS) fail(Errno.EINVAL);
  if (action !== 0 && (signal === Signal.KILL || signal === Signal.STOP)) fail(Errno.EINVAL);
  const before = actions.get(signal);
  const wanted = action === 0 ? undefined : {
    entry: memory.u64(action),
    flags: memory.u32(action + 8),
    restorer: memory.u64(action + 16),
    mask: blockable(SignalSet.read(memory, action + 24)),
  };
  if (old !== 0) {
    memory.setI64(old, before.entry);
    memory.setI64(old + 8, before.flags);
    memory.setI64(old + 16, before.restorer);
    before.mask.write(memory, old + 24);
  }
  if (wanted !== undefined) {
    actions.set(signal, wanted);
    // A signal that is ignored from now on does not wait any longer.
    if (wanted.entry === SIG_IGN || actions.isIgnored(signal)) {
      task.group.pending.discard(signal);
      for (const other of task.group.tasks) other.pending.discard(signal);
    }
  }
  return 0;
}

const SIG_BLOCK = 0, SIG_UNBLOCK = 1, SIG_SETMASK = 2;

function rtSigprocmask(task: Task, how: number, set: number, old: number, size: number): Outcome {
  checkSetSize(size);
  const before = task.mask;
  const wanted = set === 0 ? undefined : SignalSet.read(task.memory, set);
  if (wanted !== undefined) {
    if (how === SIG_BLOCK) task.setMask(before.union(wanted));
    else if (how === SIG_UNBLOCK) task.setMask(before.without(wanted));
    else if (how === SIG_SETMASK) task.setMask(wanted);
    else fail(Errno.EINVAL);
  }
  if (old !== 0) before.write(task.memory, old);
  return 0;
}

function rtSigreturn(task: Task): Outcome {
  const { system } = task;
  try {
    popFrame(task);
  } catch {
    system.signals.force(task, { signal: Signal.SEGV, code: SignalCode.KERNEL, address: 0n });
  }
  system.strace?.leave(task, system.result(task));
  return undefined;
}

function rtSigpending(task: Task, set: number, size: number): Outcome {
  if (size > 8) fail(Errno.EINVAL);
  const pending = task.pending.set.union(task.group.pending.set);
  pending.without(pending.without(task.mask)).write(task.memory, set);
  return 0;
}

function rtSigsuspend(task: Task, set: number, size: number): Outcome {
  checkSetSize(size);
  const mask = SignalSet.read(task.memory, set);
  task.restoreMask = task.mask;
  task.setMask(mask);
  return { poll: () => undefined, interruption: "fails" };
}

function pause(): Outcome {
  return { poll: () => undefined, interruption: "fails" };
}

function rtSigtimedwait(task: Task, set: number, info: number, timeout: number, size: number): Outcome {
  checkSetSize(size);
  const wanted = blockable(SignalSet.read(task.memory, set));
  const deadline = timeout === 0 ? Infinity : task.system.clock.now() + readTimespec(task, timeout);
  const attempt = (): number | undefined => {
    const pending = task.pending.set.union(task.group.pending.set);
    const signal = pending.without(pending.without(wanted)).first();
    if (signal === 0) return undefined;
    const taken = task.pending.take(signal) ?? task.group.pending.take(signal);
    if (taken === undefined) return undefined;
    if (info !== 0) writeInfo(task.memory, info, taken);
    return signal;
  };
  const found = attempt();
  if (found !== undefined) return found;
  if (timeout !== 0 && deadline <= task.system.clock.now()) return -Errno.EAGAIN;
  return { poll: attempt, interruption: "fails", deadline, timeout: -Errno.EAGAIN };
}

function senderInfo(task: Task, signal: number, code: number): SignalInfo {
  return { signal, code, pid: task.group.pid, uid: task.group.credentials.uid };
}

function checkSignal(signal: number): void {
  if (signal < 0 || signal > SIGNALS) fail(Errno.EINVAL);
}

function kill(task: Task, pid: number, signal: number): Outcome {
  checkSignal(signal);
  const { system, group } = task;
  const info = senderInfo(task, signal, SignalCode.USER);
  const targets: ThreadGroup[] = [];
  if (pid > 0) {
    const target = system.groups.get(pid) ?? system.tasks.find(({ tid }) => tid === pid)?.group;
    if (target !== undefined) targets.push(target);
  } else {
    const pgid = pid === 0 ? group.pgid : -pid;
    for (const other of system.groups.values()) {
      if (pid === -1 ? other !== group : other.pgid === pgid) targets.push(other);
    }
  }
  if (targets.length === 0) fail(Errno.ESRCH);
  // The sender comes last: it may end by this, and the others shall get the signal all the same.
  targets.sort((a, b) => Number(a === group) - Number(b === group));
  if (signal !== 0) { for (const target of targets) system.signals.sendTo(target, info); }
  return 0;
}

function tgkill(task: Task, tgid: number, tid: number, signal: number): Outcome {
  checkSignal(signal);
  if (tid <= 0) fail(Errno.EINVAL);
  const target = task.system.tasks.find((other) =>
    other.tid === tid && (tgid === -1 || other.group.pid === tgid)
  );
  if (target === undefined) fail(Errno.ESRCH);
  if (signal !== 0) task.system.signals.sendToTask(target, senderInfo(task, signal, SignalCode.TKILL));
  return 0;
}

function readRawInfo(task: Task, signal: number, address: number): SignalInfo {
  const raw = task.memory.read(address, 128);
  const view = new DataView(raw.buffer);
  view.setInt32(0, signal, true);
  return { signal, code: view.getInt32(8, true), raw };
}

function rtSigqueueinfo(task: Task, pid: number, signal: number, address: number): Outcome {
  checkSignal(signal);
  const target = task.system.groups.get(pid) ?? fail(Errno.ESRCH);
  if (signal !== 0) task.system.signals.sendTo(target, readRawInfo(task, signal, address));
  return 0;
}

function rtTgsigqueueinfo(task: Task, tgid: number, tid: number, signal: number, address: number): Outcome {
  checkSignal(signal);
  const target = task.system.tasks.find((other) => other.tid === tid && other.group.pid === tgid);
  if (target === undefined) fail(Errno.ESRCH);
  if (signal !== 0) task.system.signals.sendToTask(target, readRawInfo(task, signal, address));
  return 0;
}

const SS_DISABLE = 2, MINSIGSTKSZ = 2048, SS_AUTODISARM = 0x8000_0000;

function sigaltstack(task: Task, address: number, old: number): Outcome {
  const { memory } = task;
  const before = { ...task.altStack, flags: altStackFlags(task) };
  if (address !== 0) {
    const start = memory.u64(address), flags = memory.u32(address + 8), size = memory.u64(address + 16);
    if (onAltStack(task)) fail(Errno.EPERM);
    const kind = (flags & ~SS_AUTODISARM) >>> 0;
    if (kind === SS_DISABLE) task.altStack = { start: 0, size: 0, flags: SS_DISABLE };
    else {
      if (kind > 1) fail(Errno.EINVAL);
      if (size < MINSIGSTKSZ) fail(Errno.ENOMEM);
      task.altStack = { start, size, flags: (flags & SS_AUTODISARM) >>> 0 };
    }
  }
  if (old !== 0) {
    memory.setI64(old, before.start);
    memory.setI64(old + 8, before.flags >>> 0);
    memory.setI64(old + 16, before.size);
  }
  return 0;
}

function pidfdSendSignal(task: Task, fd: number, signal: number, address: number, flags: number): Outcome {
  const file = task.files.get(fd);
  if (!(file instanceof PidFile)) fail(Errno.EBADF);
  checkSignal(signal);
  if (flags !== 0) fail(Errno.EINVAL);
  if (file.group.end !== undefined) fail(Errno.ESRCH);
  const info = address === 0 ? senderInfo(task, signal, SignalCode.USER) : readRawInfo(task, signal, address);
  if (signal !== 0) task.system.signals.sendTo(file.group, info);
  return 0;
}

/** Calls of this file. */
// deno-fmt-ignore
export const SIGNAL_CALLS: readonly Row[] = [
  [13, "rt_sigaction", "signal sigaction outsigaction size", rtSigaction],
  [14, "rt_sigprocmask", "how sigset outsigset size", rtSigprocmask],
  [15, "rt_sigreturn", "", rtSigreturn],
  [34, "pause", "", pause],
  [62, "kill", "pid signal", kill],
  [127, "rt_sigpending", "outsigset size", rtSigpending],
  [128, "rt_sigtimedwait", "sigset ptr timespec size", rtSigtimedwait],
  [129, "rt_sigqueueinfo", "pid signal ptr", rtSigqueueinfo],
  [130, "rt_sigsuspend", "sigset size", rtSigsuspend],
  [131, "sigaltstack", "ptr ptr", sigaltstack],
  [200, "tkill", "pid signal", (task, tid, signal) => tgkill(task, -1, tid, signal)],
  [234, "tgkill", "pid pid signal", tgkill],
  [297, "rt_tgsigqueueinfo", "pid pid signal ptr", rtTgsigqueueinfo],
  [424, "pidfd_send_signal", "fd signal ptr hex", pidfdSendSignal],
];
