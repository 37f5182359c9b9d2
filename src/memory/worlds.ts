/** World slots: each live world has a soft TLB and a jump table of its own, so that switching worlds flushes nothing. */
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
import { Cr0, Cr4, Efer } from "../cpu/system/control_bits.ts";
import { jumpTableOffset, type LinearMemory, SLOTS, TLB_ENTRIES, tlbOffset } from "./physical.ts";
import { clearSlot, clearSlotExcept, dropLargePages, dropPage } from "./tlb.ts";

/** Control-register bits that decide how addresses are translated and accessed. */
const CR0_PAGING = Cr0.WP | Cr0.PG;
const CR4_PAGING = Cr4.PSE | Cr4.PAE | Cr4.PGE | Cr4.LA57 |
  Cr4.PCIDE |
  Cr4.SMEP | Cr4.SMAP;
const EFER_PAGING = Efer.LMA | Efer.NXE;

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
export interface World {
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
/** The slots of one processor. */
export class Worlds {
  /** Epoch of the current world: what was found out about where its code lies holds as long as this is the same. */
  epoch = 0;

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

  constructor(readonly memory: LinearMemory) {}

  /** Selects the slot of the world that the state describes; takes the least recently used one for a new world. */
  enter(): void {
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

  /** The state is about to be another processor's: the world in it must be looked for anew. */
  leave(): void {
    this.#entered.fill(undefined);
  }

  /** Drops what is cached of the page of a linear address, in all worlds of the current VPID. */
  dropPage(linear: bigint): void {
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

  /** Drops what is cached for the worlds of the current VPID that `chosen` accepts, entries with flags `kept` excepted. */
  dropWhere(chosen: (world: World) => boolean, kept: number): void {
    const now = this.#slots[this.#current]!.world!;
    for (const [number, slot] of this.#slots.entries()) {
      const { world } = slot;
      if (world === undefined || world.vpid !== now.vpid || world.vmx !== now.vmx || !chosen(world)) continue;
      clearSlotExcept(this.memory, number, kept);
      this.#newEpoch(slot);
    }
    this.epoch = this.#slots[this.#current]!.epoch;
  }

  /** Drops everything cached for the worlds that `chosen` accepts, of whatever VPID. */
  dropTagged(chosen: (world: World) => boolean): void {
    for (const [number, slot] of this.#slots.entries()) {
      if (slot.world === undefined || !chosen(slot.world)) continue;
      clearSlotExcept(this.memory, number, 0);
      this.#newEpoch(slot);
    }
    this.epoch = this.#slots[this.#current]!.epoch;
  }

  /** Called when code has been found through the page of a linear address in the current world. */
  noteCode(lo: number, hi: number): void {
    this.#slots[this.#current]!.codePages.add(pageNumber(lo, hi));
  }

  /** Called when the current world gets an entry that is part of a larger page. */
  noteLarge(): void {
    this.#slots[this.#current]!.large = true;
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
    const suspended = !user && (cr4 & Cr4.SMAP) !== 0 && (i32[RFLAGS_SYSTEM >> 2]! & Flag.AC) !== 0;
    return {
      cr3: this.#cell64(CR3),
      vmx: i32[VMX_MODE >> 2]!,
      eptp: this.#cell64(EPTP),
      vpid: i32[VPID >> 2]!,
      rules: `${cr0} ${cr4} ${efer} ${user} ${suspended}`,
    };
  }

  #newEpoch(slot: Slot): void {
    slot.epoch = ++this.#epochs;
    slot.codePages.clear();
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
