/** Compares what a kernel printed on Causeway with what it printed elsewhere. */
import { assert, assertEquals } from "@std/assert";

/** A line in which the other emulator departs from the manual. */
export interface Deviation {
  readonly ours: string;
  readonly theirs: string;
  /** Why ours is right, with the manual's section. */
  readonly because: string;
}

/** Asserts that two transcripts are the same but for the deviations, and that each of these is still there. */
export function assertSameTranscript(
  ours: string,
  theirs: string,
  deviations: readonly Deviation[] = [],
): void {
  const unused = new Set(deviations);
  const expected = theirs.split("\n"), got = ours.split("\n");
  const settled = got.map((line, n) => {
    const deviation = deviations.find((one) => one.ours === line && one.theirs === expected[n]);
    if (deviation === undefined) return line;
    unused.delete(deviation);
    return deviation.theirs;
  });
  assertEquals(settled, expected);
  assert(unused.size === 0, `Not seen: ${[...unused].map((one) => one.theirs).join("; ")}`);
}

const PAGING_RIGHTS = 0xe00;
/**
 * Leaves out what EPT violations tell of paging (SDM vol. 3C, table 28-7, bits 11:9), which Bochs's model that has VMFUNC does
 * not.
 */
export const withoutPagingRights = (transcript: string): string =>
  transcript.replaceAll(
    /(reason=30 qualification=)([0-9a-f]+)/g,
    (_, before, bits) => `${before}${(parseInt(bits, 16) & ~PAGING_RIGHTS).toString(16)}`,
  );
