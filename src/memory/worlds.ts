/** World slots: each live world has a soft TLB and a jump table of its own, so that switching worlds flushes nothing. */
import { Flag } from "../cpu/rflags.ts";
import {
  CPL,
  CR0,
  CR3,
  CR4,
  EFER,
  EPTP,
  PKRU,
  RFLAGS_SYSTEM,
  TLB_BASE,
  VMX_MODE,
  VPID,
  WORLD_TICK,
} from "../cpu/state.ts";
import { Cr0, Cr4, Efer } from "../cpu/system/control_bits.ts";
import {
  LEAST_TLB_ENTRIES,
  type LinearMemory,
  MOST_TLB_ENTRIES,
  PAGE_SIZE,
  REGION_ENTRIES,
  SLOT_KIND,
  SLOT_LAST_USE,
  SLOT_REGIONS,
  slotAt,
  slotOffset,
  SLOTS,
  TlbFlag,
} from "./physical.ts";
import { FewWords } from "./few_words.ts";
import { PAGE_SHIFT, SHIFT_1G } from "./paging.ts";
import {
  clearJumps,
  clearJumpsTo,
  clearRegions,
  clearTlbExcept,
  dropLargePages,
  dropPage,
  isGlobal,
  JUMP_PAGES,
  protectFrame,
  resizeTlb,
  tlbEntries,
  usedEntries,
} from "./tlb.ts";

/** Control-register bits that decide how addresses are translated and accessed. */
const CR0_PAGING = Cr0.WP | Cr0.PG;
const CR4_PAGING = Cr4.PSE | Cr4.PAE | Cr4.PGE | Cr4.LA57 | Cr4.PCIDE | Cr4.SMEP | Cr4.SMAP | Cr4.PKE;
const EFER_PAGING = Efer.LMA | Efer.NXE;

/** A world, as who drops what is cached for some of them sees it. */
export interface World {
  readonly cr3: bigint;
  /** Process-context identifier: 0 without CR4.PCIDE. SDM vol. 3A, section 4.10.1. */
  readonly pcid: number;
  readonly eptp: bigint;
  /** 0 outside VMX operation, in root operation, and in guests without VPIDs. SDM vol. 3C, section 29.1. */
  readonly vpid: number;
}

/** Everything that decides how an address is fetched and accessed, in words: see `describe`. */
const DESCRIPTION_WORDS = 11;
const PCID_MASK = 0xfff;

/** A world slot that is in use. */
interface Slot {
  readonly number: number;
  /** What it caches. */
  world: World;
  readonly description: Int32Array;
  hash: number;
  /** Linear pages (numbers) that code was found through: those that are not global, and those that are. */
  readonly codePages: Set<number>;
  readonly globalCode: Set<number>;
  /** The one that was noted last, or -1: mostly it is noted again. */
  latestCodePage: number;
  /** Regions that lie in place, all on global pages: they stay there where only those stay. */
  readonly globalRegions: Set<number>;
  /** Blocks of the size of the largest pages (numbers) that it may hold parts of large pages of, and the largest page met. */
  readonly largeBlocks: Set<number>;
  largestShift: number;
  /** Such blocks that it may hold global pages of, and the lowest of them; Infinity: there are none. */
  readonly globalBlocks: Set<number>;
  lowestGlobal: number;
  /** Flags of the entries that it may still hold, because it has got none since others were dropped; undefined: any. */
  left: number | undefined;
  /** Where entries of its soft TLB may be, and of its table of regions. */
  readonly entries: FewWords;
  readonly regions: FewWords;
  /** Entries of its soft TLB that others have displaced since it has its size; turns since that was looked at. */
  evictions: number;
  turns: number;
}

/** Entries of a soft TLB: of a new world's, and of the largest. */
export interface TlbSizes {
  readonly least: number;
  readonly most: number;
}
const DYNAMIC_TLB: TlbSizes = { least: LEAST_TLB_ENTRIES, most: MOST_TLB_ENTRIES };

/** Sizes of soft TLBs follow each other by this factor. */
const TLB_STEP = 4;
/** Evictions for each entry after which a soft TLB grows: what is lost then, its entries, is little beside them. */
const EVICTIONS_TO_GROW = 2;
/** Turns (Worlds.resize) after which one is looked at that may be too large. */
const TURNS_TO_SHRINK = 256;

