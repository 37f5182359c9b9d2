import { assert, assertEquals } from "@std/assert";
import { Console, type ConsolePort } from "../../src/machine/console.ts";

const PORT: ConsolePort = { wantsInput: false, unread: 0, receive() {} };

/** A console that keeps `kept` bytes, and everything that it has told. */
function consoleThatKeeps(kept: number): { console: Console; told: () => string } {
  const console = new Console(() => PORT), told: number[] = [];
  console.kept = kept;
  console.onOutput = (bytes) => told.push(...bytes);
  return { console, told: () => String.fromCharCode(...told) };
}

const print = (console: Console, text: string): void => {
  for (const byte of new TextEncoder().encode(text)) console.put(byte);
};

Deno.test("a console forgets its oldest output, and keeps as much as it was told to", () => {
  const { console, told } = consoleThatKeeps(1000), text = "0123456789abcdef".repeat(4096);
  let longest = 0;
  for (const byte of new TextEncoder().encode(text)) {
    console.put(byte);
    longest = Math.max(longest, console.saveState().output.length);
  }
  console.flush();
  assertEquals(told(), text);
  const { text: kept } = console;
  assert(text.endsWith(kept) && kept.length >= 1000 && longest < 10_000, `${kept.length}, ${longest}`);
});

Deno.test("a console that forgets finds the text that is waited for, once", () => {
  const { console } = consoleThatKeeps(100);
  for (let n = 0; n < 2; n++) {
    let found = 0;
    console.onFound = () => found++;
    assertEquals(console.expect("login: "), false);
    print(console, "x".repeat(8190 + n) + "login: ");
    assertEquals(found, 1);
  }
});

Deno.test("a console resumes with what was kept", () => {
  const { console } = consoleThatKeeps(100);
  print(console, "x".repeat(10_000));
  const state = console.saveState(), resumed = new Console(() => PORT);
  resumed.loadState(state);
  assertEquals(resumed.expect("xy"), false);
  let found = false;
  resumed.onFound = () => found = true;
  print(resumed, "y");
  assert(found);
});
