/** The memory-management unit: world slots, page walks, soft TLB refills. */
import { isCanonicalIn, LINEAR_BITS, LINEAR_BITS_57, PHYSICAL_HIGH } from "../cpu/address_widths.ts";
import { Breakpoints } from "../cpu/system/breakpoints.ts";
import {
  InvpcidType,
  type PdpteLoad,
  type RingLinkKind,
  type WorldControl,
} from "../cpu/system/world_control.ts";
import { Flag } from "../cpu/rflags.ts";
import { CPL, CR0, CR3, CR4, EFER, EPTP, PKRU, RFLAGS_SYSTEM, TLB_BASE } from "../cpu/state.ts";
import { CodePages } from "./code_pages.ts";
import { Cr0, Cr4, Efer } from "../cpu/system/control_bits.ts";
import type { AccessPage } from "./access_page.ts";
import type { Access, Translation } from "./mmu_types.ts";
import {
  directTables,
  loadPdptes,
  newWalk,
  PAGE_SHIFT,
  type PagingContext,
  SECOND_STAGE_REFUSED,
  type TableMemory,
  type Walk,
  walk,
  type WalkAccess,
} from "./paging.ts";
import {
  type LinearMemory,
  PAGE_SIZE,
  RAM_BASE,
  slotAt,
  TLB_EXECUTE,
  TLB_FRAME,
  TLB_HIGH,
  TlbFlag,
} from "./physical.ts";
import type { SecondStage, SecondStageAccess } from "./second_stage.ts";
import { joinSpan, type PageRun, type PageRuns } from "./spans.ts";
import { dropPage, fillEntry, isTaken, Right, tlbWord } from "./tlb.ts";
import { WorldLinks } from "./world_links.ts";
import { type TlbSizes, type World, Worlds } from "./worlds.ts";

/** Setting an accessed or dirty flag. */
const TABLE_READ: SecondStageAccess = { read: true, write: false, execute: false, table: true };
const TABLE_WRITE: SecondStageAccess = { ...TABLE_READ, write: true };
/** Of the PDPTEs that a load of CR3 reads. */
const PDPTE_READ: SecondStageAccess = { ...TABLE_READ, linear: false };
const PCID_MASK = 0xfffn;
/** XD in the upper half of an entry. */
const XD_HIGH = 0x8000_0000;
/** Pages of the smallest large page, and of a page table. */
const LARGE_PAGES = 512;
/**
 * Pages on each side of one that are looked at for each entry of a soft TLB that has few: to look far takes longer than a
 * refill, and is worth while where entries are kept.
 */
const REACH = 4;

/** The memory-management unit of one processor. */
export class Mmu implements WorldControl {
  readonly codePages: CodePages;
  readonly worlds: Worlds;
  readonly breakpoints: Breakpoints;
  readonly links: WorldLinks;
  /** Page walks done, by the soft TLB's misses. */
  refills = 0;
  /** Translates guest-physical addresses while the EPTP cell is not 0. */
  secondStage: SecondStage | undefined;
  /** A page whose accesses go elsewhere. */
  accessPage: AccessPage | undefined;

