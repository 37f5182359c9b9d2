/**
 * Spans: runs of linear pages that follow each other in host-physical memory too, with the same rights. The
 * accesses of a WebAssembly region keep those that they went to last, so that one comparison does for thousands of pages. A
 * slot learns them from the refills of its soft TLB and the entries around those in page tables, and forgets them where it
 * forgets entries.
 */
import {
  FOUND_BYTES,
  FOUND_ROOM,
  FOUND_WRITE_ROOM,
  GROUP_CLASSES,
  GROUP_KINDS,
  GROUP_SLOTS,
} from "../cpu/state.ts";
import {
  type LinearMemory,
  PAGE_SIZE,
  RAM_BASE,
  SLOT_FOUND,
  SLOT_GROUPS,
  SLOT_SPANS,
  SLOT_TLB_MASK,
  slotOffset,
  SPAN_ADDEND,
  SPAN_BYTES,
  SPAN_FLAGS,
  SPAN_FRAME,
  SPAN_MARGIN,
  SPAN_PAGES,
  SPAN_ROOM,
  SPAN_START,
  SPAN_START_HIGH,
  SPANS,
  TLB_ADDEND,
  TLB_ENTRY_BYTES,
  TLB_FLAGS,
  TLB_HIGH,
  TLB_READ,
  TLB_SPAN_SHIFT,
  TLB_WRITE,
  TlbFlag,
} from "./physical.ts";
import { PAGE_SHIFT } from "./paging.ts";

const { GLOBAL, LARGE, SHARED, WRITABLE } = TlbFlag;
/** What holds of a span if it holds of all its pages. */
const OF_ALL = GLOBAL | SHARED;
/** V8 knows the values of a module's own constants, and reads imported ones each time. */
const ALL = SPANS, PAGES = SPAN_PAGES / 4, START = SPAN_START / 4, START_HIGH = SPAN_START_HIGH / 4;
const FLAGS = SPAN_FLAGS / 4, FRAME = SPAN_FRAME / 4, ADDEND = SPAN_ADDEND / 4, ROOM = SPAN_ROOM / 4;
const ENTRY_READ = TLB_READ / 4, ENTRY_WRITE = TLB_WRITE / 4, ENTRY_HIGH = TLB_HIGH / 4;
const ENTRY_ADDEND = TLB_ADDEND / 4, ENTRY_FLAGS = TLB_FLAGS / 4;
const FOUND_AT = SLOT_FOUND, END_OF_FOUND = SLOT_FOUND + SLOT_GROUPS * FOUND_BYTES, ONE_FOUND = FOUND_BYTES;
const READ_ROOM = FOUND_ROOM, WRITE_ROOM = FOUND_WRITE_ROOM;
const FIRST_GROUP_SLOT = GROUP_SLOTS / 4, FIRST_GROUP_KIND = GROUP_KINDS / 4, FIRST = SLOT_SPANS;
const SPAN_WORDS = SPAN_BYTES / 4;

/** Bits of a page number in the low half of a linear address: spans do not leave it. */
const PAGES_OF_LOW_HALF = 0x10_0000;

const first = (slot: number): number => (slotOffset(slot) + FIRST) / 4;

/** A run of pages in the low half of linear addresses. */
export interface PageRun {
  readonly page: number;
  readonly count: number;
}

/** Knows page tables. */
export interface PageRuns {
  /**
   * The pages around one that are known to continue it where it can be accessed so, the page itself included. The result holds
   * until the next call.
   */
  runOf(page: number, writable: boolean): PageRun;
}

/**
 * Makes the page of a soft TLB entry part of the span that it continues, which may join it with others, or with pages that
 * were none yet. A kernel that boots fills hundreds of thousands of entries: nothing here makes an object.
 *
 * @param word of the entry, which holds for reads
 * @param before word of the entry that the page before would have
 * @param behind the same of the page behind
 */
