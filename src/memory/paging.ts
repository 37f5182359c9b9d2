/**
 * Page walks: linear to guest-physical through the tables in memory, in every paging mode. SDM vol. 3A, chapter 4.
 * Physical addresses are numbers: they have far fewer bits than a double holds exactly.
 */
import { PHYSICAL_HIGH } from "../cpu/address_widths.ts";
import { PageFaultError } from "../cpu/fault.ts";
import { PDPTE } from "../cpu/state.ts";
import type { PdpteLoad } from "../cpu/system/world_control.ts";
import { type LinearMemory, RAM_BASE } from "./physical.ts";

/** Page-table entry bits, low half. */
export const Pte = { P: 1, W: 2, U: 4, A: 0x20, D: 0x40, PS: 0x80, G: 0x100 } as const;
/** Of bits 51:32 of an entry, those that must be 0. */
const RESERVED_HIGH = 0xf_ffff & ~PHYSICAL_HIGH;
/** Reserved in PAE page-directory-pointer entries, low half. */
const PDPTE_RESERVED = 0x1e6;
const PDPTES = 4;
/** Bits 20:13 of a 2-MB page's entry, and 29:13 of a 1-GB page's, are reserved. */
/** Binary logarithms of the sizes of pages; that of 4 KB, and of the largest. */
export const PAGE_SHIFT = 12, SHIFT_1G = 30;
const SHIFT_2M = 21, SHIFT_4M = 22;
const RESERVED_2M = 0x1f_e000, RESERVED_1G = 0x3fff_e000;
/** Of a 4-MB page's entry bits 20:13 are bits 39:32 of the address (PSE-36), and bit 21 is reserved. */
const RESERVED_4M = 0x20_0000;

/** Bits 62:59 of an entry are the protection key; PKRU has two bits for each: access disable, write disable. */
const KEY_SHIFT = 27, KEY_MASK = 15, KEY_AD = 1, KEY_WD = 2;

/** How linear addresses are translated, from CR0, CR3, CR4, EFER and RFLAGS. */
export interface PagingContext {
  /** Levels of tables: 0 without paging, 2 (32-bit), 3 (PAE), 4 or 5. */
  levels: 0 | 2 | 3 | 4 | 5;
  /** Physical address of the root table. */
  root: number;
  /** CR0.WP: supervisor writes respect W. */
  writeProtect: boolean;
  /** EFER.NXE. */
  noExecute: boolean;
  /** CR4.SMEP and CR4.SMAP. */
  smep: boolean;
  smap: boolean;
  /** RFLAGS.AC suspends SMAP for explicit accesses. */
  alignmentCheck: boolean;
  /** CR4.PSE: 4-MB pages with 32-bit paging. */
  pageSizeExtensions: boolean;
  /** CR4.PGE: entries with G are global. */
  globalPages: boolean;
  /** PKRU, or 0 where there are no protection keys (CR4.PKE): they come with 4 and 5 levels. */
  pkru: number;
}

/** What an access wants. */
export interface WalkAccess {
  write: boolean;
  execute: boolean;
  /** User-mode access: CPL 3 and not an implicit supervisor access. */
  user: boolean;
}

/** Result of the last successful walk. */
export interface Walk {
  /** Guest-physical address of the 4-KB page. */
  page: number;
  /** Whether the same kind of access (user or supervisor) may read, write and execute there. */
  readable: boolean;
  writable: boolean;
  executable: boolean;
  /** What the entries say, whoever accesses. */
  readonly paging: { user: boolean; writable: boolean; executable: boolean };
  dirty: boolean;
  global: boolean;
  /** Whether it can be accessed in user mode. */
  user: boolean;
  /** Binary logarithm of the page's size. */
  shift: number;
  /** The protection key of a user-mode page, 0 elsewhere. */
  key: number;
  /** Word index of the page's entry of 64 bits in a page table; -1 where it has none. */
  entry: number;
}

/** One that has found nothing yet. */
export const newWalk = (): Walk => ({
  page: 0,
  readable: false,
  writable: false,
  executable: false,
  paging: { user: false, writable: false, executable: false },
  dirty: false,
  global: false,
  user: false,
  shift: PAGE_SHIFT,
  key: 0,
  entry: -1,
});

