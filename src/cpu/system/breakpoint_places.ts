/** Where code is kept apart, so that breakpoints for instructions are looked for there and nowhere else. */

/** Most places that are kept; beyond them the oldest go. */
const MOST_PLACES = 64;

const TWO_32 = 0x1_0000_0000, OFFSET = 0xfff;

/** A linear address, in halves. */
export interface Place {
  readonly lo: number;
  readonly hi: number;
}

/**
 * Linear addresses at which debug registers have breakpoints for instructions, in whatever address space. Code is shared by
 * all processors and debug registers are not: places are those of all of them. A place stays when its breakpoint goes, as
 * operating systems set and clear them each time they switch tasks, until `release`.
 */
export class BreakpointPlaces {
  /** Is told that the places are other ones. */
  onChange: () => void = () => {};
  /** Newest first. */
  #all: readonly Place[] = [];

  /** These are in force on the processor that is about to execute. */
  keep(places: readonly Place[]): void {
    if (places.every((place) => this.#has(place))) return;
    const others = this.#all.filter((other) => !places.some((place) => isSame(place, other)));
    this.#all = [...places, ...others].slice(0, MOST_PLACES);
    this.onChange();
  }

  /**
   * Nobody has been stopped elsewhere for long: keeps only these, which are in force on the processor that executes. Others
   * keep theirs again before they execute.
   */
  release(places: readonly Place[]): void {
    if (this.#all.length === places.length) return;
    this.#all = places;
    this.onChange();
  }

  /** Whether one lies in `length` bytes of code at a linear address; without `hi`, at an offset into any page. */
  mayLieIn(lo: number, hi: number | undefined, length: number): boolean {
    return this.#all.some((place) =>
      hi === undefined ? ((place.lo - lo) & OFFSET) < length : liesWithin(place, lo, hi, length)
    );
  }

  #has(place: Place): boolean {
    return this.#all.some((other) => isSame(place, other));
  }
}

/** Whether a place lies in `length` bytes from a linear address. */
export function liesWithin(place: Place, lo: number, hi: number, length: number): boolean {
  const distance = (place.lo >>> 0) - (lo >>> 0) + ((place.hi - hi) | 0) * TWO_32;
  return distance >= 0 && distance < length;
}

const isSame = (a: Place, b: Place): boolean => a.lo === b.lo && a.hi === b.hi;
