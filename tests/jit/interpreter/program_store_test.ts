/** Where the interpreter's programs lie. */
import { assert, assertEquals } from "@std/assert";
import { ProgramArrays } from "../../../src/jit/interpreter/program_store.ts";

Deno.test("ProgramArrays.take() gives rooms that do not overlap, in a new array where the last has no more", () => {
  const store = new ProgramArrays();
  const first = store.take(100), { words } = store;
  assertEquals([first, store.take(50), store.take(7)], [0, 100, 150]);
  const at = store.take(words.length - 157);
  assertEquals([at, store.words === words], [157, true]);
  assertEquals(store.take(1), 0);
  assert(store.words !== words);
});

Deno.test("ProgramArrays.take() gives room for what is larger than an array", () => {
  const store = new ProgramArrays();
  store.take(10);
  const usual = store.words.length;
  assertEquals(store.take(3 * usual), 0);
  assert(store.words.length >= 3 * usual);
});
