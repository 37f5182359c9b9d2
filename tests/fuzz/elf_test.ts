import { assert, assertEquals } from "@std/assert";
import { fuzzElf } from "./elf.ts";

const FILES = 400;

Deno.test(`${FILES} mutated ELF files of every kind are refused in one line or run, without an exception of the host`, () => {
  const counts = fuzzElf(FILES, 2);
  assertEquals(counts.files, FILES);
  assert(counts.refused > FILES / 10 && counts.refused < FILES * 9 / 10, JSON.stringify(counts));
});
