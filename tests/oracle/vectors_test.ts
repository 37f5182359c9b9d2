/**
 * The recorded vectors in every configuration: all of them in the interpreter, a fixed sample in those that compile
 * each case anew (they are all run live where the host can: live_test.ts and `deno task fuzz`).
 */
import { assert, assertEquals } from "@std/assert";
import { differences } from "./compare.ts";
import { type ConfigurationName, CONFIGURATIONS, Emulator } from "./emulator.ts";
import { describeMismatch } from "./reproducer.ts";
import { decodeShared, decodeVectors, FILES, readPacked } from "./vectors.ts";

/** One vector in this many is run where every case is compiled. */
const SAMPLE = 16;
/** Mismatches that are described. */
const SHOWN = 3;

const shared = decodeShared(await readPacked("states"));

for (const name of FILES) {
  Deno.test(`recorded vectors (${name}) give the processor's registers, flags, memory and faults`, async (t) => {
    const packed = await readPacked(name);
    let first = 0;
    for (const configuration of Object.keys(CONFIGURATIONS) as ConfigurationName[]) {
      await t.step(configuration, () => {
        const emulator = new Emulator(configuration, shared.image);
        const step = configuration === "interpreter" ? 1 : SAMPLE;
        const found: string[] = [];
        let n = 0, run = 0;
        // Another sample in each configuration.
        for (const { one, expected } of decodeVectors(packed, shared.states)) {
          if (n++ % step !== first % step) continue;
          run++;
          const differing = differences(one, expected, emulator.run(one));
          if (differing.length === 0) continue;
          found.push(describeMismatch({ configuration, one, differences: differing, needsHistory: false }));
        }
        first += 3;
        assert(run > 1000, `Only ${run} vectors were run`);
        assertEquals(
          found.length,
          0,
          `${found.length} of ${run} differ:\n${found.slice(0, SHOWN).join("\n")}`,
        );
      });
    }
  });
}
