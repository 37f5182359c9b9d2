/**
 * Page walks for those who only look: nothing is set in the tables, nothing is cached, no fault arises, and rights do not
 * matter. SDM vol. 3A, chapter 4; vol. 3C, section 28.3 (EPT).
 */
import { PHYSICAL_HIGH } from "../cpu/address_widths.ts";
import { CR0, CR3, CR4, EFER, EPTP, PDPTE } from "../cpu/state.ts";
import { Cr0, Cr4, Efer } from "../cpu/system/control_bits.ts";
import { Pte } from "./paging.ts";
import type { LinearMemory } from "./physical.ts";

const PAGE_MASK = 0xfffn;
const EPT_PRESENT = 7n;
const EPT_LEVELS = 4;
const ADDRESS_MASK = (BigInt(PHYSICAL_HIGH) << 32n) | 0xffff_f000n;

/**
 * Host-physical address of a linear address, as a processor with this state translates it.
 *
 * @param state the processor's state, laid out as cpu/state.ts tells
 * @returns undefined where nothing is mapped
 */
export function findLinear(memory: LinearMemory, state: DataView, linear: bigint): number | undefined {
  const gpa = findGuestPhysical(memory, state, linear);
  return gpa === undefined ? undefined : throughEpt(memory, state, gpa);
}

function findGuestPhysical(memory: LinearMemory, state: DataView, linear: bigint): bigint | undefined {
  const cr0 = state.getUint32(CR0, true), cr4 = state.getUint32(CR4, true);
  if ((cr0 & Cr0.PG) === 0) return linear & 0xffff_ffffn;
  const cr3 = state.getBigUint64(CR3, true);
  if ((state.getUint32(EFER, true) & Efer.LMA) !== 0) {
    const levels = (cr4 & Cr4.LA57) !== 0 ? 5 : 4, bits = 12n + 9n * BigInt(levels);
    if (BigInt.asUintN(64, BigInt.asIntN(Number(bits), linear)) !== linear) return undefined;
    return descend(memory, state, cr3 & ADDRESS_MASK, levels, linear);
  }
  const low = linear & 0xffff_ffffn;
  if ((cr4 & Cr4.PAE) === 0) {
    return findShort(memory, state, cr3 & 0xffff_f000n, low, (cr4 & Cr4.PSE) !== 0);
  }
  const pdpte = state.getBigUint64(PDPTE + 8 * Number(low >> 30n), true);
  return (pdpte & 1n) === 0n ? undefined : descend(memory, state, pdpte & ADDRESS_MASK, 2, low);
}

/** Tables of 8-byte entries. */
function descend(
  memory: LinearMemory,
  state: DataView,
  root: bigint,
  levels: number,
  linear: bigint,
): bigint | undefined {
  let table = root;
  for (let level = levels - 1;; level--) {
    const shift = 12n + 9n * BigInt(level);
    const entry = readEntry(memory, state, table + ((linear >> shift) & 0x1ffn) * 8n, 8);
    if (entry === undefined || (entry & BigInt(Pte.P)) === 0n) return undefined;
    if (level === 0 || (level <= 2 && (entry & BigInt(Pte.PS)) !== 0n)) {
      const inside = (1n << shift) - 1n;
      return (entry & ADDRESS_MASK & ~inside) | (linear & inside);
    }
    table = entry & ADDRESS_MASK;
  }
}

/** Tables of 4-byte entries: 32-bit paging. */
function findShort(
  memory: LinearMemory,
  state: DataView,
  root: bigint,
  linear: bigint,
  hasLarge: boolean,
): bigint | undefined {
  const directory = readEntry(memory, state, root + (linear >> 22n) * 4n, 4);
  if (directory === undefined || (directory & BigInt(Pte.P)) === 0n) return undefined;
  if (hasLarge && (directory & BigInt(Pte.PS)) !== 0n) {
    return (directory & 0xffc0_0000n) | (((directory >> 13n) & 0xffn) << 32n) | (linear & 0x3f_ffffn);
  }
  const table = directory & 0xffff_f000n;
  const entry = readEntry(memory, state, table + ((linear >> 12n) & 0x3ffn) * 4n, 4);
  if (entry === undefined || (entry & BigInt(Pte.P)) === 0n) return undefined;
  return (entry & 0xffff_f000n) | (linear & PAGE_MASK);
}

function readEntry(memory: LinearMemory, state: DataView, gpa: bigint, size: 4 | 8): bigint | undefined {
  const hpa = throughEpt(memory, state, gpa);
  return hpa === undefined ? undefined : readRam(memory, hpa, size);
}

/** Host-physical address of a guest-physical one; the same where there is no EPT. */
function throughEpt(memory: LinearMemory, state: DataView, gpa: bigint): number | undefined {
  const eptp = state.getBigUint64(EPTP, true);
  if (eptp === 0n) return Number(gpa);
  let table = eptp & ADDRESS_MASK;
  for (let level = EPT_LEVELS - 1;; level--) {
    const shift = 12n + 9n * BigInt(level);
    const entry = readRam(memory, Number(table + ((gpa >> shift) & 0x1ffn) * 8n), 8);
    if (entry === undefined || (entry & EPT_PRESENT) === 0n) return undefined;
    if (level === 0 || (level <= 2 && (entry & BigInt(Pte.PS)) !== 0n)) {
      const inside = (1n << shift) - 1n;
      return Number((entry & ADDRESS_MASK & ~inside) | (gpa & inside));
    }
    table = entry & ADDRESS_MASK;
  }
}

function readRam(memory: LinearMemory, hpa: number, size: 4 | 8): bigint | undefined {
  if (hpa + size > memory.ramBytes) return undefined;
  const bytes = memory.ram(hpa, size), view = new DataView(bytes.buffer, bytes.byteOffset, size);
  return size === 8 ? view.getBigUint64(0, true) : BigInt(view.getUint32(0, true));
}
