/** Work that is done in slices, so that guest code need not wait for all of it. */

/** Yields after parts of the work that are not worth dividing: how many guest instructions they have dealt with. */
export type Slices<T> = Generator<number, T, void>;

/** Does work at once, all that is left of it. */
export function atOnce<T>(slices: Slices<T>): T {
  for (;;) {
    const next = slices.next();
    if (next.done === true) return next.value;
  }
}
