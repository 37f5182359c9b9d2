/** World slots: which world has which, and what is known in each. ARCHITECTURE.md, "Worlds". */
import { assertEquals, assertNotEquals } from "@std/assert";
import { CPL, CR0, CR3, CR4, EPTP, RFLAGS_SYSTEM, TLB_BASE, VMX_MODE, VPID } from "../../src/cpu/state.ts";
import {
  LEAST_TLB_ENTRIES,
  LinearMemory,
  MOST_TLB_ENTRIES,
  PAGE_SIZE,
  SLOT_JUMPS,
  slotAt,
  SLOTS,
  TLB_WRITE,
  TlbFlag,
} from "../../src/memory/physical.ts";
import { fillEntry, Right, tlbEntries, tlbWord, usedEntries } from "../../src/memory/tlb.ts";
import { type TlbSizes, Worlds } from "../../src/memory/worlds.ts";

function make(sizes?: TlbSizes): { worlds: Worlds; enter: (cr3: number) => number; m: Int32Array } {
  const memory = new LinearMemory(1 << 16), worlds = new Worlds(memory, sizes), m = memory.i32;
  const enter = (cr3: number): number => {
    m[CR3 >> 2] = cr3;
    worlds.enter();
    return m[TLB_BASE >> 2]!;
  };
  return { worlds, enter, m };
}

Deno.test("enter() gives each world a slot of its own, and the same again", () => {
  const { worlds, enter, m } = make();
  const first = enter(0x1000), second = enter(0x2000);
  assertNotEquals(first, second);
  assertEquals(enter(0x1000), first);
  for (const [cell, value] of [[CPL, 3], [VMX_MODE, 2], [EPTP, 0x501e], [VPID, 7], [CR0, 1 << 16]] as const) {
    m[cell >> 2] = value;
    worlds.enter();
    assertNotEquals(m[TLB_BASE >> 2], first, `cell ${cell}`);
    m[cell >> 2] = 0;
    worlds.enter();
    assertEquals(m[TLB_BASE >> 2], first);
  }
  // What does not decide how memory is accessed: RFLAGS.IF, CR0.TS.
  m[RFLAGS_SYSTEM >> 2] = 0x200;
  m[CR0 >> 2] = 8;
  worlds.enter();
  assertEquals(m[TLB_BASE >> 2], first);
});

Deno.test("enter() takes the least recently used slot when there are no more, and nothing of its world stays", () => {
  const { worlds, enter, m } = make();
  let reused = 0;
  worlds.onReuse = () => reused++;
  const offsets = Array.from({ length: SLOTS }, (_, n) => enter(0x1000 * (n + 1)));
  assertEquals(new Set(offsets).size, SLOTS);
  // World 1 is the oldest but one that has been used since.
  enter(0x1000);
  enter(0x2000);
  worlds.noteCode(0x5000, 0);
  worlds.notePlacement(9, true);
  m[((offsets[1]! + SLOT_JUMPS) >> 2) + 5 * 128 * 4] = 0x5000;
  for (let n = 2; n < SLOTS; n++) enter(0x1000 * (n + 1));
  assertEquals([enter(0x1000), reused], [offsets[0], 0]);
  const taken = enter(0x7fff_0000);
  assertEquals([taken, reused], [offsets[1], 1]);
  assertEquals([worlds.placement(9), m[((taken + SLOT_JUMPS) >> 2) + 5 * 128 * 4]], [undefined, 0]);
  assertEquals([enter(0x2000), reused], [offsets[2], 2]);
});

Deno.test("the slot that is left has just been used, although a link led into it", () => {
  const { enter, m } = make();
  const offsets = Array.from({ length: SLOTS }, (_, n) => enter(0x1000 * (n + 1)));
  // Translated code enters the oldest one by itself; from there the next world takes the second oldest.
  m[CR3 >> 2] = 0x1000;
  m[TLB_BASE >> 2] = offsets[0]!;
  assertEquals([enter(0x7fff_0000), enter(0x1000)], [offsets[1], offsets[0]]);
});

Deno.test("placement() is a world's own, until a page of its code is dropped there", () => {
  const { worlds, enter } = make();
  enter(0x1000);
  worlds.noteCode(0x40_0000, 0);
  worlds.notePlacement(3, true);
  enter(0x2000);
  assertEquals(worlds.placement(3), undefined);
  worlds.notePlacement(3, false);
  enter(0x1000);
  assertEquals(worlds.placement(3), true);
  worlds.dropPage(0x50_0000n);
  assertEquals(worlds.placement(3), true);
  worlds.dropPage(0x40_0fffn);
  assertEquals(worlds.placement(3), undefined);
  enter(0x2000);
  assertEquals(worlds.placement(3), false);
  worlds.dropWhere(({ cr3 }) => cr3 === 0x2000n, 0);
  assertEquals(worlds.placement(3), undefined);
});

