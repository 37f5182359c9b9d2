/** Page walks: linear to physical through the tables in guest RAM. SDM vol. 3A, chapter 4 (4-level paging). */
import { PageFaultError } from "../cpu/fault.ts";
import { type LinearMemory, RAM_BASE } from "./physical.ts";

/** Page-table entry bits, low half. */
export const Pte = { P: 1, W: 2, U: 4, A: 0x20, D: 0x40, PS: 0x80, G: 0x100 } as const;
/** XD, in the upper half of an entry. */
const XD = 1 << 31;
/** Address bits in the upper half of an entry (bits 51:32). */
const ADDRESS_HIGH = 0xf_ffff;

/** What an access wants of a page. */
export interface WalkAccess {
  readonly write: boolean;
  readonly execute: boolean;
  readonly user: boolean;
  /** CR0.WP: supervisor writes respect W. */
  readonly writeProtect: boolean;
  /** EFER.NXE. */
  readonly noExecute: boolean;
}

/** Result of the last successful walk. */
export interface Walk {
  /** Physical address of the 4-KB page. */
  page: number;
  /** Whether user-mode and supervisor-mode rules let this access class write and execute there too. */
  writable: boolean;
  executable: boolean;
  dirty: boolean;
}

/**
 * Walks four levels for a canonical address. Sets the accessed bits, and the dirty bit of a write.
 *
 * @returns 0 and fills `out`, or the page-fault error code plus 1 shifted left by 8 (so that it is never 0)
 */
export function walk4(
  memory: LinearMemory,
  cr3: number,
  lo: number,
  hi: number,
  access: WalkAccess,
  out: Walk,
): number {
  const { i32 } = memory;
  let table = cr3;
  let writable = true, user = true, executable = true;
  for (let level = 3; level >= 0; level--) {
    const index = tableIndex(lo, hi, level);
    const entryAddress = table + index * 8;
    if (entryAddress + 8 > memory.ramBytes) return fault(access, 0);
    const at = (RAM_BASE + entryAddress) / 4;
    const entryLo = i32[at]!, entryHi = i32[at + 1]!;
    if ((entryLo & Pte.P) === 0) return fault(access, 0);
    if ((entryHi & XD) !== 0 && !access.noExecute) {
      return fault(access, PageFaultError.P | PageFaultError.RSVD);
    }
    if ((entryLo & Pte.W) === 0) writable = false;
    if ((entryLo & Pte.U) === 0) user = false;
    if ((entryHi & XD) !== 0) executable = false;
    const leaf = level === 0 || ((entryLo & Pte.PS) !== 0 && level <= 2);
    if ((entryLo & Pte.PS) !== 0 && level === 3) return fault(access, PageFaultError.P | PageFaultError.RSVD);
    const next = (entryHi & ADDRESS_HIGH) * 0x1_0000_0000 + ((entryLo & ~0xfff) >>> 0);
    if (!leaf) {
      if ((entryLo & Pte.A) === 0) i32[at] = entryLo | Pte.A;
      table = next;
      continue;
    }
    const mayWrite = writable || (!access.user && !access.writeProtect);
    if ((access.user && !user) || (access.write && !mayWrite) || (access.execute && !executable)) {
      return fault(access, PageFaultError.P);
    }
    const used = entryLo | Pte.A | (access.write ? Pte.D : 0);
    if (used !== entryLo) i32[at] = used;
    out.page = pageAddress(next, lo, level);
    out.writable = mayWrite;
    out.executable = executable;
    out.dirty = (used & Pte.D) !== 0;
    return 0;
  }
  return fault(access, 0);
}

function tableIndex(lo: number, hi: number, level: number): number {
  switch (level) {
    case 0:
      return (lo >>> 12) & 511;
    case 1:
      return (lo >>> 21) & 511;
    case 2:
      return ((lo >>> 30) | (hi << 2)) & 511;
    default:
      return (hi >>> 7) & 511;
  }
}

/** The 4-KB page of `lo` inside a large page; bits of the entry below the page size are not address. */
function pageAddress(entryAddress: number, lo: number, level: number): number {
  if (level === 0) return entryAddress;
  const size = level === 1 ? 0x20_0000 : 0x4000_0000;
  return entryAddress - entryAddress % size + ((lo & (size - 1)) & ~0xfff);
}

function fault(access: WalkAccess, bits: number): number {
  const error = bits | (access.write ? PageFaultError.W : 0) | (access.user ? PageFaultError.U : 0) |
    (access.execute && access.noExecute ? PageFaultError.I : 0);
  return (error + 1) << 8;
}
