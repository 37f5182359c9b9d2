/** Translated code: where a block lies, and what the tiers have made of it. */
import { isSystemCall } from "../cpu/fault.ts";
import { PAGE_SIZE } from "../memory/physical.ts";
import type { Terminal } from "../ir/terminal.ts";
import type { Block } from "../ir/types.ts";
import type { Region } from "./engine.ts";
import type { Program } from "./interpreter/program.ts";

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
 * A translated block in the code cache. Its IR is not kept: it takes ten times what the interpreter's program takes, and
 * most blocks run a few times only. What compiles it translates it again.
 */
export class Code {
  /** Position in the code cache's list; 0 is never used. */
  number = 0;
  /** Times the interpreter has executed it. */
  runs = 0;
  /** Addresses that its computed jump or call, or its VMFUNC, has been seen to lead to. */
  targets: readonly bigint[] = NONE;
  /** Their halves, the lower first: a target that has been seen is found without making numbers of 64 bits. */
  #targetHalves: readonly number[] = NONE;
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
  /** Linear addresses that its end is known to lead to. */
  readonly successors: readonly bigint[];

  constructor(
    block: Block,
    /** What the interpreter executes. */
    public program: Program,
    /** Host-physical address of the first byte. */
    readonly hpa: number,
    /** Host-physical page of the bytes beyond the first page, or -1. */
    readonly secondPage: number,
    /** Whether system calls lead behind them. */
    callsGoOn: boolean,
  ) {
    this.mode = block.mode;
    this.lo = program.lo;
    this.hi = program.hi;
    this.count = program.count;
    this.length = block.length;
    this.usesFloat = block.usesFloat === true;
    this.successors = successors(block.terminal, callsGoOn);
    this.mostTargets = mostTargets(block.terminal);
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
  noteTarget({ lo, hi }: Code): void {
    if (this.targets.length >= this.mostTargets || this.#leadsTo(lo, hi)) return;
    this.targets = [...this.targets, BigInt.asUintN(64, (BigInt(hi) << 32n) | BigInt(lo >>> 0))];
    this.#targetHalves = [...this.#targetHalves, lo, hi];
  }

  #leadsTo(lo: number, hi: number): boolean {
    const halves = this.#targetHalves;
    for (let n = 0; n < halves.length; n += 2) if (halves[n] === lo && halves[n + 1] === hi) return true;
    return false;
  }
}

function mostTargets(terminal: Terminal): number {
  if (terminal.kind === "vmfunc") return MOST_CALL_TARGETS;
  if (terminal.kind !== "indirect" || terminal.hint === "return") return 0;
  return terminal.hint === "jump" ? MOST_JUMP_TARGETS : MOST_CALL_TARGETS;
}

function successors(terminal: Terminal, callsGoOn: boolean): bigint[] {
  switch (terminal.kind) {
    case "jump":
      return terminal.returnTo === undefined ? [terminal.target] : [terminal.target, terminal.returnTo];
    case "branch":
      return [terminal.next, terminal.taken];
    case "indirect":
      return terminal.returnTo === undefined ? [] : [terminal.returnTo];
    case "vmfunc":
      return [terminal.next];
    case "event":
      return callsGoOn && isSystemCall(terminal) ? [terminal.rip] : [];
    default:
      return [];
  }
}
