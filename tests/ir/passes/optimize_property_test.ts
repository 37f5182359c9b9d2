import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { dead } from "../../../src/ir/passes/dead.ts";
import { fold } from "../../../src/ir/passes/fold.ts";
import { forward } from "../../../src/ir/passes/forward.ts";
import { optimize } from "../../../src/ir/passes/optimize.ts";
import { print } from "../../../src/ir/print.ts";
import type { Opcode } from "../../../src/ir/opcodes.ts";
import type { Block } from "../../../src/ir/types.ts";
import { verify } from "../../../src/ir/verify.ts";
import { run } from "../../_support/ir_reference.ts";
import { type Choice, choices, EFFECTS, POOL, randomBlock, TestWorld } from "../../_support/random_block.ts";

const RUNS = Number(Deno.env.get("CAUSEWAY_PROPERTY_RUNS") ?? 400);

/** Everything that can be seen of a block's execution that leaves at an access. */
function observed(block: Block, seed: number, leaveAt: number): unknown {
  const world = new TestWorld(seed, leaveAt);
  const ending = run(block, world);
  return { ending, state: world.state, log: world.log, accesses: world.accesses };
}

type Pass = (block: Block) => Block;

function keepsMeaning(pass: Pass, pool?: readonly Opcode[]): (list: Choice[], seed: number) => void {
  const options = pool === undefined ? {} : { pool };
  return (list, seed) => {
    const before = randomBlock(list, options);
    verify(before);
    const text = print(before);
    const after = pass(randomBlock(list, options));
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

const PASSES: Record<string, Pass> = {
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

/** Operations that simplify one another, apart from all others so that they meet more often. */
const FAMILIES: Record<string, RegExp> = {
  "shifts of 32 bits": /^(const32|get32|set32|sh[lr]32|sar32|and32|sext8|sext16|bswap32)$/,
  "shifts of 64 bits": /^(const32|get64|set64|sh[lr]64|sar64|and64|lo|hi|pair|zext|sext|set32)$/,
  "comparisons": /^(const32|get32|set32|(eq|ne|lt.|le.)32|select32|xor32|add32|or32|lo|hi|get64|eq64|ne64)$/,
  "comparisons of 64 bits":
    /^(const64|get64|set32|(eq|ne|lt.|le.)64|select64|xor64|add64|sub64|zext|const32)$/,
  "partial registers": /^(const32|get64|set64|insert.*|lo|hi|and32|shr32|set32)$/,
  "lanes":
    /^(getv|setv|get64|get32|set32|set64|v(const|extract|insert)(32|64)?|vpair|lo|hi|v(and|or|xor|andn))$/,
  "cells": /^(get|set|load|store|call|faultIf|vinsert64|lo$).*/,
};

for (const [family, pattern] of Object.entries(FAMILIES)) {
  Deno.test(`optimize() keeps what random blocks of ${family} do`, () => {
    const pool = POOL.filter((op) => pattern.test(op));
    const pass: Pass = (block) => optimize(block, EFFECTS);
    fc.assert(fc.property(choices(24), fc.nat(1000), keepsMeaning(pass, pool)), { numRuns: RUNS });
  });
}

Deno.test("optimize() leaves nothing for a second run to change the meaning of", () => {
  const twice = (block: Block): Block => optimize(optimize(block, EFFECTS), EFFECTS);
  fc.assert(fc.property(choices(30), fc.nat(1000), keepsMeaning(twice)), { numRuns: RUNS });
});
