/** Virtual time: one unit per guest instruction, and what halted processors skip. */
export class VirtualClock {
  #skipped = 0;

  /**
   * @param instructions guest instructions executed so far
   */
  constructor(readonly instructions: () => number) {}

  now(): number {
    return this.instructions() + this.#skipped;
  }

  /** Lets time pass up to a moment in which no instruction is executed. */
  skipTo(time: number): void {
    this.#skipped += Math.max(0, time - this.now());
  }
}
