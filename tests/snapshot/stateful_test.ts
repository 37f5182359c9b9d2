import { assertEquals, assertThrows } from "@std/assert";
import { fields, type Shaped, StateError, type StateValue, u8 } from "../../src/snapshot/shape.ts";
import { type StateFormat, type Stateful, StatefulParts } from "../../src/snapshot/stateful.ts";

const STATE = fields({ count: u8 });
type State = Shaped<typeof STATE>;

class Counter implements Stateful<State> {
  readonly stateFormat: StateFormat<State>;
  constructor(public count: number, version = 1) {
    this.stateFormat = { version, shape: STATE };
  }
  saveState(): State {
    return { count: this.count };
  }
  loadState({ count }: State): void {
    this.count = count;
  }
}

function partsOf(parts: Readonly<Record<string, Counter>>): StatefulParts {
  const all = new StatefulParts();
  for (const [name, part] of Object.entries(parts)) all.add(name, part);
  return all;
}

Deno.test("StatefulParts.check() restores what save() gave", () => {
  const saved = partsOf({ a: new Counter(1), b: new Counter(2) }).save();
  const a = new Counter(0), b = new Counter(0);
  const load = partsOf({ a, b }).check(saved);
  assertEquals([a.count, b.count], [0, 0], "nothing is changed by the check");
  load();
  assertEquals([a.count, b.count], [1, 2]);
});

const good = (count: StateValue, version: StateValue = 1): StateValue => ({ version, state: { count } });
const REFUSED: readonly (readonly [name: string, saved: StateValue, message: string])[] = [
  ["no set of fields", 3, "not a set of fields"],
  ["a missing part", { a: good(1) }, "The state of b is missing"],
  ["a part too many", { a: good(1), b: good(2), c: good(3) }, "The state of c is for a part"],
  ["another version", { a: good(1), b: good(2, 7) }, "The state of b has version 7"],
  ["no version", { a: good(1), b: 5 }, "The state of b has no version"],
  ["a value that does not fit", { a: good(1), b: good(256) }, "b.count is not"],
];

for (const [name, saved, message] of REFUSED) {
  Deno.test(`StatefulParts.check() refuses ${name}, and changes nothing`, () => {
    const a = new Counter(8), b = new Counter(9);
    assertThrows(() => partsOf({ a, b }).check(saved), StateError, message);
    assertEquals([a.count, b.count], [8, 9]);
  });
}

Deno.test("StatefulParts.add() refuses a name twice", () => {
  assertThrows(() => {
    const parts = partsOf({ a: new Counter(1) });
    parts.add("a", new Counter(2));
  }, TypeError);
});
