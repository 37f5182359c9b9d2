/** The seat in the linear memory: only the processor whose state lies there executes, and helpers reach its units. */
import type { HelperImplementations } from "../helpers.ts";
import type { SYSTEM_HELPERS } from "../helpers/system.ts";

/** The helpers of the system instructions, bound to one processor. */
export type SystemHelpers = HelperImplementations<typeof SYSTEM_HELPERS>;

/** Whose system unit the system instructions reach. */
export class ProcessorSeat {
  /** The helpers of the processor that sits here. */
  taken: SystemHelpers | undefined;

  /** Helpers for translated code that lead to those of whoever sits here. */
  helpers(names: readonly (keyof SystemHelpers)[]): SystemHelpers {
    const leading = names.map((name) => [name, (...given: number[]) => this.taken![name](...given)]);
    return Object.fromEntries(leading) as SystemHelpers;
  }
}
