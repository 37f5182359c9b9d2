import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { ElfSymbols } from "../../../src/machine/loaders/elf_symbols.ts";
import { elfWithSymbols } from "./_symbols.ts";

const FUNCTION = 2, SECTION = 3, LABEL = 0;

for (const bits of [32, 64] as const) {
  Deno.test(`ElfSymbols: ${bits} bits: names of functions, of labels, and of nothing`, () => {
    const symbols = new ElfSymbols(elfWithSymbols(bits, { start: 0x1000, size: 0x100 }, [
      { name: "main", value: 0x1010, size: 0x20, type: FUNCTION },
      { name: "start", value: 0x1000, size: 0, type: LABEL },
      { name: "räder", value: 0x1080, size: 0, type: LABEL },
      { name: "text", value: 0x1000, size: 0, type: SECTION },
    ]));
    const names: readonly (readonly [number, string | undefined])[] = [
      [0xfff, undefined],
      [0x1000, "start"],
      [0x100f, "start+0xf"],
      [0x1010, "main"],
      [0x102f, "main+0x1f"],
      [0x1030, undefined],
      [0x1080, "räder"],
      [0x10ff, "räder+0x7f"],
      [0x1100, undefined],
    ];
    for (const [address, name] of names) assertEquals(symbols.nameOf(BigInt(address)), name, `${address}`);
    assertEquals(symbols.isEmpty, false);
  });

  Deno.test(`ElfSymbols: ${bits} bits: a damaged file has fewer symbols, and does no harm`, () => {
    const file = elfWithSymbols(bits, { start: 0x1000, size: 0x100 }, [
      { name: "main", value: 0x1010, size: 0x20, type: FUNCTION },
    ]);
    for (let length = 0; length < file.length; length++) new ElfSymbols(file.subarray(0, length));
    fc.assert(
      fc.property(fc.nat(file.length - 1), fc.nat(255), (at, byte) => {
        const damaged = file.slice();
        damaged[at] = byte;
        new ElfSymbols(damaged).nameOf(0x1010n);
      }),
      { seed: 1, numRuns: 2000 },
    );
  });
}

Deno.test("ElfSymbols: what is no ELF file has none", () => {
  for (const file of [new Uint8Array(0), new Uint8Array(100), new TextEncoder().encode("#!/bin/sh")]) {
    assert(new ElfSymbols(file).isEmpty);
  }
});
