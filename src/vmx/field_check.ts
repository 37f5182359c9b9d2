/** Checks of VM entry that are not made again while what they read stays the same. */
import { joined, placeOf, REGION_WORDS, type Vmcs } from "./vmcs.ts";

/** Fields of a VMCS, as such checks see them: there is nothing else that they could depend on. */
export type Fields = Pick<Vmcs, "word" | "high" | "address">;

/**
 * A check of fields, in whatever VMCS. It remembers the words of fields that it has read when it succeeded last: where they
 * are the same it would take the same way to the same result. Whoever may have written the fields meanwhile, it need not
 * be told.
 *
 * @template T what else decides, besides the fields
 */
export class FieldCheck<T extends number | boolean | void = void> implements Fields {
  /** The words, by their place in a region. */
  readonly #places = new Int32Array(REGION_WORDS);
  readonly #words = new Int32Array(REGION_WORDS);
  #count = 0;
  /** What else decided; undefined inside: nothing is remembered. */
  #passed: { readonly given: T } | undefined;
  /** While the check is made: where the region begins, and which of its words have been read. */
  #memory: Int32Array = new Int32Array(0);
  #base = 0;
  readonly #isRead = new Uint8Array(REGION_WORDS);

  constructor(readonly check: (fields: Fields, given: T) => boolean) {}

  /** Whether a VMCS passes. */
  passes({ memory, base }: Vmcs, given: T): boolean {
    if (this.#isRemembered(memory.i32, base, given)) return true;
    this.#memory = memory.i32;
    this.#base = base;
    this.#count = 0;
    this.#isRead.fill(0);
    const passes = this.check(this, given);
    this.#passed = passes ? { given } : undefined;
    return passes;
  }

  word(field: number): number {
    return this.#read(placeOf(field));
  }
  high(field: number): number {
    return this.#read(placeOf(field) + 1);
  }
  address(field: number): number {
    return joined(this.word(field), this.high(field));
  }

  #isRemembered(i32: Int32Array, base: number, given: T): boolean {
    if (this.#passed === undefined || this.#passed.given !== given) return false;
    const places = this.#places, words = this.#words, count = this.#count;
    for (let n = 0; n < count; n++) if (i32[base + places[n]!] !== words[n]) return false;
    return true;
  }

  #read(place: number): number {
    const word = this.#memory[this.#base + place]!;
    if (this.#isRead[place] === 0) {
      this.#isRead[place] = 1;
      this.#places[this.#count] = place;
      this.#words[this.#count++] = word;
    }
    return word;
  }
}
