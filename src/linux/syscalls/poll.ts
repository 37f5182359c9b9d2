/** Waiting for several files: poll(2), select(2), epoll(7); and the files of events. */
import { Errno, fail } from "../abi/errno.ts";
import { Open, Poll } from "../abi/files.ts";
import type { Outcome } from "../blocked.ts";
import { InotifyFile, Notify } from "../files/inotify.ts";
import { isDirectory } from "../fs/file_system.ts";
import { EpollFile, EventFile, SignalFile, TimerFile } from "../files/events.ts";
import { SignalSet } from "../signals/set.ts";
import type { Task } from "../task.ts";
import type { Row } from "./row.ts";
import { readTimespec, readTimeval, writeTimespec } from "./time.ts";

/** Waits until `attempt` finds something, or the time (nanoseconds from now; Infinity: for ever) is over. */
function waitUntil(
  task: Task,
  timeout: number,
  attempt: () => number,
  finish: () => void = () => {},
): Outcome {
  const found = attempt();
  if (found !== 0 || timeout === 0) {
    finish();
    return found;
  }
  const deadline = timeout === Infinity ? Infinity : task.system.clock.now() + timeout;
  return {
    poll: () => {
      const late = attempt();
      if (late === 0 && task.system.clock.now() < deadline) return undefined;
      finish();
      return late;
    },
    interruption: "fails",
    deadline,
    timeout: 0,
  };
}

/** Sets the mask of ppoll, pselect6 and epoll_pwait until the call ends. */
function useMask(task: Task, address: number, size: number): void {
  if (address === 0) return;
  if (size !== 8) fail(Errno.EINVAL);
  const mask = SignalSet.read(task.memory, address);
  task.restoreMask = task.mask;
  task.setMask(mask);
}

function pollFiles(task: Task, address: number, count: number, timeout: number): Outcome {
  if (count > task.files.limit) fail(Errno.EINVAL);
  const { memory, files } = task;
  const watched = Array.from({ length: count }, (_, i) => ({
    fd: memory.i32(address + 8 * i),
    events: memory.u16(address + 8 * i + 4),
    at: address + 8 * i + 6,
  }));
  return waitUntil(task, timeout, () => {
    let ready = 0;
    for (const { fd, events, at } of watched) {
      const file = fd < 0 ? undefined : files.find(fd);
      const holds = fd < 0
        ? 0
        : file === undefined
        ? Poll.NVAL
        : file.poll(task) & (events | Poll.ERR | Poll.HUP);
      memory.setU8(at, holds & 0xff);
      memory.setU8(at + 1, holds >>> 8);
      if (holds !== 0) ready++;
    }
    return ready;
  });
}

function poll(task: Task, address: number, count: number, timeout: number): Outcome {
  return pollFiles(task, address, count, timeout < 0 ? Infinity : timeout * 1e6);
}

function ppoll(
  task: Task,
  address: number,
  count: number,
  timeout: number,
  mask: number,
  size: number,
): Outcome {
  const wait = timeout === 0 ? Infinity : readTimespec(task, timeout);
  useMask(task, mask, size);
  return pollFiles(task, address, count, wait);
}

const READ_EVENTS = Poll.IN | Poll.HUP | Poll.ERR;
const WRITE_EVENTS = Poll.OUT | Poll.ERR;

/** select(2) on three bit sets; `finish` writes what is left of the time. */
function selectFiles(
  task: Task,
  count: number,
  sets: readonly [number, number, number],
  timeout: number,
  finish?: () => void,
): Outcome {
  if (count < 0) fail(Errno.EINVAL);
  const { memory, files } = task;
  const limit = Math.min(count, files.limit);
  const bytes = Math.ceil(limit / 64) * 8;
  const wanted = sets.map((set) => set === 0 ? undefined : memory.read(set, bytes));
  const events = [READ_EVENTS, WRITE_EVENTS, Poll.PRI];
  return waitUntil(task, timeout, () => {
    let ready = 0;
    const found = wanted.map((set) => set === undefined ? undefined : new Uint8Array(set.length));
    for (let fd = 0; fd < limit; fd++) {
      for (let kind = 0; kind < 3; kind++) {
        if (((wanted[kind]?.[fd >> 3] ?? 0) & (1 << (fd & 7))) === 0) continue;
        if ((files.get(fd).poll(task) & events[kind]!) === 0) continue;
        found[kind]![fd >> 3]! |= 1 << (fd & 7);
        ready++;
      }
    }
    if (ready > 0 || timeout === 0 || Number.isFinite(timeout)) {
      found.forEach((set, kind) => set !== undefined && memory.write(sets[kind]!, set));
    }
    return ready;
  }, finish);
}

