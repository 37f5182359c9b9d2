/** The dispatcher: finds or makes the code for where the processor is, and runs it on the tier it has reached. */
import type { Block } from "../ir/types.ts";
import { Event, Vector } from "../cpu/fault.ts";
import { Mode } from "../cpu/mode.ts";
import {
  ATTENTION,
  BUDGET,
  EVENT,
  EVENT_ADDRESS,
  EVENT_ERROR,
  EVENT_VECTOR,
  INSTRUCTIONS,
  JUMP_TABLE,
  RIP,
  SEG_ATTRIBUTES,
  SEG_BASE,
  SEGMENT,
  Segment,
  SEGMENT_STRIDE,
} from "../cpu/state.ts";
import { isCanonical } from "../memory/mmu.ts";
import { SECOND_STAGE_REFUSED } from "../memory/paging.ts";
import { PAGE_SIZE, RAM_BASE } from "../memory/physical.ts";
import { jumpIndex } from "../memory/tlb.ts";
import type { Bindings } from "./bindings.ts";
import { Code } from "./code.ts";
import { CodeCache } from "./code_cache.ts";
import type { Engine, Exit, Region } from "./engine.ts";
import { Interpreter } from "./interpreter/interpreter.ts";
import { selectRegion } from "./region.ts";
import { currentMode } from "./current_mode.ts";

/** Makes IR of guest bytes; frontend/translate.ts is one. */
export type Translate = (
  bytes: Uint8Array,
  pageBytes: number,
  pc: bigint,
  mode: number,
  limit?: number,
) => Block | "truncated";

/** When code changes tier, and how much of it is kept. */
export interface Tiers {
  /** The compiling engine; without one everything is interpreted. */
  readonly engine: Engine | undefined;
  /** Interpreted executions of a block before it is compiled. */
  readonly threshold: number;
  /** Most blocks in a compiled region. */
  readonly regionBlocks: number;
  /** Most translated blocks kept. */
  readonly codeCacheBlocks: number;
}

/** What the dispatcher counts. */
export interface DispatchCounts {
  interpretedBlocks: number;
  interpretedInstructions: number;
  regionEntries: number;
  regionsCompiled: number;
  singleSteps: number;
}

/** Interpreted executions of a block before it goes through the passes: about when their cost is earned back. */
const OPTIMIZE_RUNS = 16;

/** Entries of a region after which it is made again: blocks that were cold when it was made may now belong to it. */
const REGROW_ENTRIES = 1000;

const RIP_LO = RIP >> 2, RIP_HI = (RIP >> 2) + 1;

/** Runs guest code until an event that is not its own to settle. */
export class Dispatcher {
  readonly cache: CodeCache;
  readonly counts: DispatchCounts = {
    interpretedBlocks: 0,
    interpretedInstructions: 0,
    regionEntries: 0,
    regionsCompiled: 0,
    singleSteps: 0,
  };
  /** Called with each block translated and its bytes, for dumps. */
  onTranslate: ((block: Block, bytes: Uint8Array) => void) | undefined;
  readonly #m: Int32Array;
  readonly #interpreter: Interpreter;
  /** Budget at the start of the current run, and INSTRUCTIONS then. */
  #granted = 0;
  #startedAt = 0;

  constructor(
    readonly bindings: Bindings,
    readonly translate: Translate,
    readonly tiers: Tiers,
  ) {
    this.#m = bindings.memory.i32;
    this.cache = new CodeCache(bindings.access.mmu.codePages, tiers.codeCacheBlocks);
    this.#interpreter = new Interpreter(bindings);
  }

  /** Guest instructions executed, also inside a run (exact at block boundaries). */
  instructions(): number {
    return this.#startedAt + this.#granted - this.#m[BUDGET >> 2]!;
  }

