/** What VMX asks of the CrossOver extension; src/crossover implements it. docs/crossover.md. */

/** VM functions 1 and 2. */
export interface WorldFunctions {
  /** IA32_CROSSOVER_CTL bit 0. While it is clear both functions are disabled. */
  readonly isEnabled: boolean;
  /**
   * WORLD_CALL. `nextLo` and `nextHi`: the address behind the instruction. Returns where to go on; the upper half is in
   * RETURN_HI. After a fault or a VM exit nothing has changed.
   */
  call(nextLo: number, nextHi: number): number;
  /** MANAGE_WTC, in root operation. */
  manage(): void;
}