function select(
  task: Task,
  count: number,
  read: number,
  write: number,
  except: number,
  timeout: number,
): Outcome {
  if (timeout === 0) return selectFiles(task, count, [read, write, except], Infinity);
  const wait = readTimeval(task, timeout);
  const end = task.system.clock.now() + wait;
  return selectFiles(task, count, [read, write, except], wait, () => {
    const left = Math.max(0, end - task.system.clock.now());
    task.memory.setI64(timeout, Math.floor(left / 1e9));
    task.memory.setI64(timeout + 8, Math.floor(left % 1e9 / 1e3));
  });
}

function pselect6(
  task: Task,
  count: number,
  read: number,
  write: number,
  except: number,
  timeout: number,
  mask: number,
): Outcome {
  const wait = timeout === 0 ? Infinity : readTimespec(task, timeout);
  if (mask !== 0) useMask(task, task.memory.u64(mask), task.memory.u64(mask + 8));
  const end = task.system.clock.now() + wait;
  return selectFiles(task, count, [read, write, except], wait, () => {
    if (timeout !== 0) writeTimespec(task, timeout, Math.max(0, end - task.system.clock.now()));
  });
}

function epollCreate1(task: Task, flags: number): Outcome {
  if ((flags & ~Open.CLOEXEC) !== 0) fail(Errno.EINVAL);
  return task.files.add(new EpollFile(), flags !== 0);
}

function epollOf(task: Task, fd: number): EpollFile {
  const file = task.files.get(fd);
  return file instanceof EpollFile ? file : fail(Errno.EINVAL);
}

function epollCtl(task: Task, epfd: number, operation: number, fd: number, event: number): Outcome {
  const epoll = epollOf(task, epfd);
  const file = task.files.get(fd);
  const { memory } = task;
  if (operation === 2) epoll.control(operation, fd, file, 0, 0n);
  else epoll.control(operation, fd, file, memory.i32(event), memory.big(event + 4));
  return 0;
}

function epollWaitFor(task: Task, fd: number, address: number, count: number, timeout: number): Outcome {
  if (count <= 0) fail(Errno.EINVAL);
  const epoll = epollOf(task, fd);
  return waitUntil(task, timeout, () => {
    const found = epoll.ready(task, count);
    found.forEach(({ events, data }, i) => {
      task.memory.setI32(address + 12 * i, events);
      task.memory.setBig(address + 12 * i + 4, data);
    });
    return found.length;
  });
}

function epollWait(task: Task, fd: number, address: number, count: number, timeout: number): Outcome {
  return epollWaitFor(task, fd, address, count, timeout < 0 ? Infinity : timeout * 1e6);
}

function epollPwait(
  task: Task,
  fd: number,
  address: number,
  count: number,
  timeout: number,
  mask: number,
): Outcome {
  useMask(task, mask, 8);
  return epollWait(task, fd, address, count, timeout);
}

function epollPwait2(
  task: Task,
  fd: number,
  address: number,
  count: number,
  timeout: number,
  mask: number,
): Outcome {
  const wait = timeout === 0 ? Infinity : readTimespec(task, timeout);
  useMask(task, mask, 8);
  return epollWaitFor(task, fd, address, count, wait);
}

function eventfd2(task: Task, count: number, flags: number): Outcome {
  if ((flags & ~(Open.CLOEXEC | Open.NONBLOCK | 1)) !== 0) fail(Errno.EINVAL);
  const file = new EventFile(BigInt(count), (flags & 1) !== 0, flags & Open.NONBLOCK);
  return task.files.add(file, (flags & Open.CLOEXEC) !== 0);
}

function timerfdCreate(task: Task, clock: number, flags: number): Outcome {
  if (clock > 9 || clock < 0) fail(Errno.EINVAL);
  const file = new TimerFile(task.system.clock, clock, flags & Open.NONBLOCK);
  return task.files.add(file, (flags & Open.CLOEXEC) !== 0);
}

function timerOf(task: Task, fd: number): TimerFile {
  const file = task.files.get(fd);
  return file instanceof TimerFile ? file : fail(Errno.EINVAL);
}