  /**
   * Executes up to `budget` instructions. Returns with EVENT set: BUDGET when they are used up, or what else ended the
   * run. RIP and all state are exact.
   */
  run(budget: number): void {
    const m = this.#m;
    m[BUDGET >> 2] = budget;
    this.#granted = budget;
    this.#loop();
    this.#startedAt += budget - m[BUDGET >> 2]!;
    this.#granted = 0;
    m[BUDGET >> 2] = 0;
    m[INSTRUCTIONS >> 2] = this.#startedAt | 0;
    m[(INSTRUCTIONS >> 2) + 1] = Math.floor(this.#startedAt / 0x1_0000_0000);
  }

  #loop(): void {
    const m = this.#m;
    for (;;) {
      m[EVENT >> 2] = Event.NONE;
      if (m[BUDGET >> 2]! <= 0) {
        m[EVENT >> 2] = Event.BUDGET;
        return;
      }
      if (m[ATTENTION >> 2] !== 0) {
        m[EVENT >> 2] = Event.ATTENTION;
        return;
      }
      const mode = currentMode(m);
      if ((mode & Mode.TRAP) !== 0) {
        if (this.#single(mode)) continue;
        if (m[EVENT >> 2] !== Event.NONE) return;
        m[EVENT >> 2] = Event.FAULT;
        m[EVENT_VECTOR >> 2] = Vector.DB;
        m[EVENT_ERROR >> 2] = -1;
        return;
      }
      if (!this.#runMode(mode)) return;
    }
  }

  /** Runs blocks of one mode. Returns whether to go on (with the mode looked at again). */
  #runMode(mode: number): boolean {
    const m = this.#m;
    let code = this.#lookup(mode);
    while (code !== undefined) {
      if (code.region !== undefined && this.#inPlace(code.region)) {
        if (this.#runRegions(code)) return this.#settle(mode);
      } else {
        if (m[BUDGET >> 2]! < code.count) return this.#partial(mode);
        if (this.#interpret(code)) return this.#settle(mode);
      }
      if (m[BUDGET >> 2]! <= 0) return true;
      code = this.#lookup(mode);
    }
    return false;
  }

  /** Deals with what ended a block: goes on (true) or leaves the event to the caller (false). */
  #settle(mode: number): boolean {
    const m = this.#m;
    switch (m[EVENT >> 2]) {
      case Event.NONE:
      case Event.REDISPATCH:
        return true;
      case Event.BUDGET:
        m[EVENT >> 2] = Event.NONE;
        return m[BUDGET >> 2]! <= 0 ? true : this.#partial(mode);
      case Event.CODE_WRITE:
        m[EVENT >> 2] = Event.NONE;
        this.#single(mode);
        return m[EVENT >> 2] === Event.NONE;
      default:
        return false;
    }
  }

  /** Executes one block in the interpreter. Returns whether the mode or an event must be looked at. */
  #interpret(code: Code): boolean {
    if (code.runs === OPTIMIZE_RUNS) code.optimize();
    code.steps ??= this.#interpreter.prepare(code.block);
    this.counts.interpretedBlocks++;
    this.counts.interpretedInstructions += code.count;
    const stopped = this.#interpreter.run(code.block, code.steps);
    if (++code.runs >= this.tiers.threshold && this.tiers.engine !== undefined && !code.dropped) {
      this.#compile(code, this.tiers.engine);
    }
    // Exact floating point may have set the sticky bit that makes the mode plain.
    return stopped || code.block.usesFloat === true;
  }

  /** Compiles the region around a block, again if it has one: then from all that has become warm. */
  #compile(code: Code, engine: Engine): void {
    const again = code.region !== undefined;
    if (again) this.cache.dropRegion(code.region!);
    const { mode } = code.block;
    const find = (pc: bigint): Code | undefined => {
      const lo = Number(BigInt.asIntN(32, pc)), hi = Number(BigInt.asIntN(32, pc >> 32n));
      const hpa = this.#codeAddress(lo, hi);
      return hpa < 0 ? undefined : this.cache.find(hpa, lo, hi, mode);
    };
    const codes = selectRegion(code, find, this.tiers.regionBlocks, this.tiers.threshold);
    for (const member of codes) member.optimize();
    const region = engine.compile(codes);
    region.epoch = this.bindings.access.mmu.epoch;
    region.entries = again ? -Infinity : 0;
    this.counts.regionsCompiled++;
    for (const [entry, member] of codes.entries()) {
      member.memberOf.add(region);
      if (member !== code && member.region !== undefined) continue;
      member.region = region;
      member.entry = entry;
    }
  }

