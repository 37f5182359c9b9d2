/** The soft TLB: entries in the linear memory, one table a world slot. Compiled code reads them inline. */
import type { FewWords } from "./few_words.ts";
import {
  JUMP_ENTRIES,
  JUMP_ENTRY_BYTES,
  type LinearMemory,
  RAM_BASE,
  REGION_ENTRIES,
  SLOT_JUMPS,
  SLOT_REGIONS,
  SLOT_TLB_MASK,
  slotOffset,
  TLB_ADDEND,
  TLB_ENTRY_BYTES,
  TLB_EXECUTE,
  TLB_FLAGS,
  TLB_FRAME,
  TLB_HIGH,
  TLB_INVALID,
  TLB_READ,
  TLB_WRITE,
  TLB_WRITE_HIGH,
  TlbFlag,
} from "./physical.ts";
import { dropFromSpans, dropLargeSpans, dropSpansExcept, protectInSpans } from "./spans.ts";

/** V8 knows the values of a module's own constants, and reads those that are imported or exported each time. */
const READ_TAG = TLB_READ / 4,
  WRITE_TAG = TLB_WRITE / 4,
  EXECUTE_TAG = TLB_EXECUTE / 4,
  TAG_HIGH = TLB_HIGH / 4;
const WRITE_TAG_HIGH = TLB_WRITE_HIGH / 4,
  ADDEND = TLB_ADDEND / 4,
  FRAME = TLB_FRAME / 4,
  FLAGS = TLB_FLAGS / 4;
const INVALID = TLB_INVALID, MASK = SLOT_TLB_MASK, ENTRY_BYTES = TLB_ENTRY_BYTES;
const ENTRY_WORDS = TLB_ENTRY_BYTES / 4;
const JUMP_WORDS = JUMP_ENTRY_BYTES / 4;
/** Jump-table entries that the code of one page shares: so that a page's entries are found and dropped together. */
const JUMPS_PER_PAGE = 128;
/** Linear pages whose jumps do not meet. */
export const JUMP_PAGES: number = JUMP_ENTRIES / JUMPS_PER_PAGE;
const PAGE_MASK = JUMP_PAGES - 1;

/** Index of the jump-table entry of a linear PC (its low half), which may be in the one beside it (index ^ 1) as well. */
export function jumpIndex(lo: number): number {
  return (((lo >>> 12) & PAGE_MASK) * JUMPS_PER_PAGE) | ((lo ^ (lo >>> 7)) & (JUMPS_PER_PAGE - 1));
}

/** From a linear address to the byte offset of its entry, before it is masked. */
export const TLB_SHIFT: number = 12 - Math.log2(TLB_ENTRY_BYTES);
const SHIFT = TLB_SHIFT;

/** Word index of the TLB entry of a linear address, in the slot at byte offset `base`. */
export function tlbWord(i32: Int32Array, base: number, lo: number): number {
  return (base + ((lo >>> SHIFT) & i32[(base + MASK) >> 2]!)) >> 2;
}

/** Entries of a slot's soft TLB. */
export function tlbEntries({ i32 }: LinearMemory, slot: number): number {
  return i32[(slotOffset(slot) + MASK) >> 2]! / ENTRY_BYTES + 1;
}

/** Gives a slot an empty soft TLB of so many entries. */
export function resizeTlb(memory: LinearMemory, slot: number, entries: number): void {
  memory.i32[(slotOffset(slot) + MASK) >> 2] = (entries - 1) * ENTRY_BYTES;
  clearTlb(memory, slot);
}

/** Entries of a slot's soft TLB that translate something. */
export function usedEntries(memory: LinearMemory, slot: number): number {
  const start = slotOffset(slot) >> 2;
  let used = 0;
  for (let word = start; word < endOf(memory, slot); word += ENTRY_WORDS) {
    if (isEntry(memory.i32, word)) used++;
  }
  return used;
}

const isUsed = (tag: number): boolean => (tag & INVALID) === 0;
/** Whether there is an entry at a word index. */
const isEntry = (i32: Int32Array, word: number): boolean =>
  isUsed(i32[word + READ_TAG]!) || isUsed(i32[word + EXECUTE_TAG]!);

/** Whether a TLB entry is that of another page than the one of a linear address. */
export function isTaken({ i32 }: LinearMemory, word: number, lo: number): boolean {
  const tag = i32[word + READ_TAG]!;
  return isUsed(tag) && tag !== (lo & ~0xfff);
}

/** Whether a slot's soft TLB has the page of a linear address for fetches, as a global one. */
export function isGlobal({ i32 }: LinearMemory, slot: number, lo: number, hi: number): boolean {
  const word = tlbWord(i32, slotOffset(slot), lo);
  return i32[word + EXECUTE_TAG] === (lo & ~0xfff) && i32[word + TAG_HIGH] === hi &&
    (i32[word + FLAGS]! & TlbFlag.GLOBAL) !== 0;
}

/** Word index behind the soft TLB of a slot. */
function endOf(memory: LinearMemory, slot: number): number {
  return (slotOffset(slot) >> 2) + tlbEntries(memory, slot) * ENTRY_WORDS;
}

/**
 * Empties a slot's table of regions in place.
 *
 * @param noted where regions may be
 */
export function clearRegions({ i32 }: LinearMemory, slot: number, noted: FewWords): void {
  const count = noted.forget();
  if (count !== undefined) {
    for (let n = 0; n < count; n++) i32[noted.at(n)] = 0;
    return;
  }
  const regions = (slotOffset(slot) + SLOT_REGIONS) >> 2;
  i32.fill(0, regions, regions + REGION_ENTRIES);
}

