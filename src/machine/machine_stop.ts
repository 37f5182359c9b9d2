/** Why a machine stops, and what of that belongs to its state: stops that nothing follows. */
import { fields, maybe, oneOf, type Shape, whole } from "../snapshot/shape.ts";
import type { PointStop } from "./api/points.ts";
import type { Stateful } from "../snapshot/stateful.ts";

/** Why `Machine.run` returned. */
export type MachineStop =
  | PointStop
  /**
   * The instructions asked for have been executed, or as much time has been skipped; or the guest waits for some milliseconds
   * while a connection to the host is open (`Machine.waitsForHost`).
   */
  | { readonly kind: "budget" }
  /** The guest has written the text asked for. */
  | { readonly kind: "text" }
  /** The guest wrote V to port F4H: `code` is (V << 1) | 1. */
  | { readonly kind: "exit"; readonly code: number }
  /** The guest has switched the machine off, or reset it, by ACPI. */
  | { readonly kind: "power off" }
  | { readonly kind: "reset" }
  /** Triple fault: the processor whose turn it is has shut down. */
  | { readonly kind: "triple fault" }
  /**
   * All processors wait, and neither a timer nor a pending interrupt will end it. Input may, if interrupts are enabled
   * and the guest waits for that of a console, or a connection to the host is open: then `awaitsInput`.
   */
  | { readonly kind: "halt"; readonly awaitsInput: boolean };

/** Stops that nothing follows. */
const ENDS = ["exit", "power off", "reset", "triple fault"] as const;
export type MachineEnd = Extract<MachineStop, { kind: (typeof ENDS)[number] }>;

type Ended = {
  readonly ended: { readonly kind: (typeof ENDS)[number]; readonly code: number } | undefined;
};
const ENDED: Shape<Ended> = fields({
  ended: maybe(fields({ kind: oneOf(...ENDS), code: whole(0, 0xff) })),
});

/** Whether nothing follows a stop. */
export function isEnd(stop: MachineStop): stop is MachineEnd {
  return ENDS.some((kind) => kind === stop.kind);
}

/** How a machine has ended, if it has. */
export class Ending implements Stateful<Ended> {
  readonly stateFormat = { version: 1, shape: ENDED };
  end: MachineEnd | undefined;

  saveState(): Ended {
    const { end } = this;
    if (end === undefined) return { ended: undefined };
    return { ended: { kind: end.kind, code: end.kind === "exit" ? end.code : 0 } };
  }

  loadState({ ended }: Ended): void {
    if (ended === undefined) this.end = undefined;
    else this.end = ended.kind === "exit" ? { kind: "exit", code: ended.code } : { kind: ended.kind };
  }
}