/** Reads and writes table entries at guest-physical addresses. */
export interface TableMemory {
  /** Index in the linear memory's words of the entry, or -1 if there is no memory, or -2 if the second stage refuses. */
  entryWord(physical: number): number;
  /** Whether the entry there may be written, for its accessed and dirty flags; false: the second stage refuses. */
  mayWrite?(physical: number): boolean;
}

/** What `walk` returns when the second stage refused an access to a table: the stage has recorded why. */
export const SECOND_STAGE_REFUSED = -1;

/** Table memory without a second stage. */
export function directTables(memory: LinearMemory): TableMemory {
  return { entryWord: (physical) => physical + 8 <= memory.ramBytes ? (RAM_BASE + physical) / 4 : -1 };
}

/**
 * Walks for a canonical linear address in halves. Sets the accessed bits, and the dirty bit of a write.
 *
 * @returns 0 and fills `out`; or the page-fault error code plus 1 shifted left by 8 (never 0); or SECOND_STAGE_REFUSED
 */
export function walk(
  i32: Int32Array,
  tables: TableMemory,
  context: PagingContext,
  lo: number,
  hi: number,
  access: WalkAccess,
  out: Walk,
): number {
  if (context.levels === 0) return unpaged(lo, out);
  const wide = context.levels !== 2;
  let table = context.root;
  let writable = true, user = true, executable = true;
  for (let level = context.levels - 1;; level--) {
    const index = tableIndex(lo, hi, level, wide);
    const place = table + index * (wide ? 8 : 4);
    const isPdpte: boolean = context.levels === 3 && level === 2;
    // The processor has these in registers.
    const at = isPdpte ? (PDPTE >> 2) + 2 * index : tables.entryWord(place);
    if (at < 0) return at === -2 ? SECOND_STAGE_REFUSED : fault(context, access, 0);
    const entryLo = i32[at]!, entryHi = wide ? i32[at + 1]! : 0;
    if ((entryLo & Pte.P) === 0) return fault(context, access, 0);
    const leaf = level === 0 ||
      ((entryLo & Pte.PS) !== 0 && !isPdpte && (wide ? level <= 2 : context.pageSizeExtensions));
    if (reserved(context, level, leaf, isPdpte, entryLo, entryHi)) {
      return fault(context, access, PageFaultError.P | PageFaultError.RSVD);
    }
    if (!isPdpte) {
      if ((entryLo & Pte.W) === 0) writable = false;
      if ((entryLo & Pte.U) === 0) user = false;
      if (entryHi < 0) executable = false;
    }
    const next = (entryHi & PHYSICAL_HIGH) * 0x1_0000_0000 + ((entryLo & ~0xfff) >>> 0);
    if (!leaf) {
      if ((entryLo & Pte.A) === 0 && !isPdpte) {
        if (tables.mayWrite?.(place) === false) return SECOND_STAGE_REFUSED;
        i32[at] = entryLo | Pte.A;
      }
      table = next;
      continue;
    }
    const free = !access.user && !context.writeProtect;
    const key = user ? (entryHi >>> KEY_SHIFT) & KEY_MASK : 0;
    // Protection keys, for data of user-mode pages. SDM vol. 3A, section 4.6.2.
    const disabled = user ? context.pkru >>> (2 * key) : 0;
    const keyReads = (disabled & KEY_AD) === 0;
    const keyWrites = keyReads && ((disabled & KEY_WD) === 0 || free);
    const mayAccess = allowed(context, access.user, user);
    const mayRead = mayAccess && keyReads, mayWrite = mayAccess && keyWrites && (writable || free);
    const mayExecute = executable && (access.user ? user : !(context.smep && user));
    if (access.execute ? !mayExecute : access.write ? !mayWrite : !mayRead) {
      const byKey = !access.execute && !(access.write ? keyWrites : keyReads);
      return fault(context, access, PageFaultError.P | (byKey ? PageFaultError.PK : 0));
    }
    const used = entryLo | Pte.A | (access.write ? Pte.D : 0);
    if (used !== entryLo) {
      if (tables.mayWrite?.(place) === false) return SECOND_STAGE_REFUSED;
      i32[at] = used;
    }
    out.page = pageAddress(next, lo, level, wide);
    out.readable = mayRead;
    out.writable = mayWrite;
    out.executable = mayExecute;
    out.paging.user = user;
    out.paging.writable = writable;
    out.paging.executable = executable;
    out.dirty = (used & Pte.D) !== 0;
    out.global = context.globalPages && (used & Pte.G) !== 0;
    out.user = user;
    out.shift = level === 0 ? PAGE_SHIFT : !wide ? SHIFT_4M : level === 1 ? SHIFT_2M : SHIFT_1G;
    out.key = key;
    out.entry = level === 0 && wide ? at : -1;
    return 0;
  }
}

