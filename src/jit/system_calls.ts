/** Who makes the system calls that SYSCALL asks for, in the middle of runs. */
import { Event } from "../cpu/fault.ts";
import type { StateMemory } from "../cpu/guest_memory.ts";
import { EVENT, MXCSR, RFLAGS_SYSTEM, RIP, TLB_BASE } from "../cpu/state.ts";
import { isAttentive } from "./attention.ts";

/**
 * Makes a system call: RIP is behind SYSCALL, RCX and R11 are as it leaves them. Returns whether the run goes on from what
 * the state says then.
 */
export type SystemCallHandler = () => boolean;

/** How a region goes on behind a system call. */
export const CallOutcome = {
  /** Not at all: the dispatcher must look. */
  STOPS: 0,
  /** Where RIP is now: mode and world may have changed. */
  ELSEWHERE: 1,
  /** Behind SYSCALL, with mode and world as they were. */
  BEHIND: 2,
} as const;
/** One of the ways. */
export type CallOutcome = (typeof CallOutcome)[keyof typeof CallOutcome];

/** The system calls of a processor. */
export class SystemCalls {
  /** Who makes them; undefined: they end runs. */
  handler: SystemCallHandler | undefined;
  readonly #m: Int32Array;

  /** @param goOnBehind whether the host makes them, so that they mostly lead behind SYSCALL, and not to a kernel */
  constructor({ i32 }: StateMemory, readonly goOnBehind: boolean) {
    this.#m = i32;
  }

  /** Makes the system call. Returns whether the run goes on; else EVENT says whether it has been made. */
  make(): boolean {
    const m = this.#m;
    m[EVENT >> 2] = Event.NONE;
    if (this.handler === undefined) m[EVENT >> 2] = Event.SYSCALL;
    else if (this.handler()) return true;
    else m[EVENT >> 2] = Event.SYSCALL_MADE;
    return false;
  }

  /** The same for a region, all of whose state has been stored. */
  makeFromRegion(): CallOutcome {
    const m = this.#m, slot = m[TLB_BASE >> 2]!, lo = m[RIP >> 2]!, hi = m[(RIP >> 2) + 1]!;
    // All else that the mode depends on stays as it is in a world, in 64-bit code.
    const mxcsr = m[MXCSR >> 2]!, rflags = m[RFLAGS_SYSTEM >> 2]!;
    if (!this.make() || isAttentive(m)) return CallOutcome.STOPS;
    const isBehind = m[RIP >> 2] === lo && m[(RIP >> 2) + 1] === hi && m[TLB_BASE >> 2] === slot &&
      m[MXCSR >> 2] === mxcsr && m[RFLAGS_SYSTEM >> 2] === rflags;
    return isBehind ? CallOutcome.BEHIND : CallOutcome.ELSEWHERE;
  }
}
