/** Runs a case study over one path, and measures between the marks that the guest sets. */
import process from "node:process";
import { SWITCH_KIND_NAMES, type SwitchCounts } from "../../machine/api/world_events.ts";
import type { MarkEvent } from "../../machine/api/world_watch.ts";
import type { CycleChoice } from "../../machine/cycle_model.ts";
import type { EngineName } from "../../machine/engines.ts";
import { bootMachine, type Machine, type MachineStop } from "../../machine/machine.ts";
import { EMPTY_LOOP, type PathName, type SystemName, type Workload, WORKLOADS } from "./case_studies.ts";

/** The images that a case study boots. */
export interface WorldImages {
  readonly hypervisor: Uint8Array;
  readonly kernel: Uint8Array;
  readonly initrd: Uint8Array;
}

/** What to run. */
export interface CaseRun {
  readonly images: WorldImages;
  readonly system: SystemName;
  readonly path: PathName;
  readonly iterations: number;
  readonly engine?: EngineName;
  readonly cycles?: CycleChoice;
  /** More words for the hypervisor's command line. */
  readonly append?: string;
  /** Instructions after which the run is given up; by default far more than any takes. */
  readonly limit?: number;
  /** Is called between pieces of the run. */
  readonly progress?: () => void;
}

/** What one iteration of a workload takes; the loop itself is subtracted. */
export interface PerCall {
  readonly instructions: number;
  readonly hostNanoseconds: number;
  readonly switches: SwitchCounts;
}

/** A workload, measured. */
export interface WorkloadRun {
  readonly workload: Workload;
  readonly iterations: number;
  readonly perCall: PerCall;
}

/** What came of a run. */
export interface PathRun {
  readonly system: SystemName;
  readonly path: PathName;
  readonly workloads: readonly WorkloadRun[];
  /** What the workloads computed, by their names. */
  readonly results: Readonly<Record<string, string>>;
  /** Callers that were refused, as they should be, with the error. */
  readonly refused: Readonly<Record<string, string>>;
  /** Of the whole run. */
  readonly instructions: number;
  readonly hostSeconds: number;
}

/** A guest did not do what it should; the message says what, and ends with what it printed last. */
export class CaseStudyError extends Error {
  override readonly name = "CaseStudyError";
}

/** RAM of the machine. */
const MEMORY = 256 << 20;
/** Instructions between two looks at the progress. */
const SLICE = 20_000_000;
/** Instructions after which a run is given up: to boot, and for each iteration of all workloads. */
const MOST_TO_BOOT = 1_000_000_000, MOST_PER_ITERATION = 1_000_000;
/** What the machine exits with when the guest wrote 0 to the exit port. */
const SUCCESS = 1;
/** Lines of the console that an error shows. */
const TAIL = 8;

/** Boots the machine of a case study. */
export function bootCase({ images, system, path, iterations, engine, cycles, append }: CaseRun): Machine {
  return bootMachine({
    kernel: images.hypervisor,
    modules: [
      { bytes: images.kernel, commandLine: "kernel.elf" },
      { bytes: images.initrd, commandLine: "initrd.tar" },
    ],
    commandLine: `hypervisor.elf system=${system} path=${path} iterations=${iterations}${
      append === undefined ? "" : ` ${append}`
    }`,
    memory: MEMORY,
    vmx: true,
    crossover: true,
    marks: true,
    ...(engine === undefined ? {} : { engine }),
    ...(cycles === undefined ? {} : { cycles }),
  });
}

/** Runs a machine until its guest has ended; throws where it ended otherwise than with success. */
export function runCase(machine: Machine, run: CaseRun): void {
  const limit = run.limit ?? MOST_TO_BOOT + MOST_PER_ITERATION * run.iterations;
  let stop: MachineStop = { kind: "budget" };
  while (stop.kind === "budget" && machine.instructions < limit) {
    stop = machine.run({ instructions: Math.min(SLICE, limit - machine.instructions) });
    run.progress?.();
  }
  if (stop.kind === "exit" && stop.code === SUCCESS) return;
  throw failure(machine, run, endOf(stop, limit));
}

