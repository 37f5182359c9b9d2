import { assertEquals } from "@std/assert";
import { crc32c, depositBits, extractBits } from "../../src/cpu/bit_selection.ts";
import { Bits, joined, words } from "./wide_numbers.ts";

const out = new Int32Array(1);

/** Positions of the ones of a mask. */
const positions = (mask: bigint): bigint[] =>
  Array.from({ length: 64 }, (_, i) => BigInt(i)).filter((i) => (mask >> i) & 1n);

Deno.test("depositBits() puts bit n at the mask's one number n", () => {
  const bits = new Bits(1);
  for (let i = 0; i < 3000; i++) {
    const source = bits.wide(64), mask = bits.wide(64);
    const expected = positions(mask).reduce((sum, at, n) => sum | (((source >> BigInt(n)) & 1n) << at), 0n);
    const [lo, hi, maskLo, maskHi] = [...words(source, 2), ...words(mask, 2)] as [
      number,
      number,
      number,
      number,
    ];
    assertEquals(joined(depositBits(out, 0, lo, hi, maskLo, maskHi), out[0]!), expected);
  }
});

Deno.test("extractBits() undoes depositBits() under one mask", () => {
  const bits = new Bits(2);
  for (let i = 0; i < 3000; i++) {
    const source = bits.wide(64), mask = bits.wide(64);
    const expected = positions(mask).reduce((sum, at, n) => sum | (((source >> at) & 1n) << BigInt(n)), 0n);
    const [lo, hi, maskLo, maskHi] = [...words(source, 2), ...words(mask, 2)] as [
      number,
      number,
      number,
      number,
    ];
    assertEquals(joined(extractBits(out, 0, lo, hi, maskLo, maskHi), out[0]!), expected);
  }
});

Deno.test("crc32c() gives the check value of CRC-32C for 123456789, in bytes and in words", () => {
  const CHECK = 0xe306_9283;
  const bytes = [...new TextEncoder().encode("123456789")];
  const byByte = bytes.reduce((crc, byte) => crc32c(crc, byte, 1), -1);
  assertEquals(~byByte >>> 0, CHECK);
  const word = (at: number): number =>
    bytes.slice(at, at + 4).reduceRight((sum, byte) => (sum << 8) | byte, 0);
  assertEquals(~crc32c(crc32c(crc32c(-1, word(0), 4), word(4), 4), bytes[8]!, 1) >>> 0, CHECK);
});
