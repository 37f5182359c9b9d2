/** Where programs lie: an array for each would cost more to make, and to collect, than what is written into it. */

/** Words of an array: those of a hundred blocks or more. */
const STORE_WORDS = 0x8000;

/** Gives room in arrays, one after the other. An array is collected with the last program that lies in it. */
export class ProgramStore {
  /** The array that the last room is in. */
  words: Int32Array = new Int32Array(0);
  #used = 0;

  /** Takes room for so many words. Returns the index of the first, in `words`. */
  take(count: number): number {
    if (this.#used + count > this.words.length) {
      this.words = new Int32Array(Math.max(STORE_WORDS, count));
      this.#used = 0;
    }
    const first = this.#used;
    this.#used += count;
    return first;
  }
}
