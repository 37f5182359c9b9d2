/** System V IPC: shmget(2), shmat(2), semget(2), semop(2), msgget(2), msgsnd(2). */
import { PAGE_SIZE } from "../../memory/physical.ts";
import { Errno, fail } from "../abi/errno.ts";
import type { Outcome } from "../blocked.ts";
import { pageUp } from "../elf.ts";
import {
  checkAccess,
  checkOwner,
  type IpcObject,
  type IpcTable,
  type Message,
  type MessageQueue,
  type Segment,
  type SemaphoreSet,
} from "../ipc.ts";
import { USER_END } from "../memory/page_tables.ts";
import { Prot } from "../memory/vma.ts";
import type { Task } from "../task.ts";
import { placeMapping } from "./memory.ts";
import type { Row } from "./row.ts";
import { readTimespec } from "./time.ts";

const IPC_RMID = 0, IPC_SET = 1, IPC_STAT = 2, IPC_NOWAIT = 0o4000, IPC_64 = 0x100;
/** Bits of a mode: who reads, who writes. */
const READ = 0o444, WRITE = 0o222;

const now = (task: Task): number => task.system.clock.realtime().seconds;

/** Stores a `struct ipc64_perm`. */
function writePermissions(task: Task, address: number, { id, permissions, removed }: IpcObject): void {
  const { key, uid, gid, creator, mode } = permissions;
  const shown = mode | (removed ? SHM_DEST : 0);
  [removed ? 0 : key, uid, gid, creator.uid, creator.gid, shown, id >>> 15].forEach((word, i) =>
    task.memory.setI32(address + 4 * i, word)
  );
}

/** What all three `ctl` calls do alike; undefined: it is none of that. */
function controlObject<T extends IpcObject>(
  task: Task,
  table: IpcTable<T>,
  object: T,
  command: number,
  address: number,
  describe: (object: T) => readonly number[],
): number | undefined {
  const { memory } = task;
  switch (command) {
    case IPC_STAT: {
      checkAccess(task, object, READ);
      const words = describe(object);
      memory.clear(address, 48 + 8 * words.length);
      writePermissions(task, address, object);
      words.forEach((word, i) => memory.setI64(address + 48 + 8 * i, word));
      return 0;
    }
    case IPC_SET: {
      checkOwner(task, object);
      const { permissions } = object;
      permissions.uid = memory.i32(address + 4);
      permissions.gid = memory.i32(address + 8);
      permissions.mode = memory.i32(address + 20) & 0o777;
      object.changed = now(task);
      return 0;
    }
    case IPC_RMID:
      checkOwner(task, object);
      table.remove(object);
      return 0;
    default:
      return undefined;
  }
}

const SHM_RDONLY = 0o10000, SHM_RND = 0o20000, SHM_REMAP = 0o40000, SHM_EXEC = 0o100000, SHM_DEST = 0o1000;
const SHM_LOCK = 11, SHM_UNLOCK = 12;

function shmget(task: Task, key: number, size: number, flags: number): Outcome {
  const { ipc, memory } = task.system;
  const fits = (segment: Segment): void => {
    if (size > segment.size) fail(Errno.EINVAL);
  };
  return ipc.segments.get(task, key, flags, fits, (base) => {
    if (size === 0) fail(Errno.EINVAL);
    if (size / PAGE_SIZE > memory.frames.total) fail(Errno.ENOMEM);
    const backing = memory.cache.anonymous(`/SYSV${(key >>> 0).toString(16).padStart(8, "0")} (deleted)`);
    backing.share();
    const creatorPid = task.group.pid;
    return { ...base, size, backing, creatorPid, lastPid: 0, attached: 0, detached: 0 };
  });
}

