import { assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { GUESTS } from "../../src/guests/guests.ts";
import { runProgram, type RunResult } from "../../src/linux/run_program.ts";
import { ENGINE_NAMES, type EngineName } from "../../src/machine/engines.ts";
import { forced } from "../_support/forced.ts";

/** SHA-256 of one picture in colour with the text below it, as the program prints it natively on an Intel processor. */
const COLOR_PICTURE = "75a716166b55394200da1ea023f17d3be28a14c3ebb80fe8d8100d5feac4836f";

const expected = (name: string): string => readFileSync(new URL(name, import.meta.url), "utf8");

function run(guest: string, engine: EngineName, ...args: string[]): RunResult {
  const { image } = GUESTS.find(({ name }) => name === guest)!;
  return runProgram({ program: readFileSync(image), ...forced(engine), args });
}

for (const engine of ENGINE_NAMES) {
  Deno.test(`guests print in ${engine} what they print natively`, () => {
    const hello = run("hello", engine, "Ada", "Grace");
    assertEquals([hello.exitCode, hello.stdout], [2, expected("hello.txt")]);
    assertEquals(run("scene", engine).stdout, expected("scene.txt"));
    const { stdoutBytes } = run("scene", engine, "--color", "--frames", "1");
    assertEquals(createHash("sha256").update(stdoutBytes).digest("hex"), COLOR_PICTURE);
  });

  Deno.test(`runs with ${engine} count the same instructions each time`, () => {
    const [first, second] = [run("hello", engine), run("hello", engine)];
    assertEquals(first.statistics, second.statistics);
  });
}

Deno.test("all engines count the same instructions", () => {
  const counts = ENGINE_NAMES.map((engine) => run("scene", engine).statistics.instructions);
  assertEquals(new Set(counts).size, 1, String(counts));
});
