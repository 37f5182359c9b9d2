/** What a compiling engine offers, and what the dispatcher knows of a compiled region. */
import type { Block } from "../ir/types.ts";
import type { Code, Entry } from "./code.ts";
import type { Slices } from "./slices.ts";

/** How a region was left. Exit numbers index `Region.exits`. */
export type Exit =
  /** Goes on at a known address; `next` caches the compiled code there. */
  | { readonly kind: "jump"; readonly lo: number; readonly hi: number; next: Entry | undefined }
  /**
   * Goes on at RIP, which the region stored. `redispatch`: mode and world may have changed. `block`: number of the block
   * that it is the end of. `next`: as it was last. `worldCall`: it is a WORLD_CALL over the link in WORLD_LINK_TAKEN.
   */
  | {
    readonly kind: "indirect";
    readonly redispatch: boolean;
    readonly block: number;
    readonly worldCall?: true;
    next: Entry | undefined;
  }
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
  /** Numbers of the blocks that it can be entered at; all, if undefined. */
  readonly entrances?: readonly number[];
  /** Where the engine keeps it, if that has places. */
  readonly place?: number;
}

/** What is to be compiled. */
export interface CompileRequest {
  /** Blocks of one mode, as the passes left them. */
  readonly blocks: readonly Block[];
  /** Number of the region that they become. */
  readonly id: number;
  /** For each block, linear addresses that its computed jump has led to. */
  readonly targets: readonly (readonly bigint[])[];
  /** Whether they are to be entered at all places where that costs little: control is not known to keep to a few. */
  readonly open: boolean;
  /** Whether they are a guest's, in VMX non-root operation, as far as is known. */
  readonly isGuest: boolean;
}

/** Where compiled code was left last, for engines whose regions go on in others by themselves. */
export interface Leaving {
  readonly region: Region;
  /** Number of the block that has not been entered, as the region is to be made again first. */
  readonly entry: number | undefined;
}

/** Compiled code in use. */
export interface Region extends Compiled {
  /** Its number, from 1; the slots of the worlds in which it lies in place know it by that (Worlds.placement). */
  readonly id: number;
  /** How often it has been made again. */
  readonly generation: number;
  /** The blocks in it. */
  readonly codes: readonly Code[];
  /** Some of them: where these lie in place, all do. */
  readonly landmarks: readonly Code[];
  /** It must not be entered again. */
  dropped: boolean;
  /** Times it was entered, and after how many it is made again from what has become warm since. */
  entered: number;
  readonly mostEntered: number;
}

/**
 * Executes the block whose program's first word has an index in the linear memory, and that has `count` guest instructions,
 * which it takes off the budget. Returns 0 behind an end that only sets RIP; else the word index of the end, or of the
 * operation that raised an event.
 */
export type BlockLoop = (first: number, count: number) => number;

/** An engine that compiles. */
export interface Engine {
  readonly name: string;
  /** Most blocks that it can make one region of, and the guest instructions beyond which it takes no further block. */
  readonly mostBlocks: number;
  readonly mostInstructions: number;
  /** Compiles blocks into a region. */
  compile(request: CompileRequest): Compiled;
  /** The same in slices, for engines whose work can be divided. Work that is returned from early leaves nothing behind. */
  compileInSlices?(request: CompileRequest): Slices<Compiled>;
  /**
   * The interpreter's loop over programs and values in the linear memory, for engines that have a faster one.
   *
   * @param row executes the operation at a word index by its row of the reference
   */
  interpreterLoop?(row: (index: number) => void): BlockLoop;
  /** Lets a region be entered some more times before it is to be made again. */
  postpone?(region: Region): void;
  /** Called when what was compiled comes into use. */
  adopt?(region: Region): void;
  /**
   * The region that was left by exit number `exit`, the result of `run`; without it, the one that was run. It holds until the
   * next call: code is left a million times while a kernel boots.
   */
  left?(exit: number): Leaving;
  /** Called when an exit has been found to lead to an entry, in the current world. RIP is there. */
  link?(region: Region, exit: number, to: Entry): void;
  /** How often a region has been entered since it came into use, for engines that count it. */
  visits?(region: Region): number;
  /** Called when a region must not be entered again. */
  drop?(region: Region): void;
}