function timerfdGettime(task: Task, fd: number, address: number): Outcome {
  const timer = timerOf(task, fd);
  writeTimespec(task, address, timer.interval);
  writeTimespec(task, address + 16, timer.deadline === 0 ? 0 : timer.deadline - timer.clock.now());
  return 0;
}

function timerfdSettime(task: Task, fd: number, flags: number, value: number, old: number): Outcome {
  const timer = timerOf(task, fd);
  const interval = readTimespec(task, value), first = readTimespec(task, value + 16);
  if (old !== 0) timerfdGettime(task, fd, old);
  const origin = (flags & 1) === 0 ? timer.clock.now() : timer.clockId === 0 ? -timer.clock.offset : 0;
  timer.arm(first === 0 ? 0 : Math.max(1, origin + first), interval);
  return 0;
}

function signalfd4(task: Task, fd: number, address: number, size: number, flags: number): Outcome {
  if (size !== 8) fail(Errno.EINVAL);
  const set = SignalSet.read(task.memory, address);
  if (fd === -1) {
    return task.files.add(new SignalFile(set, flags & Open.NONBLOCK), (flags & Open.CLOEXEC) !== 0);
  }
  const file = task.files.get(fd);
  if (!(file instanceof SignalFile)) fail(Errno.EINVAL);
  file.set = set;
  return fd;
}

function inotifyInit1(task: Task, flags: number): Outcome {
  if ((flags & ~(Open.CLOEXEC | Open.NONBLOCK)) !== 0) fail(Errno.EINVAL);
  const file = new InotifyFile(task.system.watchers, flags & Open.NONBLOCK);
  return task.files.add(file, (flags & Open.CLOEXEC) !== 0);
}

function inotifyOf(task: Task, fd: number): InotifyFile {
  const file = task.files.get(fd);
  return file instanceof InotifyFile ? file : fail(Errno.EINVAL);
}

function inotifyAddWatch(task: Task, fd: number, path: number, mask: number): Outcome {
  if ((mask & Notify.ALL) === 0) fail(Errno.EINVAL);
  if ((mask & Notify.MASK_ADD) !== 0 && (mask & Notify.MASK_CREATE) !== 0) fail(Errno.EINVAL);
  const file = inotifyOf(task, fd);
  const follows = (mask & Notify.DONT_FOLLOW) === 0;
  const place = task.system.mounts.existing(task, task.memory.string(path), task.paths.cwd, follows);
  if ((mask & Notify.ONLYDIR) !== 0 && !isDirectory(place.status)) fail(Errno.ENOTDIR);
  task.system.mounts.checkAccess(task, place, 4, place.status);
  return file.watch(place.path, mask);
}

/** Calls of this file. */
// deno-fmt-ignore
export const POLL_CALLS: readonly Row[] = [
  [7, "poll", "pollfds:1 uint int", poll],
  [23, "select", "int ptr ptr ptr timeval", select],
  [213, "epoll_create", "int", (task) => epollCreate1(task, 0)],
  [232, "epoll_wait", "fd ptr int int", epollWait],
  [233, "epoll_ctl", "fd int fd ptr", epollCtl],
  [270, "pselect6", "int ptr ptr ptr timespec ptr", pselect6],
  [271, "ppoll", "pollfds:1 uint timespec sigset size", ppoll],
  [253, "inotify_init", "", (task) => inotifyInit1(task, 0)],
  [254, "inotify_add_watch", "fd path hex", inotifyAddWatch],
  [255, "inotify_rm_watch", "fd int", (task, fd, id) => (inotifyOf(task, fd).unwatch(id), 0)],
  [281, "epoll_pwait", "fd ptr int int sigset size", epollPwait],
  [282, "signalfd", "fd sigset size", (task, fd, set, size) => signalfd4(task, fd, set, size, 0)],
  [283, "timerfd_create", "clock open", timerfdCreate],
  [284, "eventfd", "uint", (task, count) => eventfd2(task, count, 0)],
  [286, "timerfd_settime", "fd hex ptr ptr", timerfdSettime],
  [287, "timerfd_gettime", "fd ptr", timerfdGettime],
  [289, "signalfd4", "fd sigset size open", signalfd4],
  [290, "eventfd2", "uint open", eventfd2],
  [291, "epoll_create1", "open", epollCreate1],
  [294, "inotify_init1", "open", inotifyInit1],
  [441, "epoll_pwait2", "fd ptr int timespec sigset size", epollPwait2],
];
