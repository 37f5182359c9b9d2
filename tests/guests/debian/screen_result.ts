/** Guests that are watched by their screen. */
import type { Machine } from "../../../src/machine/machine.ts";

/** Instructions between two looks at the screen, and most of them until it shows what is waited for. */
const SLICE = 5e7, MOST_INSTRUCTIONS = 3e10;

/** How it went. */
export interface ScreenResult {
  readonly instructions: number;
  readonly passed: boolean;
  readonly screen: readonly string[];
}

/** Runs a machine until a line of its screen matches. Answers whether one does in time, before any matches `failure`. */
export function waitForScreen(machine: Machine, text: RegExp, failure?: RegExp): boolean {
  const shows = (text: RegExp): boolean => machine.screen.lines.some((line) => text.test(line));
  while (!shows(text)) {
    if (machine.instructions >= MOST_INSTRUCTIONS || failure !== undefined && shows(failure)) return false;
    if (machine.run({ instructions: SLICE }).kind !== "budget") return false;
  }
  return true;
}
