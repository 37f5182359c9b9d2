/** What happens where the host compiles no WebAssembly. */
import { assert, assertEquals } from "@std/assert";
import { whyNoWebAssembly } from "../../src/machine/compilers.ts";
import { bare } from "../frontend/semantics/bare.ts";

/** Runs something in a host that refuses every module, and collects warnings. */
function refusing(run: () => void): string[] {
  const { Module } = WebAssembly, { warn } = console;
  const warnings: string[] = [];
  console.warn = (line: string) => void warnings.push(line);
  WebAssembly.Module = class {
    constructor() {
      throw new WebAssembly.CompileError("refused by policy");
    }
  } as unknown as typeof WebAssembly.Module;
  try {
    run();
  } finally {
    WebAssembly.Module = Module;
    console.warn = warn;
  }
  return warnings;
}

Deno.test("a host that refuses WebAssembly runs guest code as JavaScript, and says so once", () => {
  const warnings = refusing(() => {
    assertEquals(whyNoWebAssembly(), "refused by policy");
    for (let round = 0; round < 2; round++) {
      // mov ecx, 100; l: add eax, ecx; loop l
      const cpu = bare("wasm", "b9 64 00 00 00 01 c8 e2 fc");
      cpu.set("rax", 0n);
      cpu.run();
      assertEquals(cpu.get("rax"), 5050n);
    }
  });
  assertEquals(warnings.length, 1);
  assert(warnings[0]!.includes("refused by policy"));
  assertEquals(whyNoWebAssembly(), undefined);
});
