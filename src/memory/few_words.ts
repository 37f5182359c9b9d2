/** Most words that are noted: to look at more takes as long as to go through all. */
const MOST = 64;

/** Indices of the words of a table that may have to be cleared, while they are few. */
export class FewWords {
  #words: number[] | undefined = [];

  /** The words; undefined: there have been too many, and it may be any. */
  get words(): readonly number[] | undefined {
    return this.#words;
  }

  /** Notes a word; the same may be noted again. */
  note(word: number): void {
    if (this.#words !== undefined && this.#words.push(word) > MOST) this.#words = undefined;
  }

  /** Called when all but some have been cleared. */
  keep(others: readonly number[]): void {
    this.#words = others.length > MOST ? undefined : [...others];
  }
}
