/** Records one call over each path: which worlds it leads through, and when. */
import {
  SWITCH_KIND_NAMES,
  type SwitchKindName,
  type WorldDescription,
} from "../../machine/api/world_events.ts";
import { extraCycles } from "../../machine/cycle_model.ts";
import { type PathName, type SystemName, SYSTEMS, WORKLOADS } from "./case_studies.ts";
import { bootCase, type CaseRun, CaseStudyError, runCase } from "./measure.ts";

/** A switch on the way of a call. */
export interface TimelineSwitch {
  /** Cycles since the call began, in the cycle model of the run, when the switch is done. */
  readonly cycle: number;
  /** Cycles that the switch takes, as far as they are above the one of its instruction. */
  readonly cost: number;
  readonly instructions: number;
  readonly kind: SwitchKindName;
  readonly cause: string;
  /** Names of the worlds. */
  readonly from: string;
  readonly to: string;
}

/** One call. */
export interface Timeline {
  readonly system: SystemName;
  readonly path: PathName;
  readonly workload: string;
  /** Where it begins. */
  readonly start: string;
  readonly switches: readonly TimelineSwitch[];
  /** Cycles from its beginning to its end. */
  readonly cycles: number;
}

/** Names worlds as readers of a case study know them. Told of VM entries, it learns which machine an EPT is of. */
export class WorldNames {
  readonly #machines = new Map<bigint, number>();
  readonly #known = new Set<number>();

  constructor(readonly system: SystemName) {}

  /** A VM entry: the first of a machine enters under its own EPT, and nobody enters under it before. */
  entered({ eptp, vpid }: WorldDescription): void {
    if (this.#known.has(vpid) || this.#machines.has(eptp)) return;
    this.#known.add(vpid);
    this.#machines.set(eptp, vpid);
  }

  /** `private VM, user`, `hypervisor`, `view of the commodity VM, kernel`. */
  nameOf({ vmx, cpl, eptp }: WorldDescription): string {
    const ring = cpl === 3 ? "user" : "kernel";
    if (vmx !== "non-root") return cpl === 3 ? "host process" : "hypervisor";
    const { machines } = SYSTEMS[this.system], number = this.#machines.get(eptp);
    // Who is called is the only machine that others have views of.
    if (number === undefined) return `view of the ${machines[1]}, ${ring}`;
    return `${machines[number as 1 | 2] ?? `VM ${number}`}, ${ring}`;
  }
}

/** Number of the workload that is recorded. */
const RECORDED = WORKLOADS[0]!;

/** Runs a case study once more, with a single iteration, and records the switches of one call. */
export function recordCall(run: CaseRun): Timeline {
  const machine = bootCase({ ...run, iterations: 1 });
  const names = new WorldNames(run.system), costs = extraCycles(run.cycles ?? "off");
  const switches: TimelineSwitch[] = [];
  let began: { cycle: number; instructions: number } | undefined, cycles = 0, start: string | undefined;
  machine.on("worldSwitch", ({ kind, cause, from, to, cycle, instructions }) => {
    if (kind === "vmEntry") names.entered(to);
    if (began === undefined) return;
    const named = { from: names.nameOf(from), to: names.nameOf(to) };
    start ??= named.from;
    switches.push({
      cycle: cycle - began.cycle,
      cost: costs[SWITCH_KIND_NAMES.indexOf(kind)]!,
      instructions: instructions - began.instructions,
      kind,
      cause,
      ...named,
    });
  });
  machine.on("mark", ({ value, cycle, instructions }) => {
    if (value >>> 16 !== RECORDED.id) return;
    if ((value & 0xffff) !== 0) began = { cycle, instructions };
    else if (began !== undefined) {
      cycles = cycle - began.cycle;
      began = undefined;
    }
  });
  runCase(machine, { ...run, iterations: 1 });
  if (start === undefined) {
    throw new CaseStudyError(
      `${run.system} over the path ${run.path}: a call of ${RECORDED.name} switched no worlds`,
    );
  }
  return { system: run.system, path: run.path, workload: RECORDED.name, start, switches, cycles };
}
