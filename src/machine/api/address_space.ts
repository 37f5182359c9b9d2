/** An address space for a processor without an operating system: four-level page tables. SDM vol. 3A, section 4.5. */
import type { Mmu } from "../../memory/mmu.ts";
import { type LinearMemory, PAGE_SIZE } from "../../memory/physical.ts";

/** What user code may do with a page. */
export type Protection = "r" | "rw" | "rx" | "rwx";
const PROTECTIONS: readonly string[] = ["r", "rw", "rx", "rwx"] satisfies Protection[];

/**
 * Page-table entry bits: present, writable, user, accessed, dirty, no-execute. SDM vol. 3A, table 4-20. The two that
 * processors set are set from the start: so the tables stay as they are while code runs.
 */
const P = 1n, W = 2n, U = 4n, A = 0x20n, D = 0x40n, NX = 1n << 63n;
const FRAME = 0x000f_ffff_ffff_f000n;
const PAGE = BigInt(PAGE_SIZE);

/** An address space as it was. */
export interface SavedSpace {
  readonly free: readonly number[];
  /** From the bottom of RAM. */
  readonly pages: Uint8Array;
  /** Up to its top. */
  readonly tables: Uint8Array;
}

/**
 * Maps pages of RAM at any canonical addresses. Frames for pages are taken from the bottom of RAM as they are needed,
 * those for tables from its top: memory mapped from address 0 on before any other lies at the same physical addresses.
 */
export class AddressSpace {
  /** Physical address of the level-4 table. */
  readonly cr3: number;
  readonly #memory: LinearMemory;
  readonly #mmu: Mmu;
  #bottom = 0;
  #top: number;
  /** Frames of pages that have been taken away. */
  #free: number[] = [];

  constructor(memory: LinearMemory, mmu: Mmu) {
    this.#memory = memory;
    this.#mmu = mmu;
    this.#top = memory.ramBytes;
    this.cr3 = this.#takeTable();
  }

