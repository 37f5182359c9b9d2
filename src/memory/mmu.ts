/** The memory-management unit: world slots, page walks, soft TLB refills. */
import { InvpcidType, type WorldControl } from "../cpu/system/world_control.ts";
import { Flag } from "../cpu/rflags.ts";
import {
  CPL,
  CR0,
  CR3,
  CR4,
  EFER,
  EPTP,
  JUMP_TABLE,
  RFLAGS_SYSTEM,
  TLB_BASE,
  TLB_MASK,
  VMX_MODE,
  VPID,
} from "../cpu/state.ts";
import { CodePages } from "./code_pages.ts";
import type { Access, Translation } from "./mmu_types.ts";
import {
  directTables,
  type PagingContext,
  SECOND_STAGE_REFUSED,
  type TableMemory,
  type Walk,
  walk,
  type WalkAccess,
} from "./paging.ts";
import {
  jumpTableOffset,
  type LinearMemory,
  RAM_BASE,
  SLOTS,
  TLB_ENTRIES,
  TlbFlag,
  tlbOffset,
} from "./physical.ts";
import type { SecondStage } from "./second_stage.ts";
import { clearSlot, clearSlotExcept, dropLargePages, dropPage, fillEntry, tlbWord } from "./tlb.ts";

const CR0_WP = 0x1_0000, CR0_PG = 1 << 31;
const CR4_PSE = 0x10, CR4_PAE = 0x20, CR4_PGE = 0x80, CR4_LA57 = 0x1000, CR4_PCIDE = 0x2_0000;
const CR4_SMEP = 0x10_0000, CR4_SMAP = 0x20_0000;
const EFER_LMA = 0x400, EFER_NXE = 0x800;
/** Control-register bits that decide how addresses are translated and accessed. */
const CR0_PAGING = CR0_WP | CR0_PG;
const CR4_PAGING = CR4_PSE | CR4_PAE | CR4_PGE | CR4_LA57 | CR4_PCIDE | CR4_SMEP | CR4_SMAP;
const EFER_PAGING = EFER_LMA | EFER_NXE;

/** The cells that decide the world, as word indices. */
const WORLD_WORDS = [
  CR0 >> 2,
  CR3 >> 2,
  (CR3 >> 2) + 1,
  CR4 >> 2,
  EFER >> 2,
  CPL >> 2,
  RFLAGS_SYSTEM >> 2,
  EPTP >> 2,
  (EPTP >> 2) + 1,
  VPID >> 2,
  VMX_MODE >> 2,
] as const; // deno-fmt-ignore

/** A world: everything that decides how an address is fetched and accessed. */
interface World {
  readonly cr3: bigint;
  readonly vmx: number;
  readonly eptp: bigint;
  readonly vpid: number;
  /** Control-register bits, privilege and the SMAP suspension, in one number. */
  readonly rules: string;
}

/** A world slot. */
interface Slot {
  /** The world it caches; undefined while it is free. */
  world: World | undefined;
  key: string;
  lastUse: number;
  /** Changes whenever a mapping that code was found through is dropped. */
  epoch: number;
  /** Linear pages (numbers) that code was found through. */
  readonly codePages: Set<number>;
  /** Whether it has had entries that are parts of larger pages. */
  large: boolean;
}

const pageNumber = (lo: number, hi: number): number => (hi >>> 0) * 0x10_0000 + (lo >>> 12);
const FRAME_MASK = 0xfff_ffff_ffff_f000n;
const PCID_MASK = 0xfffn;

/** The memory-management unit of one processor. */
export class Mmu implements WorldControl {
  readonly codePages: CodePages;
  /** Epoch of the current world: what was found out about where its code lies holds as long as this is the same. */
  epoch = 0;
  /** Page walks done, by the soft TLB's misses. */
  refills = 0;
  /** Translates guest-physical addresses while the EPTP cell is not 0. */
  secondStage: SecondStage | undefined;

