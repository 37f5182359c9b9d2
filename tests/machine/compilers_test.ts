/** What happens where the host compiles no WebAssembly, or nothing at all. */
import { assert, assertEquals } from "@std/assert";
import { whyNoWebAssembly } from "../../src/machine/compilers.ts";

import { bare } from "../frontend/semantics/bare.ts";

const refusal = (reason: string) =>
  class {
    constructor() {
      throw new WebAssembly.CompileError(reason);
    }
  };

/** Runs something in a host that refuses every module, and maybe every function, and collects warnings. */
function refusing({ functions }: { readonly functions: boolean }, run: () => void): string[] {
  const { Module } = WebAssembly, { warn } = console, { Function } = globalThis;
  const warnings: string[] = [];
  console.warn = (line: string) => void warnings.push(line);
  WebAssembly.Module = refusal("refused by policy") as unknown as typeof WebAssembly.Module;
  if (functions) globalThis.Function = refusal("no eval") as unknown as typeof Function;
  try {
    run();
  } finally {
    WebAssembly.Module = Module;
    globalThis.Function = Function;
    console.warn = warn;
  }
  return warnings;
}

/** MOV ECX, 100; l: ADD EAX, ECX; LOOP l */
const SUM = "b9 64 00 00 00 01 c8 e2 fc";

function addUp(engine: "js" | "wasm"): void {
  const cpu = bare(engine, SUM);
  cpu.set("rax", 0n);
  cpu.run();
  assertEquals(cpu.get("rax"), 5050n);
}

Deno.test("a host that refuses WebAssembly runs guest code as JavaScript, and says so once", () => {
  const warnings = refusing({ functions: false }, () => {
    assertEquals(whyNoWebAssembly(), "refused by policy");
    for (let round = 0; round < 2; round++) addUp("wasm");
  });
  assertEquals(warnings.length, 1);
  assert(warnings[0]!.includes("becomes JavaScript (refused by policy)"), warnings[0]);
  assertEquals(whyNoWebAssembly(), undefined);
});

Deno.test("a host that makes no functions of text either interprets guest code, and says so once", () => {
  const warnings = refusing({ functions: true }, () => {
    for (const engine of ["wasm", "js"] as const) addUp(engine);
  });
  assertEquals(warnings, ["causeway: the host compiles nothing, so guest code is interpreted (no eval)"]);
});
