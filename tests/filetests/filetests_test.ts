/** Each .txt file here in each engine; its format is described in format.ts. */
import { assertEquals } from "@std/assert";
import type { EngineName } from "../../src/machine/engines.ts";
import { FileTestProcessor } from "./execution.ts";
import { type FileTest, parseFile } from "./format.ts";
import { disassembly, firstBlock, irText } from "./translation.ts";

const FOLDER = new URL("./", import.meta.url);
const FILES = [...Deno.readDirSync(FOLDER)].map(({ name }) => name).filter((name) => name.endsWith(".txt"))
  .sort();

/** Engines, and how often each code runs: often enough to be compiled where the engine compiles. */
const ENGINES: readonly (readonly [EngineName, number])[] = [["interpreter", 1], ["js", 3], ["wasm", 3]];

const hex = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");

for (const file of FILES) {
  const tests = parseFile(Deno.readTextFileSync(new URL(file, FOLDER)));

  Deno.test(`${file}: the bytes are the instructions they are said to be`, () => {
    for (const { name, code, mode, lines } of tests) {
      const actual = disassembly(code, mode).map(({ bytes, text }) => `${hex(bytes)} | ${text}`);
      assertEquals(lines.map(({ bytes, text }) => `${hex(bytes)} | ${text}`), actual, name);
    }
  });

  Deno.test(`${file}: the IR is well formed and as expected`, () => {
    for (const { name, code, mode, ir } of tests) {
      if (ir === undefined) firstBlock(code, mode);
      else {assertEquals(
          irText(code, mode),
          ir,
          `${name}: if the new IR is right, run tests/filetests/update.ts`,
        );}
    }
  });

  for (const [engine, times] of ENGINES) {
    Deno.test(`${file}: runs as expected (${engine})`, () => {
      for (const mode of new Set(tests.map((test) => test.mode))) {
        const processor = new FileTestProcessor(mode, engine);
        const ofMode = (test: FileTest): boolean => test.mode === mode;
        for (const test of tests.filter(ofMode)) processor.check(test, times);
      }
    });
  }
}
