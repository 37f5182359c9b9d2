import { assertEquals } from "@std/assert";
import { parse } from "../../../src/ir/parse.ts";
import { dead } from "../../../src/ir/passes/dead.ts";
import { optimize } from "../../../src/ir/passes/optimize.ts";
import { print } from "../../../src/ir/print.ts";
import type { Block } from "../../../src/ir/types.ts";
import { cellOfName, nameOfCell } from "../../../src/cpu/state_names.ts";
import { EFFECTS } from "../../_support/random_block.ts";

function after(pass: (block: Block) => Block, body: string, end = "jump 0x2000"): string {
  const block = parse(`${body}\n${end}`, { cell: cellOfName });
  return print(pass(block), { cell: nameOfCell }).split("\n").slice(1, -2)
    .filter((line) => !line.startsWith(";")).join("\n");
}

const remaining = (body: string, end?: string): string => after((block) => dead(block, EFFECTS), body, end);

function lines(text: string): string {
  return text.trim().split("\n").map((line) => line.trim()).join("\n");
}

Deno.test("dead() removes a set that is overwritten unseen", () => {
  assertEquals(
    remaining(`
      %0 = get32 CF
      set32 ZF, %0
      %1 = add32 %0, %0
      set32 ZF, %1`),
    lines(`
      %0 = get32 CF
      %1 = add32 %0, %0
      set32 ZF, %1`),
  );
});

for (
  const [what, seen] of [
    ["a load", "%9 = load8 %1"],
    ["a store", "store8 %1, %0"],
    ["a fault", "faultIf %0, vector 6"],
    ["a helper call", "call #0, %0"],
    ["a get of the cell", "%9 = get32 ZF\nset32 OF, %9"],
    ["a get of a wider cell", "%9 = get64 0x90\nset64 RAX, %9"],
  ]
) {
  Deno.test(`dead() keeps a set before ${what}`, () => {
    const text = `%0 = get32 CF\n%1 = get64 RCX\nset32 ZF, %0\n${seen}\nset32 ZF, %0\nset64 RCX, %1`;
    const sets = remaining(text).split("\n").filter((line) => line.startsWith("set32 ZF"));
    assertEquals(sets.length, 2);
  });
}

Deno.test("dead() removes a set before operations that neither leave nor look at the state", () => {
  const text =
    "%0 = get32 CF\nset32 ZF, %0\n%9 = f32add %0, %0\n%8:i32 = callpure #2, %0\nset32 ZF, %9\nset32 OF, %8";
  assertEquals(remaining(text).includes("set32 ZF, %0"), false);
});

Deno.test("dead() keeps a wide set that is overwritten in part", () => {
  const text = lines(`
    %0 = getv XMM1
    setv XMM0, %0
    %2 = get64 RAX
    set64 XMM0, %2`);
  assertEquals(remaining(text), text);
});

Deno.test("dead() removes a wide set that narrower ones overwrite together, and a narrow one under a wide one", () => {
  assertEquals(
    remaining(`
      %0 = getv XMM1
      %1 = get64 RAX
      setv XMM0, %0
      set64 XMM0, %1
      set64 0x408, %1
      set64 XMM2, %1
      setv XMM2, %0`),
    lines(`
      %0 = getv XMM1
      %1 = get64 RAX
      set64 XMM0, %1
      set64 0x408, %1
      setv XMM2, %0`),
  );
});

Deno.test("dead() removes unused values and gets, but no loads", () => {
  assertEquals(
    remaining(`
      %0 = get64 RAX
      %1 = get64 RCX
      %2 = add64 %0, %1
      %3 = load64 %0`),
    lines(`
      %0 = get64 RAX
      %1 = load64 %0`),
  );
});

Deno.test("dead() keeps every set of MXCSR and what the terminal needs", () => {
  const text = lines(`
    %0 = get32 CF
    set32 MXCSR, %0
    set32 MXCSR, %0
    %3 = add32 %0, %0`);
  assertEquals(remaining(text, "branch %3, 0x2000, 0x3000"), text);
});

Deno.test("dead() counts uses", () => {
  const block = parse("%0 = get32 CF\n%1 = add32 %0, %0\nset32 ZF, %1\nbranch %1, 0x2000, 0x3000", {
    cell: cellOfName,
  });
  assertEquals(dead(block, EFFECTS).insts.map((inst) => inst.uses), [2, 2, 0]);
});

Deno.test("optimize() leaves of the flags of two additions in a row the second's only", () => {
  const add = (n: number): string => `
    ; +${3 * n}
    %x${n} = get64 RAX
    %y${n} = get64 RCX
    %s${n} = add64 %x${n}, %y${n}
    set64 RAX, %s${n}
    %c${n} = ltu64 %s${n}, %x${n}
    set32 CF, %c${n}
    %l${n} = lo %s${n}
    set32 PF, %l${n}`;
  assertEquals(
    after((block) => optimize(block, EFFECTS), add(0) + add(1) + "\n; +6"),
    lines(`
      %0 = get64 RAX
      %1 = get64 RCX
      %2 = add64 %0, %1
      %3 = add64 %1, %2
      set64 RAX, %3
      %5 = ltu64 %3, %2
      set32 CF, %5
      %7 = lo %3
      set32 PF, %7`),
  );
});

Deno.test("optimize() keeps what else is known of a block", () => {
  const text = "block pc=0x401000 mode=0x46 float\n; +0\n; +3\njump 0x402000, 0x401003\n";
  assertEquals(print(optimize(parse(text), EFFECTS)), text);
});
