/** Virtual time: a cycle per guest instruction, what world switches cost, and what halted processors skip. */
export class VirtualClock {
  #skipped = 0;

  /**
   * @param cycles cycles that have passed in execution
   */
  constructor(readonly cycles: () => number) {}

  now(): number {
    return this.cycles() + this.#skipped;
  }

  /** Lets time pass up to a moment in which no instruction is executed. */
  skipTo(time: number): void {
    this.#skipped += Math.max(0, time - this.now());
  }
}
