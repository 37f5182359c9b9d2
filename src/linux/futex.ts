/** Futexes: sleeping until a word changes. futex(2); Linux: Documentation/locking/robust-futex-ABI.rst. */
import { Errno, fail } from "./abi/errno.ts";
import type { Blocked } from "./blocked.ts";
import type { Task } from "./task.ts";

/** Bits of a lock word of a robust or priority-inheritance mutex. */
const FUTEX_WAITERS = 0x8000_0000 | 0;
const FUTEX_OWNER_DIED = 0x4000_0000;
const FUTEX_TID_MASK = 0x3fff_ffff;
const BITSET_ALL = -1;

/** A task that sleeps on a futex. */
interface Waiter {
  readonly task: Task;
  readonly bitset: number;
  /** The queue it is in; undefined once it is woken. */
  queue: Queue | undefined;
}

type Queue = unknown[];

/** The queue of the futex at an address; made if `create`. Pages that are shared are known by their backing. */
function queueOf(task: Task, linear: number, create: boolean): Queue | undefined {
  const region = task.space.regions.find(linear);
  const shared = region !== undefined && region.shared ? region : undefined;
  const futexes = shared?.backing?.futexes ?? task.space.futexes;
  const key = shared === undefined ? linear : shared.offset + linear - shared.start;
  let queue = futexes.get(key);
  if (queue === undefined && create) futexes.set(key, queue = []);
  return queue;
}

/** Sleeps on the futex at `linear` if it holds `expected`. */
export function waitFutex(
  task: Task,
  linear: number,
  expected: number,
  bitset: number = BITSET_ALL,
  deadline = Infinity,
): Blocked {
  if (linear % 4 !== 0) fail(Errno.EINVAL);
  if (task.memory.i32(linear) !== (expected | 0)) fail(Errno.EAGAIN);
  const waiter = enqueue(task, linear, bitset);
  return {
    poll: () => waiter.queue === undefined ? 0 : undefined,
    interruption: deadline === Infinity ? "restarts" : "fails",
    deadline,
    timeout: -Errno.ETIMEDOUT,
    abandon: () => dequeue(waiter),
  };
}

function enqueue(task: Task, linear: number, bitset: number): Waiter {
  const queue = queueOf(task, linear, true)!;
  const waiter: Waiter = { task, bitset, queue };
  queue.push(waiter);
  return waiter;
}

function dequeue(waiter: Waiter): void {
  const { queue } = waiter;
  if (queue === undefined) return;
  queue.splice(queue.indexOf(waiter), 1);
  waiter.queue = undefined;
}

/** Wakes up to `count` sleepers; answers how many. */
export function wakeFutex(task: Task, linear: number, count: number, bitset: number = BITSET_ALL): number {
  const queue = queueOf(task, linear, false) as Waiter[] | undefined;
  if (queue === undefined) return 0;
  let woken = 0;
  for (const waiter of [...queue]) {
    if (woken >= count) break;
    if ((waiter.bitset & bitset) === 0) continue;
    dequeue(waiter);
    woken++;
  }
  return woken;
}

/** Wakes some sleepers and moves others to another futex; answers how many of both. */
export function requeueFutex(task: Task, from: number, wake: number, move: number, to: number): number {
  const woken = wakeFutex(task, from, wake);
  const queue = queueOf(task, from, false) as Waiter[] | undefined;
  if (queue === undefined) return woken;
  const target = queueOf(task, to, true)!;
  const moved = queue.splice(0, Math.max(0, move));
  for (const waiter of moved) waiter.queue = target;
  target.push(...moved);
  return woken + moved.length;
}

/** FUTEX_WAKE_OP: changes the second word, wakes on the first, and on the second if it compares. */
export function wakeOpFutex(
  task: Task,
  first: number,
  wake: number,
  second: number,
  wake2: number,
  code: number,
): number {
  const operation = (code >>> 28) & 7, comparison = (code >>> 24) & 15;
  let operand = (code << 8) >> 20;
  if ((code >>> 31) !== 0) operand = 1 << (operand & 31);
  const against = (code << 20) >> 20;
  const old = task.memory.i32(second);
  const results = [operand, old + operand, old | operand, old & ~operand, old ^ operand];
  const result = results[operation];
  if (result === undefined) fail(Errno.ENOSYS);
  task.memory.setI32(second, result);
  const holds = [
    old === against,
    old !== against,
    old < against,
    old <= against,
    old > against,
    old >= against,
  ][comparison];
  if (holds === undefined) fail(Errno.ENOSYS);
  return wakeFutex(task, first, wake) + (holds ? wakeFutex(task, second, wake2) : 0);
}

/** FUTEX_LOCK_PI: takes the lock or sleeps until it is handed over. */
export function lockPiFutex(
  task: Task,
  linear: number,
  deadline: number,
  tryOnly: boolean,
): number | Blocked {
  const word = task.memory.i32(linear);
  const owner = word & FUTEX_TID_MASK;
  if (owner === 0) {
    task.memory.setI32(linear, (word & FUTEX_OWNER_DIED) | task.tid);
    return 0;
  }
  if (owner === task.tid) fail(Errno.EDEADLK);
  if (tryOnly) fail(Errno.EAGAIN);
  task.memory.setI32(linear, word | FUTEX_WAITERS);
  const waiter = enqueue(task, linear, BITSET_ALL);
  return {
    poll: () => waiter.queue === undefined ? 0 : undefined,
    interruption: "restarts",
    deadline,
    timeout: -Errno.ETIMEDOUT,
    abandon: () => dequeue(waiter),
  };
}

/** FUTEX_UNLOCK_PI: hands the lock to the first sleeper. */
export function unlockPiFutex(task: Task, linear: number): number {
  if ((task.memory.i32(linear) & FUTEX_TID_MASK) !== task.tid) fail(Errno.EPERM);
  handOver(task, linear, 0);
  return 0;
}

function handOver(task: Task, linear: number, flags: number): void {
  const queue = queueOf(task, linear, false) as Waiter[] | undefined;
  const next = queue?.[0];
  if (queue === undefined || next === undefined) return task.memory.setI32(linear, flags);
  dequeue(next);
  task.memory.setI32(linear, next.task.tid | flags | (queue.length > 0 ? FUTEX_WAITERS : 0));
}

/** A task ends: the robust locks it holds are marked, and one sleeper of each is woken. */
export function leaveRobustList(task: Task): void {
  const head = task.robustList;
  task.robustList = 0;
  if (head === 0) return;
  const { memory } = task;
  const offset = memory.i64(head + 8);
  const pending = memory.u64(head + 16);
  const release = (entry: number): void => {
    const address = entry - entry % 2 + offset;
    const word = memory.i32(address);
    if ((word & FUTEX_TID_MASK) !== task.tid) return;
    if (entry % 2 !== 0) return handOver(task, address, FUTEX_OWNER_DIED);
    memory.setI32(address, (word & FUTEX_WAITERS) | FUTEX_OWNER_DIED);
    if ((word & FUTEX_WAITERS) !== 0) wakeFutex(task, address, 1);
  };
  let entry = memory.u64(head);
  for (let i = 0; i < 2048 && entry - entry % 2 !== head; i++) {
    const next = memory.u64(entry - entry % 2);
    if (entry !== pending) release(entry);
    entry = next;
  }
  if (pending !== 0) release(pending);
}
