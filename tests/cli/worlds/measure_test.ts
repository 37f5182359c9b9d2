import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { disagreements, hopsOf, meanRatio, modelCycles } from "../../../src/cli/worlds/figures.ts";
import { CaseStudyError, measureCase } from "../../../src/cli/worlds/measure.ts";
import { recordCall } from "../../../src/cli/worlds/timeline.ts";
import { ENGINE_NAMES } from "../../../src/machine/engines.ts";
import { protocolRun } from "./_protocol.ts";
import { forced } from "../../_support/forced.ts";

for (const engine of ENGINE_NAMES) {
  Deno.test(`measureCase() divides what lies between two marks, without the empty loop (${engine})`, () => {
    const run = measureCase(protocolRun("original", undefined, forced(engine)));
    assertEquals(run.results, { getpid: "7", write1: "1", ps: "0123456789abcdef" });
    assertEquals(run.refused, { stranger: "-1" });
    const figures = run.workloads.map(({ workload, iterations, perCall: { switches, instructions } }) =>
      [workload.name, iterations, switches.cr3Write, Math.round(instructions)] as const
    );
    assertEquals(figures.map(([name, iterations, cr3]) => [name, iterations, cr3]), [
      ["getpid", 20, 10],
      ["write1", 20, 10],
      ["ps", 2, 30],
    ]);
    assert(figures[0]![3] >= 40 && figures[0]![3] <= 60, "ten times two MOVs and a loop around them");
  });
}

Deno.test("modelCycles() adds what switches cost above their instructions", () => {
  const { perCall } = measureCase(protocolRun("original")).workloads[0]!;
  assertEquals(modelCycles(perCall, { profile: "haswell" }), perCall.instructions + 10 * 142);
  assertEquals(modelCycles(perCall, { profile: "skylake" }), perCall.instructions + 10 * 185);
  assertEquals(hopsOf(perCall.switches), 0, "a write of CR3 is no hop");
});

Deno.test("meanRatio() compares workload by workload; disagreements() names what differs", () => {
  const paths = [measureCase(protocolRun("original")), measureCase(protocolRun("crossover"))];
  const runs = { system: "proxos", paths } as const;
  assert(Math.abs(meanRatio(runs, "crossover", ({ switches }) => switches.cr3Write)! - 5) < 1e-9);
  assertEquals(meanRatio(runs, "vmfunc", ({ switches }) => switches.cr3Write), undefined);
  assertEquals(disagreements(runs), []);
  const other = measureCase(protocolRun("vmfunc", "differ"));
  assertEquals(disagreements({ system: "proxos", paths: [...paths, other] }), [
    "proxos: ps gives 0123456789abcdef (original), 0123456789abcdef (crossover), 00000000deadbeef (vmfunc)",
  ]);
});

const failures: readonly (readonly [append: string, message: string])[] = [
  ["hang", "did not end within 5,000,000 instructions"],
  ["die", "triple fault"],
  ["mute", "it ended the loop of workload 3 before it began"],
  ["accept", "it refused nobody"],
];
for (const [append, message] of failures) {
  Deno.test(`measureCase() says what a guest did wrong, and what it printed last: ${append}`, () => {
    const error = assertThrows(() => measureCase(protocolRun("original", append)), CaseStudyError);
    assertStringIncludes(String(error), message);
    assertStringIncludes(String(error), "proxos over the path original");
    assertStringIncludes(String(error), "booting");
  });
}

Deno.test("recordCall() records one call of the first workload, from mark to mark", () => {
  const { switches, start, cycles, workload } = recordCall(protocolRun("vmfunc"));
  assertEquals([workload, start, switches.length], ["getpid", "hypervisor", 4]);
  assert(switches.every(({ kind, cost, cycle }) => kind === "cr3Write" && cost === 142 && cycle <= cycles));
});
