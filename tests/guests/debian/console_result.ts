/** What a guest that is watched by its console came to. */
export interface ConsoleResult {
  readonly instructions: number;
  /** What is wrong. */
  readonly failures: readonly string[];
  readonly transcript: string;
  readonly stop: string;
}
