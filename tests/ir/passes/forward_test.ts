import { assertEquals } from "@std/assert";
import { parse } from "../../../src/ir/parse.ts";
import { dead } from "../../../src/ir/passes/dead.ts";
import { forward } from "../../../src/ir/passes/forward.ts";
import { print } from "../../../src/ir/print.ts";
import { cellOfName, nameOfCell } from "../../../src/cpu/state_names.ts";
import { EFFECTS } from "../../_support/random_block.ts";

/** Body of the block after forwarding, and after values that nobody uses are gone. */
function forwarded(body: string): string {
  const block = parse(`${body}\njump 0x2000`, { cell: cellOfName });
  return print(dead(forward(block, EFFECTS), EFFECTS), { cell: nameOfCell }).split("\n").slice(2, -2).join(
    "\n",
  );
}

function lines(text: string): string {
  return text.trim().split("\n").map((line) => line.trim()).join("\n");
}

Deno.test("forward() replaces a get behind a set or get of the same cell", () => {
  assertEquals(
    forwarded(`
      %1 = get64 RAX
      %2 = get64 RAX
      %3 = add64 %1, %2
      set64 RCX, %3
      %4 = get64 RCX
      set64 RDX, %4`),
    lines(`
      %0 = get64 RAX
      %1 = add64 %0, %0
      set64 RCX, %1
      set64 RDX, %1`),
  );
});

Deno.test("forward() takes parts from wider values", () => {
  assertEquals(
    forwarded(`
      %1 = getv XMM1
      setv XMM0, %1
      %2 = get64 0x408
      set64 RAX, %2
      %3 = get32 0x404
      set32 CF, %3
      %4 = get64 RAX
      set64 RCX, %4
      %5 = get32 0xc
      set32 OF, %5`),
    lines(`
      %0 = getv XMM1
      setv XMM0, %0
      %2 = vextract64 %0, #1
      set64 RAX, %2
      %4 = vextract32 %0, #1
      set32 CF, %4
      set64 RCX, %2
      %7 = hi %2
      set32 OF, %7`),
  );
});

Deno.test("forward() keeps a get whose cell was written in part", () => {
  const text = lines(`
    %0 = getv XMM1
    setv XMM0, %0
    %2 = get64 RAX
    set64 XMM0, %2
    %4 = getv XMM0
    setv XMM2, %4
    %6 = get32 CF
    set32 0x204, %6
    %8 = get64 FPR0
    set64 RCX, %8`);
  assertEquals(forwarded(text), text);
});

Deno.test("forward() keeps a get of a part of which some was written", () => {
  const text = lines(`
    %0 = getv XMM1
    setv XMM0, %0
    %2 = get32 CF
    set32 0x40c, %2
    %4 = get64 0x408
    set64 RAX, %4`);
  assertEquals(forwarded(text), text);
});

Deno.test("forward() reads what a partial write left of a wider value", () => {
  assertEquals(
    forwarded(`
      %0 = getv XMM1
      %1 = get64 RAX
      set64 XMM1, %1
      %2 = get64 0x418
      set64 RCX, %2
      %3 = get32 XMM1
      set32 CF, %3`),
    lines(`
      %0 = getv XMM1
      %1 = get64 RAX
      set64 XMM1, %1
      %3 = vextract64 %0, #1
      set64 RCX, %3
      %5 = lo %1
      set32 CF, %5`),
  );
});

Deno.test("forward() removes a set of what the cell holds", () => {
  assertEquals(
    forwarded(`
      %0 = get64 RAX
      set64 RAX, %0
      %1 = const32 0
      set32 CF, %1
      %2 = load8 %0
      %3 = const32 0
      set32 CF, %3
      set32 OF, %2`),
    lines(`
      %0 = get64 RAX
      %1 = const32 0
      set32 CF, %1
      %3 = load8 %0
      set32 OF, %3`),
  );
});

Deno.test("forward() never forwards MXCSR and other cells that change behind it", () => {
  const text = lines(`
    %0 = get32 CF
    set32 MXCSR, %0
    %2 = get32 MXCSR
    set32 CF, %2
    set32 FP_RAISED, %0
    %5 = get32 FP_RAISED
    set32 OF, %5`);
  assertEquals(forwarded(text), text);
});

Deno.test("forward() forgets at a helper call what the helper touches, and no more", () => {
  const around = (helper: number): string => `
    %0 = get64 RAX
    %1 = get64 FPR1
    %2:i64 = call #${helper}, %0
    %3 = get64 RAX
    set64 RCX, %3
    %4 = get64 FPR1
    set64 RDX, %4
    set64 RBX, %1`;
  const calls = (text: string): string[] => text.split("\n").filter((line) => line.includes("get64"));
  const cells = (helper: number): (string | undefined)[] =>
    calls(forwarded(around(helper))).map((line) => line.split(" ").at(-1));
  assertEquals(cells(0), ["RAX", "FPR1"]);
  assertEquals(cells(1), ["RAX", "FPR1", "FPR1"]);
  assertEquals(cells(2), ["RAX", "FPR1", "RAX", "FPR1"]);
});

Deno.test("forward() forwards across helpers that touch no state and across memory accesses", () => {
  assertEquals(
    forwarded(`
      %0 = get64 RAX
      %1:i64 = callpure #2, %0
      store64 %0, %1
      %2 = get64 RAX
      set64 RCX, %2`),
    lines(`
      %0 = get64 RAX
      %1:i64 = callpure #2, %0
      store64 %0, %1
      set64 RCX, %0`),
  );
});
