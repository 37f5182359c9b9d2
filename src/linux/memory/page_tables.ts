/** Four-level page tables in guest RAM. SDM vol. 3A, section 4.5. */
import { PAGE_SIZE, RAM_BASE } from "../../memory/physical.ts";
import type { Frames } from "./frames.ts";

/**
 * Bits in the low half of a page-table entry, and NX in the upper half. HELD, one of the bits the processor ignores,
 * marks an entry that holds a frame: pages of PROT_NONE are HELD without P.
 */
export const Pte = { P: 1, W: 2, U: 4, A: 0x20, D: 0x40, HELD: 0x200, NX_HIGH: 0x8000_0000 | 0 } as const;

/** First linear address behind user space. */
export const USER_END = 0x7fff_ffff_f000;

const TABLE_FLAGS = Pte.P | Pte.W | Pte.U | Pte.A;
const LEAF_SPAN = 0x20_0000;

/** The page tables of one address space. */
export class PageTables {
  /** Frame of the level-4 table. */
  readonly root: number;
  #cachedLeaf = -1;
  #cachedTable = 0;

  constructor(readonly frames: Frames) {
    this.root = frames.allocate();
  }

  /** Value of CR3 for these tables. */
  get cr3(): number {
    return this.root * PAGE_SIZE;
  }

  /** Position in `memory.i32` of the low half of the entry that maps `linear`; -1 if there is no table for it. */
  find(linear: number): number {
    const leaf = Math.floor(linear / LEAF_SPAN);
    if (leaf !== this.#cachedLeaf) {
      const table = this.#table(linear, false);
      if (table < 0) return -1;
      this.#cachedLeaf = leaf;
      this.#cachedTable = table;
    }
    return entryAt(this.#cachedTable, Math.floor(linear / PAGE_SIZE) & 511);
  }

  /** As `find`, but makes the tables that are missing. Fails with ENOMEM. */
  make(linear: number): number {
    const found = this.find(linear);
    return found >= 0 ? found : entryAt(this.#table(linear, true), Math.floor(linear / PAGE_SIZE) & 511);
  }

  /** Calls `visit` for each page in [start, end) that holds a frame, with its address and its entry's position. */
  forEachHeld(start: number, end: number, visit: (linear: number, at: number) => void): void {
    const i32 = this.frames.memory.i32;
    let linear = start;
    while (linear < end) {
      const next = Math.min(end, (Math.floor(linear / LEAF_SPAN) + 1) * LEAF_SPAN);
      let at = this.find(linear);
      if (at < 0) {
        linear = this.#skipAbsent(linear, next);
        continue;
      }
      for (; linear < next; linear += PAGE_SIZE, at += 2) if ((i32[at]! & Pte.HELD) !== 0) visit(linear, at);
    }
  }

  /** Frees all tables; the pages they map must be released before. */
  destroy(): void {
    this.#cachedLeaf = -1;
    this.#destroy(this.root, 4);
  }

  #destroy(table: number, level: number): void {
    if (level > 1) {
      const i32 = this.frames.memory.i32;
      for (let i = 0; i < 512; i++) {
        const entry = i32[entryAt(table, i)]!;
        if ((entry & Pte.P) !== 0) this.#destroy(entry >>> 12, level - 1);
      }
    }
    this.frames.release(table);
  }

  /** Next address worth looking at behind a missing table: large holes are skipped whole. */
  #skipAbsent(linear: number, next: number): number {
    const i32 = this.frames.memory.i32;
    const top = i32[entryAt(this.root, indexAt(linear, 3))]!;
    if ((top & Pte.P) === 0) return (Math.floor(linear / 0x80_0000_0000) + 1) * 0x80_0000_0000;
    const second = i32[entryAt(top >>> 12, indexAt(linear, 2))]!;
    if ((second & Pte.P) === 0) return (Math.floor(linear / 0x4000_0000) + 1) * 0x4000_0000;
    return next;
  }

  /** Frame of the level-1 table for `linear`; -1 if it is missing and `create` is false. */
  #table(linear: number, create: boolean): number {
    const i32 = this.frames.memory.i32;
    let table = this.root;
    for (let level = 3; level > 0; level--) {
      const at = entryAt(table, indexAt(linear, level));
      if ((i32[at]! & Pte.P) === 0) {
        if (!create) return -1;
        i32[at] = (this.frames.allocate() << 12) | TABLE_FLAGS;
        i32[at + 1] = 0;
      }
      table = i32[at]! >>> 12;
    }
    return table;
  }
}

function entryAt(table: number, index: number): number {
  return (RAM_BASE + table * PAGE_SIZE + index * 8) >>> 2;
}

function indexAt(linear: number, level: number): number {
  return Math.floor(linear / 2 ** (12 + 9 * level)) & 511;
}
