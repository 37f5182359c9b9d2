import { i32, list, type Shape } from "../../snapshot/shape.ts";

/** The saved state of a set: its words. */
export const VECTOR_SET_STATE: Shape<readonly number[]> = list(i32, 8);

/** 256 bits, one a vector, as the local APIC's IRR, ISR and TMR. */
export class VectorSet {
  /** Bit n of word w: vector 32 w + n. */
  readonly words: Int32Array = new Int32Array(8);

  add(vector: number): void {
    this.words[vector >> 5]! |= 1 << (vector & 31);
  }

  delete(vector: number): void {
    this.words[vector >> 5]! &= ~(1 << (vector & 31));
  }

  has(vector: number): boolean {
    return (this.words[vector >> 5]! & (1 << (vector & 31))) !== 0;
  }

  clear(): void {
    this.words.fill(0);
  }

  /** The highest vector; -1: none. */
  highest(): number {
    for (let word = 7; word >= 0; word--) {
      const bits = this.words[word]!;
      if (bits !== 0) return 32 * word + 31 - Math.clz32(bits);
    }
    return -1;
  }
}
