/** Most words that are noted: to look at more takes as long as to go through all. */
const MOST = 64;

/** Indices of the words of a table that may have to be cleared, while they are few. */
export class FewWords {
  #words: number[] | undefined = [];

  /** How many they are; undefined: too many. */
  get count(): number | undefined {
    return this.#words?.length;
  }

  /** Notes a word; the same may be noted again. */
  note(word: number): void {
    if (this.#words !== undefined && this.#words.push(word) > MOST) this.#words = undefined;
  }

  /** Forgets the words, which are about to be cleared. Returns what they were; undefined: it may have been any. */
  take(): readonly number[] | undefined {
    const words = this.#words;
    this.#words = [];
    return words;
  }
}
