/** Spans: what a slot learns of pages that follow each other, and when it forgets. ARCHITECTURE.md, "Memory access". */
import { assertEquals } from "@std/assert";
import { FOUND_BYTES, FOUND_ROOM, FOUND_WRITE_ROOM } from "../../src/cpu/state.ts";
import {
  LinearMemory,
  PAGE_SIZE,
  RAM_BASE,
  SLOT_FOUND,
  SLOT_GROUPS,
  SLOT_SPANS,
  slotOffset,
  SPAN_ADDEND,
  SPAN_BYTES,
  SPAN_FLAGS,
  SPAN_MARGIN,
  SPAN_PAGES,
  SPAN_ROOM,
  SPAN_START,
  SPANS,
  TLB_FLAGS,
  TLB_SPAN_SHIFT,
  TlbFlag,
} from "../../src/memory/physical.ts";
import { joinSpan, type PageRun } from "../../src/memory/spans.ts";
import {
  clearTlbExcept,
  dropLargePages,
  dropPage,
  fillEntry,
  protectFrame,
  resizeTlb,
  Right,
  tlbWord,
  usedEntries,
} from "../../src/memory/tlb.ts";

const { GLOBAL, LARGE, WRITABLE } = TlbFlag;
const SLOT = 1;
/** Words with the rooms of spans that were found. */
const ROOMS = Array.from(
  { length: SLOT_GROUPS },
  (_, n) =>
    [FOUND_ROOM, FOUND_WRITE_ROOM].map((cell) =>
      (slotOffset(SLOT) + SLOT_FOUND + n * FOUND_BYTES + cell) / 4
    ),
).flat();

/** How a page is entered. */
interface Entered {
  readonly write?: boolean;
  readonly flags?: number;
  readonly high?: number;
  readonly run?: PageRun;
}

class Slot {
  readonly memory = new LinearMemory(1 << 20);
  readonly #base = slotOffset(SLOT);

  constructor() {
    resizeTlb(this.memory, SLOT, 256);
  }

  #word(page: number): number {
    return tlbWord(this.memory.i32, this.#base, page << 12);
  }