  #linearLo = 0;
  #linearHi = 0;
  readonly #walk: Walk = newWalk();
  readonly #run = { page: 0, count: 0 };
  readonly #runs: PageRuns = { runOf: (page, writable) => this.#runOf(page, writable) };
  readonly #access: WalkAccess = { write: false, execute: false, user: false };
  readonly #stagedAccess = {
    read: true,
    write: false,
    execute: false,
    table: false,
    paging: this.#walk.paging,
  };
  readonly #direct: TableMemory;
  readonly #staged: TableMemory;
  readonly #context: PagingContext = {
    levels: 0,
    root: 0,
    writeProtect: false,
    noExecute: false,
    smep: false,
    smap: false,
    alignmentCheck: false,
    pageSizeExtensions: false,
    globalPages: false,
    pkru: 0,
  };

  constructor(readonly memory: LinearMemory, tlbSizes?: TlbSizes) {
    this.worlds = new Worlds(memory, tlbSizes);
    this.breakpoints = new Breakpoints(memory);
    this.breakpoints.outside.onChange = () => this.breakpointsChanged();
    this.links = new WorldLinks(memory);
    this.worlds.onSearch = () => this.links.settle();
    this.worlds.onReuse = () => this.links.clear();
    this.codePages = new CodePages(memory, this.worlds);
    this.#direct = directTables(memory);
    this.#staged = {
      entryWord: (physical) => this.#stagedWord(physical),
      mayWrite: (physical) => this.secondStage!.translate(physical, TABLE_WRITE) >= 0,
    };
    this.enterWorld();
  }

  /** Makes the page tables at `cr3` current: finds or takes the world slot for them. Nothing is flushed. */
  switchAddressSpace(cr3: number): void {
    this.#setCr3(BigInt(cr3));
    this.enterWorld();
  }

  linkRing(from: number, kind: RingLinkKind): void {
    this.links.linkRing(from, kind);
  }

  loadCr3(value: bigint, flush: boolean): void {
    this.#setCr3(value);
    this.enterWorld();
    if (!flush) return;
    // Without PCIDs all address spaces have PCID 0: world calls come back to others without loading CR3.
    const tagged = (this.memory.i32[CR4 >> 2]! & Cr4.PCIDE) !== 0, loaded = Number(value & PCID_MASK);
    this.worlds.dropWhere(({ pcid }) => !tagged || pcid === loaded, TlbFlag.GLOBAL);
  }

  loadPdptes(table: number): PdpteLoad {
    if (!this.#isStaged()) return loadPdptes(this.memory.i32, this.#direct, table);
    return loadPdptes(this.memory.i32, {
      entryWord: (physical) => this.#stagedWord(physical, false),
    }, table);
  }

  enterWorld(): void {
    this.worlds.enter();
    if (this.breakpoints.isStale) this.breakpointsChanged();
  }

  breakpointsChanged(): void {
    // What is cached of the pages that are watched now lets accesses through.
    if (this.breakpoints.refresh()) this.worlds.dropTagged(() => true);
  }

  invalidatePage(linear: bigint): void {
    this.worlds.dropPage(linear);
  }

  invalidatePcid(type: number, named: number, linear: bigint): void {
    switch (type) {
      case InvpcidType.ADDRESS:
        return this.worlds.dropPage(linear, named);
      case InvpcidType.CONTEXT:
        return this.worlds.dropWhere(({ pcid }) => pcid === named, TlbFlag.GLOBAL);
      case InvpcidType.ALL_BUT_GLOBAL:
        return this.worlds.dropWhere(() => true, TlbFlag.GLOBAL);
      default:
        return this.flushAll();
    }
  }

  flushAll(): void {
    this.worlds.dropWhere(() => true, 0);
  }

  /** Drops everything cached for the address space `cr3`. */
  dropAddressSpace(cr3: number): void {
    this.worlds.dropWhere((world) => world.cr3 === BigInt(cr3), 0);
  }

  /** Must be told when host code has written guest RAM: drops translated code there. */
  wroteRam(hpa: number, length: number): void {
    this.codePages.invalidate(hpa, length);
  }

  /** Translates a linear address under the current CR3; sets accessed and dirty bits as the processor would. */
  translate(linear: bigint, access: Access, user: boolean): Translation {
    const lo = Number(BigInt.asIntN(32, linear)), hi = Number(BigInt.asIntN(32, linear >> 32n));
    if (!this.isCanonical(hi)) return { error: 0 };
    const failure = this.#doWalk(lo, hi, access === "write", access === "execute", user);
    return failure === 0 ? { hpa: this.#walk.page + (lo & 0xfff) } : { error: (failure >> 8) - 1 };
  }

  /**
   * Fills the soft TLB entry for an access of the current world.
   *
   * @returns 0, the page-fault error code as `walk` returns it, or SECOND_STAGE_REFUSED; the entry's word index is
   *   `tlbWord(…)`
   */
  refill(lo: number, hi: number, write: boolean, execute: boolean): number {
    const { i32 } = this.memory;
    const failure = this.#doWalk(lo, hi, write, execute, i32[CPL >> 2] === 3);
    if (failure !== 0) {
      // A page fault drops what is cached of the page. SDM 3A 4.10.4.1.
      dropPage(this.memory, slotAt(i32[TLB_BASE >> 2]!), lo, this.worlds.mayBeShared(hi));
      return failure;
    }
    this.refills++;
    const { page, readable, writable, executable, dirty, global, user, shift, key } = this.#walk;
    const large = shift > PAGE_SHIFT, shared = global && !user;
    if (this.worlds.meetsKey(key)) this.worlds.enter();
    const inRam = page < this.memory.ramBytes;
    // Accesses that a breakpoint may watch take the slow path.
    const open = inRam && !this.isAccessPage(page) && !this.breakpoints.watchesPage(lo, hi);
    const word = tlbWord(i32, i32[TLB_BASE >> 2]!, lo);
    const storable = open && writable && dirty && !this.codePages.has(page / PAGE_SIZE);
    this.worlds.noteEntry(word, isTaken(this.memory, word, lo), storable ? page / PAGE_SIZE : -1);
    this.worlds.notePage(lo, hi, shift, global, shared);
    const rights = (open && readable ? Right.READ : 0) | (storable ? Right.WRITE : 0) |
      (inRam && executable ? Right.EXECUTE : 0);
    fillEntry(
      this.memory,
      word,
      lo,
      hi,
      page,
      rights,
      (global ? TlbFlag.GLOBAL : 0) | (large ? TlbFlag.LARGE : 0) | (shared ? TlbFlag.SHARED : 0),
    );
    if (open && readable) this.#joinSpan(word, lo);
    return 0;
  }

  #joinSpan(word: number, lo: number): void {
    const { memory } = this, base = memory.i32[TLB_BASE >> 2]!;
    const before = tlbWord(memory.i32, base, lo - PAGE_SIZE),
      behind = tlbWord(memory.i32, base, lo + PAGE_SIZE);
    joinSpan(memory, slotAt(base), word, before, behind, this.#runs);
  }

  /**
   * Pages around the one of the last walk that can be accessed as it can, and whose translations a processor may have cached
   * as well (SDM vol. 3A, section 4.10.2.3): of the same large page, or of entries that have been accessed.
   */
  #runOf(number: number, write: boolean): PageRun {
    const { shift, entry, writable } = this.#walk, large = shift > PAGE_SHIFT, run = this.#run;
    const at = number % LARGE_PAGES;
    run.page = number;
    run.count = 1;
    // Second stages, breakpoints and access pages have rights for each page. What will be writable waits for that.
    const isCut = this.breakpoints.watches || (this.accessPage?.page ?? -1) >= 0;
    if (this.#isStaged() || isCut || !large && (entry < 0 || write !== writable)) return run;
    // Whether code may be fetched there does not matter.
    const alike = this.#context.noExecute ? ~XD_HIGH : ~0;
    const few = this.worlds.fewEntries, reach = few === undefined ? LARGE_PAGES : REACH * few;
    const first = Math.max(0, at - reach), end = Math.min(LARGE_PAGES, at + reach);
    let from = at, to = at + 1;
    while (from > first && this.#isLike(from - 1 - at, write, alike)) from--;
    while (to < end && this.#isLike(to - at, write, alike)) to++;
    run.page = number - at + from;
    run.count = to - from;
    return run;
  }

  /** Whether the page so many pages behind that of the last walk can be accessed as it can. */
  #isLike(distance: number, write: boolean, alike: number): boolean {
    const { i32, ramBytes } = this.memory, { page, shift, entry } = this.#walk;
    const frame = page / PAGE_SIZE + distance;
    if (frame < 0 || frame >= ramBytes / PAGE_SIZE || write && this.codePages.has(frame)) return false;
    if (shift > PAGE_SHIFT) return true;
    const other = entry + 2 * distance;
    return i32[other] === ((i32[entry]! + distance * PAGE_SIZE) | 0) &&
      ((i32[other + 1]! ^ i32[entry + 1]!) & alike) === 0;
  }

  /** Whether a linear address with this upper half is canonical. */
  isCanonical(hi: number): boolean {
    const { i32 } = this.memory;
    const wide = (i32[CR4 >> 2]! & Cr4.LA57) !== 0 && (i32[EFER >> 2]! & Efer.LMA) !== 0;
    return isCanonicalIn(wide ? LINEAR_BITS_57 : LINEAR_BITS, hi);
  }

  /** Host-physical page of a linear address if the soft TLB of the current world has it for fetches, or -1. */
  executablePage(lo: number, hi: number): number {
    const { i32 } = this.memory, word = tlbWord(i32, i32[TLB_BASE >> 2]!, lo);
    const isKnown = i32[word + TLB_EXECUTE / 4] === (lo & ~0xfff) && i32[word + TLB_HIGH / 4] === hi;
    return isKnown ? i32[word + TLB_FRAME / 4]! * PAGE_SIZE : -1;
  }

  /** Whether accesses to a host-physical page go elsewhere. */
  isAccessPage(page: number): boolean {
    return this.accessPage?.page === page;
  }

  /** Linear address of the last walk, successful or not. */
  get walkedLinear(): bigint {
    return (BigInt(this.#linearHi >>> 0) << 32n) | BigInt(this.#linearLo >>> 0);
  }

  /** Drops what is cached for the worlds that `chosen` accepts, of whatever VPID. */
  dropTagged(chosen: (world: World) => boolean): void {
    this.worlds.dropTagged(chosen);
  }

  /** Host-physical page that the last successful walk found. */
  get walkedPage(): number {
    return this.#walk.page;
  }

  #doWalk(lo: number, hi: number, write: boolean, execute: boolean, user: boolean): number {
    this.#linearLo = lo;
    this.#linearHi = hi;
    const access = this.#access;
    access.write = write;
    access.execute = execute;
    access.user = user;
    this.#readContext();
    const { i32 } = this.memory;
    const staged = this.#isStaged();
    const failure = walk(
      i32,
      staged ? this.#staged : this.#direct,
      this.#context,
      lo,
      hi,
      access,
      this.#walk,
    );
    if (failure !== 0) return failure;
    if (staged && !this.#translateWalked(lo, access)) return SECOND_STAGE_REFUSED;
    if (!execute || !this.isAccessPage(this.#walk.page)) return 0;
    this.accessPage!.locate(lo & 0xfff, 1, "fetch");
    return SECOND_STAGE_REFUSED;
  }

  /** Translates the guest-physical page that the walk has found; false if the second stage refuses. */
  #translateWalked(lo: number, { write, execute }: WalkAccess): boolean {
    const stage = this.secondStage!, access = this.#stagedAccess;
    access.read = !write && !execute;
    access.write = write;
    access.execute = execute;
    const hpa = stage.translate(this.#walk.page + (lo & 0xfff), access);
    if (hpa < 0) return false;
    this.#walk.page = hpa;
    this.#walk.readable &&= stage.readable;
    this.#walk.writable &&= stage.writable;
    this.#walk.executable &&= stage.executable;
    return true;
  }

  #isStaged(): boolean {
    const { i32 } = this.memory;
    return this.secondStage !== undefined && (i32[EPTP >> 2] !== 0 || i32[(EPTP >> 2) + 1] !== 0);
  }

  /** Index in the linear memory's words of a table entry at a guest-physical address. */
  #stagedWord(physical: number, linear = true): number {
    const hpa = this.secondStage!.translate(physical, linear ? TABLE_READ : PDPTE_READ);
    if (hpa < 0) return -2;
    if (this.isAccessPage(hpa)) {
      this.accessPage!.refuseTable();
      return -2;
    }
    const at = hpa + physical % 0x1000;
    return at + 8 <= this.memory.ramBytes ? (RAM_BASE + at) / 4 : -1;
  }

  /** The control registers as they are: host code and instructions change them behind our back. */
  #readContext(): void {
    const { i32 } = this.memory;
    const cr0 = i32[CR0 >> 2]!, cr4 = i32[CR4 >> 2]!, efer = i32[EFER >> 2]!;
    const context = this.#context;
    context.levels = (cr0 & Cr0.PG) === 0
      ? 0
      : (efer & Efer.LMA) !== 0
      ? (cr4 & Cr4.LA57) !== 0 ? 5 : 4
      : (cr4 & Cr4.PAE) !== 0
      ? 3
      : 2;
    const cr3Low = i32[CR3 >> 2]!;
    context.root = context.levels === 3
      ? (cr3Low & ~31) >>> 0
      : (i32[(CR3 >> 2) + 1]! & PHYSICAL_HIGH) * 0x1_0000_0000 + ((cr3Low & ~0xfff) >>> 0);
    context.writeProtect = (cr0 & Cr0.WP) !== 0;
    context.noExecute = (efer & Efer.NXE) !== 0;
    context.smep = (cr4 & Cr4.SMEP) !== 0;
    context.smap = (cr4 & Cr4.SMAP) !== 0;
    context.alignmentCheck = (i32[RFLAGS_SYSTEM >> 2]! & Flag.AC) !== 0;
    context.pageSizeExtensions = (cr4 & Cr4.PSE) !== 0;
    context.globalPages = (cr4 & Cr4.PGE) !== 0;
    context.pkru = (cr4 & Cr4.PKE) !== 0 && context.levels >= 4 ? i32[PKRU >> 2]! : 0;
  }

  #setCr3(value: bigint): void {
    const { i32 } = this.memory;
    i32[CR3 >> 2] = Number(BigInt.asIntN(32, value));
    i32[(CR3 >> 2) + 1] = Number(BigInt.asIntN(32, value >> 32n));
  }
}
