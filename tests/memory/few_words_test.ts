import { assertEquals } from "@std/assert";
import { FewWords } from "../../src/memory/few_words.ts";

const MOST = 64;

Deno.test("FewWords has the words that were noted, while they are few", () => {
  const words = new FewWords();
  for (let n = 0; n < MOST; n++) {
    assertEquals(words.count, n);
    words.note(10 * n);
  }
  assertEquals(words.count, MOST);
  assertEquals(
    Array.from({ length: MOST }, (_, n) => words.at(n)),
    Array.from({ length: MOST }, (_, n) => 10 * n),
  );
  for (let n = 0; n < 3; n++) {
    words.note(1);
    assertEquals(words.count, undefined);
  }
  assertEquals(words.forget(), undefined);
  assertEquals(words.count, 0);
});

Deno.test("FewWords lets words be noted again while those that are forgotten are looked at", () => {
  const words = new FewWords();
  for (const word of [5, 6, 7, 8]) words.note(word);
  const count = words.forget()!;
  for (let n = 0; n < count; n++) if (words.at(n) % 2 === 0) words.note(words.at(n));
  assertEquals([words.count, words.at(0), words.at(1)], [2, 6, 8]);
});
