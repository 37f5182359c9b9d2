/** Which pages become one span by their entries in a page table. SDM vol. 3A, section 4.10.2.3. */
import { assertEquals } from "@std/assert";
import { Cr0, Cr4, Efer } from "../../src/cpu/system/control_bits.ts";
import { CR0, CR4, EFER } from "../../src/cpu/state.ts";
import { Mmu } from "../../src/memory/mmu.ts";
import {
  LinearMemory,
  PAGE_SIZE,
  RAM_BASE,
  SLOT_SPANS,
  slotAt,
  slotOffset,
  SPAN_BYTES,
  SPAN_FLAGS,
  SPAN_PAGES,
  SPAN_START,
  SPANS,
  TlbFlag,
} from "../../src/memory/physical.ts";
import { TLB_BASE } from "../../src/cpu/state.ts";

const P = 1, W = 2, A = 0x20, D = 0x40, G = 0x100, XD = 1n << 63n;
const PML4 = 0x1000, PDPT = 0x2000, PD = 0x3000, PT = 0x4000;
const LEAST = 0x10_0000;

/** Four-level paging whose first page table maps pages one to one from `LEAST` on, with `entries`' flags each. */
class Pages {
  readonly memory = new LinearMemory(4 << 20);
  readonly mmu: Mmu;

  constructor(entries: readonly (number | bigint)[], { noExecute = true } = {}) {
    const { i32, u8 } = this.memory;
    const view = new DataView(u8.buffer, RAM_BASE);
    for (const [table, next] of [[PML4, PDPT], [PDPT, PD], [PD, PT]] as const) {
      view.setBigUint64(table, BigInt(next | P | W | A), true);
    }
    for (const [n, flags] of entries.entries()) {
      view.setBigUint64(
        PT + 8 * (LEAST / PAGE_SIZE + n),
        BigInt(flags) | BigInt(LEAST + n * PAGE_SIZE),
        true,
      );
    }
    this.mmu = new Mmu(this.memory);
    i32[CR4 >> 2] = Cr4.PAE;
    i32[EFER >> 2] = Efer.LME | Efer.LMA | (noExecute ? Efer.NXE : 0);
    i32[CR0 >> 2] = Cr0.PE | Cr0.PG | Cr0.WP;
    this.mmu.switchAddressSpace(PML4);
  }

  /** The flags in the entry of a page. */
  flags(page: number): number {
    return this.memory.i32[(RAM_BASE + PT) / 4 + 2 * (LEAST / PAGE_SIZE + page)]! & 0xfff;
  }

  /** Accesses a page. */
  access(page: number, write: boolean): this {
    assertEquals(this.mmu.refill(LEAST + page * PAGE_SIZE, 0, write, false), 0);
    return this;
  }

  /** The spans there are: first page, pages, whether they can be written. */
  get spans(): [number, number, boolean][] {
    const { i32 } = this.memory, found: [number, number, boolean][] = [];
    const first = (slotOffset(slotAt(i32[TLB_BASE >> 2]!)) + SLOT_SPANS) / 4;
    for (let word = first; word < first + SPANS * SPAN_BYTES / 4; word += SPAN_BYTES / 4) {
      const pages = i32[word + SPAN_PAGES / 4]!;
      if (pages === 0) continue;
      const start = (i32[word + SPAN_START / 4]! - LEAST) / PAGE_SIZE;
      found.push([start, pages, (i32[word + SPAN_FLAGS / 4]! & TlbFlag.WRITABLE) !== 0]);
    }
    return found;
  }
}

Deno.test("refill() makes a span of pages that have all been accessed, and changes none of their entries", () => {
  const read = P | A, written = P | W | A | D;
  const pages = new Pages([P, read, read, read, P]);
  assertEquals(pages.access(2, false).spans, [[1, 3, false]]);
  assertEquals([0, 4].map((page) => pages.flags(page)), [P, P]);
  assertEquals(new Pages([P | W, written, written, written, P | W | A]).access(2, true).spans, [[
    1,
    3,
    true,
  ]]);
});

Deno.test("refill() makes no span of what is mapped elsewhere, differs in rights, or waits for its dirty flag", () => {
  const read = P | A, written = P | W | A | D;
  for (const other of [read | W, read | G, read ^ P, written, read | PAGE_SIZE]) {
    assertEquals(new Pages([other, read, other]).access(1, false).spans, [], other.toString(16));
  }
  // Writable, but not written yet: an access that writes has to see it.
  const pages = new Pages([read | W, read | W, read | W]);
  assertEquals(pages.access(1, false).spans, []);
  assertEquals(pages.access(1, true).spans, []);
});

Deno.test("refill() asks XD of neighbours only where it is reserved", () => {
  const read = P | A, data = BigInt(read) | XD;
  assertEquals(new Pages([data, read, read, data]).access(1, false).spans, [[0, 4, false]]);
  assertEquals(new Pages([data, read, read, data], { noExecute: false }).access(1, false).spans, [[
    1,
    2,
    false,
  ]]);
});

Deno.test("refill() leaves frames with code out of spans for writes", () => {
  const written = P | W | A | D;
  const pages = new Pages([written, written, written, written]);
  pages.mmu.codePages.mark(LEAST / PAGE_SIZE + 2);
  assertEquals(pages.access(0, true).spans, [[0, 2, true]]);
});

Deno.test("invalidatePage() takes a page out of a span that its entry brought in", () => {
  const read = P | A;
  const pages = new Pages([read, read, read, read, read]).access(1, false);
  pages.mmu.invalidatePage(BigInt(LEAST + 3 * PAGE_SIZE));
  assertEquals(pages.spans, [[0, 3, false]]);
});

Deno.test("refill() looks the farther for pages of a span the more entries there are", () => {
  const pages = new Pages(new Array<number>(64).fill(P | A));
  assertEquals(pages.access(30, false).spans, [[26, 8, false]]);
  assertEquals(pages.access(50, false).spans, [[26, 8, false], [42, 16, false]]);
  pages.mmu.flushAll();
  assertEquals(pages.access(10, false).spans, [[6, 8, false]]);
});
