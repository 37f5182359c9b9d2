import { assertEquals } from "@std/assert";
import plugin from "../../_tools/lint.ts";

/** Names of the rules that a source breaks. */
const broken = (source: string): string[] =>
  Deno.lint.runPlugin(plugin, "source.ts", source).map(({ id }) => id);

const literal = (properties: number): string =>
  `const x = {${Array.from({ length: properties }, (_, n) => `p${n}: ${n}`).join(", ")}};`;

Deno.test("lint: literals that V8 makes hash tables of are reported", () => {
  assertEquals(broken(literal(127)), []);
  assertEquals(broken(literal(128)), ["causeway/small-literals"]);
  assertEquals(broken(`const x = { ...a, ...b };`), []);
});

Deno.test("lint: generator functions in functions are reported, methods and functions of the module are not", () => {
  const inner = "function* inner() { yield 1; }";
  assertEquals(broken(inner), []);
  assertEquals(broken(`class A { *method() { yield 1; } }`), []);
  assertEquals(broken(`const made = function* () { yield 1; };`), []);
  for (const outer of [`function outer() { ${inner} }`, `const outer = () => { ${inner} };`]) {
    assertEquals(broken(outer), ["causeway/outer-generators"], outer);
  }
  assertEquals(broken(`class A { method() { return function* () { yield 1; }; } }`), [
    "causeway/outer-generators",
  ]);
});