/**
 * Loads the registers that hold the page-directory-pointer entries of PAE paging from the table. Where a present one has
 * reserved bits they are as before. SDM vol. 3A, section 4.4.1.
 */
export function loadPdptes(i32: Int32Array, tables: TableMemory, table: number): PdpteLoad {
  const words: number[] = [];
  for (let n = 0; n < PDPTES; n++) {
    const at = tables.entryWord(table + 8 * n);
    if (at === -2) return "refused";
    const lo = at < 0 ? 0 : i32[at]!, hi = at < 0 ? 0 : i32[at + 1]!;
    const reserved = (lo & PDPTE_RESERVED) !== 0 || (hi & ~PHYSICAL_HIGH) !== 0;
    if ((lo & Pte.P) !== 0 && reserved) return "reserved bits";
    words.push(lo, hi);
  }
  i32.set(words, PDPTE >> 2);
  return "loaded";
}

/** Without paging the linear address is the physical one. */
function unpaged(lo: number, out: Walk): number {
  out.page = (lo & ~0xfff) >>> 0;
  out.readable =
    out.writable =
    out.executable =
    out.dirty =
    out.paging.user =
    out.paging.writable =
    out.paging.executable =
      true;
  out.global = out.user = false;
  out.shift = PAGE_SHIFT;
  out.key = 0;
  out.entry = -1;
  return 0;
}

/** Whether data accesses of this kind may reach a page whose U/S rights are `user`. SDM vol. 3A, section 4.6.1. */
function allowed(context: PagingContext, userAccess: boolean, user: boolean): boolean {
  return userAccess ? user : !(context.smap && user && !context.alignmentCheck);
}

function reserved(
  context: PagingContext,
  level: number,
  leaf: boolean,
  isPdpte: boolean,
  lo: number,
  hi: number,
): boolean {
  if (context.levels === 2) return leaf && level > 0 && (lo & RESERVED_4M) !== 0;
  if ((hi & RESERVED_HIGH) !== 0 || (hi < 0 && !context.noExecute)) return true;
  if (isPdpte) return (lo & PDPTE_RESERVED) !== 0;
  if (level >= 3) return (lo & Pte.PS) !== 0;
  if (!leaf || level === 0) return false;
  return (lo & (level === 1 ? RESERVED_2M : RESERVED_1G)) !== 0;
}

function tableIndex(lo: number, hi: number, level: number, wide: boolean): number {
  if (!wide) return level === 0 ? (lo >>> 12) & 1023 : lo >>> 22;
  switch (level) {
    case 0:
      return (lo >>> 12) & 511;
    case 1:
      return (lo >>> 21) & 511;
    case 2:
      return ((lo >>> 30) | (hi << 2)) & 511;
    case 3:
      return (hi >>> 7) & 511;
    default:
      return (hi >>> 16) & 511;
  }
}

/** The 4-KB page of `lo` inside the page that an entry maps. */
function pageAddress(entryAddress: number, lo: number, level: number, wide: boolean): number {
  if (level === 0) return entryAddress;
  const size = !wide ? 0x40_0000 : level === 1 ? 0x20_0000 : 0x4000_0000;
  // PSE-36. SDM vol. 3A, section 4.3.
  const high = wide ? 0 : ((entryAddress / 0x2000) & 0xff) * 0x1_0000_0000;
  return high + entryAddress - entryAddress % size + ((lo & (size - 1)) & ~0xfff);
}

function fault(context: PagingContext, access: WalkAccess, bits: number): number {
  const fetch = access.execute && (context.noExecute && context.levels !== 2 || context.smep);
  const error = bits | (access.write ? PageFaultError.W : 0) | (access.user ? PageFaultError.U : 0) |
    (fetch ? PageFaultError.I : 0);
  return (error + 1) << 8;
}