  /** Enters linear page `page`, which frame `frame` backs. */
  enter(page: number, frame: number, { write = true, flags = 0, high = 0, run }: Entered = {}): this {
    const rights = Right.READ | (write ? Right.WRITE : 0);
    fillEntry(this.memory, this.#word(page), page << 12, high, frame * PAGE_SIZE, rights, flags);
    joinSpan(
      this.memory,
      SLOT,
      this.#word(page),
      this.#word(page - 1),
      this.#word(page + 1),
      { runOf: () => run ?? { page, count: 1 } },
    );
    return this;
  }

  /** Number of the span that the entry of a page names. */
  spanOf(page: number): number {
    return this.memory.i32[this.#word(page) + TLB_FLAGS / 4]! >> TLB_SPAN_SHIFT;
  }

  /** The spans that are not empty: first page, pages, flags. */
  get spans(): number[][] {
    const { i32 } = this.memory, found: number[][] = [];
    for (let number = 0; number < SPANS; number++) {
      const at = (this.#base + SLOT_SPANS + number * SPAN_BYTES) / 4, pages = i32[at + SPAN_PAGES / 4]!;
      assertEquals(i32[at + SPAN_ROOM / 4], pages === 0 ? 0 : pages * PAGE_SIZE - SPAN_MARGIN + 1);
      if (pages > 0) found.push([i32[at + SPAN_START / 4]! >>> 12, pages, i32[at + SPAN_FLAGS / 4]!]);
    }
    return found;
  }
}

Deno.test("joinSpan() needs two pages that follow each other in both kinds of memory", () => {
  assertEquals(new Slot().enter(0x400, 7).spans, []);
  const slot = new Slot().enter(0x400, 7).enter(0x401, 8);
  assertEquals(slot.spans, [[0x400, 2, WRITABLE]]);
  assertEquals([slot.spanOf(0x400), slot.spanOf(0x401)], [1, 1]);
  assertEquals(
    slot.memory.i32[(slotOffset(SLOT) + SLOT_SPANS + SPAN_BYTES + SPAN_ADDEND) / 4],
    RAM_BASE + (7 - 0x400) * PAGE_SIZE,
  );
  assertEquals(slot.enter(0x3ff, 6).spans, [[0x3ff, 3, WRITABLE]]);
  for (
    const other of [
      new Slot().enter(0x400, 7).enter(0x401, 9),
      new Slot().enter(0x400, 7).enter(0x402, 9),
      new Slot().enter(0x400, 7).enter(0x401, 8, { write: false }),
      new Slot().enter(0x400, 7).enter(0x401, 8, { high: 1 }),
    ]
  ) assertEquals(other.spans, []);
});

Deno.test("joinSpan() joins two spans by the page between them, and their entries with them", () => {
  const slot = new Slot().enter(1, 1).enter(2, 2).enter(5, 5).enter(6, 6).enter(3, 3).enter(4, 4);
  assertEquals(slot.spans, [[1, 6, WRITABLE]]);
  assertEquals(new Set([1, 2, 3, 4, 5, 6].map((page) => slot.spanOf(page))).size, 1);
});

Deno.test("joinSpan() takes the part of a large page that can be accessed alike", () => {
  const slot = new Slot().enter(0x204, 0x24, { flags: LARGE, run: { page: 0x202, count: 9 } });
  assertEquals(slot.spans, [[0x202, 9, WRITABLE | LARGE]]);
});

Deno.test("joinSpan() takes a page out of spans that have it elsewhere, or that may be written where it may not", () => {
  const pages = (slot: Slot): Slot => [0, 1, 2, 3, 4].reduce((one, n) => one.enter(0x100 + n, n + 1), slot);
  assertEquals(pages(new Slot()).enter(0x101, 0x40).spans, [[0x102, 3, WRITABLE]]);
  assertEquals(pages(new Slot()).enter(0x103, 4, { write: false }).spans, [[0x100, 3, WRITABLE]]);
});

Deno.test("joinSpan() takes the place of the smallest span where there are no more", () => {
  const slot = new Slot();
  for (let n = 0; n < SPANS - 1; n++) {
    for (let k = 0; k < (n === 4 ? 2 : 3); k++) slot.enter(8 * n + k, 0x80 + 4 * n + k);
  }
  assertEquals(slot.spans.length, SPANS - 1);
  slot.enter(0x90, 1).enter(0x91, 2);
  assertEquals(slot.spans.length, SPANS - 1);
  assertEquals(slot.spans.some(([page]) => page === 8 * 4), false);
});

Deno.test("what drops entries of the soft TLB drops them from spans, and what was found last", () => {
  const filled = (): Slot => {
    const slot = new Slot();
    for (const n of [0, 1, 2, 3]) slot.enter(0x100 + n, 1 + n).enter(0x110 + n, 0x11 + n, { flags: GLOBAL });
    for (const room of ROOMS) slot.memory.i32[room] = PAGE_SIZE;
    return slot;
  };
  const all = [[0x100, 4, WRITABLE], [0x110, 4, WRITABLE | GLOBAL]];
  assertEquals(filled().spans, all);
  const cases: [drop: (slot: Slot) => void, left: number[][]][] = [
    [({ memory }) => clearTlbExcept(memory, SLOT, GLOBAL), all.slice(1)],
    [({ memory }) => clearTlbExcept(memory, SLOT, 0), []],
    [({ memory }) => dropLargePages(memory, SLOT, 0x10_0000, 0, 21), all],
    [({ memory }) => dropPage(memory, SLOT, 0x10_0000, false), [[0x101, 3, WRITABLE], all[1]!]],
    [({ memory }) => dropPage(memory, SLOT, 0x10_2000, false), [[0x100, 2, WRITABLE], all[1]!]],
    [({ memory }) => protectFrame(memory, SLOT, 0x13, true), [all[0]!, [0x110, 2, WRITABLE | GLOBAL]]],
  ];
  for (const [drop, left] of cases) {
    const slot = filled();
    drop(slot);
    assertEquals(slot.spans, left);
    for (const room of ROOMS) assertEquals(slot.memory.i32[room], 0);
  }
});

Deno.test("dropLargePages() drops parts of large pages in the block of an address, and no others", () => {
  const filled = (): Slot =>
    // Of the first 2 MB and of the third; and a page of 4 KB.
    [0, 1, 0x402, 0x403].reduce((slot, page) => slot.enter(page, page + 0x10, { flags: LARGE }), new Slot())
      .enter(0x404, 0x600).enter(0x405, 0x601);
  const [first, third, small] = [[0, 2, WRITABLE | LARGE], [0x402, 2, WRITABLE | LARGE], [
    0x404,
    2,
    WRITABLE,
  ]];
  assertEquals(filled().spans, [first, third, small]);
  for (
    const [lo, hi, shift, left] of [
      [0x1f_f000, 0, 21, [third, small]],
      [0x20_0000, 0, 21, [first, third, small]],
      [0x5f_f000, 0, 21, [first, small]],
      [0x5f_f000, 1, 21, [first, third, small]],
      [0x7fff_0000, 0, 30, [first, third, small]],
      [0x3fff_0000, 0, 30, [small]],
    ] as const
  ) {
    const slot = filled();
    dropLargePages(slot.memory, SLOT, lo, hi, shift);
    assertEquals(slot.spans, [...left], `${lo.toString(16)} ${hi} ${shift}`);
    const used = left.length * 2;
    assertEquals(usedEntries(slot.memory, SLOT), used, `${lo.toString(16)} ${hi} ${shift}`);
  }
});
