/** What engines emit for a set of guest sequences, so that it does not grow unseen. */
import { assertEquals } from "@std/assert";
import { COUNTERS } from "./counters.ts";
import { measureAll } from "./measure.ts";
import { disassembledLines, readCounts, readSequences, type Row } from "./sequences.ts";

const AGAIN = "if that is as it should be, run tests/jit/code_quality/update.ts";

Deno.test("sequences.txt: the bytes are the instructions they are said to be", () => {
  for (const sequence of readSequences()) {
    assertEquals(sequence.lines, disassembledLines(sequence), sequence.name);
  }
});

Deno.test("counts.tsv: engines emit as many operations, accesses and calls as they did", () => {
  const texts = (rows: readonly Row[]): string[] =>
    rows.map(({ sequence, engine, operations, accesses, calls }) =>
      `${sequence} (${engine}): ${operations} operations, ${accesses} accesses, ${calls} calls`
    );
  assertEquals(texts(measureAll()), texts(readCounts()), AGAIN);
});

Deno.test("COUNTERS know operations, accesses and calls of each language", () => {
  assertEquals(COUNTERS["js"]!("const v=(a+b)|0;M[3]=v;if(M[e]===x){S64(v,M[1]);}"), {
    operations: 3,
    accesses: 3,
    calls: 1,
  });
  const wasm =
    "  local.get 0\n  i32.load offset=4 align=4\n  i32.const 5\n  i32.add\n  call S64\n  block\n  end\n  br_if 0";
  assertEquals(COUNTERS["wasm"]!(wasm), { operations: 2, accesses: 1, calls: 1 });
});
