/** FILL and COPY against string instructions that go element by element. */
import { assertEquals } from "@std/assert";
import { copyCode, FILL_PARAMETERS, fillCode, pushPattern } from "../../../src/jit/wasm/bulk_memory.ts";
import { encodeModule, FunctionCode, Imports } from "../../../src/jit/wasm/encoder.ts";
import { I64, W } from "../../../src/jit/wasm/instructions.ts";

const SIZES = [1, 2, 4, 8];
/** Where the stretches lie that are written, and those that are only read: with room around. */
const MIDDLE = 0x800, LENGTH = 0x1000;
/** Lengths in bytes: all below the largest piece twice over, and around where one instruction does it all. */
const LENGTHS = [...Array(70).keys(), 255, 256, 257, 264, 511, 1000];

const wasm = new WebAssembly.Memory({ initial: 1, maximum: 1 }),
  bytes = new Uint8Array(wasm.buffer, 0, LENGTH);
const table = new WebAssembly.Table({ element: "anyfunc", initial: 3 });
/** Leaves the pattern of an element of each size in memory. */
const patternCode = new FunctionCode([I64]);
for (const size of SIZES) {
  patternCode.i32(0);
  pushPattern(patternCode, 0, size);
  patternCode.memory(W.i64_store, LENGTH + 8 * size);
}
patternCode.i32(0);
const functions = [fillCode(), copyCode(), patternCode].map((code, place) => ({
  code,
  place,
  name: `f${place}`,
}));
const module = new WebAssembly.Module(encodeModule(functions, new Imports(), 1));
new WebAssembly.Instance(module, { f: {}, s: { m: wasm, t: table } });
const [fill, copy, patterns] = [0, 1, 2].map((place) =>
  table.get(place) as (...operands: unknown[]) => number
);

/** What the memory holds before: no two bytes near each other are equal. */
const before = Uint8Array.from({ length: LENGTH }, (_, n) => (n * 151 + (n >> 8)) & 0xff);

/** The memory after `act`, and as `model` would leave it. */
function compare(what: string, act: () => void, model: (memory: Uint8Array) => void): void {
  bytes.set(before);
  act();
  const expected = before.slice();
  model(expected);
  assertEquals(bytes, expected, what);
}

Deno.test("FILL writes elements of each size, and nothing beside them", () => {
  assertEquals(FILL_PARAMETERS.length, 3);
  for (const value of [0n, 0x8877_6655_4433_2211n, 0xabab_abab_abab_ababn]) {
    patterns!(value);
    for (const size of SIZES) {
      const pattern = new DataView(wasm.buffer).getBigUint64(LENGTH + 8 * size, true);
      for (const length of LENGTHS.filter((length) => length % size === 0)) {
        compare(`${length} bytes of ${size}`, () => fill!(MIDDLE, length, pattern), (memory) => {
          for (let n = 0; n < length; n++) {
            memory[MIDDLE + n] = Number((value >> BigInt(8 * (n % size))) & 0xffn);
          }
        });
      }
    }
  }
});

Deno.test("COPY goes upwards element by element, wherever it comes from", () => {
  for (const size of SIZES) {
    for (const length of LENGTHS.filter((length) => length % size === 0)) {
      for (
        const distance of [
          -1000,
          -257,
          -33,
          -17,
          -16,
          -15,
          -8,
          -7,
          -3,
          -1,
          0,
          1,
          2,
          3,
          7,
          8,
          9,
          16,
          31,
          300,
          1000,
        ]
      ) {
        const from = MIDDLE - distance;
        compare(
          `${length} bytes of ${size}, ${distance} on`,
          () => copy!(MIDDLE, from, length, size),
          (memory) => {
            for (let n = 0; n < length; n += size) memory.copyWithin(MIDDLE + n, from + n, from + n + size);
          },
        );
      }
    }
  }
});