/** Refills of a world's soft TLB, each of which displaces another page, or does not. */
function refill(worlds: Worlds, times: number, evicts: boolean): void {
  const word = worlds.memory.i32[TLB_BASE >> 2]! >> 2;
  for (let n = 0; n < times; n++) worlds.noteEntry(word, evicts, -1);
}
const evict = (worlds: Worlds, times: number): void => refill(worlds, times, true);

Deno.test("resize() makes a world's soft TLB larger when pages have displaced each other in it, up to a limit", () => {
  const { worlds, enter } = make(), slot = slotAt(enter(0x1000));
  const entries = (): number => tlbEntries(worlds.memory, slot);
  assertEquals(entries(), LEAST_TLB_ENTRIES);
  refill(worlds, 100_000, false);
  worlds.resize();
  assertEquals(entries(), LEAST_TLB_ENTRIES);
  evict(worlds, 2 * LEAST_TLB_ENTRIES);
  worlds.resize();
  assertEquals(entries(), 4 * LEAST_TLB_ENTRIES);
  for (let n = 0; n < 10; n++) {
    evict(worlds, 100_000);
    worlds.resize();
  }
  assertEquals(entries(), MOST_TLB_ENTRIES);
  assertEquals(tlbEntries(worlds.memory, slotAt(enter(0x2000))), LEAST_TLB_ENTRIES);
});

Deno.test("resize() leaves a soft TLB alone whose size is given", () => {
  const { worlds, enter } = make({ least: 1, most: 1 }), slot = slotAt(enter(0x1000));
  evict(worlds, 100_000);
  for (let n = 0; n < 1000; n++) worlds.resize();
  assertEquals(tlbEntries(worlds.memory, slot), 1);
});

Deno.test("resize() makes a world's soft TLB smaller when few of its entries are used", () => {
  const { worlds, enter, m } = make(), base = enter(0x1000), slot = slotAt(base), { memory } = worlds;
  evict(worlds, 2 * LEAST_TLB_ENTRIES);
  worlds.resize();
  const fill = (page: number): void => {
    const word = tlbWord(m, base, page * PAGE_SIZE);
    worlds.noteEntry(word, false, -1);
    fillEntry(memory, word, page * PAGE_SIZE, 0, 0, Right.READ, 0);
  };
  for (let page = 0; page < LEAST_TLB_ENTRIES; page++) fill(page);
  for (let n = 0; n < 1000; n++) worlds.resize();
  assertEquals([tlbEntries(memory, slot), usedEntries(memory, slot)], [
    4 * LEAST_TLB_ENTRIES,
    LEAST_TLB_ENTRIES,
  ]);
  worlds.dropTagged(() => true);
  fill(3);
  for (let n = 0; n < 1000; n++) worlds.resize();
  assertEquals([tlbEntries(memory, slot), usedEntries(memory, slot)], [LEAST_TLB_ENTRIES, 0]);
});

/** Enters a page for reading and fetching, and perhaps for stores, into the soft TLB of the current world. */
function addPage({ worlds, m }: ReturnType<typeof make>, lo: number, flags: number, write = false): void {
  const rights = Right.READ | Right.EXECUTE | (write ? Right.WRITE : 0);
  const word = tlbWord(m, m[TLB_BASE >> 2]!, lo);
  worlds.noteEntry(word, false, write ? 3 : -1);
  fillEntry(worlds.memory, word, lo, 0, 3 * PAGE_SIZE, rights, flags);
  worlds.notePage(lo, 0, flags === TlbFlag.LARGE ? 21 : 12, flags === TlbFlag.GLOBAL, false);
}

Deno.test("dropPage() drops a page of the current PCID, or of another, and a global one of all, section 4.10.4.1", () => {
  const made = make(), { worlds, enter, m } = made, PCIDE = 0x2_0000;
  m[CR4 >> 2] = PCIDE;
  const slots = [0x1001, 0x2001, 0x1002].map(enter);
  for (
    const [flags, dropped, pcid] of [
      [0, [true, true, false]],
      [0, [false, false, true], 2],
      [TlbFlag.GLOBAL, [true, true, true]],
    ] as const
  ) {
    for (const cr3 of [0x1001, 0x2001, 0x1002]) {
      enter(cr3);
      addPage(made, 0x5000, flags);
    }
    enter(0x1001);
    worlds.dropPage(0x5abcn, pcid);
    assertEquals(slots.map((slot) => m[tlbWord(m, slot, 0x5000)] !== 0x5000), [...dropped]);
  }
});

