/** Lanes of vectors for the tests: definitions are written on plain numbers and compared with the word functions. */
import { RETURN_V128 } from "../../../src/cpu/state.ts";
import { VECTOR_REFERENCE } from "../../../src/cpu/vector/reference.ts";
import type { VectorOpcode } from "../../../src/ir/vector_opcodes.ts";

/** Four words, low one first. */
export type Vector = readonly [number, number, number, number];

const out = new Int32Array((RETURN_V128 >> 2) + 4).subarray(RETURN_V128 >> 2);

/** Evaluates an opcode: vectors and numbers in the row's order. A vector result, or the number in all words. */
export function evaluate(op: VectorOpcode, operands: readonly (Vector | number)[], imm = 0): Vector {
  const row = VECTOR_REFERENCE[op];
  const words = operands.flatMap((x) => typeof x === "number" ? [x] : [...x]);
  if (row.kind === "words") {
    const results = row.parts.map(({ fn, from }) => fn(...from.map((n) => words[n]!)) | 0);
    return results as unknown as Vector;
  }
  const result = row.fn(out, ...words, imm);
  if (typeof result === "number") return [result, result, result, result];
  return [out[0]!, out[1]!, out[2]!, out[3]!];
}

/** Lanes of `bits` as unsigned or signed bigints, low one first. */
export function lanesOf(vector: Vector, bits: number, signed: boolean): bigint[] {
  const value = toBigInt(vector);
  return Array.from({ length: 128 / bits }, (_, n) => {
    const lane = BigInt.asUintN(bits, value >> BigInt(n * bits));
    return signed ? BigInt.asIntN(bits, lane) : lane;
  });
}

/** A vector of lanes of `bits`; each is truncated. */
export function fromLanes(lanes: readonly bigint[], bits: number): Vector {
  return fromBigInt(
    lanes.reduce((sum, lane, n) => sum | (BigInt.asUintN(bits, lane) << BigInt(n * bits)), 0n),
  );
}

/** All 128 bits. */
export function toBigInt([a, b, c, d]: Vector): bigint {
  return [d, c, b, a].reduce((sum, word) => (sum << 32n) | BigInt(word >>> 0), 0n);
}
/** The four words of 128 bits. */
export function fromBigInt(value: bigint): Vector {
  const word = (n: bigint): number => Number(BigInt.asIntN(32, value >> (32n * n)));
  return [word(0n), word(1n), word(2n), word(3n)];
}

/** Random words, the same every time. */
export function randomWords(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    let x = state ^ (state >>> 16);
    x = Math.imul(x, 0x45d9f3b);
    return (x ^ (x >>> 15)) | 0;
  };
}

const EDGES = [
  0,
  -1,
  1,
  0x7fff_ffff,
  0x8000_0000 | 0,
  0x0001_0001,
  0x7fff_7fff,
  0x8000_8000 | 0,
  0x7f7f_7f7f,
  0x8080_8080 | 0,
  0x00ff_00ff,
  0xff00_ff00 | 0,
  0x8000_7fff | 0,
  0x0100_0100,
  0x807f_ff00 | 0,
]; // deno-fmt-ignore

/** Vectors with many lanes at the ends of their ranges. */
export function* vectors(count: number, seed: number): Generator<Vector> {
  const random = randomWords(seed);
  const word = (): number => {
    const choice = random() & 3;
    if (choice === 0) return EDGES[(random() >>> 0) % EDGES.length]!;
    if (choice === 1) return EDGES[(random() >>> 0) % EDGES.length]! ^ (random() & 0x0101_0101);
    return random();
  };
  for (let n = 0; n < count; n++) yield [word(), word(), word(), word()];
}
