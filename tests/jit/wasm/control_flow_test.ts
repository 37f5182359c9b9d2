/** The structure that regions get: every edge is a branch to an open block, to the start of a loop, or to one that is told. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { atOnce } from "../../../src/jit/slices.ts";
import {
  analyseControlFlow as analyseInSlices,
  type ControlFlow,
} from "../../../src/jit/wasm/control_flow.ts";
import { OUTSIDE } from "../../../src/jit/wasm/loop_entries.ts";

const analyseControlFlow = (...graph: Parameters<typeof analyseInSlices>): ControlFlow =>
  atOnce(analyseInSlices(...graph));

Deno.test("analyseControlFlow() makes loops of natural ones, and merges of what several edges lead to", () => {
  // 0 → 1 → 2 → 1, 2 → 3; 0 → 3.
  const flow = analyseControlFlow([[1, 3], [2], [1, 3], []], [0]);
  // Control comes back to the loop's header where the budget is used up.
  assertEquals(flow.entrances, [0, 1]);
  assertEquals(flow.loopEntries, []);
  assertEquals(flow.isLoop, [false, true, false, false]);
  assertEquals(flow.isMerge, [true, true, false, true]);
  assertEquals(flow.outermost, [0, 1, 3]);
});

Deno.test("analyseControlFlow() gives a loop that is entered in two places one start, which is told of the second", () => {
  // 0 → 1 ⇄ 2 ← 0: neither of the two dominates the other.
  const { loopEntries: [entry], step } = analyseControlFlow([[1, 2], [2], [1]], [0]);
  assertEquals(entry!.members, new Set([1, 2]));
  const other = entry!.header === 1 ? 2 : 1;
  // Its header is told of from outside, where control comes back to it.
  assertEquals(entry!.told, new Set([1, 2]));
  assertEquals(step(0, entry!.header!), { node: 3, tells: false });
  assertEquals(step(0, other), { node: 3, tells: true });
  assertEquals(step(entry!.header!, other), { node: other, tells: false });
  assertEquals(step(other, entry!.header!), { node: 3, tells: false });
});

Deno.test("analyseControlFlow() keeps a loop whose inner loop is entered from outside, under a start of its own", () => {
  // 0 → 1 → 1, 1 → 2 → 0: blocks 0 and 1 are headers.
  const { loopEntries, isLoop, step } = analyseControlFlow([[1], [1, 2], [0]], [0]);
  assertEquals(loopEntries.map(({ header }) => header), [0]);
  assertEquals(isLoop, [false, true, false, true]);
  assertEquals(step(OUTSIDE, 1), { node: 3, tells: true });
});

Deno.test("analyseControlFlow() makes one start for all where many loops would have to be gone through", () => {
  // Each of five blocks leads to each other: as functions do that call each other.
  const blocks = [0, 1, 2, 3, 4], successors = blocks.map(() => blocks);
  const { loopEntries } = analyseControlFlow(successors, blocks);
  assertEquals(loopEntries.map(({ header }) => header), [undefined]);
});

Deno.test("analyseControlFlow() divides the search for loops in loops", () => {
  // Each block leads to the one behind it and back to the first ones: a loop in which there is one, and so on.
  const SIZE = 60, DEPTH = 12;
  const successors = Array.from({ length: SIZE }, (_, n) => [(n + 1) % SIZE, Math.min(n, SIZE - n) % DEPTH]);
  const parts = [...analyseInSlices(successors, [0, 30])];
  assert(parts.length >= DEPTH, `${parts.length} parts`);
  assert(parts.every((instructions) => instructions <= SIZE), `${parts}`);
});

/** Graphs of up to 24 blocks all of which control reaches from block 0. */
const graphs = fc.integer({ min: 1, max: 24 }).chain((size) =>
  fc.record({
    edges: fc.array(fc.array(fc.nat({ max: size - 1 }), { maxLength: 3 }), {
      minLength: size,
      maxLength: size,
    }),
    entrances: fc.array(fc.nat({ max: size - 1 }), { maxLength: 3 }),
  })
).map(({ edges, entrances }) => ({
  edges: edges.map((list, n) => [...new Set(n + 1 < edges.length ? [...list, n + 1] : list)]),
  entrances: [0, ...entrances],
}));

/** Fails unless an edge of the structure can be written. */
function assertOpen(
  { merges, isLoop, isMerge, dominates, outermost }: ControlFlow,
  from: number,
  to: number,
): void {
  if (isLoop[to] && from !== OUTSIDE && dominates(to, from)) return;
  // An open block stands behind a dominator of both, or is outermost; else it goes on in place.
  const behind = merges.findIndex((nodes) => nodes.includes(to));
  if (isMerge[to]) assert(outermost.includes(to) || dominates(behind, from), `${from} → ${to}`);
  else assert(dominates(from, to), `${from} → ${to}`);
}

Deno.test("analyseControlFlow() opens the blocks that no loop contains, as far as they are reached", () => {
  // 0 → 1 ⇄ 2, which leaves to 3 and 4; nothing leads to 5, and 6 is a copy that the outside does not know.
  const successors = [[1], [2], [1, 3, 4], [6], [], [4], [4]];
  assertEquals(analyseControlFlow(successors, [0], 6).entrances, [0, 1]);
  const { entrances, isMerge } = analyseControlFlow(successors, [0], 6, true);
  assertEquals(entrances, [0, 1, 3, 4]);
  assertEquals([isMerge[2], isMerge[3], isMerge[6]], [false, true, false]);
});

Deno.test("analyseControlFlow() leaves no edge that structure cannot express", () => {
  fc.assert(fc.property(graphs, fc.boolean(), ({ edges, entrances }, open) => {
    const flow = analyseControlFlow(edges, entrances, edges.length, open);
    const ways: [from: number, to: number][] = edges.flatMap((list, from) =>
      list.map((to) => [from, to] as [number, number])
    );
    for (const entrance of entrances) assert(flow.entrances.includes(entrance));
    for (const entrance of flow.entrances) ways.push([OUTSIDE, entrance]);
    for (const [from, to] of ways) {
      let { node, tells } = flow.step(from, to);
      assertOpen(flow, from, node);
      for (;;) {
        const entry = flow.loopEntries[node - edges.length];
        if (entry === undefined) break;
        if (tells || from === OUTSIDE) assert(entry.told.has(to), `${node} is told of ${to}`);
        else assertEquals(entry.header, to);
        const next = flow.next(entry, to);
        assertOpen(flow, node, next);
        node = next;
      }
      assertEquals(node, to);
    }
  }));
});
