/** Translated code: a block with what the tiers have made of it. */
import { optimize } from "../ir/passes/optimize.ts";
import type { Block } from "../ir/types.ts";
import { STATE_EFFECTS } from "../cpu/state_effects.ts";
import type { Region } from "./engine.ts";
import type { Step } from "./interpreter/step.ts";

/** A translated block in the code cache. */
export class Code {
  /** Position in the code cache's list; 0 is never used. */
  number = 0;
  /** What the interpreter executes. */
  steps: readonly Step[] | undefined;
  /** Times the interpreter has executed it since it was last considered for compilation. */
  runs = 0;
  /** The compiled region it is entered through, and its number there. */
  region: Region | undefined;
  entry = 0;
  /** Compiled regions that contain it. */
  readonly memberOf: Set<Region> = new Set();
  /** Its guest bytes changed, or it was evicted: it must not be entered again. */
  dropped = false;
  /** Guest instructions. */
  readonly count: number;
  /** Halves of the linear PC. */
  readonly lo: number;
  readonly hi: number;

  /** Whether the passes have been over the block. */
  #optimized = false;

  constructor(
    public block: Block,
    /** Host-physical address of the first byte. */
    readonly hpa: number,
    /** Host-physical page of the bytes beyond the first page, or -1. */
    readonly secondPage: number,
  ) {
    this.count = block.offsets.length - 1;
    this.lo = Number(BigInt.asIntN(32, block.pc));
    this.hi = Number(BigInt.asIntN(32, block.pc >> 32n));
  }

  /** Puts the block through the passes, once. */
  optimize(): void {
    if (this.#optimized) return;
    this.#optimized = true;
    this.block = optimize(this.block, STATE_EFFECTS);
    this.steps = undefined;
  }
}
