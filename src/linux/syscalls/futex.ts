/** futex(2). */
import { Errno, fail } from "../abi/errno.ts";
import type { Outcome } from "../blocked.ts";
import { lockPiFutex, requeueFutex, unlockPiFutex, waitFutex, wakeFutex, wakeOpFutex } from "../futex.ts";
import type { Task } from "../task.ts";
import type { Row } from "./row.ts";
import { readTimespec } from "./time.ts";

const Operation = {
  WAIT: 0,
  WAKE: 1,
  REQUEUE: 3,
  CMP_REQUEUE: 4,
  WAKE_OP: 5,
  LOCK_PI: 6,
  UNLOCK_PI: 7,
  TRYLOCK_PI: 8,
  WAIT_BITSET: 9,
  WAKE_BITSET: 10,
  LOCK_PI2: 13,
} as const; // deno-fmt-ignore
const CLOCK_REALTIME_FLAG = 256;
const COMMAND = ~(128 | CLOCK_REALTIME_FLAG);

function futex(
  task: Task,
  address: number,
  operation: number,
  value: number,
  timeout: number,
  second: number,
  third: number,
): Outcome {
  const command = operation & COMMAND;
  const count = Math.min(value, 0x7fff_ffff);
  const realtime = (operation & CLOCK_REALTIME_FLAG) !== 0;
  const { clock } = task.system;
  /** A deadline that was given as a point in time. */
  const absolute = (onRealtime: boolean): number =>
    timeout === 0 ? Infinity : readTimespec(task, timeout) - (onRealtime ? clock.offset : 0);
  switch (command) {
    case Operation.WAIT: {
      const deadline = timeout === 0 ? Infinity : clock.now() + readTimespec(task, timeout);
      return waitFutex(task, address, value, -1, deadline);
    }
    case Operation.WAIT_BITSET:
      if (third % 0x1_0000_0000 === 0) fail(Errno.EINVAL);
      return waitFutex(task, address, value, third | 0, absolute(realtime));
    case Operation.WAKE:
      return wakeFutex(task, address, count);
    case Operation.WAKE_BITSET:
      if (third % 0x1_0000_0000 === 0) fail(Errno.EINVAL);
      return wakeFutex(task, address, count, third | 0);
    case Operation.CMP_REQUEUE:
      if (task.memory.i32(address) !== (third | 0)) fail(Errno.EAGAIN);
      return requeueFutex(task, address, count, timeout, second);
    case Operation.REQUEUE:
      return requeueFutex(task, address, count, timeout, second);
    case Operation.WAKE_OP:
      return wakeOpFutex(task, address, count, second, timeout, third | 0);
    case Operation.LOCK_PI:
    case Operation.LOCK_PI2:
      return lockPiFutex(task, address, absolute(command === Operation.LOCK_PI || realtime), false);
    case Operation.TRYLOCK_PI:
      return lockPiFutex(task, address, Infinity, true);
    case Operation.UNLOCK_PI:
      return unlockPiFutex(task, address);
    default:
      return -Errno.ENOSYS;
  }
}

/** Calls of this file. */
export const FUTEX_CALLS: readonly Row[] = [
  [202, "futex", "ptr futex uint ptr ptr uint64", futex],
];
