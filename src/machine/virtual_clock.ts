import { fields, type Shape, such, time } from "../snapshot/shape.ts";
import type { StateFormat, Stateful } from "../snapshot/stateful.ts";

const STATE: Shape<State> = fields({
  skipped: such(time, (skipped) => skipped >= 0 && skipped < Infinity, "a span of time"),
});
type State = { readonly skipped: number };

/** Virtual time: a cycle per guest instruction, what world switches cost, and what halted processors skip. */
export class VirtualClock implements Stateful<State> {
  readonly stateFormat: StateFormat<State> = { version: 1, shape: STATE };
  #skipped = 0;

  /**
   * @param cycles cycles that have passed in execution
   */
  constructor(readonly cycles: () => number) {}

  now(): number {
    return this.cycles() + this.#skipped;
  }

  /** Cycles in which no instruction was executed. */
  get skipped(): number {
    return this.#skipped;
  }

  saveState(): State {
    return { skipped: this.#skipped };
  }

  loadState({ skipped }: State): void {
    this.#skipped = skipped;
  }

  /** Lets time pass up to a moment in which no instruction is executed. */
  skipTo(time: number): void {
    this.#skipped += Math.max(0, time - this.now());
  }
}
