import { assert, assertEquals } from "@std/assert";
import { Random } from "../../oracle/random.ts";
import { CONFIGURATIONS } from "./configurations.ts";
import { describeMismatch } from "./fuzz.ts";
import { caseOf, randomStart, type Start } from "./generate.ts";
import { whyNoProcessor } from "./native.ts";
import { ControlFlowSession } from "./session.ts";
import { shrinkStart } from "./shrink.ts";

/** Always the same programs; `deno task fuzz:control-flow` is for new ones. */
const SEED = 2026, PROGRAMS = 60;

Deno.test(`${PROGRAMS} random graphs of blocks end the same in every engine, and after any number of instructions`, async () => {
  const session = await ControlFlowSession.start(SEED, [...CONFIGURATIONS.keys()], false);
  const found: string[] = [];
  await session.run(new Random(SEED), PROGRAMS, (mismatch) => found.push(describeMismatch(mismatch)));
  assertEquals(found, []);
  assert(session.counts.instructions > 10_000 && Object.keys(session.counts.ends).length > 1);
});

const missing = await whyNoProcessor();
Deno.test({
  name: `1000 random graphs of blocks end as on the processor${
    missing === undefined ? "" : ` (needs ${missing})`
  }`,
  ignore: missing !== undefined,
  async fn() {
    const session = await ControlFlowSession.start(SEED, ["interpreter"], true);
    const found: string[] = [];
    await session.run(new Random(SEED), 1000, (mismatch) => found.push(describeMismatch(mismatch)));
    await session.stop();
    assertEquals(found, []);
  },
});

Deno.test("shrinkStart() leaves the one item that fails, and no other block", async () => {
  const random = new Random(SEED);
  const items = ({ program }: Start): readonly number[][] =>
    program.blocks.flatMap((block) =>
      block.items.flatMap((item) => item.kind === "code" ? [[...item.bytes]] : [])
    );
  const start = Array.from({ length: 50 }, () => randomStart(random))
    .find((one) => items(one).length > 40)!;
  const culprit = String(items(start)[20]);
  const smallest = await shrinkStart(
    start,
    (one) => Promise.resolve(items(one).some((code) => String(code) === culprit)),
  );
  assertEquals(items(smallest).map(String), [culprit]);
  assertEquals(smallest.program.blocks.length, 1);
  assert(caseOf(smallest)!.code.length < caseOf(start)!.code.length);
});
