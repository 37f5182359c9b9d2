/** The case studies as one object. */
import { CYCLE_PROFILES, type CycleModel } from "../../machine/cycle_model.ts";
import { SWITCH_KIND_NAMES } from "../../machine/api/world_events.ts";
import { SYSTEMS } from "./case_studies.ts";
import { costOf, disagreements, hopsOf, meanRatio, modelCycles, type SystemRuns } from "./figures.ts";
import type { PathRun, PerCall } from "./measure.ts";
import type { Timeline } from "./timeline.ts";

/** Everything that was found. */
export interface Findings {
  readonly runs: readonly SystemRuns[];
  readonly models: readonly CycleModel[];
  readonly iterations: number;
  readonly timelines: readonly Timeline[];
}

/** What `--json` prints. */
export function jsonReport({ runs, models, iterations, timelines }: Findings): unknown {
  return {
    iterations,
    models: models.map((model) => ({
      ...model,
      published: CYCLE_PROFILES[model.profile],
      cycles: Object.fromEntries(SWITCH_KIND_NAMES.map((kind) => [kind, costOf(model, kind)])),
    })),
    systems: runs.map((one) => ({
      system: one.system,
      ...SYSTEMS[one.system],
      paths: one.paths.map((run) => pathReport(run, models, timelines)),
      disagreements: disagreements(one),
      ratios: Object.fromEntries((["vmfunc", "crossover"] as const).map((path) => [path, {
        cycles: Object.fromEntries(
          models.map((model) => [model.profile, meanRatio(one, path, (call) => modelCycles(call, model))]),
        ),
        hostNanoseconds: meanRatio(one, path, (call) => call.hostNanoseconds),
      }])),
    })),
  };
}

function pathReport(run: PathRun, models: readonly CycleModel[], timelines: readonly Timeline[]): unknown {
  const { path, system, results, refused, instructions, hostSeconds } = run;
  return {
    path,
    workloads: run.workloads.map(({ workload, iterations, perCall }) => ({
      workload: workload.name,
      calls: workload.calls,
      iterations,
      perIteration: callReport(perCall, models),
    })),
    results,
    refused,
    instructions,
    hostSeconds,
    timeline: timelines.find((one) => one.system === system && one.path === path),
  };
}

function callReport(perCall: PerCall, models: readonly CycleModel[]): unknown {
  return {
    hops: hopsOf(perCall.switches),
    switches: perCall.switches,
    instructions: perCall.instructions,
    cycles: Object.fromEntries(models.map((model) => [model.profile, modelCycles(perCall, model)])),
    hostNanoseconds: perCall.hostNanoseconds,
  };
}
