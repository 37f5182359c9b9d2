import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { PATH_NAMES } from "../../../src/cli/worlds/case_studies.ts";
import { modelsOf } from "../../../src/cli/worlds/figures.ts";
import { htmlPage } from "../../../src/cli/worlds/html.ts";
import { type Findings, jsonReport } from "../../../src/cli/worlds/json.ts";
import { measureCase } from "../../../src/cli/worlds/measure.ts";
import { legend, systemTable } from "../../../src/cli/worlds/table.ts";
import { recordCall, type Timeline, WorldNames } from "../../../src/cli/worlds/timeline.ts";
import { timelineCharts } from "../../../src/cli/worlds/timeline_chart.ts";
import { protocolRun } from "./_protocol.ts";

const models = modelsOf(undefined, undefined);
const findings: Findings = {
  runs: [{ system: "proxos", paths: PATH_NAMES.map((path) => measureCase(protocolRun(path))) }],
  models,
  iterations: 20,
  timelines: PATH_NAMES.map((path) => recordCall(protocolRun(path))),
};

/** Elements that an HTML document does not close. */
const VOID = new Set(["meta", "input", "br"]);

Deno.test("htmlPage() is well-formed and needs nothing from elsewhere", () => {
  const page = htmlPage(findings);
  assert(!/<script|<link|<img|@import|url\(|https?:/.test(page), "no other resource");
  const open: string[] = [];
  const markup = page.replace(/<style>[\s\S]*?<\/style>/, "").replace(/^<!DOCTYPE html>/, "");
  for (const [, closing, name] of markup.matchAll(/<(\/?)([a-z][a-z0-9]*)(?:\s[^<>]*)?>/gi)) {
    if (closing === "/") assertEquals(open.pop(), name);
    else if (!VOID.has(name!)) open.push(name!);
  }
  assertEquals(open, []);
  assertEquals(/NaN|undefined|Infinity/.exec(page), null);
  const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
  assertEquals(new Set(ids).size, ids.length);
});

Deno.test("systemTable() has a row for each workload over each path, with ratios to the original", () => {
  const lines = systemTable(findings.runs[0]!, models).split("\n");
  assertEquals(lines[0]!.startsWith("Proxos (OSDI 2006)"), true);
  assertEquals(lines.filter((line) => /(original|VMFUNC|CrossOver) +0 /.test(line)).length, 9);
  assert(lines.some((line) => /^ +CrossOver +0 +2 .* 4\.\d\dx/.test(line)), lines.join("\n"));
  assert(!lines[1]!.includes("SYSCALL"), "kinds that do not occur have no column");
});

Deno.test("legend() names the published costs; --cycles off leaves cycles out", () => {
  assert(legend(models, 20).join("\n").includes("system call 140, VM exit and entry 1200, VMFUNC 169"));
  assertEquals(modelsOf("off", undefined), []);
  assert(!systemTable(findings.runs[0]!, []).includes("haswell"));
  assertStringIncludes(legend(modelsOf("skylake", 600), 20).join("\n"), "world call 600");
});

Deno.test("jsonReport() has every figure", () => {
  const report = JSON.parse(JSON.stringify(jsonReport(findings)));
  const [proxos] = report.systems;
  assertEquals(proxos.paths.map(({ path }: { path: string }) => path), [...PATH_NAMES]);
  const call = proxos.paths[0].workloads[0];
  assertEquals([call.workload, call.perIteration.switches.cr3Write, call.calls], ["getpid", 10, 1]);
  assertEquals(Object.keys(call.perIteration.cycles), ["haswell", "skylake"]);
  assertEquals(proxos.paths[2].timeline.switches.length, 2);
  assertEquals(report.models[0].cycles.vmfunc, 169);
});

const world = (vmx: "root" | "non-root", cpl: number, eptp: bigint, vpid: number) => ({
  vmx,
  cpl,
  eptp,
  vpid,
  cr3: 0x1000n,
});

Deno.test("WorldNames.nameOf() knows whose EPT it is, and views by being nobody's", () => {
  const names = new WorldNames("tahoma");
  names.entered(world("non-root", 0, 0x1000n, 1));
  names.entered(world("non-root", 0, 0x2000n, 2));
  names.entered(world("non-root", 0, 0x3000n, 2)); // resumed in a view
  names.entered(world("non-root", 0, 0x1000n, 5)); // the host's call into a machine
  assertEquals(names.nameOf(world("non-root", 3, 0x2000n, 2)), "instance VM, user");
  assertEquals(names.nameOf(world("non-root", 0, 0x1000n, 2)), "manager VM, kernel");
  assertEquals(names.nameOf(world("non-root", 0, 0x3000n, 2)), "view of the manager VM, kernel");
  assertEquals(names.nameOf(world("root", 0, 0n, 0)), "hypervisor");
  assertEquals(names.nameOf(world("root", 3, 0n, 0)), "host process");
});

Deno.test("timelineCharts() draws a stay for each world and a line for each switch", () => {
  const timeline: Timeline = {
    system: "proxos",
    path: "crossover",
    workload: "getpid",
    start: "private VM, user",
    cycles: 700,
    switches: [
      {
        cycle: 320,
        cost: 309,
        instructions: 11,
        kind: "worldCall",
        cause: "WORLD_CALL",
        from: "private VM, user",
        to: "commodity VM, kernel",
      },
      {
        cycle: 690,
        cost: 309,
        instructions: 61,
        kind: "worldCall",
        cause: "WORLD_CALL",
        from: "commodity VM, kernel",
        to: "private VM, user",
      },
    ],
  };
  const [{ chart, steps } = { chart: "", steps: "" }] = timelineCharts("proxos", [timeline]);
  assertEquals([...chart.matchAll(/class="world-(user|kernel)"/g)].map(([, kind]) => kind), [
    "user",
    "kernel",
    "user",
  ]);
  assertEquals([...chart.matchAll(/class="switch"/g)].length, 2);
  assertEquals([...steps.matchAll(/WORLD_CALL/g)].length, 2);
});
