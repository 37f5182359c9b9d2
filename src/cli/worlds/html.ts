/** The case studies as a page that needs nothing else: no script, no other file. */
import { CYCLE_PROFILES, type CycleModel, type Figure } from "../../machine/cycle_model.ts";
import { VERSION } from "../version.ts";
import { barChart } from "./bar_chart.ts";
import { PATH_NAMES, PATH_TITLES, SYSTEMS } from "./case_studies.ts";
import {
  disagreements,
  hopsOf,
  meanRatio,
  modelCycles,
  runOver,
  switchesOf,
  type SystemRuns,
} from "./figures.ts";
import { STYLE } from "./html_style.ts";
import type { Findings } from "./json.ts";
import type { PerCall } from "./measure.ts";
import { escape } from "./svg.ts";
import { sweepChart } from "./sweep_chart.ts";
import { decimal, systemRows, times, whole } from "./table.ts";
import { timelineCharts } from "./timeline_chart.ts";

/** What the bars can show. */
interface Metric {
  readonly id: string;
  readonly title: string;
  readonly of: (perCall: PerCall) => number;
  readonly text: (value: number) => string;
}

function metricsOf(models: readonly CycleModel[]): readonly Metric[] {
  return [
    ...models.map((model): Metric => ({
      id: model.profile,
      title: `Cycles, ${model.profile}`,
      of: (perCall) => modelCycles(perCall, model),
      text: whole,
    })),
    {
      id: "host",
      title: "Host time",
      of: (perCall) => perCall.hostNanoseconds,
      text: (ns) => `${whole(ns)} ns`,
    },
    { id: "switches", title: "World switches", of: ({ switches }) => switchesOf(switches), text: decimal },
    { id: "instructions", title: "Instructions", of: ({ instructions }) => instructions, text: whole },
  ];
}

const PATH_KEY = `<ul class="key">${
  PATH_NAMES.map((path) => `<li style="--swatch:var(--${path})">${PATH_TITLES[path]}</li>`).join("")
}</ul>`;
const WORLD_KEY = `<ul class="key">${
  (["user", "kernel", "hypervisor"] as const)
    .map((kind) => `<li style="--swatch:var(--${kind})">${kind}</li>`).join("")
}<li style="--swatch:var(--switch)">on the way from world to world</li></ul>`;

/** The page. */
export function htmlPage(findings: Findings): string {
  const { runs, models } = findings;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>What a call between virtual machines costs</title>
<style>${STYLE}${tabRules(runs, metricsOf(models))}</style>
</head>
<body>
<main>
<h1>What a call between virtual machines costs</h1>
<p class="lead">Four systems redirect system calls into another virtual machine. Here each of them runs on a hypervisor of
its own, over three paths: the detour through kernels and hypervisor that the processor asks for, EPTP switching by VMFUNC,
and the cross-world call.</p>
<div class="cards">${runs.map((one) => card(one, models[0])).join("\n")}</div>
${runs.map((one) => section(one, findings)).join("\n")}
${notes(findings)}
</main>
</body>
</html>
`;
}

/** A tab's panel is shown while its button is chosen. */
function tabRules(runs: readonly SystemRuns[], metrics: readonly Metric[]): string {
  const rules = runs.flatMap(({ system }) =>
    metrics.map(({ id }) => `#${system}-${id}:checked ~ .panel-${id}`)
  );
  return `${rules.join(", ")} { display: block; }\n`;
}

function card(runs: SystemRuns, model: CycleModel | undefined): string {
  const { title } = SYSTEMS[runs.system];
  const figure = (perCall: PerCall): number =>
    model === undefined ? switchesOf(perCall.switches) : modelCycles(perCall, model);
  const ratio = meanRatio(runs, "crossover", figure);
  const hops = runs.paths.map((run) => {
    const first = run.workloads[0];
    return first === undefined ? "" : decimal(hopsOf(first.perCall.switches));
  }).join(" → ");
  return `<a class="card" href="#${runs.system}">${title}<b>${ratio === undefined ? "" : times(ratio)}</b>
<span>fewer ${model === undefined ? "world switches" : `cycles (${model.profile})`} by CrossOver</span>
<span>${hops} hops a call</span></a>`;
}

function section(runs: SystemRuns, { models, timelines }: Findings): string {
  const { system } = runs, { title, published, description } = SYSTEMS[system];
  const own = timelines.filter((one) => one.system === system);
  return `<section id="${system}">
<h2>${title}</h2>
<p class="soft">${escape(`${published}: ${description}`)}.</p>
<h3>What each workload takes, against the original path</h3>
${PATH_KEY}
${bars(runs, metricsOf(models))}
${own.length === 0 ? "" : timelineSection(runs, own)}
${sweeps(runs, models)}
${verdict(runs)}
<details><summary>All figures</summary><div class="scroll">${figures(runs, models)}</div></details>
</section>`;
}

