/** What a guest that is watched by its console came to. */
export interface ConsoleResult {
  readonly instructions: number;
  /** What is wrong; undefined: it did not come to its end. */
  readonly failures: readonly string[] | undefined;
  readonly transcript: string;
  readonly stop: string;
}
