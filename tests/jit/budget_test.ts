/** The cycles of runs, as code takes them from the budget cell. */
import { assert, assertEquals } from "@std/assert";
import { BUDGET, STATE_BYTES } from "../../src/cpu/state.ts";
import { Budget } from "../../src/jit/budget.ts";

const CELL = BUDGET >> 2, LARGE = 1_000_000;

Deno.test("a budget larger than a slice reaches the cell piece by piece, and none of it is lost", () => {
  const m = new Int32Array(STATE_BYTES / 4), budget = new Budget(m);
  let used = 0;
  budget.begin(LARGE);
  assert(m[CELL]! < LARGE);
  do {
    used += m[CELL]!;
    m[CELL] = 0;
    assertEquals(budget.passed(), used);
  } while (budget.refill());
  assertEquals(used, LARGE);
  // A block is executed as a whole.
  m[CELL] = -7;
  budget.end();
  assertEquals(budget.passed(), LARGE + 7);
  assertEquals(m[CELL], 0);
});

Deno.test("what is granted anew takes the place of what was left, and leaves what has passed", () => {
  const m = new Int32Array(STATE_BYTES / 4), budget = new Budget(m);
  budget.begin(LARGE);
  m[CELL]! -= 100;
  for (const cycles of [3, LARGE, 0]) {
    budget.grantAnew(cycles);
    assertEquals(budget.passed(), 100);
  }
  assertEquals(m[CELL], 0);
  assertEquals(budget.refill(), false);
});

Deno.test("what world switches cost between runs has passed when the next one begins", () => {
  const m = new Int32Array(STATE_BYTES / 4), budget = new Budget(m);
  budget.set(50);
  m[CELL]! -= 8;
  budget.begin(10);
  assertEquals(budget.passed(), 58);
  budget.end();
  assertEquals(budget.passed(), 58);
});
