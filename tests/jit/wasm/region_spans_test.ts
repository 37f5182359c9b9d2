/** Which accesses of a block have their spans in the same cells. */
import { assertEquals } from "@std/assert";
import { cellOfName } from "../../../src/cpu/state_names.ts";
import { parse } from "../../../src/ir/parse.ts";
import type { RegionSurroundings } from "../../../src/jit/wasm/emitter.ts";
import { FunctionCode } from "../../../src/jit/wasm/encoder.ts";
import { GroupCells } from "../../../src/jit/wasm/group_spans.ts";
import { I32 } from "../../../src/jit/wasm/instructions.ts";
import { RegionSpans } from "../../../src/jit/wasm/region_spans.ts";

/** For each access of a block of some operations: which of those before it has the same cells, or itself. */
function groups(...operations: string[]): number[] {
  const lines = ["block pc=0x1000 mode=0x6", "; +0", ...operations, "; +4", "jump 0x1004"];
  const block = parse(lines.join("\n"), { cell: cellOfName });
  const surroundings = { groupCells: new GroupCells() } as unknown as RegionSurroundings;
  const spans = new RegionSpans(new FunctionCode([I32]), [block], 0, surroundings);
  const cells = block.insts.filter(({ op }) => /^load|^store/.test(op)).map((inst) => {
    const code = new FunctionCode([]);
    spans.find(inst).pushCells(code);
    return code.view().join();
  });
  return cells.map((one) => cells.indexOf(one));
}

Deno.test("accesses around one value share a span, those around another one that an index is added to do not", () => {
  assertEquals(
    groups(
      "%0 = get64 RBX",
      "%1 = get64 R8",
      "%2 = add64 %0, %1",
      "%3 = load64 %2",
      "%4 = get64 R15",
      "%5 = add64 %4, %1",
      "%6 = load64 %5",
      "%7 = const64 8",
      "%8 = add64 %2, %7",
      "store64 %8, %6",
    ),
    [0, 1, 0],
  );
});

Deno.test("a register that another pointer has been loaded into leads elsewhere", () => {
  assertEquals(
    groups(
      "%0 = get64 RAX",
      "%1 = load64 %0",
      "set64 RAX, %1",
      "%3 = load64 %1",
      "set64 RAX, %3",
      "%5 = load64 %3",
    ),
    [0, 1, 2],
  );
});

Deno.test("what RSP holds is the stack, with an index too, and what is on one page of known addresses is together", () => {
  assertEquals(
    groups(
      "%0 = get64 RSP",
      "%1 = load64 %0",
      "%2 = get64 RCX",
      "%3 = add64 %0, %2",
      "store64 %3, %1",
      "set64 RSP, %1",
      "%6 = load64 %1",
      "%7 = const64 0x405010",
      "%8 = load64 %7",
      "%9 = const64 0x405ff0",
      "%10 = load64 %9",
      "%11 = const64 0x406000",
      "%12 = load64 %11",
    ),
    [0, 0, 0, 3, 3, 5],
  );
});
