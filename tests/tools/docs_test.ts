import { assertEquals } from "@std/assert";
import { findConsoleExamples, findLinks, findPaths, headingFragments } from "../../_tools/docs.ts";

Deno.test("findLinks() finds links and pictures, and neither web addresses nor code", () => {
  const text =
    "# A\n[a](b.md#c-d) ![x](p.svg)\n[w](https://example.org) `[n](no.md)`\n```\n[n](no.md)\n```\n[h](#a)";
  assertEquals(findLinks(text).map(({ line, path, fragment }) => `${line} ${path} ${fragment}`), [
    "2 b.md c-d",
    "2 p.svg ",
    "7  a",
  ]);
});

Deno.test("headingFragments() writes headings as code hosts do", () => {
  assertEquals(headingFragments("# One `x`: two!\n## Three-four\n```\n# no\n```\n"), [
    "one-x-two",
    "three-four",
  ]);
});

Deno.test("findPaths() finds paths of ours in backticks", () => {
  assertEquals(findPaths("`src/ir/` and `deno run` and `tests/cli/x_test.ts`\n```\n`src/no`\n```\n"), [
    "src/ir/",
    "tests/cli/x_test.ts",
  ]);
});

Deno.test("findConsoleExamples() pairs commands with what they print", () => {
  const text = "x\n```console\n$ a b\n1\n2\n$ c\n$ d\n3\n```\n```sh\n$ no\n```\n";
  assertEquals(findConsoleExamples(text), [
    { line: 3, command: "a b", output: "1\n2\n" },
    { line: 6, command: "c", output: undefined },
    { line: 7, command: "d", output: "3\n" },
  ]);
});
