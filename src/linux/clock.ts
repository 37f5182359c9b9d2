/** Time as programs see it: counted in cycles of virtual time, so that a run is the same each time; or the host's. */

/** One second in nanoseconds. */
export const SECOND = 1_000_000_000;

/** Start of virtual time: 2026-01-01 00:00:00 UTC, in seconds since 1970. */
const EPOCH = 1_767_225_600;

/** Something that happens at a time. */
export interface Timer {
  readonly deadline: number;
  readonly fire: () => void;
}

/** Clock and timers. Times are nanoseconds since the start; a cycle takes one. */
export class Clock {
  #skipped = 0;
  #timers: Timer[] = [];
  readonly #hostStart = Date.now();
  readonly #hostOrigin = performance.now();

  /**
   * @param cycles cycles so far
   * @param host take the host's time
   */
  constructor(readonly cycles: () => number, readonly host = false) {}

  /** Nanoseconds since the start. */
  now(): number {
    if (this.host) return Math.floor((performance.now() - this.#hostOrigin) * 1e6);
    return this.cycles() + this.#skipped;
  }

  /** Whole seconds since 1970, and the nanoseconds above them. */
  realtime(): { seconds: number; nanoseconds: number } {
    const now = this.now();
    const base = this.host ? this.#hostStart : EPOCH * 1000;
    const nanoseconds = (base % 1000) * 1e6 + now % SECOND;
    return {
      seconds: Math.floor(base / 1000) + Math.floor(now / SECOND) + Math.floor(nanoseconds / SECOND),
      nanoseconds: nanoseconds % SECOND,
    };
  }

  /** Nanoseconds since 1970. */
  realtimeBig(): bigint {
    const { seconds, nanoseconds } = this.realtime();
    return BigInt(seconds) * BigInt(SECOND) + BigInt(nanoseconds);
  }

  /** Nanoseconds since 1970 at the start. */
  get offset(): number {
    return (this.host ? this.#hostStart * 1e6 : EPOCH * SECOND);
  }

  /** Calls `fire` at `deadline`. Returns a function that calls it off. */
  schedule(deadline: number, fire: () => void): () => void {
    const timer = { deadline, fire };
    let at = this.#timers.length;
    while (at > 0 && this.#timers[at - 1]!.deadline > deadline) at--;
    this.#timers.splice(at, 0, timer);
    return () => {
      const place = this.#timers.indexOf(timer);
      if (place >= 0) this.#timers.splice(place, 1);
    };
  }

  /** When the next timer fires; Infinity if there is none. */
  get next(): number {
    return this.#timers[0]?.deadline ?? Infinity;
  }

  /** Fires what is due. */
  fire(): void {
    while (this.#timers.length > 0 && this.#timers[0]!.deadline <= this.now()) this.#timers.shift()!.fire();
  }

  /** Nobody has anything to do until `time`: virtual time jumps there, real time is waited for. */
  skipTo(time: number): void {
    const wait = time - this.now();
    if (wait <= 0) return;
    if (!this.host) this.#skipped += wait;
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, wait / 1e6);
  }
}
