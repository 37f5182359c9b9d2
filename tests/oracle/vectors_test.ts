/**
 * The recorded vectors in every configuration: all of them in the interpreter, a fixed sample in those that compile
 * each case anew (they are all run live where the host can: live_test.ts and `deno task fuzz`).
 */
import { assert, assertEquals } from "@std/assert";
import { NAMES, replay } from "./replay.ts";
import { readPacked } from "./vector_files.ts";
import { decodeShared, FILES } from "./vectors.ts";

/** Mismatches that are described. */
const SHOWN = 3;

const shared = decodeShared(await readPacked("states"));

for (const name of FILES) {
  Deno.test(`recorded vectors (${name}) give the processor's registers, flags, memory and faults`, async (t) => {
    const vectors = await readPacked(name);
    for (const configuration of NAMES) {
      await t.step(configuration, () => {
        const { run, mismatches } = replay(configuration, vectors, shared);
        assert(run > 1000, `Only ${run} vectors were run`);
        const described = mismatches.slice(0, SHOWN).join("\n");
        assertEquals(mismatches.length, 0, `${mismatches.length} of ${run} differ:\n${described}`);
      });
    }
  });
}
