import { assertEquals } from "@std/assert";
import { evaluate, fromLanes, lanesOf, type Vector, vectors } from "./lanes.ts";

function eachPair(count: number, check: (x: Vector, y: Vector) => void): void {
  const second = vectors(count, 22);
  for (const x of vectors(count, 21)) check(x, second.next().value!);
}
const saturate16 = (x: bigint): bigint => x > 0x7fffn ? 0x7fffn : x < -0x8000n ? -0x8000n : x;
const abs = (x: bigint): bigint => x < 0n ? -x : x;

Deno.test("vmulwideu32 and vmulwides32 multiply the even lanes to 64 bits", () => {
  eachPair(2000, (x, y) => {
    for (const signed of [true, false]) {
      const xs = lanesOf(x, 32, signed), ys = lanesOf(y, 32, signed);
      const expected = fromLanes([xs[0]! * ys[0]!, xs[2]! * ys[2]!], 64);
      assertEquals(evaluate(signed ? "vmulwides32" : "vmulwideu32", [x, y]), expected);
    }
  });
});

Deno.test("vmadd16 sums neighbouring products modulo 2^32", () => {
  eachPair(2000, (x, y) => {
    const xs = lanesOf(x, 16, true), ys = lanesOf(y, 16, true);
    const sums = [0, 2, 4, 6].map((n) => xs[n]! * ys[n]! + xs[n + 1]! * ys[n + 1]!);
    assertEquals(evaluate("vmadd16", [x, y]), fromLanes(sums, 32));
  });
});

Deno.test("vmaddubs8 multiplies unsigned by signed bytes and saturates the sums", () => {
  eachPair(2000, (x, y) => {
    const xs = lanesOf(x, 8, false), ys = lanesOf(y, 8, true);
    const sums = Array.from(
      { length: 8 },
      (_, n) => saturate16(xs[2 * n]! * ys[2 * n]! + xs[2 * n + 1]! * ys[2 * n + 1]!),
    );
    assertEquals(evaluate("vmaddubs8", [x, y]), fromLanes(sums, 16));
  });
});

Deno.test("vsadu8 sums the absolute differences of each half", () => {
  eachPair(2000, (x, y) => {
    const xs = lanesOf(x, 8, false), ys = lanesOf(y, 8, false);
    const sum = (from: number): bigint =>
      xs.slice(from, from + 8).reduce((total, lane, n) => total + abs(lane - ys[from + n]!), 0n);
    assertEquals(evaluate("vsadu8", [x, y]), fromLanes([sum(0), sum(8)], 64));
  });
});

Deno.test("vmpsadu8 compares one block with eight for all immediates", () => {
  eachPair(200, (x, y) => {
    const xs = lanesOf(x, 8, false), ys = lanesOf(y, 8, false);
    for (let imm = 0; imm < 8; imm++) {
      const block = 4 * (imm & 3), start = imm & 4;
      const sums = Array.from(
        { length: 8 },
        (_, n) => [0, 1, 2, 3].reduce((total, k) => total + abs(xs[start + n + k]! - ys[block + k]!), 0n),
      );
      assertEquals(evaluate("vmpsadu8", [x, y], imm), fromLanes(sums, 16));
    }
  });
});

Deno.test("vminpos16 finds the first least lane", () => {
  eachPair(2000, (x) => {
    const lanes = lanesOf(x, 16, false);
    const least = lanes.reduce((a, b) => a < b ? a : b);
    assertEquals(evaluate("vminpos16", [x]), fromLanes([least, BigInt(lanes.indexOf(least)), 0n, 0n], 16));
  });
});

for (const bits of [16, 32] as const) {
  Deno.test(`vhadd${bits} and vhsub${bits} join neighbours of both operands`, () => {
    eachPair(1000, (x, y) => {
      const lanes = [...lanesOf(x, bits, true), ...lanesOf(y, bits, true)];
      const joined = (f: (a: bigint, b: bigint) => bigint): Vector =>
        fromLanes(Array.from({ length: 128 / bits }, (_, n) => f(lanes[2 * n]!, lanes[2 * n + 1]!)), bits);
      assertEquals(evaluate(`vhadd${bits}`, [x, y]), joined((a, b) => a + b));
      assertEquals(evaluate(`vhsub${bits}`, [x, y]), joined((a, b) => a - b));
      if (bits !== 16) return;
      assertEquals(evaluate("vhaddsats16", [x, y]), joined((a, b) => saturate16(a + b)));
      assertEquals(evaluate("vhsubsats16", [x, y]), joined((a, b) => saturate16(a - b)));
    });
  });
}

Deno.test("vclmul is the product of polynomials over GF(2) of the chosen halves", () => {
  eachPair(200, (x, y) => {
    for (const imm of [0, 1, 0x10, 0x11]) {
      const a = lanesOf(x, 64, false)[imm & 1]!, b = lanesOf(y, 64, false)[imm >> 4]!;
      let product = 0n;
      for (let bit = 0n; bit < 64n; bit++) if (((b >> bit) & 1n) !== 0n) product ^= a << bit;
      assertEquals(evaluate("vclmul", [x, y], imm), fromLanes([product, product >> 64n], 64));
    }
  });
});
