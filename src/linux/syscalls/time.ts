/** Clocks, sleeping and timers. time(7). */
import { Errno, fail } from "../abi/errno.ts";
import { Signal, SignalCode } from "../abi/signals.ts";
import type { Outcome } from "../blocked.ts";
import { SECOND } from "../clock.ts";
import { ticks } from "../lifecycle.ts";
import type { IntervalTimer, Task, ThreadGroup } from "../task.ts";
import type { Row } from "./row.ts";

const TIMER_ABSTIME = 1;

/** Reads a struct timespec: nanoseconds. Fails with EINVAL if it is none. */
export function readTimespec(task: Task, address: number): number {
  const seconds = task.memory.i64(address), nanoseconds = task.memory.i64(address + 8);
  if (seconds < 0 || nanoseconds < 0 || nanoseconds >= SECOND) fail(Errno.EINVAL);
  return seconds * SECOND + nanoseconds;
}

/** Writes nanoseconds as a struct timespec. */
export function writeTimespec(task: Task, address: number, nanoseconds: number): void {
  task.memory.setI64(address, Math.floor(nanoseconds / SECOND));
  task.memory.setI64(address + 8, nanoseconds % SECOND);
}

/** Reads a struct timeval: nanoseconds. */
export function readTimeval(task: Task, address: number): number {
  const seconds = task.memory.i64(address), microseconds = task.memory.i64(address + 8);
  if (seconds < 0 || microseconds < 0 || microseconds >= 1e6) fail(Errno.EINVAL);
  return seconds * SECOND + microseconds * 1000;
}

function writeTimeval(task: Task, address: number, nanoseconds: number): void {
  task.memory.setI64(address, Math.floor(nanoseconds / SECOND));
  task.memory.setI64(address + 8, Math.floor(nanoseconds % SECOND / 1000));
}

/** Clock ids: those that follow the time of day, those that count from the start, and processor time. */
const REALTIME_CLOCKS = [0, 5, 8, 11];
const MONOTONIC_CLOCKS = [1, 4, 6, 7, 9];

function clockGettime(task: Task, clock: number, address: number): Outcome {
  const { memory, system } = task;
  if (REALTIME_CLOCKS.includes(clock)) {
    const { seconds, nanoseconds } = system.clock.realtime();
    memory.setI64(address, seconds);
    memory.setI64(address + 8, nanoseconds);
    return 0;
  }
  writeTimespec(task, address, readClock(task, clock));
  return 0;
}

function readClock(task: Task, clock: number): number {
  if (MONOTONIC_CLOCKS.includes(clock)) return task.system.clock.now();
  if (clock === 2) return task.group.cpuTime;
  if (clock === 3) return task.instructions;
  // Ids of other threads' and groups' clocks: ~pid << 3 with the kind below.
  if (clock < 0) return (clock & 4) !== 0 ? task.instructions : task.group.cpuTime;
  return fail(Errno.EINVAL);
}

function clockGetres(task: Task, clock: number, address: number): Outcome {
  if (clock < -64 || clock > 11) fail(Errno.EINVAL);
  if (address !== 0) writeTimespec(task, address, 1);
  return 0;
}

/** A time of a clock as the time of `Clock.now`. */
function toNow(task: Task, clock: number, time: number): number {
  return REALTIME_CLOCKS.includes(clock) ? time - task.system.clock.offset : time;
}

function sleepUntil(task: Task, deadline: number, remaining: number): Outcome {
  const { clock } = task.system;
  if (deadline <= clock.now()) return 0;
  return {
    poll: () => clock.now() >= deadline ? 0 : undefined,
    interruption: "fails",
    deadline,
    timeout: 0,
    abandon: (interrupted) => {
      if (interrupted && remaining !== 0) writeTimespec(task, remaining, Math.max(0, deadline - clock.now()));
    },
  };
}

