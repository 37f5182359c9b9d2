/** Finds or makes the code for where the processor is: fetch, jump table, code cache, translation. */
import { optimize } from "../ir/passes/optimize.ts";
import type { Block } from "../ir/types.ts";
import { STATE_EFFECTS } from "../cpu/state_effects.ts";
import { Vector } from "../cpu/fault.ts";
import {
  EVENT,
  EVENT_ADDRESS,
  RIP,
  SEG_ATTRIBUTES,
  SEG_BASE,
  SEGMENT,
  Segment,
  SEGMENT_STRIDE,
  TLB_BASE,
} from "../cpu/state.ts";
import { SECOND_STAGE_REFUSED } from "../memory/paging.ts";
import { JUMP_ENTRY_BYTES, PAGE_SIZE, RAM_BASE, SLOT_JUMPS } from "../memory/physical.ts";
import { jumpIndex } from "../memory/tlb.ts";
import type { Bindings } from "./bindings.ts";
import { Code, type Entry } from "./code.ts";
import { CodeHistory } from "./code_history.ts";
import type { CodeCache } from "./code_cache.ts";
import type { Region } from "./engine.ts";
import { whole } from "./address.ts";
import type { Interpreter } from "./interpreter/interpreter.ts";

/** Makes IR of guest bytes; frontend/translate.ts is one. */
export type Translate = (
  bytes: Uint8Array,
  pageBytes: number,
  pc: bigint,
  mode: number,
  limit?: number,
) => Block | "truncated";

/** V8 knows the values of a module's own constants, and reads imported ones each time. */
const RIP_LO = RIP >> 2, RIP_HI = (RIP >> 2) + 1, TLB_BASE_WORD = TLB_BASE >> 2;
const JUMPS = SLOT_JUMPS, JUMP_WORDS = JUMP_ENTRY_BYTES / 4;
const CS = (SEGMENT + SEGMENT_STRIDE * Segment.CS) >> 2;
const CS_ATTRIBUTES = CS + SEG_ATTRIBUTES / 4, CS_BASE = CS + SEG_BASE / 4;
/** Segment attributes: 64-bit code. */
const ATTRIBUTE_L = 0x2000;
/** Bytes of the longest instruction. */
const MAX_INSTRUCTION = 15;

/** Finds code at RIP in the current world. */
export class CodeFinder {
  readonly history: CodeHistory = new CodeHistory();
  /** Is shown each block that is translated, with its bytes (which may go on behind it); not when it is compiled. */
  onTranslate: ((block: Block, bytes: Uint8Array) => void) | undefined;
  readonly #m: Int32Array;
  readonly #translate: Translate;

  constructor(
    readonly bindings: Bindings,
    readonly cache: CodeCache,
    translate: Translate,
    readonly interpreter: Interpreter,
  ) {
    this.#m = bindings.memory.i32;
    this.#translate = translate;
  }

  /** The code at RIP; undefined after raising a fault. */
  lookup(mode: number): Code | undefined {
    const m = this.#m;
    const lo = m[RIP_LO]!, hi = m[RIP_HI]!;
    this.history.note(lo, hi);
    // Entries have linear addresses: with another CS base the same RIP is another place.
    const linearLo = this.#linearLo(lo), linearHi = this.#linearHi(hi);
    const index = jumpIndex(linearLo);
    return this.#jump(this.#jumpWord(index), lo, linearLo, linearHi, mode) ??
      this.#jump(this.#jumpWord(index ^ 1), lo, linearLo, linearHi, mode) ??
      this.#find(mode, linearLo, linearHi, index);
  }

  /** Word index of an entry of the current world's jump table. */
  #jumpWord(index: number): number {
    return ((this.#m[TLB_BASE_WORD]! + JUMPS) >> 2) + index * JUMP_WORDS;
  }

  /** What an entry of the jump table leads to, if it is that of a linear address. */
  #jump(entry: number, lo: number, linearLo: number, linearHi: number, mode: number): Code | undefined {
    const m = this.#m;
    if (m[entry] !== linearLo || m[entry + 1] !== linearHi || m[entry + 3] !== mode) return undefined;
    const code = this.cache.codes[m[entry + 2]!];
    return code !== undefined && code.lo === lo ? code : undefined;
  }

  /**
   * The code that a block has been seen to lead to in its own page, which lies where the block lies: so it needs no look at
   * the current world, in which the block has just been executed in the same mode. Otherwise as `lookup`.
   */
  follow(before: Code): Code | undefined {
    const m = this.#m, lo = m[RIP_LO]!, hi = m[RIP_HI]!;
    const { next, nextButOne } = before;
    if (next !== undefined && next.lo === lo && next.hi === hi && !next.dropped) {
      this.history.note(lo, hi);
      return next;
    }
    if (nextButOne !== undefined && nextButOne.lo === lo && nextButOne.hi === hi && !nextButOne.dropped) {
      this.history.note(lo, hi);
      return nextButOne;
    }
    const found = this.lookup(before.mode);
    if (found !== undefined) before.noteNext(found);
    return found;
  }

