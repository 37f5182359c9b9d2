/** Choices by name, for users whose types nobody checks. */

/** Refuses what is none of `names`. */
export function requireOneOf(
  what: string,
  names: readonly (string | number)[],
  given: string | number,
): void {
  if (!names.includes(given)) {
    throw new RangeError(`There is no ${what} ${given}: there are ${names.join(", ")}`);
  }
}
