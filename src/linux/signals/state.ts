/** Signals that wait for delivery, and what a program wants done with them. */
import { ActionFlag, defaultAction, SIG_DFL, SIG_IGN, SIGNALS, SIGRTMIN } from "../abi/signals.ts";
import { SignalSet } from "./set.ts";

/** A signal with what siginfo_t tells of it. sigaction(2). */
export interface SignalInfo {
  readonly signal: number;
  readonly code: number;
  /** Who sent it (USER, TKILL, QUEUE), or which child it is about (SIGCHLD). */
  readonly pid?: number;
  readonly uid?: number;
  /** Exit status or signal of the child. */
  readonly status?: number;
  /** Address of a fault. */
  readonly address?: bigint;
  /** Value sent along (QUEUE, TIMER). */
  readonly value?: bigint;
  /** Id and overrun count of a timer. */
  readonly timer?: number;
  readonly overrun?: number;
  /** Vector and error code of the exception that caused it. */
  readonly vector?: number;
  readonly error?: number;
  /** All 128 bytes as rt_sigqueueinfo(2) gave them. */
  readonly raw?: Uint8Array;
}

/** What is done when a signal arrives. */
export interface SignalAction {
  /** SIG_DFL, SIG_IGN or an address. */
  readonly entry: number;
  /** `ActionFlag`s, as an unsigned number. */
  readonly flags: number;
  readonly restorer: number;
  readonly mask: SignalSet;
}

const DEFAULT: SignalAction = { entry: SIG_DFL, flags: 0, restorer: 0, mask: new SignalSet() };

/** The actions of a thread group. */
export class SignalActions {
  #actions: SignalAction[] = new Array<SignalAction>(SIGNALS + 1).fill(DEFAULT);
  #users = 1;

  get(signal: number): SignalAction {
    return this.#actions[signal] ?? DEFAULT;
  }

  set(signal: number, action: SignalAction): void {
    this.#actions[signal] = action;
  }

  /** True if the signal would do nothing. */
  isIgnored(signal: number): boolean {
    const { entry } = this.get(signal);
    return entry === SIG_IGN || (entry === SIG_DFL && defaultAction(signal) === "ignore");
  }

  /** True if children need no waiting for. */
  get reapsChildren(): boolean {
    const action = this.get(17);
    return action.entry === SIG_IGN || (action.flags & ActionFlag.NOCLDWAIT) !== 0;
  }

  retain(): this {
    this.#users++;
    return this;
  }

  copy(): SignalActions {
    const copy = new SignalActions();
    copy.#actions = this.#actions.slice();
    return copy;
  }

  /** As execve leaves them: what is ignored stays ignored. */
  exec(): SignalActions {
    const fresh = new SignalActions();
    this.#actions.forEach((action, signal) => {
      if (action.entry === SIG_IGN) fresh.set(signal, { ...DEFAULT, entry: SIG_IGN });
    });
    return fresh;
  }
}

/** Signals sent and not yet delivered. */
export class PendingSignals {
  readonly set: SignalSet = new SignalSet();
  #queue: SignalInfo[] = [];

  /** Adds a signal; an ordinary one that waits already is not added twice. */
  add(info: SignalInfo): boolean {
    if (info.signal < SIGRTMIN && this.set.has(info.signal)) return false;
    if (this.#queue.length >= 4096) return false;
    this.set.add(info.signal);
    this.#queue.push(info);
    return true;
  }

  /** Takes out the oldest of a signal. */
  take(signal: number): SignalInfo | undefined {
    const at = this.#queue.findIndex((info) => info.signal === signal);
    if (at < 0) return undefined;
    const [info] = this.#queue.splice(at, 1);
    if (!this.#queue.some((other) => other.signal === signal)) this.set.delete(signal);
    return info;
  }

  /** Forgets all of these signals. */
  discard(...signals: number[]): void {
    this.#queue = this.#queue.filter((info) => !signals.includes(info.signal));
    for (const signal of signals) this.set.delete(signal);
  }
}
