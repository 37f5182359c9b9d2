/** Structured random operands: edges of formats more often than chance would bring them. */

/** A small deterministic generator (xorshift128). */
export class Random {
  #a: number;
  #b = 362436069;
  #c = 521288629;
  #d = 88675123;

  constructor(seed: number) {
    this.#a = (seed * 2654435761 + 123456789) | 0;
    for (let i = 0; i < 20; i++) this.next();
  }

  /** 32 random bits, signed. */
  next(): number {
    const t = this.#a ^ (this.#a << 11);
    this.#a = this.#b;
    this.#b = this.#c;
    this.#c = this.#d;
    return this.#d = this.#d ^ (this.#d >>> 19) ^ t ^ (t >>> 8);
  }

  /** An integer from 0 to n − 1. */
  below(n: number): number {
    return (this.next() >>> 0) % n;
  }

  /** One element. */
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}

/** `bits` random bits of a shape that finds errors: none, all, few at one end, a halfway pattern, random. */
function pattern(random: Random, bits: number): bigint {
  const all = (1n << BigInt(bits)) - 1n;
  const raw = ((BigInt(random.next() >>> 0) << 32n) | BigInt(random.next() >>> 0)) & all;
  const k = BigInt(random.below(bits));
  switch (random.below(12)) {
    case 0:
      return 0n;
    case 1:
      return all;
    case 2:
      return 1n << k;
    case 3:
      return all ^ (1n << k);
    case 4:
      return all >> k;
    case 5:
      return (all << k) & all;
    case 6:
      return ((raw >> k) << k) & all;
    case 7:
      return ((((raw >> k) << 1n) | 1n) << k) & all;
    case 8:
      return (raw & 7n) | (all ^ 7n);
    default:
      return raw;
  }
}

function exponent(random: Random, bits: number, fraction: number): number {
  const max = (1 << bits) - 1, bias = max >> 1;
  switch (random.below(10)) {
    case 0:
      return random.below(4);
    case 1:
      return max - random.below(4);
    case 2:
      return bias + random.below(5) - 2;
    case 3:
      return bias + fraction + random.below(9) - 4;
    case 4:
      return bias + random.below(70);
    case 5:
      return (random.below(2) === 0 ? bias >> 1 : bias + (bias >> 1)) + random.below(7) - 3;
    case 6:
      return bias + 31 + random.below(3) - 1 + (random.below(2) << 5);
    case 7:
      return Math.max(
        0,
        random.below(2) === 0 ? bias - (bias >> 3) * random.below(9) : random.below(fraction * 2),
      );
    default:
      return random.below(max + 1);
  }
}

/** Bits of a double. */
export function double(random: Random): bigint {
  const sign = BigInt(random.below(2)) << 63n;
  return sign | (BigInt(exponent(random, 11, 52) & 0x7ff) << 52n) | pattern(random, 52);
}

/** Bits of a double near `other` in magnitude, so that they cancel or align. */
export function doubleNear(random: Random, other: bigint): bigint {
  const field = Number((other >> 52n) & 0x7ffn) + random.below(9) - 4;
  if (random.below(8) === 0) return other ^ (BigInt(random.below(2)) << 63n) ^ BigInt(random.below(4));
  const clamped = Math.max(
    0,
    Math.min(0x7ff, random.below(3) === 0 ? field : field + random.below(120) - 60),
  );
  return (BigInt(random.below(2)) << 63n) | (BigInt(clamped) << 52n) | pattern(random, 52);
}

/** Bits of a single. */
export function single(random: Random): bigint {
  return (BigInt(random.below(2)) << 31n) | (BigInt(exponent(random, 8, 23) & 0xff) << 23n) |
    pattern(random, 23);
}

/** Bits of a single near `other` in magnitude. */
export function singleNear(random: Random, other: bigint): bigint {
  const field = Number((other >> 23n) & 0xffn) + random.below(9) - 4;
  if (random.below(8) === 0) return other ^ (BigInt(random.below(2)) << 31n) ^ BigInt(random.below(4));
  const clamped = Math.max(0, Math.min(0xff, random.below(3) === 0 ? field : field + random.below(60) - 30));
  return (BigInt(random.below(2)) << 31n) | (BigInt(clamped) << 23n) | pattern(random, 23);
}

/** A 64-bit integer. */
export function integer(random: Random): bigint {
  const n = pattern(random, 64) >> BigInt(random.below(64));
  return BigInt.asUintN(64, random.below(2) === 0 ? n : -n);
}

/** An 80-bit number: sign and exponent in bits 79:64; now and then one of the unsupported encodings. */
export function extended(random: Random): bigint {
  const field = random.below(4) === 0
    ? random.pick([0, 1, 0x7ffe, 0x7fff, 0x7ffd, 2, 0x3fff, 0x3ffe])
    : exponent(random, 15, 63) & 0x7fff;
  const sign = BigInt(random.below(2)) << 79n;
  let significand = pattern(random, 63) | (field === 0 ? 0n : 1n << 63n);
  if (random.below(40) === 0) significand ^= 1n << 63n;
  return sign | (BigInt(field) << 64n) | significand;
}

/** An 80-bit number near `other` in magnitude. */
export function extendedNear(random: Random, other: bigint): bigint {
  if (random.below(8) === 0) return other ^ (BigInt(random.below(2)) << 79n) ^ BigInt(random.below(4));
  const spread = random.below(3) === 0 ? 9 : 150;
  const field = Number((other >> 64n) & 0x7fffn) + random.below(spread) - (spread >> 1);
  const clamped = Math.max(0, Math.min(0x7fff, field));
  return (BigInt(random.below(2)) << 79n) | (BigInt(clamped) << 64n) | (clamped === 0 ? 0n : 1n << 63n) |
    pattern(random, 63);
}
