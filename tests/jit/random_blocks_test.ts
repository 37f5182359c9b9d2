/** Random blocks of all opcodes in every engine, with and without the passes (ARCHITECTURE.md, level 1 of the tests). */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { print } from "../../src/ir/print.ts";
import type { IrBuilder } from "../../src/ir/builder.ts";
import type { Value } from "../../src/ir/types.ts";
import {
  CR0,
  FP_RAISED,
  GROUP_SLOTS,
  MXCSR,
  REGION_LEFT,
  RETURN_HI,
  RETURN_V128,
  STATE_BYTES,
} from "../../src/cpu/state.ts";
import { BlockEngines } from "../_support/ir_engines.ts";
import { edgeValue, RandomWords } from "../_support/edge_values.ts";
import { writeBytes } from "../_support/ir_reference.ts";
import { choices, POOL, randomBlock, WORD_CELLS } from "../_support/random_block.ts";

const RUNS = Number(Deno.env.get("CAUSEWAY_PROPERTY_RUNS") ?? 150);

/** Guest memory that blocks access: two pages, and a page behind them that is not mapped writable. */
const DATA = 0x10_0000, DATA_BYTES = 0x2000;

const engines = new BlockEngines();

/** Keeps an address inside the pages, or makes it cross their ends now and then. */
function address(ir: IrBuilder, value: Value): Value {
  return ir.add(ir.and(value, ir.i64(0x1fffn)), ir.i64(BigInt(DATA)));
}

// A set of MXCSR would need another mode (cpu/mode.ts).
const words = WORD_CELLS.filter((cell) => cell !== MXCSR);
const pool = POOL.filter((op) => op !== "call");
const build = (list: Parameters<typeof randomBlock>[0]): ReturnType<typeof randomBlock> =>
  randomBlock(list, { pool, address, words });

/** State and memory to start from: edge values in the cells that blocks use. */
function start(seed: number): Uint8Array {
  const random = new RandomWords(seed);
  const state = engines.state.slice();
  for (let offset = 0; offset < 0xa0; offset += 8) writeBytes(state, offset, 64, edgeValue(random, "q"));
  for (let offset = 0x200; offset < 0x600; offset += 8) writeBytes(state, offset, 64, edgeValue(random, "q"));
  // Plain floating point: round to nearest, PE set, all exceptions masked.
  writeBytes(state, MXCSR, 32, 0x1fa0n);
  return state;
}

/** Cells that engines use for themselves, and operands may leave different garbage in. */
function observable(state: Uint8Array): Uint8Array {
  const copy = state.slice();
  copy.fill(0, RETURN_HI, RETURN_V128 + 16);
  copy.fill(0, REGION_LEFT, REGION_LEFT + 4);
  // Only kept in the exact modes.
  copy.fill(0, FP_RAISED, FP_RAISED + 4);
  // What WebAssembly has found of the soft TLB, and behind it scratch space.
  copy.fill(0, GROUP_SLOTS, STATE_BYTES);
  return copy;
}

Deno.test("random blocks leave the same state and memory in every engine, with and without the passes", () => {
  const initial = engines.state.slice();
  fc.assert(
    fc.property(choices(40), fc.nat(), (list, seed) => {
      const before = start(seed);
      const results = engines.all.map(({ name, prepare }) => {
        const run = prepare(() => build(list));
        engines.state.set(before);
        const data = engines.ram(DATA, DATA_BYTES + 0x1000);
        data.forEach((_, i) => data[i] = Math.imul(i ^ seed, 0x9e3779b1) >>> 24);
        engines.begin();
        run();
        return { name, state: observable(engines.state), data: data.slice() };
      });
      const [reference, ...others] = results;
      for (const { name, state, data } of others) {
        const message = `${name} differs from ${reference!.name}\n${print(build(list))}`;
        assertEquals(state, reference!.state, message);
        assertEquals(data, reference!.data, message);
      }
    }),
    { numRuns: RUNS },
  );
  engines.state.set(initial);
  assertEquals(engines.memory.i32[CR0 >> 2]! & 1, 1);
});
