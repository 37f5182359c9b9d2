import { assert, assertEquals } from "@std/assert";
import { Random, randomCases, systematicCases } from "./decode_cases.ts";
import { compareSlots, type Tally } from "./decode_oracle.ts";

for (const codeSize of [16, 32, 64] as const) {
  Deno.test(`decode() agrees with iced-x86 on every opcode in ${codeSize}-bit code, and on random bytes`, () => {
    const random = new Random(codeSize);
    const tally: Tally = { compared: 0, decoded: 0, refused: 0 };
    for (const bytes of systematicCases(codeSize, random, false)) {
      assertEquals(compareSlots(bytes, codeSize, tally), []);
    }
    for (let i = 0; i < 8; i++) assertEquals(compareSlots(randomCases(8192, random), codeSize, tally), []);
    assert(tally.compared > 200_000 && tally.decoded > 50_000, JSON.stringify(tally));
  });
}
