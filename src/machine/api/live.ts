/** Runs a machine among other things: the host's events go on, and input is waited for. */
import type { Machine, MachineStop } from "../machine.ts";

/** Instructions between two turns of the host's event loop: some tens of milliseconds. */
const SLICE = 2_000_000;

/** Most milliseconds that the host is waited for at a time. */
const MOST_WAIT = 10;

/** How long `runLive` runs. */
export interface LiveOptions {
  /** Guest instructions at most. Default: no limit. */
  readonly instructions?: number;
  /** Ends it when it is aborted, at the next turn: then the stop is `budget`. */
  readonly signal?: AbortSignal;
}

/** Runs a machine until it ends, or waits for what neither time nor input can bring. */
export async function runLive(
  machine: Machine,
  { instructions = Infinity, signal }: LiveOptions,
): Promise<MachineStop> {
  const end = machine.instructions + instructions;
  for (;;) {
    const skipped = machine.skippedTime;
    const stop = machine.run({ instructions: Math.min(SLICE, end - machine.instructions) });
    const waits = stop.kind === "halt" && stop.awaitsInput;
    if (!waits && (stop.kind !== "budget" || machine.instructions >= end)) return stop;
    if (signal?.aborted === true) return { kind: "budget" };
    if (waits) await machine.input({ signal });
    // While the host is waited for, the guest's time does not run ahead of it.
    else {await machine.input({
        signal,
        milliseconds: machine.waitsForHost ? Math.min(MOST_WAIT, (machine.skippedTime - skipped) / 1e6) : 0,
      });}
  }
}
