/** Values at which lowerings go wrong, and random ones, by the letter of the type (ir/opcodes.ts). */

const WORDS = [
  0n,
  1n,
  2n,
  7n,
  8n,
  15n,
  16n,
  31n,
  32n,
  33n,
  63n,
  64n,
  65n,
  0x7fn,
  0x80n,
  0xffn,
  0x100n,
  0x7fffn,
  0x8000n,
  0xffffn,
  0x10000n,
  0x7fffffffn,
  0x80000000n,
  0x80000001n,
  0xfffffffen,
  0xffffffffn,
  0x55555555n,
  0xaaaaaaaan,
  0x3f800000n,
  0x7f800000n,
  0x7fc00000n,
  0x7f800001n,
  0xff800000n,
  0x00400000n,
] as const; // deno-fmt-ignore

const DOUBLES = [
  0x3ff0000000000000n, 0x7ff0000000000000n, 0x7ff8000000000000n, 0x7ff0000000000001n, 0xfff0000000000000n,
  0x8000000000000000n, 0x0008000000000000n, 0x41dfffffffc00000n, 0x43e0000000000000n,
] as const; // deno-fmt-ignore

/** Numbers from a seed (xorshift, 32 bits). */
export class RandomWords {
  #x: number;
  constructor(seed: number) {
    this.#x = Math.imul(seed + 1, 0x9e3779b1) | 1;
  }
  /** The next 32 bits. */
  word(): number {
    this.#x ^= this.#x << 13;
    this.#x ^= this.#x >>> 17;
    this.#x ^= this.#x << 5;
    return this.#x >>> 0;
  }
  /** A number below `limit`. */
  below(limit: number): number {
    return this.word() % limit;
  }
}

function word(random: RandomWords): bigint {
  const kind = random.below(4);
  if (kind === 0) return BigInt(random.word());
  const edge = WORDS[random.below(WORDS.length)]!;
  return kind === 1 ? edge ^ BigInt(random.below(4)) : edge;
}

const BYTES = [0n, 1n, 0x7fn, 0x80n, 0x81n, 0xffn] as const;

const byteValue = (random: RandomWords): bigint =>
  random.below(2) === 0 ? BYTES[random.below(BYTES.length)]! : BigInt(random.below(256));

/** A value of a type: an edge, near one, or random. */
export function edgeValue(random: RandomWords, letter: string): bigint {
  if (letter === "w") return word(random);
  if (letter === "q") {
    if (random.below(6) === 0) return DOUBLES[random.below(DOUBLES.length)]!;
    const low = word(random);
    // Half of the values have the upper half that a sign or zero extension has.
    if (random.below(4) === 0) return low;
    if (random.below(4) === 0) return BigInt.asUintN(64, BigInt.asIntN(32, low));
    return low | (word(random) << 32n);
  }
  if (random.below(2) === 0) return edgeValue(random, "q") | (edgeValue(random, "q") << 64n);
  let value = 0n;
  for (let byte = 0n; byte < 16n; byte++) value |= byteValue(random) << (8n * byte);
  return value;
}
