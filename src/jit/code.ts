/** Translated code: where a block lies, and what the tiers have made of it. */
import { PAGE_SIZE } from "../memory/physical.ts";
import type { Terminal } from "../ir/terminal.ts";
import type { Block } from "../ir/types.ts";
import type { Region } from "./engine.ts";
import { type Address, whole } from "./address.ts";
import type { Program } from "./interpreter/program.ts";
import { knownSuccessors } from "./interpreter/program_end.ts";

/** Targets that are noted of a computed jump (a switch, say) and of a call. */
const MOST_JUMP_TARGETS = 64, MOST_CALL_TARGETS = 4;

/** What most blocks have of regions and targets: one list for all takes less memory than an empty one for each. */
const NONE: readonly never[] = [];

/** A way into compiled code: a region, and the number of its block that is entered. */
export interface Entry {
  readonly code: Code;
  readonly region: Region;
  readonly number: number;
}

/**
 * A translated block in the code cache, which is what the interpreter executes, too. Its IR is not kept: it takes ten times
 * what the interpreter's program takes, and most blocks run a few times only. What compiles it translates it again.
 *
 * There are tens of thousands of them: what a block has beside its program is a few numbers, and lists only where it has any.
 */
export class Code implements Program {
  /** Position in the code cache's list; 0 is never used. */
  number = 0;
  /** Times the interpreter has executed it. */
  runs = 0;
  /** Halves of the addresses that its computed jump or call, or its VMFUNC, has been seen to lead to, the lower first. */
  #targets: readonly number[] = NONE;
  /** Most of them to note: none for other ends, and for returns, which lead behind calls. */
  readonly mostTargets: number;
  /** Ways into compiled code, newest first: in another world other code may lie around it, and another region. */
  entries: readonly Entry[] = NONE;
  /** Compiled regions that contain it. */
  memberOf: readonly Region[] = NONE;
  /** Blocks that it has led to last, in its own page: it and they lie on one page each (`CodeFinder.follow`). */
  next: Code | undefined = undefined;
  nextButOne: Code | undefined = undefined;
  /** A breakpoint of a processor or a debugger may lie in it: it is never part of compiled code. */
  watched = false;
  /** The next block that starts at its place, for another PC or mode. */
  another: Code | undefined = undefined;
  /** Its neighbours in the queue of live blocks (code_queue.ts). */
  older: Code | undefined = undefined;
  newer: Code | undefined = undefined;
  words: Int32Array;
  first: number;
  end: number;
  offsets: number;
  /** Halves of the linear PC. */
  readonly lo: number;
  readonly hi: number;
  /** Its guest bytes changed, or it was evicted: it must not be entered again. */
  dropped = false;
  /** The mode it was translated for. */
  readonly mode: number;
  /** Guest instructions, and their bytes. */
  readonly count: number;
  readonly length: number;
  /** Whether the mode is to be looked at after it (Block.usesFloat). */
  readonly usesFloat: boolean;

  constructor(
    block: Block,
    /** What the interpreter executes. */
    program: Program,
    /** Host-physical address of the first byte. */
    readonly hpa: number,
    /** Host-physical page of the bytes beyond the first page, or -1. */
    readonly secondPage: number,
    /** Whether system calls lead behind them. */
    readonly callsGoOn: boolean,
  ) {
    this.words = program.words;
    this.first = program.first;
    this.end = program.end;
    this.offsets = program.offsets;
    this.mode = block.mode;
    this.lo = program.lo;
    this.hi = program.hi;
    this.count = program.count;
    this.length = block.length;
    this.usesFloat = block.usesFloat;
    this.mostTargets = mostTargets(block.terminal);
  }

  /** Linear addresses that its end is known to lead to. */
  get successors(): readonly bigint[] {
    return knownSuccessors(this.words, this.end, this.callsGoOn);
  }

  /** Linear addresses that its computed jump or call, or its VMFUNC, has been seen to lead to. */
  get targets(): readonly bigint[] {
    const halves = this.#targets;
    return Array.from({ length: halves.length / 2 }, (_, n) => whole(halves[2 * n]!, halves[2 * n + 1]!));
  }

  /** The interpreter executes another program of the same block from now on. */
  take({ words, first, end, offsets }: Program): void {
    this.words = words;
    this.first = first;
    this.end = end;
    this.offsets = offsets;
  }

  /** Called when its end has led to `next`, in the same mode and world. */
  noteNext(next: Code): void {
    if (this.mode !== next.mode || this.secondPage >= 0 || next.secondPage >= 0) return;
    // PCs are not linear addresses where CS may have a base: but so far from each other they are in one page of both.
    const isNear = this.hi === next.hi && this.lo - next.lo === this.hpa - next.hpa;
    if (!isNear || Math.floor(this.hpa / PAGE_SIZE) !== Math.floor(next.hpa / PAGE_SIZE)) return;
    this.nextButOne = this.next;
    this.next = next;
  }

  /** Called when its end has led to `next`. */
  noteTarget({ lo, hi }: Address): void {
    if (this.#targets.length >= 2 * this.mostTargets || this.#leadsTo(lo, hi)) return;
    this.#targets = [...this.#targets, lo, hi];
  }

  #leadsTo(lo: number, hi: number): boolean {
    const halves = this.#targets;
    for (let n = 0; n < halves.length; n += 2) if (halves[n] === lo && halves[n + 1] === hi) return true;
    return false;
  }
}

function mostTargets(terminal: Terminal): number {
  if (terminal.kind === "vmfunc") return MOST_CALL_TARGETS;
  if (terminal.kind !== "indirect" || terminal.hint === "return") return 0;
  return terminal.hint === "jump" ? MOST_JUMP_TARGETS : MOST_CALL_TARGETS;
}
