/** Numbers about a run. */
import { OPTIMIZE_RUNS } from "../../jit/dispatcher.ts";
import { reasonName } from "../../vmx/exit_reasons.ts";
import type { HostedProcessor } from "../hosted_processor.ts";
import type { Processors } from "../processors.ts";
import type { SystemProcessor } from "../system_processor.ts";
import { type SwitchCounts, switchCounts } from "./world_events.ts";

/** What a processor has done so far. */
export interface Statistics {
  /** Guest instructions executed. */
  readonly instructions: number;
  /** Cycles they took: one each, and what world switches cost in the cycle model. */
  readonly cycles: number;
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
  /** Executions of a block before it is compiled. */
  readonly threshold: number;
  /** Executions before it goes through the passes, still for the interpreter. */
  readonly optimizeThreshold: number;
  /** Most blocks of a region when it is made first, and when it is made again. */
  readonly firstRegionBlocks: number;
  readonly regionBlocks: number;
  /** Regions compiled to functions of WebAssembly or JavaScript; dropped to make room. */
  readonly compiledRegions: number;
  readonly evictedRegions: number;
  /** Calls of these functions. */
  readonly regionEntries: number;
  /** Soft TLB entries filled by page walks. */
  readonly tlbRefills: number;
  /** Entries of the soft TLB of each world that is cached. */
  readonly tlbSizes: readonly number[];
}

/** What a machine has done so far. */
export interface MachineStatistics extends Statistics {
  /** World switches by kind. */
  readonly worldSwitches: SwitchCounts;
  /** VM exits by the name of their basic exit reason, the most frequent first; and VM entries that failed for one. */
  readonly vmExits: Readonly<Record<string, number>>;
}

/** Reads the numbers of a machine. */
export function readMachineStatistics({ core, all }: Processors): MachineStatistics {
  return {
    ...readStatistics(core.inner),
    worldSwitches: switchCounts(core.inner.dispatcher.switches),
    vmExits: exitCounts(all),
  };
}

function exitCounts(processors: readonly SystemProcessor[]): Record<string, number> {
  const counts = new Map<number, number>();
  for (const { vmx } of processors) {
    for (const [reason, count] of vmx?.state.exitCounts ?? []) {
      counts.set(reason, (counts.get(reason) ?? 0) + count);
    }
  }
  const sorted = [...counts].toSorted(([a, m], [b, n]) => n - m || a - b);
  return Object.fromEntries(sorted.map(([reason, count]) => [reasonName(reason), count]));
}

/** Reads the numbers of a processor. */
export function readStatistics({ dispatcher, instructions, mmu }: HostedProcessor): Statistics {
  const { counts, cache, tiers } = dispatcher;
  return {
    instructions,
    cycles: dispatcher.cycles(),
    // A block counts as a whole, whatever of it an exception has left out.
    interpretedShare: instructions === 0
      ? 0
      : Math.min(1, (counts.interpretedInstructions + counts.singleSteps) / instructions),
    interpretedBlocks: counts.interpretedBlocks,
    singleSteps: counts.singleSteps,
    translatedBlocks: cache.counts.translated,
    cachedBlocks: cache.size,
    evictedBlocks: cache.counts.evicted,
    droppedBlocks: cache.counts.droppedByStores,
    threshold: tiers.threshold,
    optimizeThreshold: OPTIMIZE_RUNS,
    firstRegionBlocks: tiers.firstRegionBlocks,
    regionBlocks: tiers.regionBlocks,
    compiledRegions: counts.regionsCompiled,
    evictedRegions: counts.regionsEvicted,
    regionEntries: counts.regionEntries,
    tlbRefills: mmu.refills,
    tlbSizes: mmu.worlds.sizesInUse(),
  };
}
