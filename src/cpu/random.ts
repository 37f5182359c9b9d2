/** The generator behind RDRAND and RDSEED: the same seed gives the same numbers, so that runs are repeatable. */

import { i32, list, type Shape } from "../snapshot/shape.ts";

/** The saved state of a generator. */
export const RANDOM_STATE: Shape<readonly number[]> = list(i32, 4);

/** xoshiro128** of Blackman and Vigna: 32 bits at a time. */
export class RandomNumbers {
  readonly #s = new Int32Array(4);

  constructor(seed: number) {
    // splitmix32 spreads the seed over the state.
    let x = seed | 0;
    for (let i = 0; i < 4; i++) {
      x = (x + 0x9e37_79b9) | 0;
      let z = x;
      z = Math.imul(z ^ (z >>> 16), 0x85eb_ca6b);
      z = Math.imul(z ^ (z >>> 13), 0xc2b2_ae35);
      this.#s[i] = z ^ (z >>> 16);
    }
  }

  saveState(): readonly number[] {
    return [...this.#s];
  }

  loadState(state: readonly number[]): void {
    this.#s.set(state);
  }

  /** The next 32 bits, signed. */
  next(): number {
    const s = this.#s;
    const result = Math.imul(rotate(Math.imul(s[1]!, 5), 7), 9);
    const t = s[1]! << 9;
    s[2] = s[2]! ^ s[0]!;
    s[3] = s[3]! ^ s[1]!;
    s[1] = s[1]! ^ s[2]!;
    s[0] = s[0]! ^ s[3]!;
    s[2] = s[2]! ^ t;
    s[3] = rotate(s[3]!, 11);
    return result;
  }
}

function rotate(x: number, count: number): number {
  return (x << count) | (x >>> (32 - count));
}
