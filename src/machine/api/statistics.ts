/** Numbers about a run. */
import type { HostedProcessor } from "../hosted_processor.ts";

/** What a processor has done so far. */
export interface Statistics {
  /** Guest instructions executed. */
  readonly instructions: number;
  /** Share of them that the interpreter executed, from 0 to 1; the rest ran as compiled code. */
  readonly interpretedShare: number;
  /** Executions of blocks in the interpreter. */
  readonly interpretedBlocks: number;
  /** Instructions executed alone: stores to code that is translated, and single steps. */
  readonly singleSteps: number;
  /** Blocks translated to IR. */
  readonly translatedBlocks: number;
  /** Of these, still in the code cache. */
  readonly cachedBlocks: number;
  /** Dropped since the cache was full. */
  readonly evictedBlocks: number;
  /** Dropped since their bytes were written. */
  readonly droppedBlocks: number;
  /** Regions compiled to JavaScript functions. */
  readonly compiledRegions: number;
  /** Calls of these functions. */
  readonly regionEntries: number;
  /** Soft TLB entries filled by page walks. */
  readonly tlbRefills: number;
}

/** Reads the numbers of a processor. */
export function readStatistics({ dispatcher, instructions, mmu }: HostedProcessor): Statistics {
  const { counts, cache } = dispatcher;
  return {
    instructions,
    interpretedShare: instructions === 0
      ? 0
      : (counts.interpretedInstructions + counts.singleSteps) / instructions,
    interpretedBlocks: counts.interpretedBlocks,
    singleSteps: counts.singleSteps,
    translatedBlocks: cache.counts.translated,
    cachedBlocks: cache.size,
    evictedBlocks: cache.counts.evicted,
    droppedBlocks: cache.counts.droppedByStores,
    compiledRegions: counts.regionsCompiled,
    regionEntries: counts.regionEntries,
    tlbRefills: mmu.refills,
  };
}