  /** Host-physical address of the byte at RIP; -1 after raising a fault. */
  fetch(): number {
    const m = this.#m,
      lo = this.#linearLo(m[RIP_LO]!),
      page = this.#fetchPage(lo, this.#linearHi(m[RIP_HI]!));
    return page < 0 ? -1 : page + (lo & 0xfff);
  }

  /** Translates at RIP, at most `limit` instructions; undefined after raising a fault. */
  translate(mode: number, limit: number | undefined): Block | undefined {
    const m = this.#m;
    const lo = m[RIP_LO]!, hi = m[RIP_HI]!;
    const pc = whole(lo, hi);
    const hpa = this.fetch();
    if (hpa < 0) return undefined;
    const bytes = this.#bytes(hpa);
    const block = this.#translate(bytes, bytes.length, pc, mode, limit);
    if (block !== "truncated") {
      this.onTranslate?.(block, bytes);
      return block;
    }
    const second = this.#fetchPage(...nextPage(this.#linearLo(lo), this.#linearHi(hi)));
    if (second < 0) return undefined;
    const both = this.#crossingBytes(hpa, second);
    const crossing = this.#translateCrossing(both, bytes.length, pc, mode, limit);
    this.onTranslate?.(crossing, both);
    return crossing;
  }

  /** The block of translated code again, as the passes leave it. Its bytes are those it was translated from. */
  optimized({ lo, hi, hpa, secondPage, mode, count }: Code): Block {
    const pc = whole(lo, hi);
    const bytes = this.#bytes(hpa);
    const block = secondPage < 0
      ? this.#translate(bytes, bytes.length, pc, mode, count)
      : this.#translateCrossing(this.#crossingBytes(hpa, secondPage), bytes.length, pc, mode, count);
    if (block === "truncated") throw new Error("translated code has lost bytes");
    return optimize(block, STATE_EFFECTS);
  }

