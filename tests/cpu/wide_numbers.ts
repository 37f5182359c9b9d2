/** Edge cases and random numbers of 32, 64 and 128 bits for tests of arithmetic on halves. */

/** Random bits from a seed (xorshift, 32 bits). */
export class Bits {
  #x: number;
  constructor(seed: number) {
    this.#x = Math.imul(seed + 1, 0x9e37_79b1) | 1;
  }
  /** 32 bits, unsigned. */
  word(): number {
    let x = this.#x;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#x = x;
    return x >>> 0;
  }
  /** `bits` bits: some random, some near powers of two, some short. */
  wide(bits: number): bigint {
    let value = 0n;
    for (let i = 0; i < bits; i += 32) value = (value << 32n) | BigInt(this.word());
    switch (this.word() % 4) {
      case 0:
        value = (1n << BigInt(this.word() % bits)) + BigInt(this.word() % 5) - 2n;
        break;
      case 1:
        value >>= BigInt(this.word() % bits);
        break;
      case 2:
        value = -(value >> BigInt(this.word() % bits));
        break;
    }
    return BigInt.asUintN(bits, value);
  }
}

/** Signed 32-bit words of a number, low word first. */
export function words(value: bigint, count: number): number[] {
  return Array.from({ length: count }, (_, i) => Number(BigInt.asIntN(32, value >> BigInt(32 * i))));
}

/** Number of a low and a high half. */
export function joined(lo: number, hi: number): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}
