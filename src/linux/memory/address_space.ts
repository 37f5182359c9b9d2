/** An address space: its regions, its page tables, and page faults on demand. */
import type { Mmu } from "../../memory/mmu.ts";
import { PAGE_SIZE } from "../../memory/physical.ts";
import { Errno, fail } from "../abi/errno.ts";
import { type Backing, PageCache, type PageStore } from "./backing.ts";
import { Frames, FramesInRuns, ZERO_FRAME } from "./frames.ts";
import { PageTables, Pte, USER_END } from "./page_tables.ts";
import { Prot, type Region, RegionList, STACK_GAP } from "./vma.ts";

/** What all address spaces share: RAM, the page cache, and which of them the processor uses. */
export class MemorySystem {
  readonly frames: Frames;
  readonly cache: PageCache;
  readonly spaces: Set<AddressSpace> = new Set();
  #active: AddressSpace | undefined;

  constructor(readonly mmu: Mmu, limit: number = mmu.memory.ramBytes) {
    this.frames = new Frames(mmu.memory, mmu, limit);
    this.cache = new PageCache(this.frames);
  }

  /** Makes a space the processor's. */
  activate(space: AddressSpace): void {
    if (this.#active === space) return;
    this.#active = space;
    this.mmu.switchAddressSpace(space.tables.cr3);
  }

  /** Drops what the processor has cached for a page of `space`. */
  invalidate(space: AddressSpace, linear: number): void {
    const active = this.#active;
    if (active !== space) this.mmu.switchAddressSpace(space.tables.cr3);
    this.mmu.invalidatePage(BigInt(linear));
    if (active !== space && active !== undefined) this.mmu.switchAddressSpace(active.tables.cr3);
  }

  /** Drops all that the processor has cached for `space`. */
  invalidateAll(space: AddressSpace): void {
    this.mmu.dropAddressSpace(space.tables.cr3);
    if (this.#active === space) this.mmu.switchAddressSpace(space.tables.cr3);
  }

  /** Forgets a space that is being destroyed. */
  forget(space: AddressSpace): void {
    this.spaces.delete(space);
    this.mmu.dropAddressSpace(space.tables.cr3);
    if (this.#active === space) this.#active = undefined;
  }

  /** Unmaps the pages of `backing` from position `size` on in every space: the file has been cut. */
  unmapBeyond(backing: Backing, size: number): void {
    const first = Math.ceil(size / PAGE_SIZE) * PAGE_SIZE;
    for (const space of this.spaces) {
      for (const region of space.regions.list) {
        if (region.backing !== backing) continue;
        const from = Math.max(region.start, region.start + first - region.offset);
        if (from < region.end) space.releasePages(from, region.end);
      }
    }
  }
}

/** Outcome of a page fault. */
export type FaultOutcome = "resolved" | "unmapped" | "denied" | "beyond-end";

/** Access that faulted. */
export type FaultAccess = "read" | "write" | "execute";

/** An address space. Addresses are numbers: user space ends below 2^47. */
export class AddressSpace {
  readonly regions: RegionList = new RegionList();
  readonly tables: PageTables;
  /** Where brk(2) starts and stands. */
  brkStart = 0;
  brk = 0;
  /** Below this mappings are placed. */
  mmapBase = 0x7fff_f7ff_f000;
  /** RLIMIT_STACK: how far the stack may grow. */
  stackLimit = 0x80_0000;
  /** Argument and environment strings, for /proc/self. */
  argStart = 0;
  argEnd = 0;
  envStart = 0;
  envEnd = 0;
  /** Waiters of private futexes by address. */
  readonly futexes: Map<number, unknown[]> = new Map();
  /** Page faults that were resolved. */
  minorFaults = 0;
  /** What its own pages are taken from. */
  readonly #own: FramesInRuns;
  #users = 1;

  constructor(readonly memory: MemorySystem) {
    this.tables = new PageTables(memory.frames);
    this.#own = new FramesInRuns(memory.frames);
    memory.spaces.add(this);
  }

  /** One more thread group uses this space (vfork, CLONE_VM). */
  retain(): this {
    this.#users++;
    return this;
  }

  /** Users there are. */
  get users(): number {
    return this.#users;
  }

  /** One user fewer; the last frees everything. */
  release(): void {
    if (--this.#users > 0) return;
    this.unmap(0, USER_END);
    this.#own.close();
    this.memory.forget(this);
    this.tables.destroy();
  }

  /** Makes the page at `linear` accessible if it may be. Fails with ENOMEM where RAM ends. */
  fault(linear: number, access: FaultAccess): FaultOutcome {
    const page = linear - linear % PAGE_SIZE;
    const region = this.regions.find(page) ?? this.#growStack(page);
    if (region === undefined) return "unmapped";
    const needed = access === "write" ? Prot.WRITE : access === "execute" ? Prot.EXEC : 0;
    // x86 has no pages that are writable or executable, but not readable.
    if (region.prot === 0 || (region.prot & needed) !== needed) return "denied";
    const i32 = this.memory.frames.memory.i32;
    const at = this.tables.make(page);
    const entry = i32[at]!;
    this.minorFaults++;
    if ((entry & Pte.HELD) === 0) return this.#populate(region, page, at, access);
    if (access !== "write" || (entry & Pte.W) !== 0) {
      this.#setEntry(region, page, at, entry >>> 12, entry & (Pte.W | Pte.D));
    } else if (region.shared) {
      this.#setEntry(region, page, at, entry >>> 12, Pte.W | Pte.D);
    } else {
      this.#copyOnWrite(region, page, at, entry >>> 12);
    }
    return "resolved";
  }

  #populate(region: Region, page: number, at: number, access: FaultAccess): FaultOutcome {
    const frames = this.memory.frames;
    if (region.backing === undefined) {
      if (access === "write") {
        this.#setEntry(region, page, at, this.#own.allocate(page / PAGE_SIZE), Pte.W | Pte.D);
      } else {
        frames.retain(ZERO_FRAME);
        this.#setEntry(region, page, at, ZERO_FRAME, 0);
      }
      return "resolved";
    }
    const frame = region.backing.page((region.offset + page - region.start) / PAGE_SIZE);
    if (frame === undefined) return "beyond-end";
    frames.retain(frame);
    if (access === "write" && !region.shared) {
      try {
        this.#copyOnWrite(region, page, at, frame);
      } catch (error) {
        frames.release(frame);
        throw error;
      }
    } else {
      this.#setEntry(region, page, at, frame, access === "write" ? Pte.W | Pte.D : 0);
      this.#mapAround(region, page);
    }
    return "resolved";
  }

  /** Maps cached pages behind a page that was just read from a file: a program's text comes in runs. */
  #mapAround(region: Region, page: number): void {
    const { frames } = this.memory;
    const i32 = frames.memory.i32;
    const end = Math.min(region.end, page + 16 * PAGE_SIZE, page - page % 0x20_0000 + 0x20_0000);
    for (let next = page + PAGE_SIZE; next < end; next += PAGE_SIZE) {
      const at = this.tables.find(next);
      const frame = region.backing!.pages.get((region.offset + next - region.start) / PAGE_SIZE);
      if (at < 0 || frame === undefined || (i32[at]! & Pte.HELD) !== 0) continue;
      frames.retain(frame);
      this.#setEntry(region, next, at, frame, 0);
    }
  }

  #copyOnWrite(region: Region, page: number, at: number, shared: number): void {
    const frames = this.memory.frames;
    let frame = shared;
    if (shared === ZERO_FRAME) {
      frame = this.#own.allocate(page / PAGE_SIZE);
      frames.release(ZERO_FRAME);
    } else if (frames.references(shared) > 1) {
      frame = this.#own.allocate(page / PAGE_SIZE);
      frames.copy(shared, frame);
      frames.release(shared);
    }
    this.#setEntry(region, page, at, frame, Pte.W | Pte.D);
  }

  /** Writes an entry as the region's protection says; `write` is W and D, or 0. */
  #setEntry(region: Region, page: number, at: number, frame: number, write: number): void {
    const i32 = this.memory.frames.memory.i32;
    const before = i32[at]!;
    const rights = (region.prot & Prot.WRITE) !== 0 ? write : write & Pte.D;
    i32[at] = (frame << 12) | rights | Pte.U | Pte.A | Pte.HELD | (region.prot === 0 ? 0 : Pte.P);
    i32[at + 1] = (region.prot & Prot.EXEC) !== 0 ? 0 : Pte.NX_HIGH;
    if ((before & Pte.P) !== 0) this.memory.invalidate(this, page);
  }