function shmat(task: Task, id: number, wanted: number, flags: number): Outcome {
  const segment = task.system.ipc.segments.find(id);
  const reads = (flags & SHM_RDONLY) !== 0;
  checkAccess(task, segment, reads ? READ : READ | WRITE);
  const hint = (flags & SHM_RND) !== 0 ? wanted - wanted % PAGE_SIZE : wanted;
  if (hint % PAGE_SIZE !== 0 || (hint === 0 && (flags & SHM_REMAP) !== 0)) fail(Errno.EINVAL);
  const size = pageUp(segment.size), { space } = task;
  if (hint !== 0) {
    if (hint + size > USER_END) fail(Errno.EINVAL);
    if ((flags & SHM_REMAP) === 0 && space.regions.overlapping(hint, hint + size).length > 0) {
      fail(Errno.EINVAL);
    }
  }
  const start = hint === 0 ? placeMapping(space, size) : hint;
  space.map({
    start,
    end: start + size,
    prot: Prot.READ | (reads ? 0 : Prot.WRITE) | ((flags & SHM_EXEC) !== 0 ? Prot.EXEC : 0),
    shared: true,
    growsDown: false,
    backing: segment.backing,
    offset: 0,
    name: "",
    mayWrite: !reads,
  });
  segment.attached = now(task);
  segment.lastPid = task.group.pid;
  return start;
}

function shmdt(task: Task, address: number): Outcome {
  const { space, system } = task;
  if (address % PAGE_SIZE !== 0) fail(Errno.EINVAL);
  const segments = [...system.ipc.segments.all()];
  const first =
    space.regions.list.find((region) =>
      region.start - region.offset === address && segments.some(({ backing }) => backing === region.backing)
    ) ?? fail(Errno.EINVAL);
  const segment = segments.find(({ backing }) => backing === first.backing)!;
  const pieces = space.regions.list.filter((region) =>
    region.backing === segment.backing && region.start - region.offset === address
  );
  for (const { start, end } of pieces) space.unmap(start, end);
  segment.detached = now(task);
  segment.lastPid = task.group.pid;
  return 0;
}

function shmctl(task: Task, id: number, given: number, address: number): Outcome {
  const { segments } = task.system.ipc;
  const segment = segments.find(id), command = given & ~IPC_64;
  if (command === SHM_LOCK || command === SHM_UNLOCK) return 0;
  if (command === IPC_RMID && !segment.removed) {
    checkOwner(task, segment);
    segment.backing.detach(); // what is attached stays until it is detached
  }
  const done = controlObject(task, segments, segment, command, address, (described) => [
    described.size,
    described.attached,
    described.detached,
    described.changed,
    described.creatorPid + described.lastPid * 2 ** 32,
    described.backing.mappings - (described.removed ? 0 : 1),
    0,
    0,
  ]);
  return done ?? -Errno.EINVAL;
}

const MAX_SEMAPHORES = 32000, MAX_OPERATIONS = 500, MAX_VALUE = 32767, SEM_UNDO = 0x1000;
const GETPID = 11, GETVAL = 12, GETALL = 13, GETNCNT = 14, GETZCNT = 15, SETVAL = 16, SETALL = 17;

function semget(task: Task, key: number, count: number, flags: number): Outcome {
  if (count < 0 || count > MAX_SEMAPHORES) fail(Errno.EINVAL);
  const fits = ({ values }: SemaphoreSet): void => {
    if (count > values.length) fail(Errno.EINVAL);
  };
  return task.system.ipc.semaphores.get(task, key, flags, fits, (base) => {
    if (count === 0) fail(Errno.EINVAL);
    return {
      ...base,
      values: new Int32Array(count),
      pids: new Int32Array(count),
      growWaiters: new Int32Array(count),
      zeroWaiters: new Int32Array(count),
      operated: 0,
      undo: new Map(),
    };
  });
}

/** An operation of semop(2). */
interface Operation {
  readonly index: number;
  readonly change: number;
  readonly flags: number;
}

