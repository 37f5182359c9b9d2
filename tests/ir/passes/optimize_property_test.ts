import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { dead } from "../../../src/ir/passes/dead.ts";
import { fold } from "../../../src/ir/passes/fold.ts";
import { forward } from "../../../src/ir/passes/forward.ts";
import { optimize } from "../../../src/ir/passes/optimize.ts";
import { print } from "../../../src/ir/print.ts";
import type { Block } from "../../../src/ir/types.ts";
import { verify } from "../../../src/ir/verify.ts";
import { run } from "../../_support/ir_reference.ts";
import { type Choice, choices, EFFECTS, randomBlock, TestWorld } from "../../_support/random_block.ts";

const RUNS = Number(Deno.env.get("CAUSEWAY_PROPERTY_RUNS") ?? 400);

/** Everything that can be seen of a block's execution that leaves at an access. */
function observed(block: Block, seed: number, leaveAt: number): unknown {
  const world = new TestWorld(seed, leaveAt);
  const ending = run(block, world);
  return { ending, state: world.state, log: world.log, accesses: world.accesses };
}

function keepsMeaning(pass: (block: Block) => Block): (list: Choice[], seed: number) => void {
  return (list, seed) => {
    const before = randomBlock(list);
    verify(before);
    const text = print(before);
    const after = pass(randomBlock(list));
    verify(after);
    const { accesses } = observed(before, seed, -1) as { accesses: number };
    for (let leaveAt = -1; leaveAt < accesses; leaveAt++) {
      assertEquals(
        observed(after, seed, leaveAt),
        observed(before, seed, leaveAt),
        `leaving at access ${leaveAt}\n${text}\nbecame\n${print(after)}`,
      );
    }
  };
}

const PASSES: Record<string, (block: Block) => Block> = {
  forward: (block) => forward(block, EFFECTS),
  fold,
  dead: (block) => dead(block, EFFECTS),
  optimize: (block) => optimize(block, EFFECTS),
};

for (const [name, pass] of Object.entries(PASSES)) {
  Deno.test(`${name}() keeps what random blocks do, also when they leave at any access`, () => {
    const property = fc.property(choices(40), fc.nat(1000), keepsMeaning(pass));
    fc.assert(property, { numRuns: name === "optimize" ? 2 * RUNS : RUNS });
  });
}

Deno.test("optimize() leaves nothing for a second run to change the meaning of", () => {
  const twice = (block: Block): Block => optimize(optimize(block, EFFECTS), EFFECTS);
  fc.assert(fc.property(choices(30), fc.nat(1000), keepsMeaning(twice)), { numRuns: RUNS });
});
