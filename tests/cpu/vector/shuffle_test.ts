import { assertEquals } from "@std/assert";
import type { VectorOpcode } from "../../../src/ir/vector_opcodes.ts";
import { shuffleSources } from "../../../src/cpu/vector/reference.ts";
import { evaluate, fromBigInt, fromLanes, lanesOf, toBigInt, type Vector, vectors } from "./lanes.ts";

function pairs(count: number): [Vector, Vector][] {
  const second = vectors(count, 12);
  return [...vectors(count, 11)].map((x) => [x, second.next().value!]);
}

Deno.test("vshuffle32 takes the words that its immediate names", () => {
  for (const [x, y] of pairs(50)) {
    const words = [...x, ...y];
    for (const imm of [0x3210, 0x7654, 0x7531, 0x0000, 0x4444, 0x5140]) {
      const expected = shuffleSources(imm).map((n) => words[n]!);
      assertEquals([...evaluate("vshuffle32", [x, y], imm)], expected);
    }
  }
});

Deno.test("vshuffle8 takes bytes, or 0 where bit 7 of the index is set", () => {
  for (const [x, y] of pairs(500)) {
    const bytes = lanesOf(x, 8, false);
    const expected = lanesOf(y, 8, false).map((n) => (n & 0x80n) !== 0n ? 0n : bytes[Number(n & 15n)]!);
    assertEquals(evaluate("vshuffle8", [x, y]), fromLanes(expected, 8));
  }
});

Deno.test("vshufflelow16 and vshufflehigh16 permute one half for all immediates", () => {
  const x = fromLanes([10n, 11n, 12n, 13n, 14n, 15n, 16n, 17n], 16);
  for (let imm = 0; imm < 256; imm++) {
    const chosen = [0, 2, 4, 6].map((shift) => BigInt((imm >> shift) & 3));
    const low = fromLanes([...chosen.map((n) => 10n + n), 14n, 15n, 16n, 17n], 16);
    const high = fromLanes([10n, 11n, 12n, 13n, ...chosen.map((n) => 14n + n)], 16);
    assertEquals(evaluate("vshufflelow16", [x], imm), low);
    assertEquals(evaluate("vshufflehigh16", [x], imm), high);
  }
});

Deno.test("valignr, vshlbytes and vshrbytes shift by all numbers of bytes", () => {
  for (const [x, y] of pairs(20)) {
    const both = (toBigInt(x) << 128n) | toBigInt(y);
    for (let n = 0; n <= 32; n++) {
      assertEquals(evaluate("valignr", [x, y], n), fromBigInt(BigInt.asUintN(128, both >> BigInt(8 * n))));
    }
    for (let n = 0; n <= 16; n++) {
      assertEquals(
        evaluate("vshlbytes", [x], n),
        fromBigInt(BigInt.asUintN(128, toBigInt(x) << BigInt(8 * n))),
      );
      assertEquals(evaluate("vshrbytes", [x], n), fromBigInt(toBigInt(x) >> BigInt(8 * n)));
    }
  }
});

for (const bits of [8, 16] as const) {
  Deno.test(`vunpacklow${bits} and vunpackhigh${bits} interleave`, () => {
    for (const [x, y] of pairs(200)) {
      const xs = lanesOf(x, bits, false), ys = lanesOf(y, bits, false);
      const mixed = xs.flatMap((lane, n) => [lane, ys[n]!]);
      const half = mixed.length / 2;
      assertEquals(evaluate(`vunpacklow${bits}`, [x, y]), fromLanes(mixed.slice(0, half), bits));
      assertEquals(evaluate(`vunpackhigh${bits}`, [x, y]), fromLanes(mixed.slice(half), bits));
    }
  });
}

for (const from of [16, 32] as const) {
  Deno.test(`vpacks${from} and vpacku${from} saturate`, () => {
    const to = from / 2, limit = 1n << BigInt(to);
    const clamp = (lowest: bigint, highest: bigint) => (x: bigint): bigint =>
      x < lowest ? lowest : x > highest ? highest : x;
    for (const [x, y] of pairs(500)) {
      const lanes = [...lanesOf(x, from, true), ...lanesOf(y, from, true)];
      const signed = lanes.map(clamp(-limit / 2n, limit / 2n - 1n)),
        unsigned = lanes.map(clamp(0n, limit - 1n));
      assertEquals(evaluate(`vpacks${from}`, [x, y]), fromLanes(signed, to));
      assertEquals(evaluate(`vpacku${from}`, [x, y]), fromLanes(unsigned, to));
    }
  });
}

for (const widths of ["8to16", "8to32", "8to64", "16to32", "16to64", "32to64"] as const) {
  const [from, to] = widths.split("to").map(Number) as [number, number];
  Deno.test(`vsext${widths} and vzext${widths} widen the low lanes`, () => {
    for (const [x] of pairs(200)) {
      for (const signed of [true, false]) {
        const lanes = lanesOf(x, from, signed).slice(0, 128 / to);
        const op: VectorOpcode = signed ? `vsext${widths}` : `vzext${widths}`;
        assertEquals(evaluate(op, [x]), fromLanes(lanes, to));
      }
    }
  });
}

Deno.test("vmask8, vmask32, vmask64 and vanytrue gather bits", () => {
  for (const [x] of pairs(500)) {
    for (const bits of [8, 32, 64] as const) {
      const expected = lanesOf(x, bits, true).reduce((sum, lane, n) => sum | (lane < 0n ? 1 << n : 0), 0);
      assertEquals(evaluate(`vmask${bits}`, [x])[0], expected);
    }
    assertEquals(evaluate("vanytrue", [x])[0], toBigInt(x) === 0n ? 0 : 1);
  }
  assertEquals(evaluate("vanytrue", [[0, 0, 0, 0]])[0], 0);
});

Deno.test("vextract and vinsert reach every lane of 8 and 16 bits", () => {
  for (const [x] of pairs(50)) {
    for (const bits of [8, 16] as const) {
      const lanes = lanesOf(x, bits, false);
      lanes.forEach((lane, n) => {
        assertEquals(evaluate(`vextract${bits}`, [x], n)[0], Number(lane));
        const replaced = fromLanes(lanes.map((other, m) => m === n ? 0xa5n : other), bits);
        const value = bits === 8 ? 0x7fa5 : 0x7f00_00a5;
        assertEquals(evaluate(`vinsert${bits}`, [x, value], n), replaced);
      });
    }
  }
});
