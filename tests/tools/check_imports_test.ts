import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { checkImports, readSources } from "../../_tools/check_imports.ts";
import { findImports } from "../../_tools/imports.ts";

/** Reasons for a repository of the modules given. */
function reasons(modules: Record<string, string>): string[] {
  return checkImports(new Map(Object.entries(modules))).map(({ file, line, reason }) =>
    `${file}:${line}: ${reason}`
  );
}

Deno.test("checkImports() accepts this repository", async () => {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  assertEquals(checkImports(await readSources(root)), []);
});

Deno.test("checkImports() refuses a folder that its row does not name, and types count", () => {
  assertEquals(
    reasons({ "src/jit/a.ts": 'import type { B } from "../frontend/b.ts";', "src/frontend/b.ts": "" }),
    ["src/jit/a.ts:1: src/jit must not import src/frontend: it may import ir, cpu, memory"],
  );
});

Deno.test("checkImports() lets the command line import one file of the frontend only", () => {
  const modules = {
    "src/cli/a.ts": 'import "../frontend/disassemble.ts";\nimport { d } from "../frontend/decode.ts";',
    "src/frontend/disassemble.ts": "",
    "src/frontend/decode.ts": "",
  };
  assertEquals(reasons(modules).map((reason) => reason.slice(0, 14)), ["src/cli/a.ts:2"]);
});

Deno.test("checkImports() refuses packages and node: modules in product code, not in tests", () => {
  assertEquals(
    reasons({
      "src/cpu/a.ts": 'import fs from "node:fs";\nimport { x } from "npm:iced-x86";',
      "src/cli/b.ts": 'import fs from "node:fs";',
      "tests/cpu/c_test.ts": 'import { x } from "npm:iced-x86";',
    }),
    [
      "src/cpu/a.ts:1: node:fs is for host-facing files only (src/cli/, src/linux/fs/host.ts)",
      "src/cpu/a.ts:2: npm:iced-x86 is a package: product code imports none",
    ],
  );
});

Deno.test("checkImports() refuses Deno's interface in product code", () => {
  assertEquals(
    reasons({ "src/cli/a.ts": "// Deno.exit\nDeno.exit(1);", "tests/b_test.ts": "Deno.test();" }),
    ["src/cli/a.ts:2: Deno.* is not there in Node.js and browsers"],
  );
});

Deno.test("checkImports() refuses circles at run time, not circles of types", () => {
  assertEquals(
    reasons({ "src/ir/a.ts": 'import { b } from "./b.ts";', "src/ir/b.ts": 'import { a } from "./a.ts";' }),
    ["src/ir/a.ts:1: imports itself in a circle: src/ir/a.ts → src/ir/b.ts → src/ir/a.ts"],
  );
  assertEquals(
    reasons({
      "src/ir/a.ts": 'import { b } from "./b.ts";',
      "src/ir/b.ts": 'import type { A } from "./a.ts";',
    }),
    [],
  );
});

Deno.test("checkImports() refuses files that are missing, folders without a row, and ways out of src/", () => {
  assertEquals(
    reasons({
      "src/cpu/a.ts": 'import "./none.ts";\nimport "../../tests/t.ts";',
      "src/new/b.ts": 'import "../cpu/a.ts";',
      "tests/t.ts": "",
    }),
    [
      "src/cpu/a.ts:1: ./none.ts does not exist",
      "src/cpu/a.ts:2: ../../tests/t.ts leads out of src/",
      "src/new/b.ts:1: src/new has no row in _tools/import_rules.ts",
    ],
  );
});

Deno.test("findImports() finds every form of import and its line, and no text in comments", () => {
  const source = [
    "/**",
    ' * import { no } from "./no.ts";',
    " */",
    'import a, { type b } from "./1.ts";',
    "import {",
    "  c,",
    '} from "./2.ts";',
    'import type { d } from "./3.ts";',
    'export * from "./4.ts";',
    'export type { e } from "./5.ts";',
    'import "./6.ts";',
    '// import "./no.ts";',
    'const f = await import("./7.ts");',
    'export const g = "./no.ts";',
    'import type from "./8.ts";',
  ].join("\n");
  assertEquals(
    findImports(source).map(({ specifier, line, typeOnly }) =>
      `${line} ${specifier}${typeOnly ? " type" : ""}`
    ),
    [
      "4 ./1.ts",
      "5 ./2.ts",
      "8 ./3.ts type",
      "9 ./4.ts",
      "10 ./5.ts type",
      "11 ./6.ts",
      "13 ./7.ts",
      "15 ./8.ts",
    ],
  );
});