function semtimedop(task: Task, id: number, address: number, count: number, timeout: number): Outcome {
  if (count < 1) fail(Errno.EINVAL);
  if (count > MAX_OPERATIONS) fail(Errno.E2BIG);
  const { memory, group, system } = task;
  const operations = Array.from({ length: count }, (_, i): Operation => ({
    index: memory.u16(address + 6 * i),
    change: memory.u16(address + 6 * i + 2) << 16 >> 16,
    flags: memory.u16(address + 6 * i + 4),
  }));
  const deadline = timeout === 0 ? undefined : system.clock.now() + readTimespec(task, timeout);
  const set = system.ipc.semaphores.find(id);
  if (operations.some(({ index }) => index >= set.values.length)) fail(Errno.EFBIG);
  checkAccess(task, set, operations.some(({ change }) => change !== 0) ? WRITE : READ);
  let waiting: { readonly counts: Int32Array; readonly index: number } | undefined;
  const leave = (): void => {
    if (waiting !== undefined) waiting.counts[waiting.index]!--;
    waiting = undefined;
  };
  const attempt = (): number | undefined => {
    leave();
    if (set.removed) return -Errno.EIDRM;
    const blocking = operate(set, operations);
    if (blocking !== undefined) {
      if ((blocking.flags & IPC_NOWAIT) !== 0) return -Errno.EAGAIN;
      const counts = blocking.change === 0 ? set.zeroWaiters : set.growWaiters;
      counts[blocking.index]!++;
      waiting = { counts, index: blocking.index };
      return undefined;
    }
    for (const { index, change, flags } of operations) {
      set.pids[index] = group.pid;
      if ((flags & SEM_UNDO) === 0 || change === 0) continue;
      const undo = set.undo.get(group) ?? new Int32Array(set.values.length);
      undo[index]! -= change;
      set.undo.set(group, undo);
    }
    set.operated = now(task);
    return 0;
  };
  const result = attempt();
  if (result !== undefined) return result;
  const wait = { poll: attempt, interruption: "fails", abandon: leave } as const;
  return deadline === undefined ? wait : { ...wait, deadline, timeout: -Errno.EAGAIN };
}

/** Does all operations or none; answers the one that has to wait. */
function operate({ values }: SemaphoreSet, operations: readonly Operation[]): Operation | undefined {
  const before = values.slice();
  for (const operation of operations) {
    const { index, change } = operation;
    const value = values[index]!;
    if (change === 0 ? value !== 0 : value + change < 0) {
      values.set(before);
      return operation;
    }
    if (value + change > MAX_VALUE) {
      values.set(before);
      fail(Errno.ERANGE);
    }
    values[index] = value + change;
  }
  return undefined;
}

function semctl(task: Task, id: number, index: number, given: number, argument: number): Outcome {
  const { semaphores } = task.system.ipc, { memory, group } = task;
  const set = semaphores.find(id), command = given & ~IPC_64;
  const done = controlObject(task, semaphores, set, command, argument, ({ operated, changed, values }) => [
    operated,
    0,
    changed,
    0,
    values.length,
    0,
    0,
  ]);
  if (done !== undefined) return done;
  const writes = command === SETVAL || command === SETALL;
  checkAccess(task, set, writes ? WRITE : READ);
  if (command === GETALL) {
    const bytes = new Uint8Array(Uint16Array.from(set.values).buffer);
    memory.write(argument, bytes);
    return 0;
  }
  if (command === SETALL) {
    const values = Array.from(set.values, (_, i) => memory.u16(argument + 2 * i));
    if (values.some((value) => value > MAX_VALUE)) fail(Errno.ERANGE);
    set.values.set(values);
    set.pids.fill(group.pid);
    set.undo.clear();
    set.changed = now(task);
    return 0;
  }
  if (index < 0 || index >= set.values.length) fail(Errno.EINVAL);
  switch (command) {
    case GETVAL:
      return set.values[index]!;
    case GETPID:
      return set.pids[index]!;
    case GETNCNT:
      return set.growWaiters[index]!;
    case GETZCNT:
      return set.zeroWaiters[index]!;
    case SETVAL: {
      const value = argument | 0;
      if (value < 0 || value > MAX_VALUE) fail(Errno.ERANGE);
      set.values[index] = value;
      set.pids[index] = group.pid;
      for (const undo of set.undo.values()) undo[index] = 0;
      set.changed = now(task);
      return 0;
    }
    default:
      return fail(Errno.EINVAL);
  }
}

const MAX_MESSAGE = 8192, MAX_QUEUE = 16384;
const MSG_NOERROR = 0o10000, MSG_EXCEPT = 0o20000;

function msgget(task: Task, key: number, flags: number): Outcome {
  return task.system.ipc.queues.get(task, key, flags, () => {}, (base) => ({
    ...base,
    messages: [],
    bytes: 0,
    maxBytes: MAX_QUEUE,
    sent: 0,
    received: 0,
    lastSender: 0,
    lastReceiver: 0,
  }));
}

