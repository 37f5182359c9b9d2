/** Where execution came from, as far as that can be told for next to nothing. */

const ENTRIES = 64, WORDS = 2 * ENTRIES;

/**
 * The last places where code was looked up: each block that was interpreted, and compiled code where it was entered other
 * than by a link from other compiled code. So branches inside compiled code, and those that were linked, are not there.
 */
export class CodeHistory {
  readonly #ring = new Int32Array(WORDS);
  #next = 0;

  /** Notes RIP, in halves, of code that is executed now. */
  note(lo: number, hi: number): void {
    const at = this.#next;
    this.#ring[at] = lo;
    this.#ring[at + 1] = hi;
    this.#next = (at + 2) & (WORDS - 1);
  }

  /** The last places, the latest at the end; at most `count`. One that follows itself is there once. */
  last(count: number): readonly bigint[] {
    const places: bigint[] = [];
    for (let n = 1; n <= ENTRIES && places.length < count; n++) {
      const at = (this.#next - 2 * n) & (WORDS - 1);
      const place = (BigInt(this.#ring[at + 1]! >>> 0) << 32n) | BigInt(this.#ring[at]! >>> 0);
      if (place !== 0n && place !== places[0]) places.unshift(place);
    }
    return places;
  }
}
