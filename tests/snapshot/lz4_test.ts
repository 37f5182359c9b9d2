import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { compressLz4, decompressLz4, LZ4_RATIO } from "../../src/snapshot/lz4.ts";
import { StateError } from "../../src/snapshot/shape.ts";

/** Bytes with repetitions of all lengths and distances. */
const repetitive = fc.array(fc.tuple(fc.uint8Array({ maxLength: 40 }), fc.nat(600), fc.nat(70_000)), {
  maxLength: 12,
})
  .map((parts) => {
    const bytes: number[] = [];
    for (const [fresh, length, back] of parts) {
      bytes.push(...fresh);
      if (bytes.length === 0) continue;
      const offset = 1 + back % bytes.length;
      for (let n = 0; n < length; n++) bytes.push(bytes[bytes.length - offset]!);
    }
    return new Uint8Array(bytes);
  });

function assertRoundTrip(bytes: Uint8Array): void {
  const output = new Uint8Array(bytes.length);
  assertEquals(decompressLz4(compressLz4(bytes), output), bytes.length);
  assertEquals(output, bytes);
}

Deno.test("decompressLz4() gives what compressLz4() was given", () => {
  fc.assert(fc.property(repetitive, assertRoundTrip), { seed: 1, numRuns: 300 });
});

Deno.test("decompressLz4() gives what compressLz4() was given, over distances above 64 KB", () => {
  const bytes = new Uint8Array(300_000);
  for (let n = 0; n < bytes.length; n++) {
    bytes[n] = n < 100_000 ? Math.imul(n, 0x9e37_79b1) >>> 24 : bytes[n - 99_000]!;
  }
  assertRoundTrip(bytes);
  assertRoundTrip(new Uint8Array(300_000));
});

Deno.test("compressLz4() finds repetitions, and no more than the format can say", () => {
  const zeros = new Uint8Array(1 << 20), packed = compressLz4(zeros).length;
  assert(packed * LZ4_RATIO >= zeros.length && packed < zeros.length / 250, `${packed} bytes`);
});

const BLOCKS: readonly (readonly [name: string, block: readonly number[], text: string])[] = [
  ["literals only", [0x30, 0x61, 0x62, 0x63], "abc"],
  ["a match that overlaps itself", [0x22, 0x61, 0x62, 2, 0, 0x10, 0x2e], "abababab."],
  ["sixteen literals", [0xf0, 1, ...new TextEncoder().encode("0123456789abcdef")], "0123456789abcdef"],
  ["a match of 20 bytes", [0x1f, 0x2d, 1, 0, 1, 0x10, 0x2e], `${"-".repeat(21)}.`],
];

for (const [name, block, text] of BLOCKS) {
  Deno.test(`decompressLz4() reads the format: ${name}`, () => {
    const output = new Uint8Array(64), length = decompressLz4(new Uint8Array(block), output);
    assertEquals(new TextDecoder().decode(output.subarray(0, length)), text);
  });
}

const DAMAGED: readonly (readonly [name: string, block: readonly number[]])[] = [
  ["nothing", []],
  ["literals that are missing", [0x40, 0x61]],
  ["a length that goes on behind the end", [0xf0, 255, 255]],
  ["half an offset", [0x10, 0x61, 1]],
  ["the offset 0", [0x10, 0x61, 0, 0, 0x00]],
  ["a match from before the beginning", [0x10, 0x61, 2, 0, 0x00]],
  ["more than there is room for", [0x1f, 0x61, 1, 0, 100, 0x00]],
  ["no last literals", [0x10, 0x61, 1, 0]],
];

for (const [name, block] of DAMAGED) {
  Deno.test(`decompressLz4() refuses ${name}`, () => {
    assertThrows(() => decompressLz4(new Uint8Array(block), new Uint8Array(64)), StateError, "damaged");
  });
}

Deno.test("decompressLz4() gives bytes or a StateError for any input", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(200), (bytes, room) => {
      try {
        assert(decompressLz4(bytes, new Uint8Array(room)) <= room);
      } catch (error) {
        assert(error instanceof StateError, String(error));
      }
    }),
    { seed: 1, numRuns: 3000 },
  );
});
