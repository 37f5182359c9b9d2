/** What follows from the measurements: hops, model cycles, ratios, and whether the paths agree. */
import { SWITCH_KIND_NAMES, type SwitchCounts, type SwitchKindName } from "../../machine/api/world_events.ts";
import {
  CYCLE_PROFILE_NAMES,
  type CycleModel,
  type CycleProfileName,
  extraCycles,
  switchCycles,
} from "../../machine/cycle_model.ts";
import type { PathName } from "./case_studies.ts";
import type { PathRun, PerCall, WorkloadRun } from "./measure.ts";

/** Kinds that are hops: ring or VMX transitions. A write of CR3 is a switch, but no hop. */
const HOPS: readonly SwitchKindName[] = SWITCH_KIND_NAMES.filter((kind) => kind !== "cr3Write");

/** Ring and VMX transitions. */
export function hopsOf(switches: SwitchCounts): number {
  return HOPS.reduce((sum, kind) => sum + switches[kind], 0);
}

/** World switches of all kinds. */
export function switchesOf(switches: SwitchCounts): number {
  return hopsOf(switches) + switches.cr3Write;
}

/** Model cycles in a profile: one for each instruction, and what the switches cost above that. */
export function modelCycles({ instructions, switches }: PerCall, model: CycleModel): number {
  const extra = extraCycles(model);
  return SWITCH_KIND_NAMES.reduce((sum, kind, n) => sum + switches[kind] * extra[n]!, instructions);
}

/** What a switch of a kind takes in a model, its instruction included. */
export function costOf(model: CycleModel, kind: SwitchKindName): number {
  return switchCycles(model)[SWITCH_KIND_NAMES.indexOf(kind)]!;
}

/** The models whose cycles are shown. */
export function modelsOf(
  choice: "off" | CycleProfileName | undefined,
  worldCall: number | undefined,
): readonly CycleModel[] {
  if (choice === "off") return [];
  const profiles = choice === undefined ? CYCLE_PROFILE_NAMES : [choice];
  return profiles.map((profile) => ({ profile, ...(worldCall === undefined ? {} : { worldCall }) }));
}

/** The geometric mean. */
export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/** The runs of one system. */
export interface SystemRuns {
  readonly system: PathRun["system"];
  readonly paths: readonly PathRun[];
}

/** The run over a path. */
export function runOver({ paths }: SystemRuns, path: PathName): PathRun | undefined {
  return paths.find((run) => run.path === path);
}

/** A workload of a run by its name. */
export function workloadOf(run: PathRun | undefined, name: string): WorkloadRun | undefined {
  return run?.workloads.find(({ workload }) => workload.name === name);
}

/** How many times less a path takes than the original one: the geometric mean over the workloads that both have. */
export function meanRatio(
  runs: SystemRuns,
  path: PathName,
  figure: (perCall: PerCall) => number,
): number | undefined {
  const original = runOver(runs, "original"), other = runOver(runs, path);
  const ratios = (other?.workloads ?? []).flatMap(({ workload, perCall }) => {
    const before = workloadOf(original, workload.name);
    const ratio = before === undefined ? NaN : figure(before.perCall) / figure(perCall);
    return Number.isFinite(ratio) && ratio > 0 ? [ratio] : [];
  });
  return ratios.length === 0 ? undefined : geometricMean(ratios);
}

/** What the paths of a system disagree in, one line for each workload. */
export function disagreements({ system, paths }: SystemRuns): readonly string[] {
  const names = [...new Set(paths.flatMap(({ results }) => Object.keys(results)))];
  return names.flatMap((name) => {
    const found = paths.map(({ path, results }) => [path, results[name] ?? "nothing"] as const);
    if (new Set(found.map(([, result]) => result)).size <= 1) return [];
    return [`${system}: ${name} gives ${found.map(([path, result]) => `${result} (${path})`).join(", ")}`];
  });
}
