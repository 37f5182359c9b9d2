/** The ways in which every engine runs programs: thresholds of one, smallest and largest regions, a tiny code cache. */
import { ENGINE_NAMES, type EngineName, type ProcessorConfiguration } from "../../../src/machine/engines.ts";

/** Blocks in the largest regions: more than any program here has. */
const LARGEST = 4096;

type Variant = readonly [string, ProcessorConfiguration];

const compiling = (engine: EngineName): readonly Variant[] => [
  [`${engine}, threshold of one`, { engine, tiers: { threshold: 1 } }],
  [`${engine}, regions of one block`, { engine, tiers: { threshold: 1, regionBlocks: 1 } }],
  [`${engine}, largest regions`, { engine, tiers: { threshold: 1, regionBlocks: LARGEST } }],
  [`${engine}, warm regions`, { engine, tiers: { threshold: 7, regionBlocks: LARGEST } }],
  [`${engine}, code cache of three blocks`, { engine, tiers: { threshold: 1, codeCacheBlocks: 3 } }],
];

const variants = (engine: EngineName): readonly Variant[] => {
  switch (engine) {
    case "interpreter":
      return [[engine, { engine }]];
    case "auto":
      return [
        ["auto, threshold of one", { engine, tiers: { threshold: 1, inSlices: false } }],
        ["auto, threshold of seven", { engine, tiers: { threshold: 7, inSlices: false } }],
        ["auto, regions in slices", { engine, tiers: { threshold: 1 } }],
      ];
    default:
      return compiling(engine);
  }
};

/** All of them by name; the interpreter, which the others are compared with, is the first. */
export const CONFIGURATIONS: ReadonlyMap<string, ProcessorConfiguration> = new Map(
  ENGINE_NAMES.toSorted((a, b) => Number(b === "interpreter") - Number(a === "interpreter")).flatMap(
    variants,
  ),
);
