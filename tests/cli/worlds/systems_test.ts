/** The case studies with the images that ship with the project. */
import { assert, assertEquals } from "@std/assert";
import { PATH_NAMES, SYSTEM_NAMES, SYSTEMS, WORKLOADS } from "../../../src/cli/worlds/case_studies.ts";
import { disagreements } from "../../../src/cli/worlds/figures.ts";
import { loadImages } from "../../../src/cli/worlds/images.ts";
import { measureCase, type PathRun } from "../../../src/cli/worlds/measure.ts";
import { recordCall } from "../../../src/cli/worlds/timeline.ts";

const images = await loadImages(undefined);
const ITERATIONS = 5;

for (const system of SYSTEM_NAMES) {
  const { title, hops } = SYSTEMS[system];
  Deno.test(`${title}: the paths compute the same, refuse strangers, and take the hops of the design`, () => {
    const paths: PathRun[] = [];
    for (const path of PATH_NAMES) {
      const run = { images, system, path, iterations: ITERATIONS, cycles: "haswell" } as const;
      const measured = measureCase(run);
      paths.push(measured);
      assertEquals(
        measured.workloads.map(({ workload }) => workload.name),
        WORKLOADS.map(({ name }) => name),
      );
      assert(measured.workloads.every(({ perCall }) => perCall.instructions > 0));
      assert(Object.keys(measured.refused).length > 0);
      const call = recordCall(run);
      const transitions = call.switches.filter(({ kind }) => kind !== "cr3Write");
      assertEquals(
        transitions.length,
        hops[path],
        transitions.map(({ cause, to }) => `${cause} ${to}`).join(", "),
      );
      assertEquals(transitions.at(-1)!.to, call.start, "it ends where it began");
      const { machines } = SYSTEMS[system];
      const known = new RegExp(
        `^(host process|hypervisor|(view of the )?(${machines[1]}|${machines[2]}), (user|kernel))$`,
      );
      for (const { to } of call.switches) assert(known.test(to), to);
    }
    assertEquals(Object.keys(paths[0]!.results).length, WORKLOADS.length);
    assertEquals(disagreements({ system, paths }), []);
  });
}

Deno.test("a case study is the same in each run", () => {
  const figures = [0, 1].map(() => {
    const { workloads, instructions } = measureCase({
      images,
      system: "hypershell",
      path: "original",
      iterations: ITERATIONS,
    });
    return [instructions, ...workloads.map(({ perCall }) => [perCall.instructions, perCall.switches])];
  });
  assertEquals(figures[0], figures[1]);
});
