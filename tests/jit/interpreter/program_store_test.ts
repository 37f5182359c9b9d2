/** Where the interpreter's programs lie. */
import { assert, assertEquals } from "@std/assert";
import {
  FIRST_PROGRAM_WORD,
  PROGRAM_PAGE_WORDS,
  PROGRAM_PAGES,
} from "../../../src/jit/interpreter/program_space.ts";
import { ProgramArrays, ProgramPages } from "../../../src/jit/interpreter/program_store.ts";
import { MAX_RAM, RAM_BASE } from "../../../src/memory/physical.ts";

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

/** Word index at which a page starts. */
const startOf = (page: number): number => FIRST_PROGRAM_WORD + page * PROGRAM_PAGE_WORDS;

/** A store of so many pages. Its memory is empty: nothing is written. */
function pagesOf(count: number): ProgramPages {
  return new ProgramPages(new Int32Array(0), count);
}

Deno.test("ProgramPages.take() gives rooms that do not overlap, and goes on in another page", () => {
  const store = pagesOf(2);
  assertEquals([store.take(100), store.take(50)], [startOf(0), startOf(0) + 100]);
  assertEquals(store.take(PROGRAM_PAGE_WORDS - 150), startOf(0) + 150);
  assertEquals(store.take(1), startOf(1));
  assert(store.words === store.memory);
});

Deno.test("ProgramPages.release() makes a page free with the last program in it", () => {
  const store = pagesOf(2), half = PROGRAM_PAGE_WORDS / 2;
  const rooms = [half, half, half].map((count) => store.take(count));
  store.release(store.memory, rooms[0]!);
  assertEquals(store.take(half), startOf(1) + half);
  store.release(store.memory, rooms[1]!);
  assertEquals(store.take(half), startOf(0));
});

Deno.test("ProgramPages.release() takes back the room that was given last", () => {
  const store = pagesOf(1);
  store.take(100);
  const once = store.take(200);
  store.release(store.memory, once);
  assertEquals(store.take(300), once);
});

Deno.test("ProgramPages.release() makes the page empty that is being filled, if all in it are released", () => {
  const store = pagesOf(1), rooms = [store.take(100), store.take(200)];
  for (const room of rooms) store.release(store.memory, room);
  assertEquals(store.take(PROGRAM_PAGE_WORDS), startOf(0));
});

Deno.test("ProgramPages.take() gives room in arrays where no page is free, and in pages again when one is", () => {
  const store = pagesOf(1), first = store.take(PROGRAM_PAGE_WORDS);
  const inArray = store.take(10), { words } = store;
  assertEquals([inArray, words === store.memory], [0, false]);
  store.release(words, inArray);
  assertEquals(store.take(5), 10);
  store.release(store.memory, first);
  assertEquals([store.take(10), store.words === store.memory], [startOf(0), true]);
});

Deno.test("ProgramPages.take() gives room in an array for what is larger than a page", () => {
  const store = pagesOf(1);
  assertEquals(store.take(PROGRAM_PAGE_WORDS + 1), 0);
  assert(store.words.length > PROGRAM_PAGE_WORDS);
  assertEquals([store.take(1), store.words === store.memory], [startOf(0), true]);
});

Deno.test("the pages of programs lie between what compiled code uses and guest RAM", () => {
  assert(4 * startOf(PROGRAM_PAGES) <= RAM_BASE);
  assert(RAM_BASE + MAX_RAM <= 2 ** 32);
});
