import { assertEquals, assertThrows } from "@std/assert";
import { MAX_RAM } from "../../src/memory/physical.ts";
import { parseAddress, parseCount, parseRam, parseRange, parseSize } from "../../src/cli/values.ts";

Deno.test("parseCount() reads decimal, hexadecimal and exponents, and refuses the rest", () => {
  assertEquals(["0", "4_096", "0x10", "1e9", "2.5e9", "9007199254740991"].map(parseCount), [
    0,
    4096,
    16,
    1e9,
    25e8,
    2 ** 53 - 1,
  ]);
  for (const text of ["", "-1", "1.5", "1.55e1", "x", "0x", "1e99", "9007199254740992", " 1"]) {
    assertThrows(() => parseCount(text), RangeError, "must be");
  }
});

Deno.test("parseSize() knows K, M and G of either case", () => {
  assertEquals(["64", "64K", "256m", "1G", "0x10k"].map(parseSize), [64, 65536, 2 ** 28, 2 ** 30, 16384]);
  for (const text of ["", "M", "1T", "-1K", "1.5G"]) {
    assertThrows(() => parseSize(text), RangeError, "number of bytes");
  }
});

Deno.test("parseRam() takes what LinearMemory takes", () => {
  assertEquals(["64K", "3584M"].map(parseRam), [0x1_0000, MAX_RAM]);
  for (const text of ["0", "65K", "4G"]) assertThrows(() => parseRam(text), RangeError, "from 64K to 3584M");
});

Deno.test("parseAddress() reads 64 bits and no more", () => {
  assertEquals(parseAddress("0xffffffffffffffff"), (1n << 64n) - 1n);
  assertThrows(() => parseAddress("0x10000000000000000"), RangeError, "must be less than");
});

Deno.test("parseRange() reads ADDR:SIZE and refuses what is no range", () => {
  assertEquals(parseRange("0x20000:4K"), { address: 0x20000n, size: 4096 });
  for (const text of ["0x20000", "1:2:3", "0x20000:", "0x20000:0", "0xfffffffffffff000:8K"]) {
    assertThrows(() => parseRange(text), RangeError, "must");
  }
});