  /** Translates an instruction that goes on in another page. */
  #translateCrossing(
    bytes: Uint8Array,
    pageBytes: number,
    pc: bigint,
    mode: number,
    limit: number | undefined,
  ): Block {
    const block = this.#translate(bytes, pageBytes, pc, mode, limit);
    if (block === "truncated") throw new Error("an instruction of more than 15 bytes was not refused");
    return block;
  }

  /** Bytes to the end of a page, and those of the next that an instruction can reach. */
  #crossingBytes(hpa: number, second: number): Uint8Array {
    const first = this.#bytes(hpa);
    const both = new Uint8Array(first.length + MAX_INSTRUCTION);
    both.set(first);
    both.set(this.#bytes(second).subarray(0, MAX_INSTRUCTION), first.length);
    return both;
  }

  /** Bytes of RAM from a host-physical address to the end of its page. */
  #bytes(hpa: number): Uint8Array {
    const start = RAM_BASE + hpa;
    return this.bindings.memory.u8.subarray(start, start + PAGE_SIZE - hpa % PAGE_SIZE);
  }

  /** The way into compiled code for a block, as the current world has it: through a region all of which lies in place. */
  entry({ entries }: Code): Entry | undefined {
    for (let n = 0; n < entries.length; n++) {
      if (this.isInPlace(entries[n]!.region)) return entries[n];
    }
    return undefined;
  }

  /** The first of some ways in that the current world has, into another region than `but`. */
  entryAmong(entries: readonly Entry[], but?: Region): Entry | undefined {
    return entries.find(({ region }) => region !== but && this.isInPlace(region));
  }

  /**
   * Whether all blocks of a region lie in the current world where they lay when it was made. Some guests have it looked up with
   * each VM exit: nothing here makes an object.
   */
  isInPlace(region: Region): boolean {
    const { worlds } = this.bindings.access.mmu;
    const known = worlds.placement(region.id);
    if (known !== undefined) return known;
    const { landmarks } = region;
    let inPlace = true, isGlobal = true;
    for (let n = 0; inPlace && n < landmarks.length; n++) {
      const code = landmarks[n]!;
      inPlace = this.placeOf(code.lo, code.hi) === code.hpa && this.goesOn(code);
      isGlobal &&= inPlace && this.#isGlobal(code);
    }
    worlds.notePlacement(region.id, inPlace, isGlobal);
    return inPlace;
  }

  /** Whether a block has been found through global pages in the current world. */
  #isGlobal({ lo, hi, secondPage }: Code): boolean {
    const { worlds } = this.bindings.access.mmu;
    const linearLo = this.#linearLo(lo), linearHi = this.#linearHi(hi);
    return worlds.hasGlobalCode(linearLo, linearHi) &&
      (secondPage < 0 || worlds.hasGlobalCode(...nextPage(linearLo, linearHi)));
  }

  /** Whether what a block has on a second page lies in place in the current world. */
  goesOn({ lo, hi, secondPage }: Code): boolean {
    return secondPage < 0 || this.placeOf(...nextPage(lo, hi)) === secondPage;
  }

  /** Host-physical address of code at a PC in the current world, or -1 if it cannot be fetched. Raises nothing. */
  placeOf(lo: number, hi: number): number {
    const { mmu } = this.bindings.access;
    const linearLo = this.#linearLo(lo), linearHi = this.#linearHi(hi);
    if (!mmu.isCanonical(linearHi)) return -1;
    let page = mmu.executablePage(linearLo, linearHi);
    if (page < 0) {
      const event = this.#m[EVENT >> 2]!;
      const failure = mmu.refill(linearLo, linearHi, false, true);
      // Nothing is executed there yet: a refusal of the second stage is no VM exit.
      this.#m[EVENT >> 2] = event;
      if (failure !== 0) return -1;
      page = mmu.walkedPage;
    }
    mmu.worlds.noteCode(linearLo, linearHi);
    return page + (linearLo & 0xfff);
  }

  /** Looks code up in full, or translates it, and notes it in the jump table: what was there goes to the entry beside. */
  #find(mode: number, linearLo: number, linearHi: number, index: number): Code | undefined {
    const code = this.#findAnew(mode, linearLo, linearHi);
    // A block on two pages is looked up in full each time: its second page can be remapped by itself.
    if (code === undefined || code.secondPage >= 0) return code;
    const m = this.#m, entry = this.#jumpWord(index), beside = this.#jumpWord(index ^ 1);
    for (let word = 0; word < JUMP_WORDS; word++) m[beside + word] = m[entry + word]!;
    m[entry] = linearLo;
    m[entry + 1] = linearHi;
    m[entry + 2] = code.number;
    m[entry + 3] = mode;
    return code;
  }

  #findAnew(mode: number, linearLo: number, linearHi: number): Code | undefined {
    const m = this.#m;
    const { mmu } = this.bindings.access;
    const lo = m[RIP_LO]!, hi = m[RIP_HI]!;
    const page = this.#fetchPage(linearLo, linearHi);
    if (page < 0) return undefined;
    mmu.worlds.noteCode(linearLo, linearHi);
    const hpa = page + (linearLo & 0xfff);
    const code = this.cache.find(hpa, lo, hi, mode);
    if (code !== undefined) {
      if (code.secondPage < 0) return code;
      const second = this.#fetchSecond(linearLo, linearHi);
      if (second < 0) return undefined;
      if (second === code.secondPage) return code;
      this.cache.drop(code);
    }
    const block = this.translate(mode, undefined);
    if (block === undefined) return undefined;
    const crosses = (linearLo & 0xfff) + block.length > PAGE_SIZE;
    const second = crosses ? this.#fetchSecond(linearLo, linearHi) : -1;
    const made = new Code(
      block,
      this.interpreter.prepare(block),
      hpa,
      second,
      this.bindings.systemCalls.goOnBehind,
    );
    this.cache.add(made);
    return made;
  }

  /** Host-physical page behind the one of a linear address, or -1 after raising a fault. */
  #fetchSecond(lo: number, hi: number): number {
    const next = nextPage(lo, hi);
    this.bindings.access.mmu.worlds.noteCode(...next);
    return this.#fetchPage(...next);
  }

  #isLong(): boolean {
    return (this.#m[CS_ATTRIBUTES]! & ATTRIBUTE_L) !== 0;
  }

  /** Halves of the linear address of a PC, from its own. */
  #linearLo(lo: number): number {
    return this.#isLong() ? lo : (lo + this.#m[CS_BASE]!) | 0;
  }
  #linearHi(hi: number): number {
    return this.#isLong() ? hi : 0;
  }

  /** Host-physical page of an instruction fetch, or -1 after raising a fault. */
  #fetchPage(lo: number, hi: number): number {
    const m = this.#m;
    const { access } = this.bindings;
    const { mmu } = access;
    if (!mmu.isCanonical(hi)) {
      access.raise(Vector.GP, 0);
      return -1;
    }
    const known = mmu.executablePage(lo, hi);
    if (known >= 0) return known;
    const failure = mmu.refill(lo, hi, false, true);
    if (failure === SECOND_STAGE_REFUSED) return -1;
    if (failure !== 0) {
      m[EVENT_ADDRESS >> 2] = lo;
      m[(EVENT_ADDRESS >> 2) + 1] = hi;
      access.raise(Vector.PF, (failure >> 8) - 1);
      return -1;
    }
    const page = mmu.walkedPage;
    if (page >= this.bindings.memory.ramBytes) {
      access.raise(Vector.MC, -1);
      return -1;
    }
    return page;
  }
}

/** Linear address of the page behind an address, as halves. */
function nextPage(lo: number, hi: number): [number, number] {
  const next = ((lo & ~0xfff) + PAGE_SIZE) | 0;
  return [next, next === 0 ? (hi + 1) | 0 : hi];
}