/** Empties a slot's jump table. */
export function clearJumps({ i32 }: LinearMemory, slot: number): void {
  const jumps = (slotOffset(slot) + SLOT_JUMPS) >> 2;
  // A PC whose upper half is -1 and lower half 1 is looked up like any other; no code is number 0.
  i32.fill(0, jumps, jumps + JUMP_ENTRIES * JUMP_WORDS);
}

/** Drops a slot's jumps to a linear page. `page`: its number, or the low bits of that. */
export function clearJumpsTo({ i32 }: LinearMemory, slot: number, page: number): void {
  const first = (page & (JUMP_PAGES - 1)) * JUMPS_PER_PAGE * JUMP_WORDS;
  const jumps = ((slotOffset(slot) + SLOT_JUMPS) >> 2) + first;
  i32.fill(0, jumps, jumps + JUMPS_PER_PAGE * JUMP_WORDS);
}

/** Empties the soft TLB of a slot. */
export function clearTlb(memory: LinearMemory, slot: number): void {
  clearTlbExcept(memory, slot, 0);
}

/**
 * Drops the entries of a slot that have none of the flags `kept`.
 *
 * @param entries where its entries may be, if that is noted: then where the others are that stay
 */
export function clearTlbExcept(memory: LinearMemory, slot: number, kept: number, entries?: FewWords): void {
  dropSpansExcept(memory, slot, kept);
  const count = entries?.forget();
  if (entries !== undefined && count !== undefined) {
    for (let n = 0; n < count; n++) clearExcept(memory, entries.at(n), kept, entries);
    return;
  }
  const end = endOf(memory, slot);
  for (let word = slotOffset(slot) >> 2; word < end; word += ENTRY_WORDS) {
    clearExcept(memory, word, kept, entries);
  }
}

/** Drops an entry that has none of the flags `kept`; notes it if it stays. */
function clearExcept(memory: LinearMemory, word: number, kept: number, entries: FewWords | undefined): void {
  if ((memory.i32[word + FLAGS]! & kept) === 0) dropEntry(memory, word);
  else if (isEntry(memory.i32, word)) entries?.note(word);
}

/** Drops the entries of a slot that are parts of larger pages, in the block of 2^shift bytes around a linear address. */
export function dropLargePages(
  memory: LinearMemory,
  slot: number,
  lo: number,
  hi: number,
  shift: number,
): void {
  dropLargeSpans(memory, slot, lo, hi, shift);
  const { i32 } = memory, end = endOf(memory, slot);
  for (let word = slotOffset(slot) >> 2; word < end; word += ENTRY_WORDS) {
    if ((i32[word + FLAGS]! & TlbFlag.LARGE) === 0 || i32[word + TAG_HIGH] !== hi) continue;
    const tag = isUsed(i32[word + READ_TAG]!) ? i32[word + READ_TAG]! : i32[word + EXECUTE_TAG]!;
    if (tag >>> shift === lo >>> shift) dropEntry(memory, word);
  }
}

/** Drops what a slot's TLB knows about the page of a linear address, which may be `shared`. */
export function dropPage(memory: LinearMemory, slot: number, lo: number, shared: boolean): void {
  dropFromSpans(memory, slot, lo, shared);
  dropEntry(memory, tlbWord(memory.i32, slotOffset(slot), lo));
}

/**
 * Makes stores to a frame take the slow path in a slot: it now holds translated code.
 *
 * @param isStored whether an entry may let stores through to it: only then are they searched
 */
export function protectFrame(memory: LinearMemory, slot: number, frame: number, isStored: boolean): void {
  protectInSpans(memory, slot, frame);
  if (!isStored) return;
  const { i32 } = memory, end = endOf(memory, slot);
  for (let word = slotOffset(slot) >> 2; word < end; word += ENTRY_WORDS) {
    if (i32[word + FRAME] === frame) i32[word + WRITE_TAG] = INVALID;
  }
}

function dropEntry(memory: LinearMemory, word: number): void {
  memory.i32[word + READ_TAG] = INVALID;
  memory.i32[word + WRITE_TAG] = INVALID;
  memory.i32[word + EXECUTE_TAG] = INVALID;
}

/** What an entry lets compiled code do by itself. */
export const Right = { READ: 1, WRITE: 2, EXECUTE: 4 } as const;

/**
 * Fills an entry for the page of a linear address.
 *
 * @param rights bits of `Right`
 * @param flags bits of `TlbFlag`
 */
export function fillEntry(
  memory: LinearMemory,
  word: number,
  lo: number,
  hi: number,
  page: number,
  rights: number,
  flags: number,
): void {
  const { i32 } = memory;
  const tag = lo & ~0xfff;
  i32[word + READ_TAG] = (rights & Right.READ) !== 0 ? tag : INVALID;
  i32[word + WRITE_TAG] = (rights & Right.WRITE) !== 0 ? tag : INVALID;
  i32[word + EXECUTE_TAG] = (rights & Right.EXECUTE) !== 0 ? tag : INVALID;
  i32[word + TAG_HIGH] = hi;
  i32[word + WRITE_TAG_HIGH] = hi;
  i32[word + ADDEND] = (RAM_BASE + page - tag) | 0;
  i32[word + FRAME] = page / 0x1000;
  i32[word + FLAGS] = flags;
}
