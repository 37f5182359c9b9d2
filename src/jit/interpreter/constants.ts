/** Constants of programs: each has its place in the value file for ever, so that no operation has to write it. */

/** Most constants that are kept. */
const MOST_CONSTANTS = 0x1_0000;
/** Words a constant takes: those of an i64. */
const CONSTANT_WORDS = 2;
/** Upper halves with which constants have different numbers: doubles have 53 bits. */
const MOST_HIGH = 0x10_0000;

/** Words that all of them take. */
export const CONSTANTS_WORDS: number = MOST_CONSTANTS * CONSTANT_WORDS;

/** The constants in a value file. */
export class Constants {
  readonly #places = new Map<number, number>();

  /** @param first word index of the first */
  constructor(readonly values: Int32Array, readonly first: number) {}

  /** Word index of a constant, or -1 where there is no room for it. An i32 is the low half of the i64 it extends to. */
  place(lo: number, hi: number): number {
    if (hi < -MOST_HIGH || hi >= MOST_HIGH) return -1;
    const key = hi * 0x1_0000_0000 + (lo >>> 0);
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    if (this.#places.size === MOST_CONSTANTS) return -1;
    const word = this.first + this.#places.size * CONSTANT_WORDS;
    this.values[word] = lo;
    this.values[word + 1] = hi;
    this.#places.set(key, word);
    return word;
  }
}