export function joinSpan(
  { i32 }: LinearMemory,
  slot: number,
  word: number,
  before: number,
  behind: number,
  runs: PageRuns,
): void {
  const tag = i32[word + ENTRY_READ]!, high = i32[word + ENTRY_HIGH]!, page = tag >>> 12;
  const addend = i32[word + ENTRY_ADDEND]!;
  const writable = i32[word + ENTRY_WRITE] === tag ? WRITABLE : 0;
  // Flags that all parts have, and that some have; and bits for the spans that become one.
  let all = i32[word + ENTRY_FLAGS]!, some = all, joined = 0;
  let from = page, to = page + 1, isInside = false;
  for (let number = 1; number < ALL; number++) {
    const span = first(slot) + number * SPAN_WORDS;
    const pages = i32[span + PAGES]!, start = i32[span + START]! >>> 12;
    if (pages === 0 || i32[span + START_HIGH] !== high) continue;
    if (page < start - 1 || page > start + pages) continue;
    const flags = i32[span + FLAGS]!;
    if (i32[span + ADDEND] !== addend || (flags & WRITABLE) > writable) {
      cut(i32, span, page - start);
    } else if ((flags & WRITABLE) === writable) {
      from = Math.min(from, start);
      to = Math.max(to, start + pages);
      all &= flags;
      some |= flags;
      joined |= 1 << number;
      isInside ||= page >= start && page < start + pages;
    }
  }
  if (!isInside) {
    const { page: start, count } = runs.runOf(page, writable !== 0);
    from = Math.min(from, start);
    to = Math.max(to, start + count);
  }
  const continuesBefore = page > 0 && isContinued(i32, word, before, -PAGE_SIZE);
  if (continuesBefore) {
    from = Math.min(from, page - 1);
    all &= i32[before + ENTRY_FLAGS]!;
    some |= i32[before + ENTRY_FLAGS]!;
  }
  const continuesBehind = page + 1 < PAGES_OF_LOW_HALF && isContinued(i32, word, behind, PAGE_SIZE);
  if (continuesBehind) {
    to = Math.max(to, page + 2);
    all &= i32[behind + ENTRY_FLAGS]!;
    some |= i32[behind + ENTRY_FLAGS]!;
  }
  if (to - from === 1) return noteSpan(i32, word, 0);
  const number = joined === 0 ? takeSpan(i32, slot) : lowestBit(joined), others = joined & ~(1 << number);
  const kind = writable | (all & OF_ALL) | (some & LARGE);
  place(i32, first(slot) + number * SPAN_WORDS, from, to - from, addend, high, kind);
  noteSpan(i32, word, number);
  if (continuesBefore) noteSpan(i32, before, number);
  if (continuesBehind) noteSpan(i32, behind, number);
  if (others === 0) return;
  for (let bits = others; bits !== 0; bits &= bits - 1) {
    empty(i32, first(slot) + lowestBit(bits) * SPAN_WORDS);
  }
  renumber(i32, slot, others, number);
}

const lowestBit = (bits: number): number => 31 - Math.clz32(bits & -bits);

/** Whether an entry is that of the page so many bytes away, which continues an entry's page with the same rights. */
function isContinued(i32: Int32Array, word: number, other: number, distance: number): boolean {
  const tag = i32[word + ENTRY_READ]!, otherTag = (tag + distance) | 0;
  return i32[other + ENTRY_READ] === otherTag && i32[other + ENTRY_HIGH] === i32[word + ENTRY_HIGH] &&
    i32[other + ENTRY_ADDEND] === i32[word + ENTRY_ADDEND] &&
    (i32[other + ENTRY_WRITE] === otherTag) === (i32[word + ENTRY_WRITE] === tag);
}

/** Notes in an entry of the soft TLB which span its page is part of. */
function noteSpan(i32: Int32Array, word: number, number: number): void {
  const flags = i32[word + ENTRY_FLAGS]! & ((1 << TLB_SPAN_SHIFT) - 1);
  i32[word + ENTRY_FLAGS] = flags | (number << TLB_SPAN_SHIFT);
}

/** Makes the pages of some spans, by bits, those of another. */
function renumber(i32: Int32Array, slot: number, from: number, to: number): void {
  const start = slotOffset(slot) / 4, end = start + i32[(slotOffset(slot) + SLOT_TLB_MASK) / 4]! / 4;
  for (let word = start; word <= end; word += TLB_ENTRY_BYTES / 4) {
    if (((from >> (i32[word + ENTRY_FLAGS]! >> TLB_SPAN_SHIFT)) & 1) !== 0) noteSpan(i32, word, to);
  }
}

/** Number of a span that is free, or of the smallest. */
function takeSpan(i32: Int32Array, slot: number): number {
  let least = 1;
  const pages = (number: number): number => i32[first(slot) + number * SPAN_WORDS + PAGES]!;
  for (let number = 2; number < ALL; number++) if (pages(number) < pages(least)) least = number;
  return least;
}

