/** Recorded vectors, run again in a configuration. */
import { differences } from "./compare.ts";
import { type ConfigurationName, CONFIGURATIONS, Emulator } from "./emulator.ts";
import { describeMismatch } from "./reproducer.ts";
import { decodeVectors, type Shared } from "./vectors.ts";

/** One vector in this many is run where every case is compiled. */
const SAMPLE = 16;
/** Names of the configurations. */
export const NAMES = Object.keys(CONFIGURATIONS) as ConfigurationName[];

/** How a file's vectors came out. */
export interface Replay {
  readonly run: number;
  /** Those that came out otherwise than on the processor, described. */
  readonly mismatches: readonly string[];
}

/**
 * Runs one in `every` of a file's vectors in the interpreter, and a fixed sample of as many, another one for each, in the
 * configurations that compile each case anew.
 */
export function replay(
  configuration: ConfigurationName,
  vectors: Uint8Array<ArrayBuffer>,
  { image, states }: Shared,
  every = 1,
): Replay {
  const emulator = new Emulator(configuration, image);
  const step = every * (configuration === "interpreter" ? 1 : SAMPLE);
  const first = 3 * NAMES.indexOf(configuration) % step;
  const mismatches: string[] = [];
  let n = 0, run = 0;
  for (const { one, expected } of decodeVectors(vectors, states)) {
    if (n++ % step !== first) continue;
    run++;
    const differing = differences(one, expected, emulator.run(one));
    if (differing.length === 0) continue;
    mismatches.push(describeMismatch({ configuration, one, differences: differing, needsHistory: false }));
  }
  return { run, mismatches };
}
