/** The case studies as tables of text. */
import { SWITCH_KIND_NAMES, type SwitchKindName } from "../../machine/api/world_events.ts";
import { CYCLE_PROFILES, type CycleModel } from "../../machine/cycle_model.ts";
import { PATH_TITLES, type PathName, SYSTEMS } from "./case_studies.ts";
import {
  costOf,
  hopsOf,
  meanRatio,
  modelCycles,
  runOver,
  switchesOf,
  type SystemRuns,
  workloadOf,
} from "./figures.ts";
import type { PerCall } from "./measure.ts";

/** Heads of the columns of switches. */
const KIND_HEADS: Readonly<Record<SwitchKindName, string>> = {
  vmfunc: "VMFUNC",
  worldCall: "world call",
  vmEntry: "VM entry",
  vmExit: "VM exit",
  syscall: "SYSCALL",
  sysret: "SYSRET",
  interrupt: "interrupt",
  iret: "IRET",
  cr3Write: "CR3",
};

/** A column: its head, and what it shows of a call; `original` is the same over the original path. */
interface Column {
  readonly head: string;
  readonly cell: (perCall: PerCall, original: PerCall | undefined) => string;
}

/** What rounds to 0. */
const INVISIBLE = 0.05;

/** A count for each call, with a decimal if it needs one: timer interrupts add fractions. */
export function decimal(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** A whole number with commas. */
export function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** How many times less. */
export function times(ratio: number): string {
  return Number.isFinite(ratio) ? `${ratio.toFixed(ratio < 10 ? 2 : 1)}x` : "";
}

function columnsOf(runs: SystemRuns, models: readonly CycleModel[]): readonly Column[] {
  const all = runs.paths.flatMap(({ workloads }) => workloads.map(({ perCall }) => perCall));
  const kinds = SWITCH_KIND_NAMES.filter((kind) => all.some(({ switches }) => switches[kind] >= INVISIBLE));
  const compared = runs.paths.length > 1 && runOver(runs, "original") !== undefined;
  const figure = (head: string, of: (perCall: PerCall) => number): Column[] => [
    { head, cell: (perCall) => whole(of(perCall)) },
    ...(compared
      ? [{
        head: "",
        cell: (perCall: PerCall, original: PerCall | undefined): string =>
          original === undefined || original === perCall ? "" : times(of(original) / of(perCall)),
      }]
      : []),
  ];
  return [
    { head: "hops", cell: ({ switches }) => decimal(hopsOf(switches)) },
    ...kinds.map((kind): Column => ({
      head: KIND_HEADS[kind],
      cell: ({ switches }) => switches[kind] < INVISIBLE ? "" : decimal(switches[kind]),
    })),
    { head: "instructions", cell: ({ instructions }) => whole(instructions) },
    ...models.flatMap((model) => figure(model.profile, (perCall) => modelCycles(perCall, model))),
    ...figure("host ns", ({ hostNanoseconds }) => hostNanoseconds),
  ];
}

/** The rows of one system: a head, then one for each workload over each path. */
export function systemRows(runs: SystemRuns, models: readonly CycleModel[]): readonly (readonly string[])[] {
  const columns = columnsOf(runs, models);
  const names = [
    ...new Set(runs.paths.flatMap(({ workloads }) => workloads.map((one) => one.workload.name))),
  ];
  const rows: string[][] = [["", "", ...columns.map(({ head }) => head)]];
  for (const name of names) {
    const original = workloadOf(runOver(runs, "original"), name)?.perCall;
    let first = true;
    for (const run of runs.paths) {
      const measured = workloadOf(run, name);
      if (measured === undefined) continue;
      rows.push([
        first ? name : "",
        PATH_TITLES[run.path],
        ...columns.map(({ cell }) => cell(measured.perCall, original)),
      ]);
      first = false;
    }
  }
  return rows;
}

/** The table of one system. */
export function systemTable(runs: SystemRuns, models: readonly CycleModel[]): string {
  const { title, published, description } = SYSTEMS[runs.system];
  return [
    `${title} (${published}): ${description}`,
    ...alignColumns(systemRows(runs, models)),
    ...summary(runs, models),
  ].join("\n");
}

/** Pads cells: the first two columns to the left, figures to the right, ratios close to their figures. */
function alignColumns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row.map((cell, column) => {
      if (column < 2) return cell.padEnd(widths[column]! + 1);
      return (rows[0]![column] === "" ? " " : "  ") + cell.padStart(widths[column]!);
    }).join("").trimEnd()
  );
}

/** In how many times fewer cycles and less time the shorter paths do, over all workloads. */
function summary(runs: SystemRuns, models: readonly CycleModel[]): readonly string[] {
  return (["vmfunc", "crossover"] as const).flatMap((path: PathName) => {
    const parts = [
      ["world switches", ({ switches }: PerCall): number => switchesOf(switches)] as const,
      ...models.map((model) =>
        [`${model.profile} cycles`, (perCall: PerCall): number => modelCycles(perCall, model)] as const
      ),
      ["host time", ({ hostNanoseconds }: PerCall): number => hostNanoseconds] as const,
    ].flatMap(([what, figure]) => {
      const ratio = meanRatio(runs, path, figure);
      return ratio === undefined ? [] : [`${times(ratio)} ${what}`];
    });
    if (parts.length === 0) return [];
    return [`original against ${PATH_TITLES[path]}, geometric mean of the workloads: ${parts.join(", ")}`];
  });
}

/** What the figures mean, in a few lines. */
export function legend(models: readonly CycleModel[], iterations: number): readonly string[] {
  const costs = models.map((model) => {
    const { profile } = model,
      { processor, vmfunc, systemCall, exitAndEntry, cr3Write, interrupt } = CYCLE_PROFILES[profile];
    return `  ${profile} (${processor}): system call ${systemCall.cycles}, VM exit and entry ${exitAndEntry.cycles}, ` +
      `VMFUNC ${vmfunc.cycles}, CR3 ${cr3Write.cycles}, interrupt ${interrupt.cycles}, world call ${
        costOf(model, "worldCall")
      } (derived)`;
  });
  return [
    `Each figure is the mean of ${
      whole(iterations)
    } iterations (utilities: a tenth of that), without the loop around them; ` +
    "hops are transitions between rings and in and out of VMX non-root operation; fractions come from timer interrupts. " +
    "Host time is processor time.",
    ...(costs.length === 0
      ? []
      : ["Model cycles: one for each instruction; switches as published of these processors:", ...costs]),
  ];
}