/** Pages of a block in which what is known of large pages is dropped together: of the largest there are. */
const BLOCK_PAGES = 2 ** (SHIFT_1G - PAGE_SHIFT);
const blockOf = (page: number): number => Math.floor(page / BLOCK_PAGES);
const pageNumber = (lo: number, hi: number): number => (hi >>> 0) * 0x10_0000 + (lo >>> 12);

/** The slots of one linear memory. */
export class Worlds {
  /** Called before the least recently used slot is looked for: translated code keeps some last uses elsewhere. */
  onSearch: (() => void) | undefined;
  /** Called when a slot is taken from the world that it had. */
  onReuse: (() => void) | undefined;
  /** Slots in use, by number. */
  readonly #slots: Slot[] = [];
  readonly #byHash = new Map<number, Slot[]>();
  readonly #now = new Int32Array(DESCRIPTION_WORDS);
  /** The slot that was left last: often it is the next one. */
  #left: Slot | undefined;
  /** Bits of PKRU for the protection keys that pages have been met with, and key 0, which most have. */
  #keys = 3;
  /** Kinds of worlds that have been met; whether pages have been shared in the lower half of the address space, where few are. */
  #kinds = 0;
  #sharesBelow = false;
  /** Frames that an entry of a soft TLB may let stores through to: to look for it is not needed for others, and takes long. */
  readonly #storable: Uint8Array;

  /** @param tlbSizes entries of soft TLBs: powers of 2, at most `MOST_TLB_ENTRIES` */
  constructor(readonly memory: LinearMemory, readonly tlbSizes: TlbSizes = DYNAMIC_TLB) {
    this.#storable = new Uint8Array(memory.ramBytes / PAGE_SIZE);
  }

  /** Selects the slot of the world that the state describes; takes the least recently used one for a new world. */
  enter(): void {
    const { i32 } = this.memory, now = this.#now;
    this.#describe(now);
    // A processor that has not run yet has no slot, and one that waited may have lost it to another world.
    const current = this.#slots[slotAt(i32[TLB_BASE >> 2]!)];
    if (current !== undefined) {
      if (equal(current.description, now)) return;
      this.#use(current);
    }
    const left = this.#left, isLeft = left !== undefined && equal(left.description, now);
    const slot = isLeft ? left : this.#find(hashOf(now)) ?? this.#take();
    this.#left = current;
    i32[WORLD_TICK >> 2] = (i32[WORLD_TICK >> 2]! + 1) | 0;
    this.#use(slot);
    i32[TLB_BASE >> 2] = slotOffset(slot.number);
  }

