import { assertEquals } from "@std/assert";
import { type ConfigurationName, CONFIGURATIONS } from "./emulator.ts";
import { Generator } from "./generate.ts";
import { whyNotNative } from "./native.ts";
import { Random } from "./random.ts";
import { describeMismatch } from "./reproducer.ts";
import { Session } from "./session.ts";

const missing = await whyNotNative();
const SEQUENCES = 300;
/** Always the same cases; `deno task fuzz` is for new ones. */
const seed = 2026;

for (const codeSize of [64, 32] as const) {
  Deno.test({
    name:
      `live: ${SEQUENCES} random sequences of ${codeSize}-bit code as on the processor, in every configuration` +
      (missing === undefined ? "" : ` (needs ${missing})`),
    ignore: missing !== undefined,
    async fn() {
      const session = await Session.start(seed, Object.keys(CONFIGURATIONS) as ConfigurationName[]);
      const generator = new Generator(new Random(seed), { codeSize });
      const found: string[] = [];
      const cases = Array.from({ length: SEQUENCES }, () => generator.next());
      await session.compare(cases, (mismatch) => found.push(describeMismatch(mismatch)));
      await session.stop();
      assertEquals(found, []);
    },
  });
}
