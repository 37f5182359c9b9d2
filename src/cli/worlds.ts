/** `causeway worlds`: what a call from one virtual machine into another costs over three paths. */
import { writeFileSync } from "node:fs";
import type { CycleChoice } from "../machine/cycle_model.ts";
import { CannotBootError } from "../machine/loaders/boot_error.ts";
import type { Command } from "./command.ts";
import { inputError, usageError } from "./exit_codes.ts";
import { choice, parseCommandLine, value, type Values } from "./options.ts";
import { cannotWrite, print, report } from "./output.ts";
import {
  cycleChoice,
  CYCLES,
  defined,
  ENGINE,
  HELP,
  JSON_OUTPUT,
  WORLD_CALL_CYCLES,
} from "./shared_options.ts";
import { parseCount, parsePath } from "./values.ts";
import { PATH_NAMES, type PathName, SYSTEM_NAMES, SYSTEMS } from "./worlds/case_studies.ts";
import { disagreements, modelsOf, type SystemRuns } from "./worlds/figures.ts";
import { htmlPage } from "./worlds/html.ts";
import { loadImages } from "./worlds/images.ts";
import { jsonReport } from "./worlds/json.ts";
import { type CaseRun, CaseStudyError, measureCase } from "./worlds/measure.ts";
import { Progress } from "./worlds/progress.ts";
import { legend, systemTable } from "./worlds/table.ts";
import { recordCall, type Timeline } from "./worlds/timeline.ts";

const DEFAULT_ITERATIONS = 1000;
/** A mark has 16 bits for them. */
const MOST_ITERATIONS = 0xffff;
/** Exit code where the paths disagree. */
const DISAGREEMENT = 1;
/** Virtual time runs by this profile where `--cycles` chooses none. */
const DEFAULT_PROFILE = "haswell";

const OPTIONS = {
  system: choice([...SYSTEM_NAMES, "all"], "Which case study. Default: all."),
  path: choice(
    [...PATH_NAMES, "all"],
    "Which path. original: through kernels and hypervisor; vmfunc: EPTP switching alone; crossover: the cross-world call. " +
      "Default: all.",
  ),
  iterations: value(
    "N",
    `Calls of each workload, up to ${MOST_ITERATIONS}, after as many to warm up; utilities a tenth. Default: ` +
      `${DEFAULT_ITERATIONS}. The host's time is only worth reading with some hundreds.`,
    parseIterations,
  ),
  html: value(
    "FILE",
    "Writes a page with the same as charts, and a time line of the worlds on the way of one call. It needs nothing else. " +
      "Records each case once more, which takes twice the time.",
    parsePath,
  ),
  engine: ENGINE,
  cycles: CYCLES,
  "world-call-cycles": WORLD_CALL_CYCLES,
  images: value(
    "DIR",
    "Takes hypervisor.elf, kernel.elf and initrd.tar from this folder. Default: those of the project.",
    parsePath,
  ),
  json: JSON_OUTPUT,
  help: HELP,
};