  /** Runs compiled code and what follows it. Returns whether the mode or an event must be looked at. */
  #runRegions(first: Code): boolean {
    const m = this.#m;
    const { mmu } = this.bindings.access;
    const { mode } = first.block;
    let code = first;
    for (;;) {
      if (++code.region!.entries === REGROW_ENTRIES) this.#compile(code, this.tiers.engine!);
      const region = code.region!;
      this.counts.regionEntries++;
      const exit = region.exits[region.run(code.entry)]!;
      if (exit.kind === "jump") {
        const { next } = exit;
        if (next !== undefined && exit.epoch === mmu.epoch && next.region?.epoch === mmu.epoch) {
          code = next;
          continue;
        }
        m[RIP_LO] = exit.lo;
        m[RIP_HI] = exit.hi;
      } else if (exit.kind !== "indirect") {
        this.#leave(exit);
        return true;
      } else if (exit.redispatch) {
        return true;
      }
      if (region.changesMode) return true;
      const found = this.#lookup(mode);
      if (found === undefined) return true;
      if (found.region === undefined || !this.#inPlace(found.region)) return false;
      if (exit.kind === "jump") {
        exit.next = found;
        exit.epoch = mmu.epoch;
      }
      code = found;
    }
  }

  /** Whether all blocks of a region lie where they lay when it was made; it is given up if not. */
  #inPlace(region: Region): boolean {
    const { mmu } = this.bindings.access;
    if (region.epoch === mmu.epoch) return true;
    for (const code of region.codes) {
      if (this.#codeAddress(code.lo, code.hi) !== code.hpa) {
        this.cache.dropRegion(region);
        return false;
      }
      mmu.noteCode(code.lo, code.hi);
    }
    region.epoch = mmu.epoch;
    return true;
  }

  /** Host-physical address of code at a PC in the current world, or -1 if it cannot be fetched. Raises nothing. */
  #codeAddress(lo: number, hi: number): number {
    const linear = this.#linearPc(lo, hi);
    const { mmu } = this.bindings.access;
    if (!isCanonical(linear.hi) || mmu.refill(linear.lo, linear.hi, false, true) !== 0) return -1;
    return mmu.walkedPage + (linear.lo & 0xfff);
  }

  /** Stores what an exit with an event says. */
  #leave(exit: Exclude<Exit, { kind: "jump" | "indirect" }>): void {
    const m = this.#m;
    m[RIP_LO] = exit.lo;
    m[RIP_HI] = exit.hi;
    switch (exit.kind) {
      case "budget":
        m[EVENT >> 2] = Event.BUDGET;
        return;
      case "side":
        m[BUDGET >> 2] = m[BUDGET >> 2]! + exit.undo;
        return;
      case "event":
        m[BUDGET >> 2] = m[BUDGET >> 2]! + exit.undo;
        m[EVENT >> 2] = exit.event;
        m[EVENT_VECTOR >> 2] = exit.vector;
        m[EVENT_ERROR >> 2] = exit.error;
    }
  }

  /** Executes exactly what is left of the budget, in blocks made for it. */
  #partial(mode: number): boolean {
    const m = this.#m;
    const block = this.#translateHere(mode, m[BUDGET >> 2]!);
    if (block === undefined) return false;
    this.counts.interpretedInstructions += block.offsets.length - 1;
    this.#interpreter.run(block, this.#interpreter.prepare(block));
    return this.#settle(mode);
  }

  /** Executes one instruction alone, with stores to translated code allowed. Returns false if an event is pending, or it is done and a trap may follow. */
  #single(mode: number): boolean {
    const m = this.#m;
    const { access } = this.bindings;
    const block = this.#translateHere(mode & ~Mode.TRAP, 1);
    if (block === undefined) return false;
    this.counts.singleSteps++;
    access.allowCodeWrites = true;
    this.#interpreter.run(block, this.#interpreter.prepare(block));
    access.allowCodeWrites = false;
    if (m[EVENT >> 2] === Event.REDISPATCH) m[EVENT >> 2] = Event.NONE;
    return false;
  }

  /** The code at RIP; undefined after raising a fault. */
  #lookup(mode: number): Code | undefined {
    const m = this.#m;
    const lo = m[RIP_LO]!, hi = m[RIP_HI]!;
    const entry = (m[JUMP_TABLE >> 2]! >> 2) + jumpIndex(lo) * 4;
    if (m[entry] === lo && m[entry + 1] === hi && m[entry + 3] === mode) {
      const code = this.cache.codes[m[entry + 2]!];
      if (code !== undefined) return code;
    }
    return this.#find(mode, entry);
  }

  #find(mode: number, entry: number): Code | undefined {
    const m = this.#m;
    const lo = m[RIP_LO]!, hi = m[RIP_HI]!;
    const linear = this.#linearPc(lo, hi);
    const page = this.#fetchPage(linear.lo, linear.hi);
    if (page < 0) return undefined;
    const hpa = page + (linear.lo & 0xfff);
    this.bindings.access.mmu.noteCode(linear.lo, linear.hi);
    let code = this.cache.find(hpa, lo, hi, mode);
    if (code !== undefined && code.secondPage >= 0) {
      const second = this.#fetchPage(...nextPage(linear.lo, linear.hi));
      if (second < 0) return undefined;
      if (second !== code.secondPage) {
        this.cache.drop(code);
        code = undefined;
      }
    }
    if (code === undefined) {
      const block = this.#translateHere(mode, undefined);
      if (block === undefined) return undefined;
      const crosses = (linear.lo & 0xfff) + block.length > PAGE_SIZE;
      code = new Code(block, hpa, crosses ? this.#fetchPage(...nextPage(linear.lo, linear.hi)) : -1);
      this.cache.add(code);
    }
    // A block on two pages is looked up in full each time: its second page can be remapped by itself.
    if (code.secondPage < 0) {
      m[entry] = lo;
      m[entry + 1] = hi;
      m[entry + 2] = code.number;
      m[entry + 3] = mode;
    }
    return code;
  }

  /** Translates at RIP; undefined after raising a fault. */
  #translateHere(mode: number, limit: number | undefined): Block | undefined {
    const m = this.#m;
    const { memory } = this.bindings;
    const lo = m[RIP_LO]!, hi = m[RIP_HI]!;
    const pc = BigInt.asUintN(64, (BigInt(hi) << 32n) | BigInt(lo >>> 0));
    const linear = this.#linearPc(lo, hi);
    const page = this.#fetchPage(linear.lo, linear.hi);
    if (page < 0) return undefined;
    const offset = linear.lo & 0xfff;
    const pageBytes = PAGE_SIZE - offset;
    const bytes = memory.u8.subarray(RAM_BASE + page + offset, RAM_BASE + page + PAGE_SIZE);
    const block = this.translate(bytes, pageBytes, pc, mode, limit);
    if (block !== "truncated") {
      this.onTranslate?.(block, bytes);
      return block;
    }
    const second = this.#fetchPage(...nextPage(linear.lo, linear.hi));
    if (second < 0) return undefined;
    const both = new Uint8Array(pageBytes + 15);
    both.set(bytes);
    both.set(memory.u8.subarray(RAM_BASE + second, RAM_BASE + second + 15), pageBytes);
    const crossing = this.translate(both, pageBytes, pc, mode, limit);
    if (crossing === "truncated") throw new Error("an instruction of more than 15 bytes was not refused");
    this.onTranslate?.(crossing, both);
    return crossing;
  }

  #linearPc(lo: number, hi: number): { lo: number; hi: number } {
    const m = this.#m;
    const cs = (SEGMENT + SEGMENT_STRIDE * Segment.CS) >> 2;
    const long = (m[cs + SEG_ATTRIBUTES / 4]! & 0x2000) !== 0;
    return long ? { lo, hi } : { lo: (lo + m[cs + SEG_BASE / 4]!) | 0, hi: 0 };
  }

  /** Host-physical page of an instruction fetch, or -1 after raising a fault. */
  #fetchPage(lo: number, hi: number): number {
    const m = this.#m;
    const { access } = this.bindings;
    const { mmu } = access;
    if (!isCanonical(hi)) {
      access.raise(Vector.GP, 0);
      return -1;
    }
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
