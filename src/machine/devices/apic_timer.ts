/** The local APIC's timer. SDM vol. 3A, section 11.5.4. Its clock and the TSC tick once per unit of virtual time. */

import { bool, fields, type Shape, such, time, u32, whole } from "../../snapshot/shape.ts";

/** Modes, bits 18:17 of the LVT entry. */
const ONE_SHOT = 0, PERIODIC = 1, TSC_DEADLINE = 2;

/** A timer's saved state. */
export type ApicTimerState = {
  readonly mode: number;
  readonly divider: number;
  readonly initial: number;
  readonly isRunning: boolean;
  readonly startedAt: number;
  readonly toldUntil: number;
  readonly deadline: number;
};
const STATE: Shape<ApicTimerState> = fields({
  mode: whole(0, 3),
  divider: whole(1, 128),
  initial: u32,
  isRunning: bool,
  startedAt: time,
  toldUntil: time,
  deadline: time,
});
/** It never runs with an initial count of 0, which would be a period of 0. */
export const APIC_TIMER_STATE: Shape<ApicTimerState> = such(
  STATE,
  ({ isRunning, initial }) => !isRunning || initial > 0,
  "a timer that can run",
);

/** The timer: counts down in virtual time, computed when somebody looks. */
export class ApicTimer {
  #mode = ONE_SHOT;
  #divider = 2;
  #initial = 0;
  /** It counts, or, in one-shot mode, has since it was started. */
  #isRunning = false;
  #startedAt = 0;
  /** Until when expirations have been told. */
  #toldUntil = 0;
  #deadline = Infinity;

  /**
   * Bits 18:17 of the LVT entry. A change to or from TSC-deadline mode disarms the timer. Between the other two it counts
   * on from where it is, and stays at 0 where it has stopped there.
   */
  setMode(mode: number, now: number): void {
    if ((mode === TSC_DEADLINE) !== (this.#mode === TSC_DEADLINE)) {
      this.#initial = 0;
      this.#isRunning = false;
      this.#deadline = Infinity;
    } else if (mode !== this.#mode && this.#isRunning) {
      this.#isRunning = this.current(now) !== 0;
      if (this.#isRunning) this.#startedAt = now - (now - this.#startedAt) % (this.#initial * this.#divider);
    }
    this.#mode = mode;
  }

  /** The divide configuration register. */
  setDivide(register: number, now: number): void {
    const left = this.current(now);
    const shift = ((register & 8) >> 1) | (register & 3);
    this.#divider = shift === 7 ? 1 : 2 << shift;
    // What is left goes on at the new pace.
    if (this.#isRunning) this.#startedAt = now - (this.#initial - left) * this.#divider;
  }

  /** The initial-count register: starts the timer, or stops it with 0. Ignored in TSC-deadline mode. */
  start(count: number, now: number): void {
    if (this.#mode === TSC_DEADLINE) return;
    this.#initial = count >>> 0;
    this.#isRunning = this.#initial !== 0;
    this.#startedAt = this.#toldUntil = now;
  }

  get initial(): number {
    return this.#initial;
  }

  /** The current-count register. */
  current(now: number): number {
    if (!this.#isRunning || this.#mode === TSC_DEADLINE) return 0;
    const ticks = Math.floor((now - this.#startedAt) / this.#divider);
    if (this.#mode === PERIODIC) return this.#initial - ticks % this.#initial;
    return Math.max(0, this.#initial - ticks);
  }

  /** Arms the deadline, in virtual time; Infinity disarms it. Ignored outside TSC-deadline mode. */
  setDeadline(deadline: number, now: number): void {
    if (this.#mode !== TSC_DEADLINE) return;
    this.#deadline = deadline;
    this.#toldUntil = Math.min(now, deadline - 1);
  }

  /** The deadline that is armed; Infinity: none. */
  get deadline(): number {
    return this.#deadline;
  }

  /** When it expires next; Infinity: never. */
  next(): number {
    if (this.#mode === TSC_DEADLINE) return this.#deadline;
    if (!this.#isRunning) return Infinity;
    const period = this.#initial * this.#divider;
    if (this.#mode === ONE_SHOT) {
      const end = this.#startedAt + period;
      return end > this.#toldUntil ? end : Infinity;
    }
    return this.#startedAt + (Math.floor((this.#toldUntil - this.#startedAt) / period) + 1) * period;
  }

  /** Whether it has expired since this was asked last. */
  expired(now: number): boolean {
    if (this.next() > now) return false;
    this.#toldUntil = now;
    this.#deadline = Infinity;
    return true;
  }

  saveState(): ApicTimerState {
    return {
      mode: this.#mode,
      divider: this.#divider,
      initial: this.#initial,
      isRunning: this.#isRunning,
      startedAt: this.#startedAt,
      toldUntil: this.#toldUntil,
      deadline: this.#deadline,
    };
  }

  loadState(state: ApicTimerState): void {
    this.#mode = state.mode;
    this.#divider = state.divider;
    this.#initial = state.initial;
    this.#isRunning = state.isRunning;
    this.#startedAt = state.startedAt;
    this.#toldUntil = state.toldUntil;
    this.#deadline = state.deadline;
  }
}
