/** What a compiling engine offers, and what the dispatcher knows of a compiled region. */
import type { Block } from "../ir/types.ts";
import type { Code } from "./code.ts";

/** How a region was left. Exit numbers index `Region.exits`. */
export type Exit =
  /** Goes on at a known address; `next` caches the compiled code there, valid while the epoch is the same. */
  | {
    readonly kind: "jump";
    readonly lo: number;
    readonly hi: number;
    next: Code | undefined;
    epoch: number;
  }
  /** Goes on at RIP, which the region stored. `redispatch`: the mode may have changed. */
  | { readonly kind: "indirect"; readonly redispatch: boolean }
  /** An event was raised by an operation: RIP is that of its instruction, `undo` the instructions not executed. */
  | { readonly kind: "side"; readonly lo: number; readonly hi: number; readonly undo: number }
  /** The block's own end raises an event. */
  | {
    readonly kind: "event";
    readonly lo: number;
    readonly hi: number;
    readonly undo: number;
    readonly event: number;
    readonly vector: number;
    readonly error: number;
  }
  /** The budget does not cover the block at this address. */
  | { readonly kind: "budget"; readonly lo: number; readonly hi: number };

/** What an engine makes of one or several blocks. */
export interface Compiled {
  /** Runs it from block number `entry`; the result is the number of the exit taken. All state is stored then. */
  readonly run: (entry: number) => number;
  readonly exits: readonly Exit[];
}

/** Compiled code in use. */
export interface Region extends Compiled {
  /** The blocks in it. */
  readonly codes: readonly Code[];
  /** Some block changes MXCSR's sticky bits in the exact floating-point mode: the mode is looked at after it. */
  readonly changesMode: boolean;
  /** It must not be entered again. */
  dropped: boolean;
  /** Times it was entered; when many, it is made again once from what has become warm since. */
  entries: number;
  /** The epoch (Worlds.epoch) in which its pages were last seen to lie where they did. */
  epoch: number;
}

/** An engine that compiles. */
export interface Engine {
  readonly name: string;
  /** Compiles blocks of one mode, as the passes left them, into one region. */
  compile(blocks: readonly Block[]): Compiled;
}
