/** Virtual time as code uses it up: the budget cell, from which compiled code takes what it executes, and what is behind it. */
import { BUDGET } from "../cpu/state.ts";

/**
 * Most cycles in the budget cell. Compiled code returns when they are used up: WebAssembly has no on-stack replacement, so
 * that a loop is only optimized when it is entered again.
 */
const SLICE = 400_000;

const BUDGET_WORD = BUDGET >> 2;

/** The cycles of runs: how many have passed, and how many are left. */
export class Budget {
  /** Cycles of the current run at its start, what of it is not in the cell yet, and the cycles that had passed. */
  #granted = 0;
  #reserve = 0;
  #startedAt = 0;

  constructor(readonly m: Int32Array) {}

  /** Begins a run of so many cycles. */
  begin(cycles: number): void {
    const { m } = this;
    // What world switches between runs have cost.
    this.#startedAt -= m[BUDGET_WORD]!;
    m[BUDGET_WORD] = Math.min(cycles, SLICE);
    this.#granted = cycles;
    this.#reserve = cycles - m[BUDGET_WORD]!;
  }

  /** Ends a run. */
  end(): void {
    this.set(this.passed());
  }

  /** Cycles that have passed, also inside a run (exact at block boundaries). */
  passed(): number {
    return this.#startedAt + this.#granted - this.#reserve - this.m[BUDGET_WORD]!;
  }

  /** Sets the cycles that have passed so far, between runs. */
  set(passed: number): void {
    this.#startedAt = passed;
    this.#granted = 0;
    this.#reserve = 0;
    this.m[BUDGET_WORD] = 0;
  }

  /** Gives the current run so many cycles from now on, instead of what is left to it. Compiled code must look at the cell again. */
  grantAnew(cycles: number): void {
    const { m } = this, more = cycles - this.#reserve - m[BUDGET_WORD]!;
    this.#granted += more;
    this.#reserve += more;
    if (this.#reserve >= 0) return;
    m[BUDGET_WORD]! += this.#reserve;
    this.#reserve = 0;
  }

  /** Fills the cell up from the reserve. Returns whether there was any. */
  refill(): boolean {
    if (this.#reserve <= 0) return false;
    const more = Math.min(this.#reserve, SLICE);
    this.m[BUDGET_WORD]! += more;
    this.#reserve -= more;
    return true;
  }
}
