/** What a profile's samples are counted as. */
import { assertEquals, assertThrows } from "@std/assert";
import { categoryOf, countOf, functionOf, readSamples } from "../../bench/samples.ts";

const MAP = "(/tmp/perf-70.map)", DENO = "(/opt/deno)";
/** Samples as `perf script` prints them, what each counts as, and the function's name. */
const SAMPLES: readonly (readonly [string, string, string | undefined])[] = [
  [`  70/70  7f00 JS:guest_401120-8-turbofan ${MAP}`, "guest code, optimized by V8", "guest_401120"],
  [`  70/70  7f00 JS:guest_401120-8-liftoff ${MAP}`, "guest code, in V8's baseline code", "guest_401120"],
  [
    `  70/70  7f00 JS:FIND_WAY-23-turbofan ${MAP}`,
    "what guest code calls in WebAssembly: TLB, ways, flags",
    "FIND_WAY",
  ],
  [`  70/70  7f00 JS:interpret-1-turbofan ${MAP}`, "the interpreter's loop", "interpret"],
  [
    `  70/70  7f00 JS:*'#runMode file:///src/jit/dispatcher.ts:90:11 ${MAP}`,
    "translation, compilation and devices: TypeScript, optimized",
    "#runMode",
  ],
  [
    `  70/70  7f00 JS:+assemble file:///a (b)/program.ts:60:17 ${MAP}`,
    "translation, compilation and devices: TypeScript, optimized",
    "assemble",
  ],
  [
    `  70/70  7f00 JS:^translate file:///src/frontend/translate.ts:1:1 ${MAP}`,
    "the same, not optimized yet, and V8's own code for it",
    "translate",
  ],
  [
    `  70/70  7f00 BytecodeHandler:Star ${MAP}`,
    "the same, not optimized yet, and V8's own code for it",
    undefined,
  ],
  [
    `  70/70  55aa [unknown] ${DENO}`,
    "the runtime: V8's parser, baseline compiler, collector; Deno",
    undefined,
  ],
  [
    `  70/70  7f11 __memmove_avx (/usr/lib/libc.so.6)`,
    "the runtime: V8's parser, baseline compiler, collector; Deno",
    undefined,
  ],
  [`  70/70  ffff clear_page_erms ([kernel.kallsyms])`, "the system: page faults, files", undefined],
  [`  70/73  55aa [unknown] ${DENO}`, "other threads: V8's optimizing compilers and collectors", undefined],
  [
    `  70/73  ffff clear_page_erms ([kernel.kallsyms])`,
    "other threads: V8's optimizing compilers and collectors",
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
