/** Clocks of chips, derived from virtual time. */

/** Cycles of virtual time in a second. */
export const CYCLES_PER_SECOND = 1e9;

/** A clock of a given frequency that has run since virtual time began. */
export class Oscillator {
  /** @param hertz its frequency, less than that of virtual time */
  constructor(readonly hertz: number) {}

  /** How often it has ticked until `now`. */
  ticks(now: number): number {
    return Math.floor(now * (this.hertz / CYCLES_PER_SECOND));
  }

  /** When it ticks for the `tick`th time: the first cycle at which `ticks` says so. */
  timeOf(tick: number): number {
    let time = Math.floor(tick * (CYCLES_PER_SECOND / this.hertz)) - 1;
    // Rounding may be off by a cycle in both directions.
    for (let n = 0; n < 3 && this.ticks(time) < tick; n++) time++;
    return time;
  }
}
