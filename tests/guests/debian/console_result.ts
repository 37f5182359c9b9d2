import type { EngineName } from "../../../src/machine/engines.ts";

/** What is different between runs of a guest. */
export interface Made {
  readonly engine: EngineName;
  readonly processors: number;
  /** Image of a disk. */
  readonly disk: Uint8Array;
}
/** Runs a guest. */
export type ConsoleGuest = (made: Made) => ConsoleResult;

/** What a guest that is watched by its console came to. */
export interface ConsoleResult {
  readonly instructions: number;
  /** What is wrong; undefined: it did not come to its end. */
  readonly failures: readonly string[] | undefined;
  readonly transcript: string;
  readonly stop: string;
}
