/** The kernels of bench/worlds compute the same everywhere, and nothing is made again from switch to switch. */
import { assert, assertEquals } from "@std/assert";
import { measureSwitches, repeatedWork, SWITCH_LOOPS, switchRows } from "../../bench/worlds.ts";
import { spansOf, worldsImage } from "../../bench/worlds_run.ts";
import { bootMachine } from "../../src/machine/machine.ts";
import { CONFIGURATIONS } from "../jit/_bare.ts";
import { BOCHS_MISSING, HAS_BOCHS, runOnBochs } from "../referee/bochs.ts";

/** What a kernel says of loops of 100 turns. */
const RESULTS: Readonly<Record<string, string>> = {
  // 100 · (1000 + 1), 100 · (1 + 1); exit by VMCALL.
  vmfunc: "sum=18704 reason=12",
  calls: "sum=18704 reason=12",
  plain: "sum=c8 reason=12",
  // 100 · 7; exit by INVD.
  exits: "sum=2bc reason=d",
  loop: "sum=0 reason=d",
};
const TURNS = 100, ROUNDS = 2;

for (const loop of SWITCH_LOOPS) {
  const { kernel: name, options, settings } = loop;
  const kernel = Deno.readFileSync(worldsImage(name));
  const commandLine = `${name} turns=${TURNS} rounds=${ROUNDS} ${settings}`;
  const expected = Object.values(loop.spans).map((span) => `end ${span} ${RESULTS[span]}`);

  // Hundreds of worlds take their time to set up.
  const configurations = loop.settings === "worlds=512" ? { js: CONFIGURATIONS["js"]! } : CONFIGURATIONS;
  for (const [label, configuration] of Object.entries(configurations)) {
    Deno.test(`${loop.name}: the loops with and without switches compute their sums (${label})`, () => {
      const spans = spansOf({ kernel, commandLine, ...options, ...configuration });
      const said = spans.map((span) => `end ${span.name} ${span.result}`);
      assertEquals(said, Array.from({ length: ROUNDS }, () => expected).flat());
    });
  }

  if (loop.onBochs) {
    Deno.test({
      name: `${loop.name}: Bochs computes the same${BOCHS_MISSING}`,
      ignore: !HAS_BOCHS,
      async fn() {
        const { text, end } = await runOnBochs({ kernel, commandLine });
        const said = text.split("\n").filter((line) => line.startsWith("end"));
        assertEquals({ said, end }, {
          said: Array.from({ length: ROUNDS }, () => expected).flat(),
          end: "off",
        });
      },
    });
  }

  Deno.test(`${loop.name}: compiled code refills and translates nothing from switch to switch`, async () => {
    const cost = await measureSwitches(loop, "js", { turns: 3000, rounds: 2 });
    assertEquals(repeatedWork(cost, loop, 2), undefined);
    assert(switchRows([cost]).startsWith(loop.name));
  });
}

Deno.test("world calls stay in compiled code while an interrupt is pending that RFLAGS.IF holds back", () => {
  const loop = SWITCH_LOOPS.find(({ kernel }) => kernel === "calls")!, turns = 1_000_000, rounds = 6;
  // The timer ticks since the machine has been switched on: every 55 million cycles.
  const machine = bootMachine({
    kernel: Deno.readFileSync(worldsImage(loop.kernel)),
    commandLine: `calls turns=${turns} rounds=${rounds} ${loop.settings}`,
    vmx: true,
    ...loop.options,
  });
  machine.run();
  const { worldSwitches, regionEntries, instructions } = machine.statistics();
  assert(instructions > 2 * 2 ** 16 / 1_193_182 * 1e9, "there has been no interrupt for long");
  assert(worldSwitches.worldCall >= 2 * rounds * turns && regionEntries < turns / 10, String(regionEntries));
});