  #growStack(page: number): Region | undefined {
    const region = this.regions.list[this.regions.indexAt(page)];
    if (region === undefined || !region.growsDown || page < region.end - this.stackLimit) return undefined;
    const below = this.regions.list[this.regions.indexAt(page) - 1];
    if (below !== undefined && below.prot !== 0 && below.end > page - STACK_GAP) return undefined;
    region.start = page;
    return region;
  }

  /** Maps a fresh region at a place that is page-aligned and inside user space, replacing what is there. */
  map(region: Region, store?: PageStore): void {
    region.backing?.attach(store);
    this.unmap(region.start, region.end);
    this.regions.insert(region);
  }

  /** Removes all mappings in [start, end). */
  unmap(start: number, end: number): void {
    const removed = this.regions.overlapping(start, end).length === 0 ? [] : this.regions.remove(start, end);
    for (const region of removed) {
      this.#releaseRegionPages(region, region.start, region.end);
      region.backing?.detach();
    }
  }

  /** Drops the pages in [start, end), which comes back as zeros or from the file. */
  releasePages(start: number, end: number): void {
    for (const region of this.regions.overlapping(start, end)) {
      this.#releaseRegionPages(region, Math.max(start, region.start), Math.min(end, region.end));
    }
  }

  #releaseRegionPages(region: Region, start: number, end: number): void {
    const { frames } = this.memory;
    const i32 = frames.memory.i32;
    this.tables.forEachHeld(start, end, (page, at) => {
      const entry = i32[at]!;
      if (region.shared && (entry & Pte.D) !== 0) {
        region.backing?.writeBack((region.offset + page - region.start) / PAGE_SIZE, entry >>> 12);
      }
      i32[at] = 0;
      i32[at + 1] = 0;
      if ((entry & Pte.P) !== 0) this.memory.invalidate(this, page);
      frames.release(entry >>> 12);
    });
  }

  /** Writes dirty pages of shared mappings in [start, end) to their files. */
  sync(start: number, end: number): void {
    const i32 = this.memory.frames.memory.i32;
    for (const region of this.regions.overlapping(start, end)) {
      if (!region.shared || region.backing === undefined) continue;
      this.tables.forEachHeld(Math.max(start, region.start), Math.min(end, region.end), (page, at) => {
        if ((i32[at]! & Pte.D) === 0) return;
        region.backing!.writeBack((region.offset + page - region.start) / PAGE_SIZE, i32[at]! >>> 12);
      });
    }
  }

  /** Changes the protection of [start, end), all of which must be mapped. */
  protect(start: number, end: number, prot: number): void {
    if (!this.regions.covers(start, end)) fail(Errno.ENOMEM);
    if ((prot & Prot.WRITE) !== 0) {
      for (const region of this.regions.overlapping(start, end)) {
        if (region.shared && region.backing !== undefined && !region.mayWrite) fail(Errno.EACCES);
      }
    }
    this.regions.split(start);
    this.regions.split(end);
    const i32 = this.memory.frames.memory.i32;
    for (const region of this.regions.overlapping(start, end)) {
      if (region.prot === prot) continue;
      region.prot = prot;
      this.tables.forEachHeld(region.start, region.end, (page, at) => {
        // Writing needs a fault first: the page may be shared with a cache or another space.
        this.#setEntry(region, page, at, i32[at]! >>> 12, i32[at]! & Pte.D);
      });
    }
    this.regions.mergeAround(start, end);
  }

  /** Moves the pages of [from, from + length) to `to`, where the regions are made already. */
  movePages(from: number, to: number, length: number): void {
    const i32 = this.memory.frames.memory.i32;
    this.tables.forEachHeld(from, from + length, (page, at) => {
      const target = this.tables.make(page - from + to);
      i32[target] = i32[at]!;
      i32[target + 1] = i32[at + 1]!;
      i32[at] = 0;
      i32[at + 1] = 0;
      this.memory.invalidate(this, page);
    });
  }

  /** A copy whose private pages are shared until one side writes. Fails with ENOMEM. */
  fork(): AddressSpace {
    const child = new AddressSpace(this.memory);
    const { frames } = this.memory;
    const i32 = frames.memory.i32;
    child.brkStart = this.brkStart;
    child.brk = this.brk;
    child.mmapBase = this.mmapBase;
    child.stackLimit = this.stackLimit;
    child.argStart = this.argStart;
    child.argEnd = this.argEnd;
    child.envStart = this.envStart;
    child.envEnd = this.envEnd;
    try {
      for (const region of this.regions.list) {
        region.backing?.share();
        child.regions.list.push({ ...region });
        this.tables.forEachHeld(region.start, region.end, (page, at) => {
          const target = child.tables.make(page);
          if (!region.shared) i32[at] = i32[at]! & ~Pte.W;
          frames.retain(i32[at]! >>> 12);
          i32[target] = i32[at]!;
          i32[target + 1] = i32[at + 1]!;
        });
      }
    } catch (error) {
      child.release();
      throw error;
    } finally {
      this.memory.invalidateAll(this);
    }
    return child;
  }

  /** True if the page at `linear` holds a frame. */
  resident(linear: number): boolean {
    const at = this.tables.find(linear);
    return at >= 0 && (this.memory.frames.memory.i32[at]! & Pte.HELD) !== 0;
  }

  /** Bytes mapped, and bytes that hold frames. */
  sizes(): { mapped: number; resident: number } {
    let mapped = 0, resident = 0;
    for (const { start, end } of this.regions.list) {
      mapped += end - start;
      resident += this.residentIn(start, end);
    }
    return { mapped, resident };
  }

  /** Bytes of pages that are there. */
  residentIn(start: number, end: number): number {
    let resident = 0;
    this.tables.forEachHeld(start, end, () => resident += PAGE_SIZE);
    return resident;
  }
}
