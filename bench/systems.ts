/** The four systems: what a redirected call costs over the shorter paths against the original one. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import process from "node:process";
import { PATH_TITLES, type SystemName, SYSTEMS } from "../src/cli/worlds/case_studies.ts";
import { CYCLE_PROFILE_NAMES, CYCLE_PROFILES, type CycleProfileName } from "../src/machine/cycle_model.ts";
import type { EngineName } from "../src/machine/engines.ts";
import { median } from "./measure.ts";

/** The paths that are compared with the original one. */
const SHORTER = ["vmfunc", "crossover"] as const;

/** How many times less a path takes than the original one: geometric means over the workloads. */
export interface SystemRatio {
  readonly system: SystemName;
  readonly engine: EngineName;
  readonly path: (typeof SHORTER)[number];
  /** In the cycle model. */
  readonly cycles: Readonly<Record<CycleProfileName, number>>;
  /** Processor time of the host; the median of the runs. */
  readonly hostTime: number;
}

/** What is taken of the object that `causeway worlds --json` prints. */
interface Report {
  readonly systems: readonly {
    readonly system: SystemName;
    readonly disagreements: readonly string[];
    readonly ratios: Readonly<
      Record<SystemRatio["path"], {
        readonly cycles: SystemRatio["cycles"];
        readonly hostNanoseconds: number;
      }>
    >;
  }[];
}

/** Calls of each workload: enough for compiled code to be what runs. */
const ITERATIONS = 1000;

/** Measures all systems, each run in a process of its own. */
export function systemBenchmarks(
  engine: EngineName,
  runs: number,
  iterations: number = ITERATIONS,
): readonly SystemRatio[] {
  const reports = Array.from({ length: runs }, () => runWorlds(engine, iterations));
  return reports[0]!.systems.flatMap(({ system, ratios }, n) =>
    SHORTER.map((path): SystemRatio => ({
      system,
      engine,
      path,
      cycles: ratios[path].cycles,
      hostTime: median(reports.map(({ systems }) => systems[n]!.ratios[path].hostNanoseconds)),
    }))
  );
}

function runWorlds(engine: EngineName, iterations: number): Report {
  const command = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));
  const output = execFileSync(process.execPath, [
    ...["run", "-A", "--no-check", command],
    ...["worlds", "--json", "--engine", engine, "--iterations", String(iterations)],
  ], { stdio: ["ignore", "pipe", "inherit"], maxBuffer: 1 << 26 });
  return JSON.parse(output.toString()) as Report;
}

/** The ratios as a table, next to the published costs that the cycles derive from. */
export function systemRows(ratios: readonly SystemRatio[]): string {
  const row = (cells: readonly string[]): string =>
    cells.map((cell, n) => n < 2 ? cell.padEnd(n === 0 ? 16 : 13) : cell.padStart(18)).join("").trimEnd();
  const times = (ratio: number): string => `${ratio.toFixed(2)}x`;
  const costs = CYCLE_PROFILE_NAMES.map((name) => {
    const { systemCall, exitAndEntry, vmfunc, cr3Write, worldCall } = CYCLE_PROFILES[name];
    return `${name}: system call ${systemCall.cycles}, VM exit and entry ${exitAndEntry.cycles}, VMFUNC ${vmfunc.cycles}, ` +
      `CR3 ${cr3Write.cycles}; world call ${worldCall.cycles}, derived`;
  });
  return [
    row(["original against", "", ...CYCLE_PROFILE_NAMES.map((name) => `${name} cycles`), "host time"]),
    ...ratios.map(({ system, path, cycles, hostTime }) =>
      row([
        SYSTEMS[system].title,
        PATH_TITLES[path],
        ...CYCLE_PROFILE_NAMES.map((name) => times(cycles[name])),
        times(hostTime),
      ])
    ),
    "Geometric means over ten workloads. Cycles are a model: one for each instruction, and published costs of switches",
    ...costs.map((line) => `  ${line}`),
  ].join("\n");
}