function endOf(stop: MachineStop, limit: number): string {
  switch (stop.kind) {
    case "exit":
      return `it ended with exit code ${stop.code}`;
    case "budget":
      return `it did not end within ${limit.toLocaleString("en-US")} instructions`;
    case "triple fault":
    case "power off":
    case "reset":
    case "text":
    case "breakpoint":
    case "watchpoint":
      return `it ended with a ${stop.kind}`;
    case "halt":
      return "it halted, and nothing can wake it";
  }
}

function failure(machine: Machine, { system, path }: CaseRun, what: string): CaseStudyError {
  const lines = machine.console.text.trimEnd().split("\n").slice(-TAIL);
  return new CaseStudyError(
    `${system} over the path ${path}: ${what}. Its console's last lines:\n  ${lines.join("\n  ")}`,
  );
}

/** A mark, with the host's processor time in nanoseconds. */
interface TimedMark extends MarkEvent {
  readonly host: number;
}

/** Processor time that this process has used, in nanoseconds: the host may have other things to do. */
function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}

/** Measures a case study over one path. */
export function measureCase(run: CaseRun): PathRun {
  const machine = bootCase(run);
  const marks: TimedMark[] = [];
  machine.on("mark", (mark) => marks.push({ ...mark, host: processorTime() }));
  const start = processorTime();
  runCase(machine, run);
  const hostSeconds = (processorTime() - start) / 1e9;
  const lines = machine.console.text.split("\n").map((line) => line.replace(/\r$/, ""));
  if (!lines.includes("done")) throw failure(machine, run, "it ended without saying done");
  const refused = parseLines(lines, "refused");
  if (Object.keys(refused).length === 0) {
    throw failure(machine, run, "it refused nobody, though a caller that no policy lists has called");
  }
  const loops = pairMarks(marks, (what) => failure(machine, run, what));
  const loop = loops.get(EMPTY_LOOP);
  if (loop === undefined) throw failure(machine, run, "it has not measured the empty loop");
  return {
    system: run.system,
    path: run.path,
    workloads: WORKLOADS.flatMap((workload) => {
      const measured = loops.get(workload.id);
      if (measured === undefined) return [];
      return [{ workload, iterations: measured.iterations, perCall: perCall(measured, loop) }];
    }),
    results: parseLines(lines, "result"),
    refused,
    instructions: machine.instructions,
    hostSeconds,
  };
}

/** Lines such as `result getpid 7`, as what follows the word by its name. */
function parseLines(lines: readonly string[], word: string): Readonly<Record<string, string>> {
  const found = lines.map((line) => new RegExp(`^${word} (\\S+) (.*)$`).exec(line));
  return Object.fromEntries(found.filter((match) => match !== null).map((match) => [match[1]!, match[2]!]));
}

/** What lies between two marks. */
interface Loop {
  readonly iterations: number;
  readonly before: TimedMark;
  readonly after: TimedMark;
}

/** Each loop by its number: a mark with iterations, then the next one with none. */
function pairMarks(
  marks: readonly TimedMark[],
  failed: (what: string) => CaseStudyError,
): ReadonlyMap<number, Loop> {
  const loops = new Map<number, Loop>();
  for (let n = 0; n < marks.length; n += 2) {
    const before = marks[n]!, after = marks[n + 1];
    const id = before.value >>> 16, iterations = before.value & 0xffff;
    if (iterations === 0) throw failed(`it ended the loop of workload ${id} before it began`);
    if (after === undefined || after.value !== id << 16) {
      throw failed(`it began the loop of workload ${id} and did not end it`);
    }
    loops.set(id, { iterations, before, after });
  }
  return loops;
}

/** Figures of an iteration, without what an iteration of the empty loop takes. */
function perCall(measured: Loop, loop: Loop): PerCall {
  const each = (pick: (mark: TimedMark) => number, { before, after, iterations }: Loop = measured): number =>
    (pick(after) - pick(before)) / iterations;
  const above = (pick: (mark: TimedMark) => number): number => Math.max(0, each(pick) - each(pick, loop));
  const switches = SWITCH_KIND_NAMES.map((kind) =>
    [kind, each(({ switches: counts }) => counts[kind])] as const
  );
  return {
    instructions: above(({ instructions }) => instructions),
    hostNanoseconds: above(({ host }) => host),
    switches: Object.fromEntries(switches) as { [K in keyof SwitchCounts]: number },
  };
}