function nanosleep(task: Task, request: number, remaining: number): Outcome {
  return sleepUntil(task, task.system.clock.now() + readTimespec(task, request), remaining);
}

function clockNanosleep(
  task: Task,
  clock: number,
  flags: number,
  request: number,
  remaining: number,
): Outcome {
  const time = readTimespec(task, request);
  if (!REALTIME_CLOCKS.includes(clock) && !MONOTONIC_CLOCKS.includes(clock) && clock !== 2) {
    fail(Errno.EINVAL);
  }
  if ((flags & TIMER_ABSTIME) !== 0) return sleepUntil(task, toNow(task, clock, time), 0);
  return sleepUntil(task, task.system.clock.now() + time, remaining);
}

function gettimeofday(task: Task, address: number, zone: number): Outcome {
  const { seconds, nanoseconds } = task.system.clock.realtime();
  if (address !== 0) {
    task.memory.setI64(address, seconds);
    task.memory.setI64(address + 8, Math.floor(nanoseconds / 1000));
  }
  if (zone !== 0) task.memory.setI64(zone, 0);
  return 0;
}

function time(task: Task, address: number): Outcome {
  const { seconds } = task.system.clock.realtime();
  if (address !== 0) task.memory.setI64(address, seconds);
  return seconds;
}

function times(task: Task, address: number): Outcome {
  const { group, system } = task;
  if (address !== 0) {
    task.memory.setI64(address, ticks(group.cpuTime));
    task.memory.setI64(address + 8, 0);
    task.memory.setI64(address + 16, ticks(group.childInstructions));
    task.memory.setI64(address + 24, 0);
  }
  return ticks(system.clock.now());
}

/** Signals of the three interval timers. Processor time and real time are the same clock here. */
const TIMER_SIGNALS: readonly number[] = [Signal.ALRM, Signal.VTALRM, Signal.PROF];

/** Starts a timer that fires at `deadline` and then every `interval`. */
function startTimer(group: ThreadGroup, deadline: number, interval: number, fire: () => void): IntervalTimer {
  const { clock } = group.system;
  const timer: IntervalTimer = { deadline, interval, cancel: () => {} };
  const schedule = (): void => {
    timer.cancel = clock.schedule(timer.deadline, () => {
      timer.deadline = timer.interval === 0 ? 0 : timer.deadline + timer.interval;
      fire();
      if (timer.deadline !== 0) schedule();
    });
  };
  if (deadline !== 0) schedule();
  return timer;
}

function getitimer(task: Task, which: number, address: number): Outcome {
  if (which > 2) fail(Errno.EINVAL);
  const timer = task.group.intervalTimers.get(which);
  writeTimeval(task, address, timer?.interval ?? 0);
  const left = timer === undefined || timer.deadline === 0 ? 0 : timer.deadline - task.system.clock.now();
  writeTimeval(task, address + 16, Math.max(0, left));
  return 0;
}

function setIntervalTimer(group: ThreadGroup, which: number, value: number, interval: number): void {
  const { clock, signals } = group.system;
  group.intervalTimers.get(which)?.cancel();
  const deadline = value === 0 ? 0 : clock.now() + value;
  const fire = (): void => signals.sendTo(group, { signal: TIMER_SIGNALS[which]!, code: SignalCode.KERNEL });
  group.intervalTimers.set(which, startTimer(group, deadline, interval, fire));
}

function setitimer(task: Task, which: number, value: number, old: number): Outcome {
  if (which > 2) fail(Errno.EINVAL);
  const interval = readTimeval(task, value), first = readTimeval(task, value + 16);
  if (old !== 0) getitimer(task, which, old);
  setIntervalTimer(task.group, which, first, interval);
  return 0;
}

function alarm(task: Task, seconds: number): Outcome {
  const timer = task.group.intervalTimers.get(0);
  const left = timer === undefined || timer.deadline === 0 ? 0 : timer.deadline - task.system.clock.now();
  setIntervalTimer(task.group, 0, seconds * SECOND, 0);
  return Math.ceil(left / SECOND);
}

