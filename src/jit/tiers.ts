/** What is set about the tiers of code, and what is counted. */
import type { Engine } from "./engine.ts";

/** When code changes tier, and how much of it is kept. */
export interface Tiers {
  /** The compiling engine; without one everything is interpreted. */
  readonly engine: Engine | undefined;
  /** Interpreted executions of a block before it is compiled. */
  readonly threshold: number;
  /** Most blocks in a compiled region; in one that is made for the first time, before it has shown how often it is entered. */
  readonly regionBlocks: number;
  readonly firstRegionBlocks: number;
  /** Whether regions are made in slices, with guest code executed between them, and not at once. */
  readonly inSlices: boolean;
  /** Most translated blocks kept. */
  readonly codeCacheBlocks: number;
  /** Most compiled regions kept. */
  readonly regions: number;
}

/** What the dispatcher counts. */
export interface DispatchCounts {
  interpretedBlocks: number;
  interpretedInstructions: number;
  regionEntries: number;
  /** It is also the number of the last region. */
  regionsCompiled: number;
  regionsEvicted: number;
  singleSteps: number;
}