function place(
  i32: Int32Array,
  span: number,
  page: number,
  pages: number,
  addend: number,
  high: number,
  flags: number,
): void {
  const start = page << 12;
  i32[span + START] = start;
  i32[span + START_HIGH] = high;
  i32[span + ROOM] = pages * PAGE_SIZE - SPAN_MARGIN + 1;
  i32[span + ADDEND] = addend;
  i32[span + FRAME] = ((start + addend - RAM_BASE) >>> 0) / PAGE_SIZE;
  i32[span + PAGES] = pages;
  i32[span + FLAGS] = flags;
}

/**
 * Forgets what groups of accesses have found in a slot: those that are not the slot's, when they are next used.
 *
 * @param shared whether shared pages may have been dropped, which may have been found in other slots
 */
function forgetFound(i32: Int32Array, slot: number, shared: boolean): void {
  for (let group = 0; group < GROUP_CLASSES; group++) {
    if (shared || i32[FIRST_GROUP_SLOT + group] === slotOffset(slot)) i32[FIRST_GROUP_SLOT + group] = 0;
    if (shared) i32[FIRST_GROUP_KIND + group] = 0;
  }
  const start = slotOffset(slot);
  for (let cells = start + FOUND_AT; cells < start + END_OF_FOUND; cells += ONE_FOUND) {
    i32[(cells + READ_ROOM) / 4] = 0;
    i32[(cells + WRITE_ROOM) / 4] = 0;
  }
}

/** Drops the spans of a slot that have none of the flags `kept`. */
export function dropSpansExcept({ i32 }: LinearMemory, slot: number, kept: number): void {
  forgetFound(i32, slot, (kept & GLOBAL) === 0);
  for (let number = 1; number < ALL; number++) {
    const span = first(slot) + number * SPAN_WORDS;
    if (i32[span + PAGES] !== 0 && (i32[span + FLAGS]! & kept) === 0) empty(i32, span);
  }
}

/** Drops the spans with parts of larger pages that meet the block of 2^shift bytes around a linear address. */
export function dropLargeSpans(
  { i32 }: LinearMemory,
  slot: number,
  lo: number,
  hi: number,
  shift: number,
): void {
  forgetFound(i32, slot, true);
  const block = lo >>> shift, toBlock = shift - PAGE_SHIFT;
  for (let number = 1; number < ALL; number++) {
    const span = first(slot) + number * SPAN_WORDS, page = i32[span + START]! >>> PAGE_SHIFT;
    const pages = i32[span + PAGES]!;
    if (pages === 0 || (i32[span + FLAGS]! & LARGE) === 0 || i32[span + START_HIGH] !== hi) continue;
    if (page >>> toBlock <= block && (page + pages - 1) >>> toBlock >= block) empty(i32, span);
  }
}

/**
 * Takes the page of a linear address (its low half) out of the spans of a slot, whatever its high half is.
 *
 * @param shared whether it may be shared
 */
export function dropFromSpans({ i32 }: LinearMemory, slot: number, lo: number, shared: boolean): void {
  forgetFound(i32, slot, shared);
  for (let number = 1; number < ALL; number++) {
    const span = first(slot) + number * SPAN_WORDS;
    cut(i32, span, (lo >>> 12) - (i32[span + START]! >>> 12));
  }
}

/** Takes a frame out of the writable spans of a slot. */
export function protectInSpans({ i32 }: LinearMemory, slot: number, frame: number): void {
  forgetFound(i32, slot, true);
  for (let number = 1; number < ALL; number++) {
    const span = first(slot) + number * SPAN_WORDS;
    if ((i32[span + FLAGS]! & WRITABLE) !== 0) cut(i32, span, frame - i32[span + FRAME]!);
  }
}

/** Leaves of a span the longer part beside its page number `at`, if it has that. */
function cut(i32: Int32Array, span: number, at: number): void {
  const pages = i32[span + PAGES]!;
  if (at < 0 || at >= pages) return;
  const behind = pages - at - 1, [skipped, left] = behind > at ? [at + 1, behind] : [0, at];
  if (left < 2) return empty(i32, span);
  const start = (i32[span + START]! >>> 12) + skipped;
  place(
    i32,
    span,
    start,
    left,
    i32[span + ADDEND]!,
    i32[span + START_HIGH]!,
    i32[span + FLAGS]!,
  );
}

/** An empty span has room for nothing. */
function empty(i32: Int32Array, span: number): void {
  for (let word = span; word < span + SPAN_WORDS; word++) i32[word] = 0;
}
