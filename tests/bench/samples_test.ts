/** What a profile's samples are counted as. */
import { assertEquals, assertThrows } from "@std/assert";
import { Category, categoryOf, countOf, functionOf, readSamples } from "../../bench/samples.ts";

const MAP = "(/tmp/perf-70.map)", DENO = "(/opt/deno)";
/** Samples as `perf script` prints them, what each counts as, and the function's name. */
const SAMPLES: readonly (readonly [string, Category, string | undefined])[] = [
  [`  70/70  7f00 JS:guest_401120-8-turbofan ${MAP}`, Category.GUEST, "guest_401120"],
  [`  70/70  7f00 JS:guest_401120-8-liftoff ${MAP}`, Category.GUEST_BASELINE, "guest_401120"],
  [
    `  70/70  7f00 JS:FIND_WAY-23-turbofan ${MAP}`,
    Category.CALLED,
    "FIND_WAY",
  ],
  [`  70/70  7f00 JS:interpret-1-turbofan ${MAP}`, Category.INTERPRETER, "interpret"],
  [
    `  70/70  7f00 JS:*'#runMode file:///src/jit/dispatcher.ts:90:11 ${MAP}`,
    Category.OWN,
    "#runMode",
  ],
  [
    `  70/70  7f00 JS:+assemble file:///a (b)/program.ts:60:17 ${MAP}`,
    Category.OWN,
    "assemble",
  ],
  [
    `  70/70  7f00 JS:^translate file:///src/frontend/translate.ts:1:1 ${MAP}`,
    Category.OWN_BASELINE,
    "translate",
  ],
  [
    `  70/70  7f00 BytecodeHandler:Star ${MAP}`,
    Category.OWN_BASELINE,
    undefined,
  ],
  [
    `  70/70  55aa [unknown] ${DENO}`,
    Category.RUNTIME,
    undefined,
  ],
  [
    `  70/70  7f11 __memmove_avx (/usr/lib/libc.so.6)`,
    Category.RUNTIME,
    undefined,
  ],
  [`  70/70  ffff clear_page_erms ([kernel.kallsyms])`, Category.SYSTEM, undefined],
  [`  70/73  55aa [unknown] ${DENO}`, Category.OTHER_THREADS, undefined],
  [
    `  70/73  ffff clear_page_erms ([kernel.kallsyms])`,
    Category.OTHER_THREADS,
    undefined,
  ],
];

for (const [line, category, name] of SAMPLES) {
  Deno.test(`a sample${line.replace(/^ *\S+/, "")} counts as ${category}`, () => {
    const [sample, ...more] = readSamples(`${line}\n\n`);
    assertEquals(more, []);
    assertEquals(categoryOf(sample!), category);
    assertEquals(functionOf(sample!), name);
  });
}

Deno.test("readSamples() names a line that is no sample", () => {
  assertThrows(() => readSamples("70/70 7f00 a (b)\nlost samples\n"), Error, "lost samples");
});

Deno.test("countOf() counts, the most first", () => {
  assertEquals(countOf(["a", "b", "b", "c", "b", "c"]), [["b", 3], ["c", 2], ["a", 1]]);
});
