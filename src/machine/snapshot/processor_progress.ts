/** What a processor is about to do, apart from its registers: whether it waits, and for what. */
import { Activity } from "../../cpu/system/activity.ts";
import { MONITOR_LINE, type MonitoredLine } from "../../cpu/system/monitor.ts";
import { type LinearMemory, RAM_BASE } from "../../memory/physical.ts";
import { bool, bytes, fields, maybe, type Shape, time, u32, u8, whole } from "../../snapshot/shape.ts";
import type { SystemProcessor, Wait } from "../system_processor.ts";

/** It, as the processor has it. */
export interface ProcessorProgress {
  readonly activity: number;
  readonly shutdown: boolean;
  readonly yields: boolean;
  /** The line that MWAIT waits for. */
  readonly monitored: { readonly line: MonitoredLine; readonly endsWithMasked: boolean } | undefined;
  readonly init: boolean;
  readonly startup: number | undefined;
  readonly wait: Wait;
  readonly deferred: number;
  readonly stalled: number;
}

/** Breakpoints, a bit for each. */
const BREAKPOINTS = whole(0, 15);

/** A line of RAM, by its number. */
type LineState = { readonly number: number; readonly before: Uint8Array };
/** The saved state. */
export type ProgressState = {
  readonly activity: number;
  readonly shutdown: boolean;
  readonly yields: boolean;
  /** The line that MONITOR has been executed for. */
  readonly armed: LineState | undefined;
  readonly monitored: { readonly line: LineState; readonly endsWithMasked: boolean } | undefined;
  readonly init: boolean;
  readonly startup: number | undefined;
  readonly wait: {
    readonly interrupts: boolean;
    readonly nmi: boolean;
    readonly init: boolean;
    readonly deadline: number;
    readonly isOver: boolean;
  };
  readonly deferred: number;
  readonly stalled: number;
};

/** What the saved state looks like with this memory. */
export function progressShape({ ramBytes }: LinearMemory): Shape<ProgressState> {
  const line = fields({ number: whole(0, ramBytes / MONITOR_LINE - 1), before: bytes(MONITOR_LINE) });
  return fields({
    activity: whole(Activity.ACTIVE, Activity.WAIT_FOR_SIPI),
    shutdown: bool,
    yields: bool,
    armed: maybe(line),
    monitored: maybe(fields({ line, endsWithMasked: bool })),
    init: bool,
    startup: maybe(u8),
    wait: fields({ interrupts: bool, nmi: bool, init: bool, deadline: time, isOver: bool }),
    deferred: BREAKPOINTS,
    stalled: u32,
  });
}

/** Saves it. */
export function saveProgress(processor: SystemProcessor): ProgressState {
  const { monitored, ...progress } = processor.saveProgress(), { armed } = processor.unit.monitor;
  return {
    ...progress,
    wait: { ...progress.wait },
    armed: armed && saveLine(armed),
    monitored: monitored && { ...monitored, line: saveLine(monitored.line) },
  };
}

/** Restores it. */
export function loadProgress(
  processor: SystemProcessor,
  { armed, monitored, ...progress }: ProgressState,
): void {
  const { monitor } = processor.unit;
  const lineOf = ({ number, before }: LineState): MonitoredLine =>
    monitor.watch(RAM_BASE + number * MONITOR_LINE, before);
  monitor.armed = armed && lineOf(armed);
  processor.loadProgress({
    ...progress,
    monitored: monitored && { ...monitored, line: lineOf(monitored.line) },
  });
}

const saveLine = ({ place, before }: MonitoredLine): LineState => ({
  number: (place - RAM_BASE) / MONITOR_LINE,
  before: before.slice(),
});
