import { assertEquals } from "@std/assert";
import { createCipheriv, createHash } from "node:crypto";
import { evaluate, randomWords, type Vector } from "./lanes.ts";

const toBytes = (x: Vector): Uint8Array => new Uint8Array(Int32Array.from(x).buffer);
const toVector = (bytes: Uint8Array): Vector => {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return [0, 4, 8, 12].map((at) => view.getInt32(at, true)) as unknown as Vector;
};
const xor = (x: Vector, y: Vector): Vector => x.map((word, n) => word ^ y[n]!) as unknown as Vector;
const ROUND_CONSTANTS = [1, 2, 4, 8, 16, 32, 64, 128, 0x1b, 0x36];

/** AES-128 key schedule with AESKEYGENASSIST. */
function schedule(key: Vector): Vector[] {
  const keys = [key];
  for (const constant of ROUND_CONSTANTS) {
    const last = keys[keys.length - 1]!, assist = evaluate("vaeskeygen", [last], constant)[3];
    const a = last[0] ^ assist, b = last[1] ^ a, c = last[2] ^ b;
    keys.push([a, b, c, last[3] ^ c]);
  }
  return keys;
}

Deno.test("AES opcodes encrypt and decrypt as the host's AES-128 does", () => {
  const random = randomWords(5);
  const vector = (): Vector => [random(), random(), random(), random()];
  for (let n = 0; n < 50; n++) {
    const key = vector(), plain = vector();
    const keys = schedule(key);
    let state = xor(plain, keys[0]!);
    for (const round of keys.slice(1, 10)) state = evaluate("vaesenc", [state, round]);
    state = evaluate("vaesenclast", [state, keys[10]!]);
    const host = createCipheriv("aes-128-ecb", toBytes(key), null).setAutoPadding(false);
    assertEquals(state, toVector(new Uint8Array(host.update(toBytes(plain)))));

    state = xor(state, keys[10]!);
    for (const round of keys.slice(1, 10).reverse()) {
      state = evaluate("vaesdec", [state, evaluate("vaesimc", [round])]);
    }
    assertEquals(evaluate("vaesdeclast", [state, keys[0]!]), plain);
  }
});

/** One block of 64 bytes with its padding, as big-endian words. */
function paddedBlock(message: Uint8Array): number[] {
  const block = new Uint8Array(64);
  block.set(message);
  block[message.length] = 0x80;
  const view = new DataView(block.buffer);
  view.setUint32(60, message.length * 8);
  return Array.from({ length: 16 }, (_, n) => view.getInt32(4 * n));
}
const hex = (words: readonly number[]): string =>
  words.map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
/** Words in order of time as the SHA-1 instructions hold them: the first on top. */
const topFirst = (words: readonly number[]): Vector => [...words].reverse() as unknown as Vector;

function sha1(message: Uint8Array): string {
  const start = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0].map((word) => word | 0);
  const w = paddedBlock(message);
  const group = (n: number): Vector => topFirst(w.slice(4 * n, 4 * n + 4));
  for (let n = 4; n < 20; n++) {
    // W of four rounds: MSG1, XOR with the group two back, MSG2 with the last.
    const mixed = xor(evaluate("vsha1msg1", [group(n - 4), group(n - 3)]), group(n - 2));
    w.push(...[...evaluate("vsha1msg2", [mixed, group(n - 1)])].reverse());
  }
  let abcd = topFirst(start.slice(0, 4));
  let e: Vector = [0, 0, 0, start[4]!];
  let before: Vector = abcd;
  for (let n = 0; n < 20; n++) {
    const next = n === 0
      ? [group(0)[0], group(0)[1], group(0)[2], (group(0)[3] + e[3]) | 0] as const
      : evaluate("vsha1nexte", [before, group(n)]);
    before = abcd;
    abcd = evaluate("vsha1rounds", [abcd, next], Math.floor(n / 5));
  }
  e = evaluate("vsha1nexte", [before, [0, 0, 0, start[4]!]]);
  const final = [...abcd].reverse();
  return hex([...final.map((word, n) => (word + start[n]!) | 0), e[3]]);
}

Deno.test("SHA-1 opcodes hash as the host does", () => {
  for (const text of ["", "abc", "a message of some length, in one block"]) {
    const message = new TextEncoder().encode(text);
    assertEquals(sha1(message), createHash("sha1").update(message).digest("hex"));
  }
});

const PRIMES = [
  2,
  3,
  5,
  7,
  11,
  13,
  17,
  19,
  23,
  29,
  31,
  37,
  41,
  43,
  47,
  53,
  59,
  61,
  67,
  71,
  73,
  79,
  83,
  89,
  97,
  101,
  103,
  107,
  109,
  113,
  127,
  131,
  137,
  139,
  149,
  151,
  157,
  163,
  167,
  173,
  179,
  181,
  191,
  193,
  197,
  199,
  211,
  223,
  227,
  229,
  233,
  239,
  241,
  251,
  257,
  263,
  269,
  271,
  277,
  281,
  283,
  293,
  307,
  311,
]; // deno-fmt-ignore

/** First 32 bits of the fraction of the `n`th root of `x` (2 or 3), exactly. */
function rootFraction(x: number, n: bigint): number {
  const scaled = BigInt(x) << (32n * n);
  let low = 0n, high = 1n << 40n;
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (middle ** n <= scaled) low = middle;
    else high = middle;
  }
  return Number(BigInt.asIntN(32, low));
}

function sha256(message: Uint8Array): string {
  const h = PRIMES.slice(0, 8).map((p) => rootFraction(p, 2n));
  const k = PRIMES.map((p) => rootFraction(p, 3n));
  const w = paddedBlock(message);
  const group = (n: number): Vector => w.slice(4 * n, 4 * n + 4) as unknown as Vector;
  for (let n = 4; n < 16; n++) {
    const previous = group(n - 1), beforeIt = group(n - 2);
    const shifted: Vector = [beforeIt[1], beforeIt[2], beforeIt[3], previous[0]];
    const partial = evaluate("vsha256msg1", [group(n - 4), group(n - 3)]);
    const sum = partial.map((word, i) => (word + shifted[i]!) | 0) as unknown as Vector;
    w.push(...evaluate("vsha256msg2", [sum, previous]));
  }
  let abef: Vector = [h[5]!, h[4]!, h[1]!, h[0]!], cdgh: Vector = [h[7]!, h[6]!, h[3]!, h[2]!];
  for (let n = 0; n < 64; n += 2) {
    const wk: Vector = [(w[n]! + k[n]!) | 0, (w[n + 1]! + k[n + 1]!) | 0, 0, 0];
    const next = evaluate("vsha256rounds", [cdgh, abef, wk]);
    cdgh = abef;
    abef = next;
  }
  const final = [abef[3], abef[2], cdgh[3], cdgh[2], abef[1], abef[0], cdgh[1], cdgh[0]];
  return hex(final.map((word, n) => (word + h[n]!) | 0));
}

Deno.test("SHA-256 opcodes hash as the host does", () => {
  for (const text of ["", "abc", "a message of some length, in one block"]) {
    const message = new TextEncoder().encode(text);
    assertEquals(sha256(message), createHash("sha256").update(message).digest("hex"));
  }
});