/** `causeway worlds`. */
export const worlds: Command = {
  name: "worlds",
  operands: "",
  summary: "measures calls between virtual machines: Proxos, Hyper-Shell, Tahoma, ShadowContext",
  description:
    "Boots a hypervisor with virtual machines for each of four systems that redirect system calls from one to another, and " +
    "measures a call over three paths: through kernels and hypervisor, by VMFUNC alone, and by the cross-world call. Prints " +
    "world switches by kind, instructions, cycles by the published costs of switches (both profiles unless --cycles " +
    "chooses), and the host's time. Checks that all paths compute the same, and that callers without permission are refused.",
  options: OPTIONS,
  guestArguments: false,
  examples: [
    "causeway worlds --system proxos",
    "causeway worlds --html worlds.html",
    "causeway worlds --cycles haswell --world-call-cycles 600 --json",
  ],
  async run(args) {
    const { values, rest } = parseCommandLine(OPTIONS, args, false);
    if (rest.length > 0) throw usageError(`worlds takes no ${rest[0]}; --help lists its options`);
    const models = modelsOf(values.cycles, values["world-call-cycles"]);
    const images = await loadImages(values.images);
    // A file that cannot be written is told before the work, not after it.
    if (values.html !== undefined) writePage(values.html, "");
    const { runs, timelines } = runAll(values, images);
    const iterations = values.iterations ?? DEFAULT_ITERATIONS;
    const findings = { runs, models, iterations, timelines };
    if (values.html !== undefined) writePage(values.html, htmlPage(findings));
    if (values.json) print(JSON.stringify(jsonReport(findings), null, 1));
    else for (const line of tables(runs, models, iterations)) print(line);
    const differences = runs.flatMap(disagreements);
    for (const line of differences) report(`causeway worlds: the paths disagree: ${line}`);
    return differences.length === 0 ? 0 : DISAGREEMENT;
  },
};

function parseIterations(text: string): number {
  const count = parseCount(text);
  if (count < 1 || count > MOST_ITERATIONS) throw new RangeError(`must be from 1 to ${MOST_ITERATIONS}`);
  return count;
}

/** Runs everything that was asked for. */
function runAll(
  values: Values<typeof OPTIONS>,
  images: CaseRun["images"],
): { readonly runs: readonly SystemRuns[]; readonly timelines: readonly Timeline[] } {
  const systems = chosen(values.system, SYSTEM_NAMES), paths = chosen(values.path, PATH_NAMES);
  const cycles: CycleChoice = cycleChoice(values.cycles ?? DEFAULT_PROFILE, values["world-call-cycles"])!;
  const records = values.html !== undefined || values.json;
  const progress = new Progress();
  const timelines: Timeline[] = [];
  const total = systems.length * paths.length;
  let done = 0;
  try {
    const runs = systems.map((system): SystemRuns => ({
      system,
      paths: paths.map((path: PathName) => {
        const title = `${SYSTEMS[system].title}, path ${path} (${++done} of ${total})`;
        const run: CaseRun = {
          images,
          system,
          path,
          iterations: values.iterations ?? DEFAULT_ITERATIONS,
          cycles,
          progress: () => progress.show(title),
          ...defined({ engine: values.engine }),
        };
        const measured = measureCase(run);
        if (records) timelines.push(recordCall(run));
        return measured;
      }),
    }));
    return { runs, timelines };
  } catch (error) {
    progress.clear();
    if (error instanceof CaseStudyError) throw inputError(error.message);
    if (error instanceof CannotBootError) throw inputError(`cannot boot the hypervisor: ${error.message}`);
    throw error;
  } finally {
    progress.clear();
  }
}

function chosen<T extends string>(given: T | "all" | undefined, all: readonly T[]): readonly T[] {
  return given === undefined || given === "all" ? all : [given];
}

function writePage(path: string, page: string): void {
  try {
    writeFileSync(path, page);
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

function* tables(
  runs: readonly SystemRuns[],
  models: Parameters<typeof systemTable>[1],
  iterations: number,
): Iterable<string> {
  for (const one of runs) {
    yield systemTable(one, models);
    yield agreement(one);
    yield "";
  }
  yield* legend(models, iterations);
}

/** Whether the paths computed the same, and who was refused. */
function agreement(runs: SystemRuns): string {
  const { paths } = runs;
  const refused = [
    ...new Set(
      paths.flatMap((path) => Object.entries(path.refused).map(([who, error]) => `${who} (${error})`)),
    ),
  ];
  const count = Object.keys(paths[0]?.results ?? {}).length;
  const same = paths.length < 2
    ? `${count} results`
    : disagreements(runs).length === 0
    ? `the ${paths.length} paths give the same ${count} results`
    : "THE PATHS GIVE DIFFERENT RESULTS";
  return `${same}; refused over each: ${refused.join(", ")}`;
}
