/** The saved state of all processors of a machine, and of whose turn it is. */
import { WORLD_SWITCH_KINDS, type WorldSwitchKind } from "../../cpu/system/world_switches.ts";
import { bool, fields, list, type Shape, such, time, u32, whole } from "../../snapshot/shape.ts";
import type { Processors } from "../processors.ts";
import { loadProgress } from "./processor_progress.ts";
import { loadProcessor, processorShape, type ProcessorState, saveProcessor } from "./processor_state.ts";

/** Which processor executes, and how many instructions are left of its turn. */
export interface Turn {
  readonly turn: number;
  readonly left: number;
}

/** Breakpoints, a bit for each. */
const BREAKPOINTS = whole(0, 15);

/** The saved state. */
export type ProcessorsState = {
  readonly turn: number;
  readonly left: number;
  readonly cycles: number;
  readonly switches: readonly number[];
  /** Something has arrived for a processor other than the current one. */
  readonly interrupted: boolean;
  /** Breakpoints that the last instruction has met. */
  readonly hits: number;
  readonly processors: readonly ProcessorState[];
};

function shapeOf(processors: Processors): Shape<ProcessorsState> {
  const { all } = processors;
  return fields({
    turn: whole(0, all.length - 1),
    left: time,
    cycles: whole(0, Number.MAX_SAFE_INTEGER),
    switches: list(u32, WORLD_SWITCH_KINDS),
    interrupted: bool,
    hits: BREAKPOINTS,
    processors: eachOf(all.map(processorShape)),
  });
}
/** What it looks like for these processors. */
export function processorsShape(processors: Processors): Shape<ProcessorsState> {
  return such(
    shapeOf(processors),
    ({ cycles, switches }) => cycles >= switchesCost(processors, switches),
    "a count of cycles with that many switches",
  );
}

/** A list with a shape for each of its values. */
function eachOf(shapes: readonly Shape<ProcessorState>[]): Shape<readonly ProcessorState[]> {
  const any = list<ProcessorState>({ check: (value) => value as ProcessorState }, shapes.length);
  return {
    check: (value, place) =>
      any.check(value, place).map((state, n) => shapes[n]!.check(state, `${place}[${n}]`)),
  };
}

/** Saves it, between two runs. */
export function saveProcessors(processors: Processors, turn: Turn): ProcessorsState {
  const { core, all } = processors, { switches } = core.inner.dispatcher;
  return {
    ...turn,
    cycles: core.inner.cycles,
    switches: Array.from(
      { length: WORLD_SWITCH_KINDS },
      (_, kind) => switches.counted(kind as WorldSwitchKind),
    ),
    interrupted: core.interrupted,
    hits: core.inner.mmu.breakpoints.hits,
    processors: all.map(saveProcessor),
  };
}

/** Restores it, before the first run. */
export function loadProcessors({ core, all, current }: Processors, state: ProcessorsState): void {
  const { dispatcher, mmu } = core.inner;
  for (const [n, processor] of all.entries()) {
    core.seat(processor);
    loadProcessor(processor, state.processors[n]!);
  }
  core.seat(current);
  for (const [n, processor] of all.entries()) loadProgress(processor, state.processors[n]!.progress);
  // Who sits already does not enter any more.
  current.enter();
  mmu.breakpoints.hits = state.hits;
  core.interrupted = state.interrupted;
  core.asked = false;
  dispatcher.switches.setCounts(state.switches);
  dispatcher.setCycles(state.cycles);
}

function switchesCost({ core }: Processors, counts: readonly number[]): number {
  const { switches } = core.inner.dispatcher;
  return counts.reduce((sum, count, kind) => sum + count * switches.costOf(kind as WorldSwitchKind), 0);
}