  readonly #slots: Slot[] = Array.from({ length: SLOTS }, () => ({
    world: undefined,
    key: "",
    lastUse: 0,
    epoch: 0,
    codePages: new Set<number>(),
    large: false,
  }));
  #current = 0;
  /** The cells of WORLD_WORDS when the current world was entered. */
  readonly #entered: (number | undefined)[] = WORLD_WORDS.map(() => undefined);
  #epochs = 0;
  #uses = 0;
  readonly #walk: Walk = {
    page: 0,
    writable: false,
    executable: false,
    dirty: false,
    global: false,
    large: false,
  };
  readonly #access: WalkAccess = { write: false, execute: false, user: false };
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
  };

  constructor(readonly memory: LinearMemory) {
    this.codePages = new CodePages(memory);
    this.#direct = directTables(memory);
    this.#staged = { entryWord: (physical) => this.#stagedWord(physical) };
    this.enterWorld();
  }

  /** Makes the page tables at `cr3` current: finds or takes the world slot for them. Nothing is flushed. */
  switchAddressSpace(cr3: number): void {
    this.#setCr3(BigInt(cr3));
    this.enterWorld();
  }

  loadCr3(value: bigint, flush: boolean): void {
    this.#setCr3(value);
    this.enterWorld();
    if (!flush) return;
    // The slots of this address space with other rules (CPL, SMAP) hold its translations too.
    const frame = value & FRAME_MASK;
    this.#dropWhere(({ cr3 }) => (cr3 & FRAME_MASK) === frame || this.#samePcid(cr3, value), TlbFlag.GLOBAL);
  }

  enterWorld(): void {
    if (!this.#changed()) return;
    const world = this.#describe();
    const key = `${world.cr3} ${world.rules} ${world.vmx} ${world.eptp} ${world.vpid}`;
    let chosen = this.#slots.findIndex((slot) => slot.key === key);
    if (chosen < 0) {
      chosen = this.#leastRecent();
      clearSlot(this.memory, chosen);
      const slot = this.#slots[chosen]!;
      slot.world = world;
      slot.key = key;
      slot.large = false;
      this.#newEpoch(slot);
    }
    const slot = this.#slots[chosen]!;
    slot.lastUse = ++this.#uses;
    this.epoch = slot.epoch;
    this.#current = chosen;
    const { i32 } = this.memory;
    i32[TLB_BASE >> 2] = tlbOffset(chosen);
    i32[TLB_MASK >> 2] = TLB_ENTRIES - 1;
    i32[JUMP_TABLE >> 2] = jumpTableOffset(chosen);
  }

  invalidatePage(linear: bigint): void {
    const lo = Number(BigInt.asIntN(32, linear)), hi = Number(BigInt.asIntN(32, linear >> 32n));
    const now = this.#slots[this.#current]!.world!;
    for (const [number, slot] of this.#slots.entries()) {
      const { world } = slot;
      if (world === undefined || world.vpid !== now.vpid || world.vmx !== now.vmx) continue;
      dropPage(this.memory, number, lo);
      if (slot.large) {
        dropLargePages(this.memory, number);
        this.#newEpoch(slot);
      } else if (slot.codePages.has(pageNumber(lo, hi))) {
        this.#newEpoch(slot);
      }
    }
    this.epoch = this.#slots[this.#current]!.epoch;
  }

  invalidatePcid(type: number, pcid: number, linear: bigint): void {
    switch (type) {
      case InvpcidType.ADDRESS:
        return this.invalidatePage(linear);
      case InvpcidType.CONTEXT:
        return this.#dropWhere(({ cr3 }) => Number(cr3 & PCID_MASK) === pcid, TlbFlag.GLOBAL);
      case InvpcidType.ALL_BUT_GLOBAL:
        return this.#dropWhere(() => true, TlbFlag.GLOBAL);
      default:
        return this.flushAll();
    }
  }

  flushAll(): void {
    this.#dropWhere(() => true, 0);
  }

  /** Drops everything cached for the address space `cr3`. */
  dropAddressSpace(cr3: number): void {
    this.#dropWhere((world) => world.cr3 === BigInt(cr3), 0);
  }

  /** Called when code has been found through the page of a linear address in the current world. */
  noteCode(lo: number, hi: number): void {
    this.#slots[this.#current]!.codePages.add(pageNumber(lo, hi));
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
   * @returns 0, the page-fault error code as `walk` returns it, or SECOND_STAGE_REFUSED; the entry's word index is
   *   `tlbWord(…)`
   */
  refill(lo: number, hi: number, write: boolean, execute: boolean): number {
    const { i32 } = this.memory;
    const user = i32[CPL >> 2] === 3;
    const failure = this.#doWalk(lo, hi, write, execute, user);
    if (failure !== 0) return failure;
    this.refills++;
    const { page, writable, executable, dirty, global, large } = this.#walk;
    const inRam = page < this.memory.ramBytes;
    if (large) this.#slots[this.#current]!.large = true;
    fillEntry(this.memory, tlbWord(i32[TLB_BASE >> 2]!, lo), lo, hi, page, {
      read: inRam,
      write: inRam && writable && dirty && !this.codePages.has(page / 0x1000),
      execute: inRam && executable,
    }, (global ? TlbFlag.GLOBAL : 0) | (large ? TlbFlag.LARGE : 0));
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
    if (failure !== 0 || !staged) return failure;
    const stage = this.secondStage!;
    const hpa = stage.translate(this.#walk.page + (lo & 0xfff), {
      read: !write && !execute,
      write,
      execute,
      table: false,
    });
    if (hpa < 0) return SECOND_STAGE_REFUSED;
    this.#walk.page = hpa;
    this.#walk.writable &&= stage.writable;
    this.#walk.executable &&= stage.executable;
    return 0;
  }

  #isStaged(): boolean {
    const { i32 } = this.memory;
    return this.secondStage !== undefined && (i32[EPTP >> 2] !== 0 || i32[(EPTP >> 2) + 1] !== 0);
  }

  /** Index in the linear memory's words of a table entry at a guest-physical address. */
  #stagedWord(physical: number): number {
    const hpa = this.secondStage!.translate(physical, {
      read: true,
      write: false,
      execute: false,
      table: true,
    });
    if (hpa < 0) return -2;
    const at = hpa + physical % 0x1000;
    return at + 8 <= this.memory.ramBytes ? (RAM_BASE + at) / 4 : -1;
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
    const cr3Low = i32[CR3 >> 2]!;
    context.root = context.levels === 3
      ? (cr3Low & ~31) >>> 0
      : (i32[(CR3 >> 2) + 1]! & 0x3fff) * 0x1_0000_0000 + ((cr3Low & ~0xfff) >>> 0);
    context.writeProtect = (cr0 & CR0_WP) !== 0;
    context.noExecute = (efer & EFER_NXE) !== 0;
    context.smep = (cr4 & CR4_SMEP) !== 0;
    context.smap = (cr4 & CR4_SMAP) !== 0;
    context.alignmentCheck = (i32[RFLAGS_SYSTEM >> 2]! & Flag.AC) !== 0;
    context.pageSizeExtensions = (cr4 & CR4_PSE) !== 0;
  }

  /** Whether a cell that decides the world differs from what it was when this was asked last. */
  #changed(): boolean {
    const { i32 } = this.memory;
    let changed = false;
    for (let n = 0; n < WORLD_WORDS.length; n++) {
      const now = i32[WORLD_WORDS[n]!]!;
      if (this.#entered[n] === now) continue;
      this.#entered[n] = now;
      changed = true;
    }
    return changed;
  }

  /** The world that the state describes. */
  #describe(): World {
    const { i32 } = this.memory;
    const cr0 = i32[CR0 >> 2]! & CR0_PAGING, cr4 = i32[CR4 >> 2]! & CR4_PAGING;
    const efer = i32[EFER >> 2]! & EFER_PAGING;
    const user = i32[CPL >> 2] === 3;
    // RFLAGS.AC only matters where SMAP does.
    const suspended = !user && (cr4 & CR4_SMAP) !== 0 && (i32[RFLAGS_SYSTEM >> 2]! & Flag.AC) !== 0;
    return {
      cr3: this.#cell64(CR3),
      vmx: i32[VMX_MODE >> 2]!,
      eptp: this.#cell64(EPTP),
      vpid: i32[VPID >> 2]!,
      rules: `${cr0} ${cr4} ${efer} ${user} ${suspended}`,
    };
  }

  /** Drops what is cached for the worlds of the current VPID that `chosen` accepts, entries with flags `kept` excepted. */
  #dropWhere(chosen: (world: World) => boolean, kept: number): void {
    const now = this.#slots[this.#current]!.world!;
    for (const [number, slot] of this.#slots.entries()) {
      const { world } = slot;
      if (world === undefined || world.vpid !== now.vpid || world.vmx !== now.vmx || !chosen(world)) continue;
      clearSlotExcept(this.memory, number, kept);
      this.#newEpoch(slot);
    }
    this.epoch = this.#slots[this.#current]!.epoch;
  }

  #samePcid(cr3: bigint, other: bigint): boolean {
    return (this.memory.i32[CR4 >> 2]! & CR4_PCIDE) !== 0 && (cr3 & PCID_MASK) === (other & PCID_MASK);
  }

  #newEpoch(slot: Slot): void {
    slot.epoch = ++this.#epochs;
    slot.codePages.clear();
  }

  #setCr3(value: bigint): void {
    const { i32 } = this.memory;
    i32[CR3 >> 2] = Number(BigInt.asIntN(32, value));
    i32[(CR3 >> 2) + 1] = Number(BigInt.asIntN(32, value >> 32n));
  }

  #cell64(offset: number): bigint {
    const { i32 } = this.memory;
    return (BigInt(i32[(offset >> 2) + 1]! >>> 0) << 32n) | BigInt(i32[offset >> 2]! >>> 0);
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
