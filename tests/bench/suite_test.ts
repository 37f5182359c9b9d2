import { assert, assertEquals } from "@std/assert";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildProgram } from "../../bench/build.ts";
import { judged, suiteGoals } from "../../bench/goals.ts";
import { geometricMean, median } from "../../bench/measure.ts";
import { childTime } from "../../bench/native.ts";
import { means } from "../../bench/report.ts";
import { generatedText, imageOf, LOOP, SUITE, workOf } from "../../bench/suite.ts";
import { COMPILER_VERSION, compilerVersion } from "../../_tools/build_guests.ts";
import { runProgram } from "../../src/linux/run_program.ts";
import { ENGINE_NAMES } from "../../src/machine/engines.ts";
import { forced } from "../_support/forced.ts";

const OURS = [...SUITE, LOOP].filter(({ from }) => from === undefined);

for (const engine of ENGINE_NAMES) {
  for (const { name, sizes, prints } of OURS) {
    Deno.test(`benchmark ${name} prints in ${engine} what it prints natively`, () => {
      const program = readFileSync(imageOf(name));
      const { stdout, exitCode } = runProgram({ program, args: [String(sizes.tiny)], ...forced(engine) });
      assertEquals({ stdout, exitCode }, { stdout: prints!, exitCode: 0 });
    });
  }
}

const version = compilerVersion();
const wrong = version !== COMPILER_VERSION;
Deno.test({
  name: `benchmark images are built from their sources${
    wrong ? ` [needs musl-gcc ${COMPILER_VERSION}]` : ""
  }`,
  ignore: wrong,
  fn() {
    const folder = mkdtempSync(join(tmpdir(), "causeway-bench-"));
    try {
      for (const { name } of OURS) {
        const output = join(folder, name);
        buildProgram(name, output);
        assert(
          readFileSync(output).equals(readFileSync(imageOf(name))),
          `${name} differs: run bench/build.ts`,
        );
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
});

Deno.test("generatedText() is the same each time and all of it letters and blanks", () => {
  const text = generatedText(4);
  assertEquals(text.length, 4096);
  assertEquals(text, generatedText(4));
  assert(text.every((byte) => byte === 10 || byte === 32 || (byte >= 97 && byte <= 122)));
});

Deno.test("workOf() grows by a Fibonacci number for calls and in proportion elsewhere", () => {
  const calls = SUITE.find(({ name }) => name === "calls")!, hash = SUITE[0]!;
  const ratio = workOf(calls, "full") / workOf(calls, "quarter");
  assert(Math.abs(ratio - 4.236) < 0.001, `${ratio}`);
  assertEquals(workOf(hash, "full") / workOf(hash, "quarter"), 4);
});

Deno.test("childTime() adds user and system time of the children's line", () => {
  assertEquals(childTime("0m0.00s 0m0.01s\n1m2.50s 0m0.25s\n"), 62.75);
  assertEquals(childTime("a warning\n0m0.000000s 0m0.010000s\n0m1.500000s 0m0.500000s\n"), 2);
});

Deno.test("median(), geometricMean() and means() of known numbers", () => {
  assertEquals([median([3, 1, 2]), median([4, 1])], [2, 2.5]);
  assertEquals(Math.round(geometricMean([2, 8]) * 1e9) / 1e9, 4);
  const base = { place: "js", size: "full", seconds: 1 } as const;
  const found = means([
    { ...base, program: "a", integer: true, toNative: 4 },
    { ...base, program: "b", integer: false, toNative: 4 },
  ]);
  assertEquals(found.map(({ place, programs, toNative }) => [place, programs, toNative!.toFixed(3)]), [
    ["js", "integer", "4.000"],
    ["js", "all", "4.000"],
  ]);
});

Deno.test("suiteGoals() judges the engine that users get, by geometric mean and by the worst program", () => {
  assertEquals(judged(["native", "js", "auto"]), "auto");
  assertEquals(judged(["native", "js"]), "js");
  const base = { place: "auto", size: "full", seconds: 1, integer: true } as const;
  const goals = suiteGoals("user", [
    { ...base, program: "a", toNative: 2, toQemu: 0.5, memory: 2 ** 28, pause: 30 },
    { ...base, program: "b", toNative: 2, toQemu: 0.5 },
    { ...base, program: "c", place: "js", toNative: 90, toQemu: 90 },
  ]);
  assertEquals(goals.map(({ met, measured }) => [met, measured]), [
    [true, "2.00x as fast"],
    [true, "0.50x as long: a"],
    [true, "2.00x as long"],
    [false, "30.0 ms: a"],
    [true, "256 MB: a"],
  ]);
});
