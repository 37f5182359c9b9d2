import { assertEquals } from "@std/assert";
import { MemoryTypeRanges } from "../../src/machine/memory_type_ranges.ts";

Deno.test("MemoryTypeRanges.read() tells what firmware leaves: all write-back", () => {
  const ranges = new MemoryTypeRanges();
  assertEquals(ranges.read(0xfe), { lo: 0x508, hi: 0 });
  assertEquals(ranges.read(0x2ff), { lo: 0xc06, hi: 0 });
  assertEquals(ranges.read(0x26f), { lo: 0x0606_0606, hi: 0x0606_0606 });
  for (const absent of [0x210, 0x251, 0x270]) assertEquals(ranges.read(absent), undefined);
});

Deno.test("MemoryTypeRanges.write() refuses reserved types and bits", () => {
  // Number, halves, whether WRMSR takes it. SDM vol. 3A, section 12.11.2, figures 12-5 to 12-7.
  const cases: readonly (readonly [number, number, number, boolean])[] = [
    [0xfe, 0x508, 0, false],
    [0x2ff, 0xc00, 0, true],
    [0x2ff, 0xc02, 0, false],
    [0x2ff, 0x1006, 0, false],
    [0x2ff, 0x06, 1, false],
    [0x250, 0x0001_0405, 0x0606_0606, true],
    [0x250, 0x0000_0002, 0, false],
    [0x250, 0, 0x0700_0000, false],
    [0x200, 0x8000_0000 | 0, 0xff, true],
    [0x200, 0x8000_0003 | 0, 0, false],
    [0x200, 0x8000_0106 | 0, 0, false],
    [0x200, 0, 0x100, false],
    [0x201, 0x8000_0800 | 0, 0xff, true],
    [0x201, 0x8000_0c00 | 0, 0, false],
    [0x20f, 0x800, 0, true],
    [0x210, 0, 0, false],
  ];
  for (const [index, lo, hi, taken] of cases) {
    const ranges = new MemoryTypeRanges(), before = ranges.read(index);
    assertEquals(ranges.write(index, lo, hi), taken, `${index.toString(16)}: ${hi} ${lo}`);
    assertEquals(ranges.read(index), taken ? { lo, hi } : before);
  }
});
