/** Makes the events of worlds, while somebody hears them: observers cost nothing where there are none. */
import type { SystemProcessor } from "../system_processor.ts";
import type { EventSource } from "./events.ts";
import {
  describeWorld,
  type Moment,
  type SwitchCounts,
  type VmExitEvent,
  type WorldSwitchEvent,
  WorldWatcher,
} from "./world_events.ts";
import { reasonName } from "../../vmx/exit_reasons.ts";

/** The guest has written to the mark port. */
export interface MarkEvent extends Moment {
  /** The 32 bits written. */
  readonly value: number;
  /** Switches of each kind up to here. */
  readonly switches: SwitchCounts;
}

/** The events that tell of worlds. */
export interface WorldEvents {
  /** The processor has gone from one world to another. Code that switches worlds runs slower while this is heard. */
  readonly worldSwitch: WorldSwitchEvent;
  /** A VM exit has happened. */
  readonly vmexit: VmExitEvent;
  /** The guest has written to the mark port, in a machine with `marks`. */
  readonly mark: MarkEvent;
}

/** When it is, for a processor. */
export function momentOf({ apic, clock, inner }: SystemProcessor): Moment {
  return { processor: apic.id, instructions: inner.instructions, cycle: clock.now() };
}

/** Observes a processor as far as the events are heard. */
export function watchWorlds<E extends WorldEvents>(
  processor: SystemProcessor,
  events: Pick<EventSource<E>, "isHeard"> & { emit(name: keyof WorldEvents, event: never): void },
): void {
  const { unit: { context: { m, switches } }, vmx } = processor;
  const now = (): Moment => momentOf(processor);
  if (!events.isHeard("worldSwitch")) switches.observer = undefined;
  else {
    switches.observer ??= new WorldWatcher(
      m,
      describeWorld(processor.state),
      now,
      (event) => events.emit("worldSwitch", event as never),
    );
  }
  if (vmx === undefined) return;
  vmx.state.exitObserver = !events.isHeard("vmexit") ? undefined : (exit) => {
    const event: VmExitEvent = { ...exit, name: reasonName(exit.reason), ...now() };
    events.emit("vmexit", event as never);
  };
}