function bars(runs: SystemRuns, metrics: readonly Metric[]): string {
  const { system } = runs;
  const names = [
    ...new Set(runs.paths.flatMap(({ workloads }) => workloads.map(({ workload }) => workload.name))),
  ];
  const tabs = metrics.map(({ id, title }, n) =>
    `<input type="radio" name="${system}-metric" id="${system}-${id}"${n === 0 ? " checked" : ""}>` +
    `<label for="${system}-${id}">${title}</label>`
  );
  const panels = metrics.map(({ id, title, of, text }) => {
    const groups = names.map((name) => {
      const found = runs.paths.flatMap(({ path, workloads }) =>
        workloads.filter(({ workload }) => workload.name === name).map(({ perCall }) => ({
          path,
          value: of(perCall),
        }))
      );
      const original = found.find(({ path }) => path === "original")?.value;
      return {
        name,
        bars: found.map(({ path, value }) => ({
          path,
          value,
          text: path === "original" || original === undefined
            ? text(value)
            : `${text(value)} · ${times(original / value)} less`,
        })),
      };
    });
    return `<div class="panel panel-${id}">${barChart(title, groups)}</div>`;
  });
  return `<div class="tabs">${tabs.join("")}${panels.join("\n")}</div>`;
}

function timelineSection(runs: SystemRuns, own: Findings["timelines"]): string {
  const charts = timelineCharts(runs.system, own).map(({ timeline, chart, steps }) =>
    `<figure><figcaption><b>${PATH_TITLES[timeline.path]}</b>, ${whole(timeline.cycles)} cycles, ` +
    `${timeline.switches.length} switches</figcaption>${chart}${steps}</figure>`
  );
  return `<h3>One ${own[0]!.workload}, world by world</h3>${WORLD_KEY}${charts.join("\n")}`;
}

function sweeps(runs: SystemRuns, models: readonly CycleModel[]): string {
  const name = runOver(runs, "crossover")?.workloads[0]?.workload.name;
  if (name === undefined) return "";
  const charts = models.flatMap((model) => {
    const chart = sweepChart(runs, model, name);
    return chart === undefined
      ? []
      : [`<figure><figcaption>${name}, cycles, ${model.profile}</figcaption>${chart}</figure>`];
  });
  if (charts.length === 0) return "";
  return `<h3>If a world call took more or less</h3>
<p class="soft">No processor has world calls, so what they take is an assumption.</p>
<div class="columns">${charts.join("\n")}</div>`;
}

function verdict(runs: SystemRuns): string {
  const wrong = disagreements(runs), count = Object.keys(runs.paths[0]?.results ?? {}).length;
  const refused = [...new Set(runs.paths.flatMap((path) => Object.keys(path.refused)))].join(", ");
  const same = wrong.length > 0
    ? `<span class="bad">The paths disagree. ${escape(wrong.join("; "))}</span>`
    : runs.paths.length > 1
    ? `<span class="ok">The ${runs.paths.length} paths compute the same ${count} results.</span>`
    : `${count} results.`;
  return `<p>${same} Refused over each path, as the callee's policy has it: ${escape(refused)}.</p>`;
}

function figures(runs: SystemRuns, models: readonly CycleModel[]): string {
  const [head, ...rows] = systemRows(runs, models);
  const cells = (row: readonly string[], tag: string): string =>
    row.map((cell) => `<${tag}>${escape(cell)}</${tag}>`).join("");
  const body = rows.map((row) => `<tr${row[0] === "" ? "" : ' class="first"'}>${cells(row, "td")}</tr>`);
  return `<table><thead><tr>${cells(head!, "th")}</tr></thead><tbody>${body.join("\n")}</tbody></table>`;
}

const FIGURES = {
  systemCall: "system call, there and back",
  exitAndEntry: "VM exit and entry",
  vmfunc: "VMFUNC",
  cr3Write: "write of CR3",
  interrupt: "interrupt",
  worldCall: "world call",
} as const;

function notes({ models, iterations }: Findings): string {
  const costs = models.map(({ profile, worldCall }) => {
    const published = CYCLE_PROFILES[profile];
    const rows = (Object.keys(FIGURES) as (keyof typeof FIGURES)[]).map((key) => {
      const figure: Figure = key === "worldCall" && worldCall !== undefined
        ? { cycles: worldCall, source: "as chosen" }
        : published[key];
      return `<tr><td>${FIGURES[key]}</td><td>${escape(figure.source)}</td><td>${figure.cycles}</td></tr>`;
    });
    return `<h3>${profile}: ${published.processor}</h3><div class="scroll"><table><tbody>${
      rows.join("")
    }</tbody></table></div>`;
  });
  return `<footer>
<p>Made by <code>causeway worlds</code> ${VERSION}. Each figure is the mean of ${
    whole(iterations)
  } iterations (of the utilities
ps, ls, uptime and grep a tenth), without the loop around them; open_close and pipe make two calls in each. Hops are
transitions between rings and in and out of VMX non-root operation. Model cycles are one for each instruction and, for each
world switch, what was published of a real processor in tight loops with warm caches; they are not measurements of these
systems on such processors, and not the figures of any paper. Host time is processor time that this
emulator takes.</p>
${costs.join("\n")}
</footer>`;
}
