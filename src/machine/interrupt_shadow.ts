/** The shadow of STI and MOV SS, in which no interrupt is taken: the instruction behind them. SDM vol. 3C, table 25-3. */
import { INTERRUPTIBILITY, SHADOW_AT, SHADOW_NOW, SHADOWS } from "../cpu/state.ts";
import type { VirtualClock } from "./virtual_clock.ts";

/** The shadow that may lie on the instruction that the processor in the seat is at. */
export class InterruptShadow {
  readonly #m: Int32Array;
  readonly #clock: VirtualClock;

  /** @param m the state of the processor in the seat, as 32-bit cells */
  constructor(m: Int32Array, clock: VirtualClock) {
    this.#m = m;
    this.#clock = clock;
  }

  get isCast(): boolean {
    return (this.#m[INTERRUPTIBILITY >> 2]! & SHADOWS) !== 0;
  }

  /** It is gone unless it was cast by the instruction just executed. */
  age(): void {
    const m = this.#m;
    if (!this.isCast) return;
    const now = this.#clock.now() | 0;
    if (m[SHADOW_AT >> 2] === SHADOW_NOW) m[SHADOW_AT >> 2] = now;
    else if (m[SHADOW_AT >> 2] !== now) m[INTERRUPTIBILITY >> 2]! &= ~SHADOWS;
  }

  /** Others may run until the processor's next turn: the shadow waits for it. */
  keep(): void {
    this.age();
    if (this.isCast) this.#m[SHADOW_AT >> 2] = SHADOW_NOW;
  }
}
