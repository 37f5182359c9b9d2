/** A system call that waits. */

/** What a signal with a handler of the program does to a waiting call. signal(7). */
export type Interruption =
  /** The call fails with EINTR. */
  | "fails"
  /** The call is made again where the action has SA_RESTART, else it fails with EINTR. */
  | "restarts"
  /** Only a signal that ends the program ends the wait. */
  | "not";

/** A wait: the scheduler asks `poll` from time to time until it yields the call's result. */
export interface Blocked {
  /** Tries again: the result of the call, or undefined if it must wait on. Failures may be thrown. */
  readonly poll: () => number | undefined;
  readonly interruption: Interruption;
  /** Virtual time, in nanoseconds, at which the wait ends by itself with `timeout`. */
  readonly deadline?: number;
  /** Result at the deadline. */
  readonly timeout?: number;
  /** Runs when the wait ends by a signal or the deadline, to leave queues. */
  readonly abandon?: (interrupted: boolean) => void;
  /** What was done already: the result of an interrupted call, if it is not 0. */
  readonly partial?: () => number;
}

/**
 * What a system call answers: a result (negative error numbers included), a wait, or undefined if it has set the
 * registers itself (or there is nobody left to return to).
 */
export type Outcome = number | Blocked | undefined;