  /**
   * Maps all pages that [address, address + size) touches, zeros at first; pages that are mapped already keep their bytes.
   * Maps all of them or, where that is refused, none.
   */
  map(address: bigint, size: number, protection: Protection): void {
    if (!PROTECTIONS.includes(protection)) {
      throw new RangeError(`Cannot map memory as ${protection}: it must be ${PROTECTIONS.join(", ")}`);
    }
    const flags = P | U | A | D | (protection.includes("w") ? W : 0n) | (protection.includes("x") ? 0n : NX);
    const added: bigint[] = [];
    try {
      for (const page of pagesOf(address, size, "map")) {
        const at = this.#entry(page, true)!;
        const old = this.#memory.view.getBigUint64(at, true);
        const frame = (old & P) === 0n ? BigInt(this.#takePage()) : old & FRAME;
        this.#memory.view.setBigUint64(at, frame | flags, true);
        if ((old & P) === 0n) added.push(page);
        else this.#mmu.invalidatePage(page);
      }
    } catch (error) {
      for (const page of added) this.#unmapPage(page);
      throw error;
    }
  }

  /** Takes all pages that [address, address + size) touches out of the address space. */
  unmap(address: bigint, size: number): void {
    for (const page of pagesOf(address, size, "unmap")) this.#unmapPage(page);
  }

  /** Physical address of a linear one; undefined where nothing is mapped. */
  translate(address: bigint): number | undefined {
    const at = this.#entry(address & -PAGE, false);
    const entry = at === undefined ? 0n : this.#memory.view.getBigUint64(at, true);
    return (entry & P) === 0n ? undefined : Number((entry & FRAME) | (address & (PAGE - 1n)));
  }

  /** Offset in the linear memory of the entry that maps a page. */
  #entry(page: bigint, create: boolean): number | undefined {
    let table = this.cr3;
    for (let shift = 39n;; shift -= 9n) {
      const index = Number((page >> shift) & 511n);
      const at = this.#memory.ram(table, PAGE_SIZE).byteOffset + 8 * index;
      if (shift === 12n) return at;
      let entry = this.#memory.view.getBigUint64(at, true);
      if ((entry & P) === 0n) {
        if (!create) return undefined;
        entry = BigInt(this.#takeTable()) | P | W | U | A;
        this.#memory.view.setBigUint64(at, entry, true);
      }
      table = Number(entry & FRAME);
    }
  }

  /** What is mapped, and the bytes of all pages. */
  save(): SavedSpace {
    const memory = this.#memory, bottom = this.#bottom, top = this.#top;
    return {
      free: [...this.#free],
      pages: memory.ram(0, bottom).slice(),
      tables: memory.ram(top, memory.ramBytes - top).slice(),
    };
  }

  /** Makes everything as it was when it was saved. Costs a look at all pages, and little more where few have changed. */
  restore({ free, pages, tables }: SavedSpace): void {
    const bottom = pages.length, top = this.#memory.ramBytes - tables.length;
    // What has been taken since then will be taken again, and must be zeros.
    this.#clear(bottom, this.#bottom);
    this.#clear(this.#top, top);
    this.#free = [...free];
    this.#bottom = bottom;
    this.#top = top;
    this.#restoreFrames(0, pages);
    if (this.#restoreFrames(top, tables)) this.#mmu.flushAll();
  }

  #clear(start: number, end: number): void {
    if (start >= end) return;
    this.#memory.ram(start, end - start).fill(0);
    this.#mmu.wroteRam(start, end - start);
  }

  /** Restores the frames from `start` on. Returns whether any has changed. */
  #restoreFrames(start: number, saved: Uint8Array): boolean {
    const ram = this.#memory.ram(start, saved.length), words = new Int32Array(saved.buffer);
    const now = new Int32Array(ram.buffer, ram.byteOffset, words.length);
    let hasChanged = false;
    for (let frame = 0; frame < saved.length; frame += PAGE_SIZE) {
      const end = (frame + PAGE_SIZE) / 4;
      let word = frame / 4;
      while (word < end && now[word] === words[word]) word++;
      if (word === end) continue;
      ram.set(saved.subarray(frame, frame + PAGE_SIZE), frame);
      this.#mmu.wroteRam(start + frame, PAGE_SIZE);
      hasChanged = true;
    }
    return hasChanged;
  }

  #unmapPage(page: bigint): void {
    const at = this.#entry(page, false);
    if (at === undefined) return;
    const entry = this.#memory.view.getBigUint64(at, true);
    if ((entry & P) === 0n) return;
    this.#memory.view.setBigUint64(at, 0n, true);
    this.#mmu.invalidatePage(page);
    this.#free.push(Number(entry & FRAME));
  }

  #takePage(): number {
    const old = this.#free.pop();
    if (old !== undefined) {
      this.#memory.ram(old, PAGE_SIZE).fill(0);
      this.#mmu.wroteRam(old, PAGE_SIZE);
      return old;
    }
    this.#needFrame();
    this.#bottom += PAGE_SIZE;
    return this.#bottom - PAGE_SIZE;
  }

  #takeTable(): number {
    this.#needFrame();
    this.#top -= PAGE_SIZE;
    return this.#top;
  }

  #needFrame(): void {
    if (this.#bottom + PAGE_SIZE > this.#top) {
      throw new RangeError(
        `Cannot map more memory: all ${this.#memory.ramBytes} bytes of RAM are in use; more memory may help`,
      );
    }
  }
}

/** Refuses what is no number of bytes. */
export function checkSize(size: number, verb: string): void {
  if (!Number.isSafeInteger(size) || size < 0) throw new RangeError(`Cannot ${verb} ${size} bytes`);
}

/** The pages that [address, address + size) touches. */
function* pagesOf(address: bigint, size: number, verb: string): Generator<bigint> {
  checkSize(size, verb);
  for (let page = address & -PAGE; page < address + BigInt(size); page += PAGE) {
    if (BigInt.asUintN(64, BigInt.asIntN(48, page)) !== page) {
      throw new RangeError(
        `Cannot ${verb} memory at 0x${page.toString(16)}: the address is not canonical`,
      );
    }
    yield page;
  }
}
