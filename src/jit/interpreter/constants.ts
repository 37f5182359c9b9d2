/** Constants of programs: each has its place in the value file for ever, so that no operation has to write it. */

/** Most constants that are kept. */
const MOST_CONSTANTS = 0x1_0000;
/** Words a constant takes: those of an i64. */
const CONSTANT_WORDS = 2;
/** Entries of the hash table: at most half of them are taken. */
const TABLE_ENTRIES = 2 * MOST_CONSTANTS;

/** Words that all of them take. */
export const CONSTANTS_WORDS: number = MOST_CONSTANTS * CONSTANT_WORDS;

/** The constants in a value file. */
export class Constants {
  /** Numbers of constants, from 1 on; 0 in an empty entry. An entry that is taken stands for the next one. */
  readonly #table = new Int32Array(TABLE_ENTRIES);
  #count = 0;

  /** @param first word index of the first */
  constructor(readonly values: Int32Array, readonly first: number) {}

  /** Word index of a constant, or -1 where there is no room for it. An i32 is the low half of the i64 it extends to. */
  place(lo: number, hi: number): number {
    const { values } = this, table = this.#table;
    let entry = hashOf(lo, hi);
    for (; table[entry] !== 0; entry = (entry + 1) % TABLE_ENTRIES) {
      const word = this.#wordOf(table[entry]!);
      if (values[word] === lo && values[word + 1] === hi) return word;
    }
    if (this.#count === MOST_CONSTANTS) return -1;
    table[entry] = ++this.#count;
    const word = this.#wordOf(this.#count);
    values[word] = lo;
    values[word + 1] = hi;
    return word;
  }

  #wordOf(number: number): number {
    return this.first + (number - 1) * CONSTANT_WORDS;
  }
}

function hashOf(lo: number, hi: number): number {
  const hash = Math.imul(lo ^ Math.imul(hi, 0x85eb_ca6b), 0x9e37_79b1);
  return (hash ^ (hash >>> 15)) & (TABLE_ENTRIES - 1);
}