  /** Notes that a slot is used now. */
  #use({ number }: Slot): void {
    const { i32 } = this.memory;
    i32[(slotOffset(number) + SLOT_LAST_USE) >> 2] = i32[WORLD_TICK >> 2]!;
  }

  /** Called when a page with this protection key is met. Whether it is the first: then the world may be another one. */
  meetsKey(key: number): boolean {
    const bits = 3 << (2 * key);
    if ((this.#keys & bits) === bits) return false;
    this.#keys |= bits;
    return true;
  }

  /**
   * Drops what is cached of the page of a linear address in the worlds of the current VPID: of a process-context identifier
   * (default: the current one), and what is global.
   */
  dropPage(linear: bigint, pcid: number = this.#current.world.pcid): void {
    const lo = Number(BigInt.asIntN(32, linear)), hi = Number(BigInt.asIntN(32, linear >> 32n));
    const page = pageNumber(lo, hi), block = blockOf(page), { vpid } = this.#current.world;
    for (const slot of this.#slots) {
      const { world, number } = slot;
      if (slot.left === 0) continue;
      if (world.pcid !== pcid && (block < slot.lowestGlobal || !slot.globalBlocks.has(block))) continue;
      if (world.vpid !== vpid) continue;
      dropPage(this.memory, number, lo, this.mayBeShared(hi));
      const inLarge = slot.largeBlocks.has(block);
      if (inLarge) dropLargePages(this.memory, number, lo, hi, slot.largestShift);
      this.#forgetCodeAt(slot, page, inLarge ? slot.largestShift - PAGE_SHIFT : 0);
    }
  }

  /** Drops what is cached for the worlds of the current VPID that `chosen` accepts, entries with flags `kept` excepted. */
  dropWhere(chosen: (world: World) => boolean, kept: number): void {
    const { world: now } = this.#current;
    for (const slot of this.#slots) {
      const { world } = slot;
      if (world.vpid !== now.vpid || !chosen(world)) continue;
      this.#drop(slot, kept);
    }
  }

  /** Drops everything cached for the worlds that `chosen` accepts, of whatever VPID. */
  dropTagged(chosen: (world: World) => boolean): void {
    for (const slot of this.#slots) {
      if (!chosen(slot.world)) continue;
      this.#drop(slot, 0);
    }
  }

  /** Makes stores to a frame take the slow path in every world: it now holds translated code. */
  protectFrame(frame: number): void {
    const isStored = this.#storable[frame] === 1;
    this.#storable[frame] = 0;
    for (const { number, left } of this.#slots) {
      if (left !== 0) protectFrame(this.memory, number, frame, isStored);
    }
  }

  /**
   * Called when the current world gets an entry of its soft TLB, at a word index.
   *
   * @param evicts whether that of another page goes
   * @param storable the frame, if it lets stores through; else -1
   */
  noteEntry(word: number, evicts: boolean, storable: number): void {
    const slot = this.#current;
    slot.left = undefined;
    slot.entries.note(word);
    if (storable >= 0) this.#storable[storable] = 1;
    if (evicts) slot.evictions++;
  }

  /** Entries that the current world's soft TLB may hold, if they are few; undefined: they are many. */
  get fewEntries(): number | undefined {
    return this.#current.entries.count;
  }

  /** Entries of the soft TLBs of the worlds that have slots. */
  sizesInUse(): number[] {
    return this.#slots.map(({ number }) => tlbEntries(this.memory, number));
  }

  /**
   * Makes the soft TLB of the current world larger where pages have displaced each other often, and smaller where most
   * of it lies idle. Not while compiled code runs: that keeps the size.
   */
  resize(): void {
    const slot = this.#slots[slotAt(this.memory.i32[TLB_BASE >> 2]!)];
    if (slot === undefined) return;
    const entries = tlbEntries(this.memory, slot.number);
    if (slot.evictions >= EVICTIONS_TO_GROW * entries && entries < this.tlbSizes.most) {
      this.#setSize(slot, entries * TLB_STEP);
    } else if (++slot.turns === TURNS_TO_SHRINK) {
      slot.turns = 0;
      const used = usedEntries(this.memory, slot.number);
      if (entries > this.tlbSizes.least && used * 2 * TLB_STEP < entries) {
        this.#setSize(slot, entries / TLB_STEP);
      }
    }
  }

  #setSize(slot: Slot, entries: number): void {
    resizeTlb(this.memory, slot.number, entries);
    slot.evictions = 0;
    slot.turns = 0;
    slot.entries.forget();
  }

  /** Called when code has been found through the page of a linear address in the current world. */
  noteCode(lo: number, hi: number): void {
    const slot = this.#current, page = pageNumber(lo, hi);
    slot.left = undefined;
    if (page === slot.latestCodePage) return;
    slot.latestCodePage = page;
    if (isGlobal(this.memory, slot.number, lo, hi)) slot.globalCode.add(page);
    else slot.codePages.add(page);
  }

  /** Whether code has been found through the page of a linear address in the current world, and that is global. */
  hasGlobalCode(lo: number, hi: number): boolean {
    const { codePages, globalCode } = this.#current, page = pageNumber(lo, hi);
    return globalCode.has(page) && !codePages.has(page);
  }

  /** Whether a page in the half of the address space that the upper half of an address tells may be shared (TlbFlag.SHARED). */
  mayBeShared(hi: number): boolean {
    return hi < 0 || this.#sharesBelow;
  }

  /** Called when the current world gets an entry for an address in a page of 2^shift bytes. */
  notePage(lo: number, hi: number, shift: number, isGlobal: boolean, isShared: boolean): void {
    if (shift === PAGE_SHIFT && !isGlobal) return;
    if (isShared && hi >= 0) this.#sharesBelow = true;
    const slot = this.#current, block = blockOf(pageNumber(lo, hi));
    if (isGlobal) {
      slot.globalBlocks.add(block);
      slot.lowestGlobal = Math.min(slot.lowestGlobal, block);
    }
    if (shift === PAGE_SHIFT) return;
    slot.largeBlocks.add(block);
    slot.largestShift = Math.max(slot.largestShift, shift);
  }

  /** Whether a compiled region is known to lie in place in the current world (true), or not to (false). */
  placement(region: number): boolean | undefined {
    const known = this.memory.i32[regionWord(slotAt(this.memory.i32[TLB_BASE >> 2]!), region)]!;
    return known === region ? true : known === -region ? false : undefined;
  }

  /**
   * Records whether a region lies in place in the current world; holds until a mapping of its code pages is dropped.
   *
   * @param isGlobal whether all its code has been found through global pages
   */
  notePlacement(region: number, inPlace: boolean, isGlobal = false): void {
    const slot = this.#current;
    this.#place(slot, region, inPlace);
    if (inPlace && isGlobal) slot.globalRegions.add(region);
    slot.left = undefined;
  }

  #place({ number, regions }: Slot, region: number, inPlace: boolean): void {
    const word = regionWord(number, region);
    this.memory.i32[word] = inPlace ? region : -region;
    regions.note(word);
  }

  /** Forgets where a region lies, in every world: links to it lead nowhere any more. */
  forgetRegion(region: number): void {
    const { i32 } = this.memory;
    for (const { number, globalRegions } of this.#slots) {
      const word = regionWord(number, region);
      if (i32[word] === region) i32[word] = 0;
      globalRegions.delete(region);
    }
  }

  /** The slot that the state names: translated code switches slots too. */
  get #current(): Slot {
    return this.#slots[slotAt(this.memory.i32[TLB_BASE >> 2]!)]!;
  }

  #find(hash: number): Slot | undefined {
    return this.#byHash.get(hash)?.find(({ description }) => equal(description, this.#now));
  }

  /** A slot for the world that `#now` describes. */
  #take(): Slot {
    const now = this.#now, hash = hashOf(now);
    const world = {
      cr3: pair(now[1]!, now[2]!),
      pcid: (now[8]! & Cr4.PCIDE) !== 0 ? now[1]! & PCID_MASK : 0,
      eptp: pair(now[4]!, now[5]!),
      vpid: now[6]!,
    };
    let slot: Slot;
    if (this.#slots.length < SLOTS) {
      const number = this.#slots.length;
      slot = {
        number,
        world,
        description: now.slice(),
        hash,
        codePages: new Set(),
        globalCode: new Set(),
        latestCodePage: -1,
        globalRegions: new Set(),
        largeBlocks: new Set(),
        largestShift: PAGE_SHIFT,
        globalBlocks: new Set(),
        lowestGlobal: Infinity,
        left: 0,
        entries: new FewWords(),
        regions: new FewWords(),
        evictions: 0,
        turns: 0,
      };
      this.#slots.push(slot);
    } else {
      slot = this.#leastRecent();
      const others = this.#byHash.get(slot.hash)!.filter((other) => other !== slot);
      if (others.length > 0) this.#byHash.set(slot.hash, others);
      else this.#byHash.delete(slot.hash);
      slot.world = world;
      slot.description.set(now);
      slot.hash = hash;
      this.#forget(slot, 0);
      slot.left = 0;
      this.onReuse?.();
    }
    this.#setSize(slot, this.tlbSizes.least);
    this.memory.i32[(slotOffset(slot.number) + SLOT_KIND) >> 2] = this.#kindOf(slot);
    this.#byHash.set(hash, [...this.#byHash.get(hash) ?? [], slot]);
    return slot;
  }

  /** The kind of a slot's world (SLOT_KIND): that of another slot, or a new one. */
  #kindOf(slot: Slot): number {
    const { description } = slot, { i32 } = this.memory;
    if ((description[8]! & Cr4.PGE) === 0) return 0;
    const other = this.#slots.find((one) => one !== slot && isOfKind(one.description, description));
    return other === undefined ? ++this.#kinds : i32[(slotOffset(other.number) + SLOT_KIND) >> 2]!;
  }

  /** Writes what decides how an address is fetched and accessed. */
  #describe(into: Int32Array): void {
    const { i32 } = this.memory;
    const cpl = i32[CPL >> 2]!, cr4 = i32[CR4 >> 2]! & CR4_PAGING;
    // RFLAGS.AC only matters where SMAP does.
    const suspended = cpl < 3 && (cr4 & Cr4.SMAP) !== 0 ? i32[RFLAGS_SYSTEM >> 2]! & Flag.AC : 0;
    into[0] = cpl | suspended;
    into[1] = i32[CR3 >> 2]!;
    into[2] = i32[(CR3 >> 2) + 1]!;
    into[3] = i32[VMX_MODE >> 2]!;
    into[4] = i32[EPTP >> 2]!;
    into[5] = i32[(EPTP >> 2) + 1]!;
    into[6] = i32[VPID >> 2]!;
    into[7] = i32[CR0 >> 2]! & CR0_PAGING;
    into[8] = cr4;
    into[9] = i32[EFER >> 2]! & EFER_PAGING;
    // Worlds differ by what PKRU says of keys that some page has had: mostly there is one, whatever PKRU says of others.
    into[10] = (cr4 & Cr4.PKE) !== 0 ? i32[PKRU >> 2]! & this.#keys : 0;
  }

  /** Drops the entries of a slot, and what is known of its code, but for `kept` ones, unless that has been done already. */
  #drop(slot: Slot, kept: number): void {
    if (slot.left !== undefined && (slot.left & ~kept) === 0) return;
    clearTlbExcept(this.memory, slot.number, kept, slot.entries);
    this.#forget(slot, kept);
    slot.left = slot.globalBlocks.size === 0 ? 0 : kept;
  }

  /**
   * Forgets what pages a slot has had, and where code lies, but for `kept` pages (TlbFlag.GLOBAL): the jumps to few pages one by
   * one, which is less than the table.
   */
  #forget(slot: Slot, kept: number): void {
    const { number, codePages, globalCode, globalRegions, regions } = slot,
      all = (kept & TlbFlag.GLOBAL) === 0;
    if (all) {
      clear(globalRegions);
      clear(slot.largeBlocks);
      clear(slot.globalBlocks);
      slot.largestShift = PAGE_SHIFT;
      slot.lowestGlobal = Infinity;
    }
    clearRegions(this.memory, number, regions);
    if (globalRegions.size > 0) { for (const region of globalRegions) this.#place(slot, region, true); }
    const pages = codePages.size + (all ? globalCode.size : 0);
    if (pages >= JUMP_PAGES) clearJumps(this.memory, number);
    this.#forgetPages(slot, codePages, pages);
    if (all) this.#forgetPages(slot, globalCode, pages);
    slot.latestCodePage = -1;
  }

  /** Forgets pages of code, and the jumps there if all that are forgotten are few. */
  #forgetPages({ number }: Slot, pages: Set<number>, all: number): void {
    if (pages.size === 0) return;
    if (all < JUMP_PAGES) { for (const page of pages) clearJumpsTo(this.memory, number, page); }
    pages.clear();
  }

  /** Forgets code that was found through the pages of the block of 2^toBlock pages around one. */
  #forgetCodeAt(slot: Slot, page: number, toBlock: number): void {
    const { number, codePages, globalCode } = slot, pages = 2 ** toBlock, block = Math.floor(page / pages);
    if (pages === 1 && !codePages.has(page) && !globalCode.has(page)) return;
    let any = false;
    for (const set of [codePages, globalCode]) {
      for (const one of pages === 1 ? [page] : set) {
        if (Math.floor(one / pages) !== block || !set.delete(one)) continue;
        clearJumpsTo(this.memory, number, one);
        any = true;
      }
    }
    if (!any) return;
    slot.latestCodePage = -1;
    clear(slot.globalRegions);
    clearRegions(this.memory, number, slot.regions);
  }

  #leastRecent(): Slot {
    this.onSearch?.();
    const { i32 } = this.memory, tick = i32[WORLD_TICK >> 2]!;
    const age = ({ number }: Slot): number => (tick - i32[(slotOffset(number) + SLOT_LAST_USE) >> 2]!) >>> 0;
    return this.#slots.reduce((oldest, slot) => age(slot) > age(oldest) ? slot : oldest);
  }
}

/** Empties a set. V8 makes a new table for an empty one, too. */
function clear(set: Set<number>): void {
  if (set.size > 0) set.clear();
}

/** Word index of the entry for a region in a slot's table of regions in place. */
const regionWord = (slot: number, region: number): number =>
  ((slotOffset(slot) + SLOT_REGIONS) >> 2) + (region & (REGION_ENTRIES - 1));

function equal(a: Int32Array, b: Int32Array): boolean {
  for (let n = 0; n < DESCRIPTION_WORDS; n++) if (a[n] !== b[n]) return false;
  return true;
}

/** Whether two worlds differ at most in CR3, RFLAGS.AC and PKRU. */
const isOfKind = (a: Int32Array, b: Int32Array): boolean =>
  ((a[0]! ^ b[0]!) & ~Flag.AC) === 0 && [3, 4, 5, 6, 7, 8, 9].every((n) => a[n] === b[n]);

function hashOf(words: Int32Array): number {
  let hash = 0;
  for (const word of words) hash = Math.imul(hash ^ word, 0x9e37_79b1) ^ (hash >>> 15);
  return hash;
}

const pair = (lo: number, hi: number): bigint => (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
