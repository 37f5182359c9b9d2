import { assert, assertEquals } from "@std/assert";
import { systemBenchmarks, systemRows } from "../../bench/systems.ts";
import { SYSTEM_NAMES } from "../../src/cli/worlds/case_studies.ts";

Deno.test("systemBenchmarks() compares both shorter paths of each system with the original one", () => {
  const ratios = systemBenchmarks("auto", 1, 10);
  assertEquals(ratios.map(({ system }) => system), SYSTEM_NAMES.flatMap((name) => [name, name]));
  for (const { cycles, hostTime } of ratios) {
    assert(cycles.haswell > 1 && cycles.skylake > 1 && hostTime > 0);
  }
  const table = systemRows(ratios);
  assertEquals(table.match(/^(Proxos|Hyper-Shell|Tahoma|ShadowContext) .*\dx$/gm)?.length, 8);
  assert(table.includes("VM exit and entry 1200") && table.includes("derived"));
});