function msgsnd(task: Task, id: number, address: number, size: number, flags: number): Outcome {
  const { memory, group, system } = task;
  if (size > MAX_MESSAGE) fail(Errno.EINVAL);
  const type = memory.i64(address);
  const bytes = memory.read(address + 8, size);
  if (type < 1) fail(Errno.EINVAL);
  const queue = system.ipc.queues.find(id);
  checkAccess(task, queue, WRITE);
  const attempt = (): number | undefined => {
    if (queue.removed) return -Errno.EIDRM;
    if (queue.bytes + size > queue.maxBytes || queue.messages.length >= queue.maxBytes) {
      return (flags & IPC_NOWAIT) !== 0 ? -Errno.EAGAIN : undefined;
    }
    queue.messages.push({ type, bytes });
    queue.bytes += size;
    queue.sent = now(task);
    queue.lastSender = group.pid;
    return 0;
  };
  return attempt() ?? { poll: attempt, interruption: "fails" };
}

/** The message that msgrcv(2) means. */
function chooseMessage({ messages }: MessageQueue, type: number, flags: number): Message | undefined {
  if (type === 0) return messages[0];
  if (type > 0) {
    const isExcept = (flags & MSG_EXCEPT) !== 0;
    return messages.find((message) => (message.type === type) !== isExcept);
  }
  const lowest = Math.min(...messages.map((message) => message.type));
  return lowest <= -type ? messages.find((message) => message.type === lowest) : undefined;
}

function msgrcv(task: Task, id: number, address: number, size: number, type: number, flags: number): Outcome {
  const { memory, group, system } = task;
  if (size > 0x7fff_ffff) fail(Errno.EINVAL);
  const queue = system.ipc.queues.find(id);
  checkAccess(task, queue, READ);
  const attempt = (): number | undefined => {
    if (queue.removed) return -Errno.EIDRM;
    const message = chooseMessage(queue, type, flags);
    if (message === undefined) return (flags & IPC_NOWAIT) !== 0 ? -Errno.ENOMSG : undefined;
    if (message.bytes.length > size && (flags & MSG_NOERROR) === 0) fail(Errno.E2BIG);
    const part = message.bytes.subarray(0, size);
    memory.setI64(address, message.type);
    memory.write(address + 8, part);
    queue.messages.splice(queue.messages.indexOf(message), 1);
    queue.bytes -= message.bytes.length;
    queue.received = now(task);
    queue.lastReceiver = group.pid;
    return part.length;
  };
  return attempt() ?? { poll: attempt, interruption: "fails" };
}

function msgctl(task: Task, id: number, given: number, address: number): Outcome {
  const { queues } = task.system.ipc;
  const queue = queues.find(id), command = given & ~IPC_64;
  const done = controlObject(task, queues, queue, command, address, (described) => [
    described.sent,
    described.received,
    described.changed,
    described.bytes,
    described.messages.length,
    described.maxBytes,
    described.lastSender + described.lastReceiver * 2 ** 32,
    0,
    0,
  ]);
  if (command === IPC_SET) {
    const wanted = task.memory.u64(address + 88);
    if (wanted > MAX_QUEUE && task.group.credentials.euid !== 0) fail(Errno.EPERM);
    queue.maxBytes = wanted;
  }
  return done ?? -Errno.EINVAL;
}

/** Calls of this file. */
// deno-fmt-ignore
export const IPC_CALLS: readonly Row[] = [
  [29, "shmget", "int size oct", shmget],
  [30, "shmat", "int ptr oct", shmat],
  [31, "shmctl", "int int ptr", shmctl],
  [64, "semget", "int int oct", semget],
  [65, "semop", "int ptr uint", (task, id, operations, count) => semtimedop(task, id, operations, count, 0)],
  [66, "semctl", "int int int hexarg", semctl],
  [67, "shmdt", "ptr", shmdt],
  [68, "msgget", "int oct", msgget],
  [69, "msgsnd", "int ptr size oct", msgsnd],
  [70, "msgrcv", "int ptr size off oct", msgrcv],
  [71, "msgctl", "int int ptr", msgctl],
  [220, "semtimedop", "int ptr uint timespec", semtimedop],
];
