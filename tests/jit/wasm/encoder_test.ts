/** What regions are encoded with, and the text that shows them. */
import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Bytes, encodeModule, FunctionCode, Imports } from "../../../src/jit/wasm/encoder.ts";
import { I32, VOID, W } from "../../../src/jit/wasm/instructions.ts";
import { countInstructions, printCode } from "../../../src/jit/wasm/printer.ts";
import { hashOf } from "../../../src/jit/wasm/target_hash.ts";

/** A host's word for the module's function, called once. */
function run(code: FunctionCode, imports: Imports, f: WebAssembly.ModuleImports, argument: number): number {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  const table = new WebAssembly.Table({ element: "anyfunc", initial: 4 });
  const bytes = encodeModule([{ code, place: 3, name: "tested" }], imports, 1);
  new WebAssembly.Instance(new WebAssembly.Module(bytes), { f, s: { m: memory, t: table } });
  return (table.get(3) as (argument: number) => number)(argument);
}

Deno.test("s32() and s64() append what the host reads as the same constant", () => {
  fc.assert(fc.property(fc.integer(), fc.integer(), (lo, hi) => {
    const code = new FunctionCode([I32]);
    code.i64(lo, hi);
    code.i64(32, 0);
    code.op(W.i64_shr_u);
    code.op(W.i32_wrap_i64);
    code.i32(lo);
    code.op(W.i32_xor);
    assertEquals(run(code, new Imports(), {}, 0), hi ^ lo);
  }));
});

Deno.test("encodeModule() places functions in the table, and calls imports in the order of their first use", () => {
  const imports = new Imports(), code = new FunctionCode([I32]);
  code.get(0);
  code.call(imports.index("twice", [I32], true));
  code.get(0);
  code.call(imports.index("note", [I32], false));
  const noted: number[] = [];
  const functions = { twice: (x: number) => 2 * x, note: (x: number) => void noted.push(x) };
  assertEquals(run(code, imports, functions, 21), 42);
  assertEquals(noted, [21]);
  assertEquals(imports.index("twice", [I32], true), 0);
});

Deno.test("prepend() keeps branches and their hints in place", () => {
  const code = new FunctionCode([I32]), local = code.local(I32);
  code.get(0);
  code.openHinted(VOID, 0);
  code.i32(5);
  code.set(local);
  code.end();
  code.get(local);
  const start = new FunctionCode([]);
  start.i32(7);
  start.set(local);
  code.prepend(start, code.view().slice());
  assertEquals(code.hints[0]![0], start.length + 2);
  assertEquals([run(code, new Imports(), {}, 0), run(code, new Imports(), {}, 1)], [7, 5]);
});

Deno.test("printCode() writes the text format, with blocks indented", () => {
  const code = new FunctionCode([I32]);
  const out = code.open(W.block, VOID);
  code.get(0);
  code.brIf(out);
  code.load(W.i64_load, 16);
  code.op(W.drop);
  code.end();
  code.call(0);
  code.op(W.i8x16_shuffle);
  for (let n = 0; n < 16; n++) code.u8(n);
  assertEquals(
    printCode(code.view(), () => "S64"),
    [
      "  block",
      "    local.get 0",
      "    br_if 0",
      "    i32.const 0",
      "    i64.load offset=16 align=1",
      "    drop",
      "  end",
      "  call S64",
      "  i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15",
    ].join("\n"),
  );
  assertEquals(countInstructions(code.view()).get("local_get"), 1);
});

Deno.test("printCode() refuses what is no instruction", () => {
  const bytes = new Bytes();
  bytes.u8(0xff);
  assertThrows(() => printCode(bytes.view(), String), Error, "no instruction has the opcode 0xff");
});

Deno.test("hashOf() finds each target, and nothing twice", () => {
  fc.assert(fc.property(fc.uniqueArray(fc.integer(), { minLength: 1, maxLength: 64 }), (values) => {
    const { multiplier, shift, table } = hashOf(values);
    const found = values.map((value) => table[Math.imul(value, multiplier) >>> shift]);
    assertEquals(found, [...values.keys()]);
  }));
});
