/** A short campaign: whatever code, tables and VMCS a guest at CPL 0 has, the host goes on. */
import { assert, assertEquals } from "@std/assert";
import { campaign } from "./kernel.ts";

const SEED = 1;

for (const [engine, runs] of [["interpreter", 400], ["auto", 60], ["js", 40]] as const) {
  Deno.test(`random code, tables and VMCS contents at CPL 0 raise nothing in the host (${engine})`, () => {
    const { ends } = campaign(runs, SEED, { only: engine });
    const { entered, budget = 0, halt = 0, shutdown = 0 } = ends;
    assertEquals(budget + halt + shutdown, runs);
    assert(entered! > runs / 4, `only ${entered} of ${runs} enter a guest`);
    assert(budget > runs / 2, `only ${budget} of ${runs} go on`);
  });
}

Deno.test("an exit that is to save the time left of a timer that does not run raises nothing in the host", () => {
  assertEquals(campaign(1, 81_755, { only: "interpreter" }).runs, 1);
});
