/** Most words that are noted: to look at more takes as long as to go through all. */
const MOST = 64;

/**
 * Indices of the words of a table that may have to be cleared, while they are few. Tables are cleared with each exit of some
 * guests: the list stays, and only how many of it count changes.
 */
export class FewWords {
  readonly #words: number[] = [];
  #count = 0;

  /** How many they are; undefined: too many. */
  get count(): number | undefined {
    return this.#count > MOST ? undefined : this.#count;
  }

  /** Notes a word; the same may be noted again. */
  note(word: number): void {
    if (this.#count < MOST) this.#words[this.#count] = word;
    if (this.#count <= MOST) this.#count++;
  }

  /** A word by number. Behind `forget`, words that were noted before can be asked for until as many have been noted anew. */
  at(number: number): number {
    return this.#words[number]!;
  }

  /** Forgets the words. Returns how many they were; undefined: too many, it may have been any. */
  forget(): number | undefined {
    const { count } = this;
    this.#count = 0;
    return count;
  }
}