const SIGEV_SIGNAL = 0, SIGEV_NONE = 1, SIGEV_THREAD_ID = 4;

function timerCreate(task: Task, clock: number, event: number, result: number): Outcome {
  const { group, memory } = task;
  if (clock > 11) fail(Errno.EINVAL);
  const id = group.timers.size === 0 ? 0 : Math.max(...group.timers.keys()) + 1;
  let signal: number = Signal.ALRM, value = BigInt(id), tid = 0;
  if (event !== 0) {
    value = memory.big(event);
    signal = memory.i32(event + 8);
    const notify = memory.i32(event + 12);
    if (notify === SIGEV_NONE) signal = 0;
    else if (notify === SIGEV_THREAD_ID) tid = memory.i32(event + 16);
    else if (notify !== SIGEV_SIGNAL) fail(Errno.EINVAL);
  }
  group.timers.set(id, { deadline: 0, interval: 0, cancel: () => {}, signal, value, tid, clock });
  memory.setI32(result, id);
  return 0;
}

function timerOf(task: Task, id: number) {
  return task.group.timers.get(id) ?? fail(Errno.EINVAL);
}

function timerGettime(task: Task, id: number, address: number): Outcome {
  const timer = timerOf(task, id);
  writeTimespec(task, address, timer.interval);
  writeTimespec(
    task,
    address + 16,
    timer.deadline === 0 ? 0 : Math.max(1, timer.deadline - task.system.clock.now()),
  );
  return 0;
}

function timerSettime(task: Task, id: number, flags: number, value: number, old: number): Outcome {
  const { group, system } = task;
  const timer = timerOf(task, id);
  const interval = readTimespec(task, value), first = readTimespec(task, value + 16);
  if (old !== 0) timerGettime(task, id, old);
  timer.cancel();
  const origin = (flags & TIMER_ABSTIME) === 0 ? system.clock.now() : toNow(task, timer.clock, 0);
  const deadline = first === 0 ? 0 : Math.max(1, origin + first);
  const { signal, tid } = timer;
  const started = startTimer(group, deadline, interval, () => {
    const info = { signal, code: SignalCode.TIMER, timer: id, overrun: 0, value: timer.value };
    const target = system.tasks.find((other) => other.tid === tid);
    if (signal === 0) return;
    if (target !== undefined) system.signals.sendToTask(target, info);
    else system.signals.sendTo(group, info);
  });
  group.timers.set(id, Object.assign(started, { signal, value: timer.value, tid, clock: timer.clock }));
  return 0;
}

function timerDelete(task: Task, id: number): Outcome {
  timerOf(task, id).cancel();
  task.group.timers.delete(id);
  return 0;
}

/** Calls of this file. */
// deno-fmt-ignore
export const TIME_CALLS: readonly Row[] = [
  [35, "nanosleep", "timespec ptr", nanosleep],
  [36, "getitimer", "uint ptr", getitimer],
  [37, "alarm", "uint", alarm],
  [38, "setitimer", "uint ptr ptr", setitimer],
  [96, "gettimeofday", "ptr ptr", gettimeofday],
  [100, "times", "ptr", times],
  [201, "time", "ptr", time],
  [222, "timer_create", "clock ptr ptr", timerCreate],
  [223, "timer_settime", "int hex ptr ptr", timerSettime],
  [224, "timer_gettime", "int ptr", timerGettime],
  [225, "timer_getoverrun", "int", (task, id) => (timerOf(task, id), 0)],
  [226, "timer_delete", "int", timerDelete],
  [227, "clock_settime", "clock timespec", () => fail(Errno.EPERM)],
  [228, "clock_gettime", "clock outtimespec", clockGettime],
  [229, "clock_getres", "clock outtimespec", clockGetres],
  [230, "clock_nanosleep", "clock hex timespec ptr", clockNanosleep],
];
