/** Where functions of a region return to, and which of them are copied. */
import { assertEquals } from "@std/assert";
import { IrBuilder } from "../../../src/ir/builder.ts";
import type { Terminal } from "../../../src/ir/terminal.ts";
import type { Block } from "../../../src/ir/types.ts";
import { graphOf } from "../../../src/jit/wasm/region_graph.ts";

const MODE = 2, INSTRUCTION = 1;

/** Blocks at the addresses of their numbers, of so many instructions each. */
function blocksOf(
  terminals: readonly ((ir: IrBuilder) => Terminal)[],
  instructions: readonly number[] = [],
): Block[] {
  return terminals.map((terminal, n) => {
    const ir = new IrBuilder();
    const offsets = Array.from({ length: (instructions[n] ?? 2) + 1 }, (_, at) => at * INSTRUCTION);
    return ir.finish(BigInt(n), MODE, offsets, terminal(ir));
  });
}
const call = (target: number, returnTo: number) => (): Terminal => ({
  kind: "jump",
  target: BigInt(target),
  returnTo: BigInt(returnTo),
});
const jump = (target: number) => (): Terminal => ({ kind: "jump", target: BigInt(target) });
const branch = (taken: number, next: number) => (ir: IrBuilder): Terminal => ({
  kind: "branch",
  condition: ir.i32(1),
  taken: BigInt(taken),
  next: BigInt(next),
});
const ret = (ir: IrBuilder): Terminal => ({ kind: "indirect", target: ir.i64(0n), hint: "return" });
const computed = (ir: IrBuilder): Terminal => ({ kind: "indirect", target: ir.i64(0n), hint: "jump" });

const graph = (blocks: readonly Block[], targets: readonly (readonly bigint[])[] = []) =>
  graphOf(blocks, blocks.map((_, n) => targets[n] ?? []));

Deno.test("graphOf() copies a small function for each call, whose copy returns behind it alone", () => {
  // 0 calls 3 and goes on at 1, 1 calls 3 and goes on at 2; 3 branches to 4 or 5, and both return.
  const { originals, edges, returnedTo } = graph(
    blocksOf([call(3, 1), call(3, 2), jump(99), branch(4, 5), ret, ret]),
  );
  assertEquals(originals, [0, 1, 2, 3, 4, 5, 3, 4, 5, 3, 4, 5]);
  assertEquals(edges[0]!.direct, [6]);
  assertEquals(edges[1]!.direct, [9]);
  assertEquals(edges[6]!.direct, [7, 8]);
  assertEquals([edges[7]!.computed, edges[8]!.computed], [[1], [1]]);
  assertEquals([edges[10]!.computed, edges[11]!.computed], [[2], [2]]);
  assertEquals(returnedTo, new Set());
});

Deno.test("graphOf() copies what a function jumps to before it returns, by computed jumps too", () => {
  const { originals, edges } = graph(blocksOf([call(2, 1), jump(99), computed, ret, ret]), [[], [], [
    3n,
    4n,
  ]]);
  assertEquals(originals, [0, 1, 2, 3, 4, 2, 3, 4]);
  assertEquals(edges[5]!.computed, [6, 7]);
  assertEquals([edges[6]!.computed, edges[7]!.computed], [[1], [1]]);
});

Deno.test("graphOf() copies no function that calls another, or that is long: it returns behind its own calls alone", () => {
  // 0 calls 4, and 2 calls 6; 4 calls 6.
  const { originals, edges, returnedTo } = graph(
    blocksOf([call(4, 1), jump(2), call(6, 3), jump(99), call(6, 5), ret, ret], [2, 2, 2, 2, 2, 2, 100]),
  );
  assertEquals(originals, [0, 1, 2, 3, 4, 5, 6]);
  assertEquals(edges[5]!.computed, [1]);
  assertEquals(edges[6]!.computed, [3, 5]);
  assertEquals(returnedTo, new Set([1, 3, 5]));
});

Deno.test("graphOf() leaves a function that calls itself as it is", () => {
  const { originals, edges } = graph(blocksOf([call(0, 1), ret]));
  assertEquals(originals, [0, 1]);
  assertEquals(edges[0]!.direct, [0]);
  assertEquals(edges[1]!.computed, [1]);
});

Deno.test("graphOf() writes turns of a short loop in a row, the last of which goes on at the first", () => {
  const { originals, edges } = graph(blocksOf([jump(1), branch(1, 2), jump(99)], [2, 4, 2]));
  assertEquals(originals, [0, 1, 2, 1, 1, 1]);
  assertEquals(edges.map(({ direct }) => direct), [[1], [3, 2], [], [4, 2], [5, 2], [1, 2]]);
});

Deno.test("graphOf() writes fewer turns of a longer loop, and one of a long one, or of one that is a jump", () => {
  assertEquals(graph(blocksOf([branch(0, 1), jump(99)], [8])).originals, [0, 1, 0]);
  assertEquals(graph(blocksOf([branch(0, 1), jump(99)], [9])).originals, [0, 1]);
  assertEquals(graph(blocksOf([jump(0)])).originals, [0]);
});

Deno.test("graphOf() writes turns in a row of the loop of a copied function, too", () => {
  const { originals, edges } = graph(blocksOf([call(2, 1), jump(99), branch(2, 3), ret], [2, 2, 8, 2]));
  assertEquals(originals, [0, 1, 2, 3, 2, 3, 2, 2]);
  assertEquals([edges[4]!.direct, edges[7]!.direct], [[7, 5], [4, 5]]);
});
