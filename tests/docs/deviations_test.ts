import { assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import { MNEMONICS } from "../../src/frontend/opcodes/mnemonics.ts";
import { SEMANTICS } from "../../src/frontend/semantics/mod.ts";

Deno.test("DEVIATIONS.md lists exactly the instructions that decode but raise #UD for want of semantics", () => {
  const text = readFileSync(new URL("../../DEVIATIONS.md", import.meta.url), "utf8");
  const section = /## Instructions that are decoded but not implemented\n([\s\S]*?)\n## /.exec(text)![1]!;
  const listed = [...section.matchAll(/`([A-Z][A-Z0-9]+)`/g)].map(([, name]) => name!);
  const missing = MNEMONICS.filter((mnemonic) => SEMANTICS[mnemonic] === undefined);
  assertEquals([...listed].sort(), [...missing].sort());
});
