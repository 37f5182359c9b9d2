/** Where programs lie: an array for each would cost more to make, and to collect, than what is written into it. */
import { FIRST_PROGRAM_WORD, PROGRAM_PAGE_WORDS, PROGRAM_PAGES } from "./program_space.ts";

/** Gives room for programs. */
export interface ProgramStore {
  /** The array that the last room is in. */
  readonly words: Int32Array;
  /** Takes room for so many words. Returns the index of the first, in `words`. */
  take(count: number): number;
  /** Takes the room back that starts at a word of an array. */
  release(words: Int32Array, first: number): void;
}

/** Words of an array: those of a hundred blocks or more. */
const ARRAY_WORDS = 0x8000;

/** Room in arrays, one after the other. An array is collected with the last program that lies in it. */
export class ProgramArrays implements ProgramStore {
  words: Int32Array = new Int32Array(0);
  #used = 0;

  take(count: number): number {
    if (this.#used + count > this.words.length) {
      this.words = new Int32Array(Math.max(ARRAY_WORDS, count));
      this.#used = 0;
    }
    const first = this.#used;
    this.#used += count;
    return first;
  }

  release(): void {}
}

/**
 * Room in pages of the linear memory, one after the other. A page is free again when all programs in it have been released.
 * What there is no page for, and what is larger than one, gets room in arrays.
 */
export class ProgramPages implements ProgramStore {
  words: Int32Array;
  readonly #arrays = new ProgramArrays();
  /** Programs by page. */
  readonly #programs: Uint32Array;
  readonly #free: number[] = [];
  /** Pages that have been used at all: the others have not been touched. */
  #touched = 0;
  /** The page that room is taken in, how much of it is used, and where the last room in it starts. */
  #page = -1;
  #used = PROGRAM_PAGE_WORDS;
  #last = 0;

  constructor(readonly memory: Int32Array, readonly pages: number = PROGRAM_PAGES) {
    this.words = memory;
    this.#programs = new Uint32Array(pages);
  }

  take(count: number): number {
    if (count > PROGRAM_PAGE_WORDS || (this.#used + count > PROGRAM_PAGE_WORDS && !this.#open())) {
      const first = this.#arrays.take(count);
      this.words = this.#arrays.words;
      return first;
    }
    this.words = this.memory;
    this.#last = this.#used;
    this.#used += count;
    this.#programs[this.#page]!++;
    return FIRST_PROGRAM_WORD + this.#page * PROGRAM_PAGE_WORDS + this.#last;
  }

  release(words: Int32Array, first: number): void {
    if (words !== this.memory) return;
    const at = first - FIRST_PROGRAM_WORD, page = Math.floor(at / PROGRAM_PAGE_WORDS);
    const left = --this.#programs[page]!;
    if (page !== this.#page) {
      if (left === 0) this.#free.push(page);
    } else if (left === 0) {
      this.#used = 0;
    } else if (at % PROGRAM_PAGE_WORDS === this.#last) {
      this.#used = this.#last;
    }
  }

  /** Goes on in another page. Returns whether there is one. */
  #open(): boolean {
    const page = this.#free.pop() ?? (this.#touched < this.pages ? this.#touched++ : undefined);
    if (page === undefined) return false;
    this.#page = page;
    this.#used = 0;
    return true;
  }
}
