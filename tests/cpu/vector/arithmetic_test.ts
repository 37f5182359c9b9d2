import { assertEquals } from "@std/assert";
import type { VectorOpcode } from "../../../src/ir/vector_opcodes.ts";
import { evaluate, fromLanes, lanesOf, vectors } from "./lanes.ts";

/** Definitions of the SDM on one lane: [opcode, bits, signed, meaning]. */
type Row = readonly [VectorOpcode, number, boolean, (x: bigint, y: bigint) => bigint];

const clampSigned = (bits: number) => (x: bigint): bigint => {
  const limit = 1n << BigInt(bits - 1);
  return x >= limit ? limit - 1n : x < -limit ? -limit : x;
};
const clampUnsigned = (bits: number) => (x: bigint): bigint => {
  const limit = 1n << BigInt(bits);
  return x >= limit ? limit - 1n : x < 0n ? 0n : x;
};
const mask = (holds: boolean): bigint => holds ? -1n : 0n;
const abs = (x: bigint): bigint => x < 0n ? -x : x;

const rows: Row[] = [];
for (const bits of [8, 16, 32, 64] as const) {
  rows.push([`vaddi${bits}`, bits, false, (x, y) => x + y], [`vsubi${bits}`, bits, false, (x, y) => x - y]);
  rows.push([`vcmpeq${bits}`, bits, false, (x, y) => mask(x === y)]);
  rows.push([`vcmpgts${bits}`, bits, true, (x, y) => mask(x > y)]);
}
for (const bits of [8, 16, 32] as const) {
  rows.push([`vmins${bits}`, bits, true, (x, y) => x < y ? x : y]);
  rows.push([`vmaxs${bits}`, bits, true, (x, y) => x > y ? x : y]);
  rows.push([`vminu${bits}`, bits, false, (x, y) => x < y ? x : y]);
  rows.push([`vmaxu${bits}`, bits, false, (x, y) => x > y ? x : y]);
  rows.push([`vsign${bits}`, bits, true, (x, y) => y < 0n ? -x : y === 0n ? 0n : x]);
  rows.push([`vabs${bits}`, bits, true, (x) => abs(x)]);
}
for (const bits of [8, 16] as const) {
  const signed = clampSigned(bits), unsigned = clampUnsigned(bits);
  rows.push([`vaddsats${bits}`, bits, true, (x, y) => signed(x + y)]);
  rows.push([`vsubsats${bits}`, bits, true, (x, y) => signed(x - y)]);
  rows.push([`vaddsatu${bits}`, bits, false, (x, y) => unsigned(x + y)]);
  rows.push([`vsubsatu${bits}`, bits, false, (x, y) => unsigned(x - y)]);
  rows.push([`vavgu${bits}`, bits, false, (x, y) => (x + y + 1n) >> 1n]);
}
rows.push(
  ["vmullo16", 16, true, (x, y) => x * y],
  ["vmulhis16", 16, true, (x, y) => (x * y) >> 16n],
  ["vmulhiu16", 16, false, (x, y) => (x * y) >> 16n],
  ["vmulhrs16", 16, true, (x, y) => (((x * y) >> 14n) + 1n) >> 1n],
  ["vmullo32", 32, true, (x, y) => x * y],
);

for (const [op, bits, signed, meaning] of rows) {
  Deno.test(`${op} is the SDM's definition on every lane`, () => {
    const others = vectors(3000, 2);
    for (const x of vectors(3000, 1)) {
      const y = others.next().value!;
      const xs = lanesOf(x, bits, signed), ys = lanesOf(y, bits, signed);
      const operands = op.startsWith("vabs") ? [x] : [x, y];
      assertEquals(
        evaluate(op, operands),
        fromLanes(xs.map((lane, n) => meaning(lane, ys[n]!)), bits),
        `${x} ${y}`,
      );
    }
  });
}

Deno.test("byte operations are right for all pairs of bytes", () => {
  for (const [op, bits, signed, meaning] of rows) {
    if (bits !== 8 || op.startsWith("vabs")) continue;
    for (let x = 0; x < 256; x++) {
      for (let y = 0; y < 256; y += 4) {
        const xs: [number, number, number, number] = [x * 0x0101_0101 | 0, 0, 0, 0];
        const word = y | ((y + 1) << 8) | ((y + 2) << 16) | ((y + 3) << 24);
        const result = evaluate(op, [xs, [word, 0, 0, 0]])[0];
        for (let n = 0; n < 4; n++) {
          const a = signed ? BigInt.asIntN(8, BigInt(x)) : BigInt(x);
          const b = signed ? BigInt.asIntN(8, BigInt(y + n)) : BigInt(y + n);
          assertEquals(
            (result >>> (8 * n)) & 0xff,
            Number(BigInt.asUintN(8, meaning(a, b))),
            `${op} ${a} ${b}`,
          );
        }
      }
    }
  }
});

const shifts: readonly [VectorOpcode, number, boolean, (x: bigint, n: bigint) => bigint][] = [
  ["vshl16", 16, false, (x, n) => x << n],
  ["vshl32", 32, false, (x, n) => x << n],
  ["vshl64", 64, false, (x, n) => x << n],
  ["vshr16", 16, false, (x, n) => x >> n],
  ["vshr32", 32, false, (x, n) => x >> n],
  ["vshr64", 64, false, (x, n) => x >> n],
  ["vsar16", 16, true, (x, n) => x >> n],
  ["vsar32", 32, true, (x, n) => x >> n],
];
for (const [op, bits, signed, meaning] of shifts) {
  Deno.test(`${op} shifts lanes, and everything out for counts of ${bits} and more`, () => {
    const counts = [...Array.from({ length: 70 }, (_, n) => n), 255, 256, 0x7fff_ffff, 0x8000_0000 | 0, -1];
    for (const x of vectors(100, 3)) {
      for (const count of counts) {
        const n = count < 0 || count > 200 ? 200n : BigInt(count);
        const expected = fromLanes(lanesOf(x, bits, signed).map((lane) => meaning(lane, n)), bits);
        assertEquals(evaluate(op, [x, count]), expected, `${x} by ${count}`);
      }
    }
  });
}

Deno.test("vbitselect takes bits of the first operand where the mask has ones", () => {
  for (const x of vectors(200, 4)) {
    const [a, b, c, d] = x;
    const expected = [(a & c) | (b & ~c), (b & c) | (c & ~c), (c & c) | (d & ~c), (d & c) | (a & ~c)];
    assertEquals(evaluate("vbitselect", [x, [b, c, d, a], [c, c, c, c]]), expected as unknown as typeof x);
  }
});
