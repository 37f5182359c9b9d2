/** The memory-management unit: world slots, page walks, soft TLB refills. */
import { CPL, CR0, CR3, CR4, EFER, JUMP_TABLE, RFLAGS_SYSTEM, TLB_BASE, TLB_MASK } from "../cpu/state.ts";
import { Flag } from "../cpu/rflags.ts";
import { CodePages } from "./code_pages.ts";
import type { Access, Translation } from "./mmu_types.ts";
import {
  directTables,
  type PagingContext,
  type TableMemory,
  type Walk,
  walk,
  type WalkAccess,
} from "./paging.ts";
import { jumpTableOffset, type LinearMemory, SLOTS, TLB_ENTRIES, tlbOffset } from "./physical.ts";
import { clearSlot, dropPage, fillEntry, tlbWord } from "./tlb.ts";

const CR0_WP = 0x1_0000, CR0_PG = 1 << 31;
const CR4_PSE = 0x10, CR4_PAE = 0x20, CR4_LA57 = 0x1000, CR4_SMEP = 0x10_0000, CR4_SMAP = 0x20_0000;
const EFER_LMA = 0x400, EFER_NXE = 0x800;

/** A world slot in use. */
interface Slot {
  /** What the slot caches: CR3 and privilege; undefined while it is free. */
  key: number | undefined;
  lastUse: number;
  /** Changes whenever a mapping that code was found through is dropped. */
  epoch: number;
  /** Linear pages (numbers) that code was found through. */
  readonly codePages: Set<number>;
}

const pageNumber = (lo: number, hi: number): number => (hi >>> 0) * 0x10_0000 + (lo >>> 12);

/** The memory-management unit of one processor. */
export class Mmu {
  readonly codePages: CodePages;
  /** Epoch of the current world: what was found out about where its code lies holds as long as this is the same. */
  epoch = 0;
  /** Page walks done, by the soft TLB's misses. */
  refills = 0;