Deno.test("protectFrame() ends stores to a frame in all worlds, again when there are some again", () => {
  const made = make(), { worlds, enter, m } = made;
  const slots = [0x1000, 0x2000].map(enter);
  const storable = (): boolean[] =>
    slots.map((slot) => m[tlbWord(m, slot, 0x5000) + TLB_WRITE / 4] === 0x5000);
  for (let n = 0; n < 2; n++) {
    for (const cr3 of [0x1000, 0x2000]) {
      enter(cr3);
      addPage(made, 0x5000, 0, true);
    }
    worlds.protectFrame(4);
    assertEquals(storable(), [true, true]);
    worlds.protectFrame(3);
    assertEquals(storable(), [false, false]);
  }
});

Deno.test("dropPage() of an address in a large page forgets the code in that, and none in others", () => {
  const made = make(), { worlds, enter } = made;
  enter(0x1000);
  const addCode = (): void => {
    addPage(made, 0x20_0000, TlbFlag.LARGE);
    worlds.noteCode(0x20_0000, 0);
    worlds.notePlacement(3, true);
  };
  for (
    const [address, placed] of [[0x40_0000n, true], [0x5_0020_0000n, true], [0x3f_f000n, undefined]] as const
  ) {
    addCode();
    worlds.dropPage(address);
    assertEquals(worlds.placement(3), placed, `${address}`);
  }
});

Deno.test("dropWhere() leaves regions in place that lie on global pages, where those are kept", () => {
  const made = make(), { worlds, enter } = made;
  enter(0x1000);
  const place = (): void => {
    for (const [lo, flags, region] of [[0x5000, TlbFlag.GLOBAL, 3], [0x6000, 0, 4]] as const) {
      addPage(made, lo, flags);
      worlds.noteCode(lo, 0);
      worlds.notePlacement(region, true, worlds.hasGlobalCode(lo, 0));
    }
    worlds.notePlacement(5, false);
  };
  const placements = (): (boolean | undefined)[] => [3, 4, 5].map((region) => worlds.placement(region));
  place();
  worlds.dropWhere(() => true, TlbFlag.GLOBAL);
  assertEquals(placements(), [true, undefined, undefined]);
  place();
  worlds.forgetRegion(3);
  worlds.dropWhere(() => true, TlbFlag.GLOBAL);
  assertEquals(placements(), [undefined, undefined, undefined]);
  place();
  worlds.dropWhere(() => true, 0);
  assertEquals(placements(), [undefined, undefined, undefined]);
});

Deno.test("dropWhere() drops entries and placements, be they few or many, and leaves the global ones", () => {
  for (const count of [3, 63, 64, 65, 200]) {
    const made = make(), { worlds, enter } = made, slot = slotAt(enter(0x1000));
    const used = (): number => usedEntries(worlds.memory, slot);
    const placed = (): number =>
      Array.from({ length: count }, (_, n) => worlds.placement(n + 1)).filter((one) => one === true).length;
    const add = (): void => {
      for (let n = 0; n < count; n++) {
        const isGlobal = n % 3 === 0, lo = (n + 1) * PAGE_SIZE;
        addPage(made, lo, isGlobal ? TlbFlag.GLOBAL : 0);
        worlds.noteCode(lo, 0);
        worlds.notePlacement(n + 1, true, isGlobal);
      }
    };
    const globals = Math.ceil(count / 3);
    for (let round = 0; round < 2; round++) {
      add();
      assertEquals([used(), placed()], [count, count]);
      worlds.dropWhere(() => true, TlbFlag.GLOBAL);
      assertEquals([used(), placed()], [globals, globals], `${count} entries, round ${round}`);
    }
    add();
    worlds.dropWhere(() => true, 0);
    assertEquals([used(), placed(), worlds.fewEntries], [0, 0, 0], `${count} entries`);
  }
});

Deno.test("fewEntries is how many entries a world has got, until they are many", () => {
  const made = make(), { worlds, enter } = made;
  enter(0x1000);
  for (let n = 0; n < 65; n++) {
    assertEquals(worlds.fewEntries, n);
    addPage(made, n * PAGE_SIZE, 0);
  }
  assertEquals(worlds.fewEntries, undefined);
});
