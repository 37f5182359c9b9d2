/** Spans in cells: which groups share them, and when they are forgotten. */
import { assertEquals } from "@std/assert";
import { Mode } from "../../../src/cpu/mode.ts";
import {
  FOUND_BYTES,
  FOUND_ROOM,
  FOUND_SHARED,
  FOUND_WRITE_ROOM,
  GROUP_CLASSES,
  GROUP_COUNTS,
  GROUP_LIST_ENTRIES,
  GROUP_OWN_COUNTS,
  GROUP_SLOTS,
  GROUP_SPANS,
  GROUPS,
  TLB_BASE,
} from "../../../src/cpu/state.ts";
import { encodeModule, FunctionCode, Imports } from "../../../src/jit/wasm/encoder.ts";
import { forgetGroupsCode, GroupCells, groupClass, noteGroup } from "../../../src/jit/wasm/group_spans.ts";
import { I32 } from "../../../src/jit/wasm/instructions.ts";
import { LinearMemory, SLOT_FOUND, SLOT_KIND, slotOffset } from "../../../src/memory/physical.ts";

/** Notes cells, and forgets those of a class. */
class Groups {
  readonly memory = new LinearMemory(1 << 16);
  readonly #forget: (group: number) => number;
  readonly #note: (cells: number, shared: number) => number;

  constructor() {
    const note = new FunctionCode([I32, I32]);
    noteGroup(note, 0, 1);
    note.get(0);
    const imports = new Imports(),
      { wasm } = this.memory,
      t = new WebAssembly.Table({ element: "anyfunc", initial: 2 });
    const functions = [forgetGroupsCode(), note].map((code, place) => ({ code, place, name: `f${place}` }));
    const bytes = encodeModule(functions, imports, wasm.buffer.byteLength / 0x1_0000);
    new WebAssembly.Instance(new WebAssembly.Module(bytes), { f: {}, s: { m: wasm, t } });
    this.#forget = t.get(0) as (group: number) => number;
    this.#note = t.get(1) as (cells: number, shared: number) => number;
  }

  /** Finds a span for cells, as the finders do. */
  find(cells: number, shared = 0): this {
    assertEquals(this.#note(cells, shared), cells);
    this.memory.i32[(cells + FOUND_SHARED) / 4] = shared;
    for (const room of [FOUND_ROOM, FOUND_WRITE_ROOM]) this.memory.i32[(cells + room) / 4] = 0xff1;
    return this;
  }

  /** Enters a slot, whose world is of a kind. */
  enter(slot: number, group: number, kind = 0): this {
    this.memory.i32[TLB_BASE / 4] = slot;
    this.memory.i32[(slot + SLOT_KIND) / 4] = kind;
    assertEquals(this.#forget(group), 0);
    assertEquals(this.memory.i32[GROUP_SLOTS / 4 + group], slot);
    assertEquals(this.memory.i32[GROUP_OWN_COUNTS / 4 + group], 0);
    return this;
  }

  /** How many cells of a class know a span. */
  known(group: number): number {
    const numbers = Array.from({ length: GROUPS }, (_, n) => cell(group, n));
    return numbers.filter((cells) => this.memory.i32[(cells + FOUND_ROOM) / 4] !== 0).length;
  }
}

const cell = (group: number, number: number): number => GROUP_SPANS + (group * GROUPS + number) * FOUND_BYTES;

Deno.test("forgetGroupsCode() forgets the cells of one class, be they few or many", () => {
  for (const count of [0, 1, GROUP_LIST_ENTRIES - 1, GROUP_LIST_ENTRIES, GROUP_LIST_ENTRIES + 1, GROUPS]) {
    for (let group = 0; group < GROUP_CLASSES; group++) {
      const groups = new Groups(), other = (group + 1) % GROUP_CLASSES;
      for (let n = 0; n < count; n++) groups.find(cell(group, GROUPS - 1 - n)).find(cell(other, 5));
      assertEquals(groups.known(group), count);
      groups.enter(0x4_0000, group);
      assertEquals([groups.known(group), groups.known(other)], [0, Math.min(count, 1)], `${count} cells`);
    }
  }
});

Deno.test("forgetGroupsCode() leaves what is shared, where the slot is of the kind of the one before", () => {
  const SHARED = 8;
  for (const own of [0, 1, GROUP_LIST_ENTRIES]) {
    const groups = new Groups().enter(0x4_0000, 0, 7);
    for (let n = 0; n < 100; n++) groups.find(cell(0, n), SHARED);
    for (let n = 0; n < own; n++) groups.find(cell(0, 200 + n));
    groups.enter(0x5_0000, 0, 7);
    assertEquals(groups.known(0), 100, `${own} cells`);
    // What was shared may be known as not shared later, and the other way round.
    groups.find(cell(0, 3)).find(cell(0, 200), SHARED).enter(0x4_0000, 0, 7);
    assertEquals(groups.known(0), 100, `${own} cells`);
    for (const kind of [8, 0]) {
      groups.find(cell(0, 3), SHARED).enter(0x5_0000, 0, kind);
      assertEquals(groups.known(0), 0, `kind ${kind}`);
    }
    // Without global pages nothing is shared.
    assertEquals(groups.find(cell(0, 3), SHARED).enter(0x4_0000, 0, 0).known(0), 0);
  }
});

Deno.test("forgetGroupsCode() forgets all of a class where more than can be listed are not shared", () => {
  const groups = new Groups().enter(0x4_0000, 0, 7).find(cell(0, 3), 8);
  for (let n = 0; n <= GROUP_LIST_ENTRIES; n++) groups.find(cell(0, 200 + n));
  assertEquals(groups.enter(0x5_0000, 0, 7).known(0), 0);
  assertEquals(groups.find(cell(0, 3), 8).enter(0x4_0000, 0, 9).known(0), 0);
});

Deno.test("noteGroup() lists cells once, and none that are a slot's", () => {
  const groups = new Groups();
  for (let n = 0; n < 100; n++) groups.find(cell(1, 7)).find(slotOffset(0) + SLOT_FOUND);
  assertEquals([...groups.memory.i32.subarray(GROUP_COUNTS / 4, GROUP_COUNTS / 4 + GROUP_CLASSES)], [
    0,
    1,
    0,
    0,
  ]);
});

Deno.test("GroupCells hands out cells of a class in turn, one of them for the stack of all", () => {
  const cells = new GroupCells(), user = groupClass(Mode.USER, false), supervisor = groupClass(0, false);
  const taken = Array.from({ length: GROUPS - 1 }, () => cells.take(user, false));
  assertEquals(new Set(taken).size, GROUPS - 1);
  assertEquals(taken.includes(cell(user, 0)), false);
  assertEquals(cells.take(user, false), taken[0]);
  assertEquals(cells.take(user, true), cell(user, 0));
  assertEquals(cells.take(supervisor, false), cell(supervisor, 1));
});

Deno.test("groupClass() tells user mode from supervisor mode, and guests from their hypervisor", () => {
  const classes = [0, Mode.USER].flatMap((mode) => [false, true].map((isGuest) => groupClass(mode, isGuest)));
  assertEquals(classes.toSorted(), [...Array(GROUP_CLASSES).keys()]);
});
