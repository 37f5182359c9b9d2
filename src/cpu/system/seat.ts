/** The seat in the linear memory: only the processor whose state lies there executes, and helpers reach its units. */
import type { HelperFunction, HelperImplementations } from "../helpers.ts";
import type { SYSTEM_HELPERS } from "../helpers/system.ts";

/** The helpers of the system instructions, bound to one processor. */
export type SystemHelpers = HelperImplementations<typeof SYSTEM_HELPERS>;

/** A helper that leads to that of whoever sits here. */
interface Lead {
  readonly name: keyof SystemHelpers;
  to: HelperFunction;
}

/** Whose system unit the system instructions reach. */
export class ProcessorSeat {
  /** Each knows its own, rather than look it up by its name at each call. */
  #leads: readonly Lead[] = [];

  /** A processor takes the seat: its helpers are called from now on. */
  take(helpers: SystemHelpers): void {
    for (const lead of this.#leads) lead.to = helpers[lead.name];
  }

  /** Helpers for translated code that lead to those of whoever sits here. */
  helpers(names: readonly (keyof SystemHelpers)[]): SystemHelpers {
    this.#leads = names.map((name) => ({ name, to: () => nobody(name) }));
    // Six operands are the most there are. Collecting what is given in an array takes longer than the rest of a call.
    const leading = this.#leads.map((lead) => [
      lead.name,
      (a: number, b: number, c: number, d: number, e: number, f: number) => lead.to(a, b, c, d, e, f),
    ]);
    return Object.fromEntries(leading) as SystemHelpers;
  }
}

function nobody(name: string): never {
  throw new Error(`${name} was called before a processor took the seat`);
}