  readonly #slots: Slot[] = Array.from(
    { length: SLOTS },
    () => ({ key: undefined, lastUse: 0, epoch: 0, codePages: new Set<number>() }),
  );
  #current = 0;
  #epochs = 0;
  #uses = 0;
  readonly #walk: Walk = { page: 0, writable: false, executable: false, dirty: false, global: false };
  readonly #access: WalkAccess = { write: false, execute: false, user: false };
  readonly #tables: TableMemory;
  readonly #context: PagingContext = {
    levels: 0,
    root: 0,
    writeProtect: false,
    noExecute: false,
    smep: false,
    smap: false,
    alignmentCheck: false,
    pageSizeExtensions: false,
  };

  constructor(readonly memory: LinearMemory) {
    this.codePages = new CodePages(memory);
    this.#tables = directTables(memory);
    this.switchAddressSpace(0);
  }

  /** Makes the page tables at `cr3` current: finds or takes the world slot for them and CPL. Nothing is flushed. */
  switchAddressSpace(cr3: number): void {
    const { i32 } = this.memory;
    i32[CR3 >> 2] = cr3 | 0;
    i32[(CR3 >> 2) + 1] = Math.floor(cr3 / 0x1_0000_0000);
    this.enterWorld();
  }

  /** Selects the world slot for CR3 and CPL as they are in the state. */
  enterWorld(): void {
    const { i32 } = this.memory;
    const key = this.#cr3() + (i32[CPL >> 2] === 3 ? 1 : 0);
    let chosen = this.#slots.findIndex((slot) => slot.key === key);
    if (chosen < 0) {
      chosen = this.#leastRecent();
      clearSlot(this.memory, chosen);
      this.#slots[chosen]!.key = key;
      this.#newEpoch(this.#slots[chosen]!);
    }
    this.#slots[chosen]!.lastUse = ++this.#uses;
    this.epoch = this.#slots[chosen]!.epoch;
    this.#current = chosen;
    i32[TLB_BASE >> 2] = tlbOffset(chosen);
    i32[TLB_MASK >> 2] = TLB_ENTRIES - 1;
    i32[JUMP_TABLE >> 2] = jumpTableOffset(chosen);
  }

  /** INVLPG in the current address space, for every privilege level. */
  invalidatePage(linear: bigint): void {
    const lo = Number(BigInt.asIntN(32, linear)), hi = Number(BigInt.asIntN(32, linear >> 32n));
    const cr3 = this.#cr3();
    for (const [number, slot] of this.#slots.entries()) {
      if (slot.key === undefined || slot.key - slot.key % 2 !== cr3) continue;
      dropPage(this.memory, number, lo);
      if (slot.codePages.has(pageNumber(lo, hi))) this.#newEpoch(slot);
    }
    this.epoch = this.#slots[this.#current]!.epoch;
  }

  /** Called when code has been found through the page of a linear address in the current world. */
  noteCode(lo: number, hi: number): void {
    this.#slots[this.#current]!.codePages.add(pageNumber(lo, hi));
  }

  /** Drops everything cached for the address space `cr3`. */
  dropAddressSpace(cr3: number): void {
    for (const [number, slot] of this.#slots.entries()) {
      if (slot.key === undefined || slot.key - slot.key % 2 !== cr3) continue;
      clearSlot(this.memory, number);
      this.#newEpoch(slot);
      if (number !== this.#current) slot.key = undefined;
    }
    this.epoch = this.#slots[this.#current]!.epoch;
  }

  #newEpoch(slot: Slot): void {
    slot.epoch = ++this.#epochs;
    slot.codePages.clear();
  }

  /** Must be told when host code has written guest RAM: drops translated code there. */
  wroteRam(hpa: number, length: number): void {
    this.codePages.invalidate(hpa, length);
  }

  /** Translates a linear address under the current CR3; sets accessed and dirty bits as the processor would. */
  translate(linear: bigint, access: Access, user: boolean): Translation {
    const lo = Number(BigInt.asIntN(32, linear)), hi = Number(BigInt.asIntN(32, linear >> 32n));
    if (!isCanonical(hi)) return { error: 0 };
    const failure = this.#doWalk(lo, hi, access === "write", access === "execute", user);
    return failure === 0 ? { hpa: this.#walk.page + (lo & 0xfff) } : { error: (failure >> 8) - 1 };
  }

  /**
   * Fills the soft TLB entry for an access of the current world.
   *
   * @returns 0, or the page-fault error code as `walk` returns it; the entry's word index is `tlbWord(…)`
   */
  refill(lo: number, hi: number, write: boolean, execute: boolean): number {
    const { i32 } = this.memory;
    const user = i32[CPL >> 2] === 3;
    const failure = this.#doWalk(lo, hi, write, execute, user);
    if (failure !== 0) return failure;
    this.refills++;
    const { page, writable, executable, dirty } = this.#walk;
    const inRam = page < this.memory.ramBytes;
    fillEntry(this.memory, tlbWord(i32[TLB_BASE >> 2]!, lo), lo, hi, page, {
      read: inRam,
      write: inRam && writable && dirty && !this.codePages.has(page / 0x1000),
      execute: inRam && executable,
    });
    return 0;
  }

  /** Host-physical page that the last successful walk found. */
  get walkedPage(): number {
    return this.#walk.page;
  }

  #doWalk(lo: number, hi: number, write: boolean, execute: boolean, user: boolean): number {
    const access = this.#access;
    access.write = write;
    access.execute = execute;
    access.user = user;
    this.#readContext();
    return walk(this.memory.i32, this.#tables, this.#context, lo, hi, access, this.#walk);
  }

  /** The control registers as they are: host code and instructions change them behind our back. */
  #readContext(): void {
    const { i32 } = this.memory;
    const cr0 = i32[CR0 >> 2]!, cr4 = i32[CR4 >> 2]!, efer = i32[EFER >> 2]!;
    const context = this.#context;
    context.levels = (cr0 & CR0_PG) === 0
      ? 0
      : (efer & EFER_LMA) !== 0
      ? (cr4 & CR4_LA57) !== 0 ? 5 : 4
      : (cr4 & CR4_PAE) !== 0
      ? 3
      : 2;
    context.root = context.levels === 3 ? (i32[CR3 >> 2]! & ~31) >>> 0 : this.#cr3();
    context.writeProtect = (cr0 & CR0_WP) !== 0;
    context.noExecute = (efer & EFER_NXE) !== 0;
    context.smep = (cr4 & CR4_SMEP) !== 0;
    context.smap = (cr4 & CR4_SMAP) !== 0;
    context.alignmentCheck = (i32[RFLAGS_SYSTEM >> 2]! & Flag.AC) !== 0;
    context.pageSizeExtensions = (cr4 & CR4_PSE) !== 0;
  }

  #cr3(): number {
    const { i32 } = this.memory;
    return (i32[(CR3 >> 2) + 1]! & 0xf_ffff) * 0x1_0000_0000 + ((i32[CR3 >> 2]! & ~0xfff) >>> 0);
  }

  #leastRecent(): number {
    let chosen = 0;
    for (let slot = 1; slot < SLOTS; slot++) {
      if (this.#slots[slot]!.lastUse < this.#slots[chosen]!.lastUse) chosen = slot;
    }
    return chosen;
  }
}

/** Whether a 48-bit linear address with this upper half is canonical. */
export function isCanonical(hi: number): boolean {
  return hi >> 15 === 0 || hi >> 15 === -1;
}
