import { assertEquals } from "@std/assert";
import { opCounts } from "./op_counts.ts";

const FOLDER = new URL("./", import.meta.url);

Deno.test("the number of IR operations of each instruction is the one in op_counts.tsv", () => {
  const files = [...Deno.readDirSync(FOLDER)].map(({ name }) => name).filter((name) => name.endsWith(".txt"))
    .sort().map((name) => [name, Deno.readTextFileSync(new URL(name, FOLDER))] as const);
  const expected = Deno.readTextFileSync(new URL("op_counts.tsv", FOLDER)).split("\n");
  const actual = opCounts(files).split("\n");
  const changed = (from: string[], to: string[]): string[] => {
    const known = new Set(to);
    return from.filter((line) => !known.has(line));
  };
  assertEquals(
    { now: changed(actual, expected), before: changed(expected, actual) },
    { now: [], before: [] },
    "if the numbers may change, run tests/filetests/update.ts and look at the difference",
  );
});
