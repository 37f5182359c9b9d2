/** The structure that regions get: every edge is a branch to an open block, to the start of a loop, or a dispatch. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { analyseControlFlow } from "../../../src/jit/wasm/control_flow.ts";

Deno.test("analyseControlFlow() makes loops of natural ones, and merges of what several edges lead to", () => {
  // 0 → 1 → 2 → 1, 2 → 3; 0 → 3.
  const flow = analyseControlFlow([[1, 3], [2], [1, 3], []], [0]);
  assertEquals(flow.dispatched, [0]);
  assertEquals(flow.isLoop, [false, true, false, false]);
  assertEquals(flow.isMerge, [true, false, false, true]);
  assertEquals(flow.merges[0], [3]);
});

Deno.test("analyseControlFlow() dispatches to the block by which a loop is entered in the middle", () => {
  // 0 → 1 ⇄ 2 ← 0: neither of the two dominates the other.
  const { dispatched } = analyseControlFlow([[1, 2], [2], [1]], [0]);
  assert(dispatched.includes(1) || dispatched.includes(2));
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

Deno.test("analyseControlFlow() leaves no edge that structure cannot express", () => {
  fc.assert(fc.property(graphs, ({ edges, entrances }) => {
    const { order, dispatched, merges, isLoop, isMerge, dominates } = analyseControlFlow(edges, entrances);
    for (const entrance of entrances) assert(dispatched.includes(entrance));
    for (const [from, list] of edges.entries()) {
      for (const to of list) {
        if (order[to]! > order[from]!) {
          // Forward: to an open block, which is the dispatcher's or stands behind a dominator of both; or in place.
          const behind = merges.findIndex((blocks) => blocks.includes(to));
          assert(
            dispatched.includes(to) || (isMerge[to] ? dominates(behind, from) : dominates(from, to)),
            `${from} → ${to}`,
          );
        } else {
          assert(dispatched.includes(to) || (isLoop[to] && dominates(to, from)), `${from} → ${to}`);
        }
      }
    }
  }));
});
