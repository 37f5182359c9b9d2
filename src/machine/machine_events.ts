/** What a machine tells its listeners. */
import type { WorldEvents } from "./api/world_watch.ts";
import type { MachineStop } from "./machine_stop.ts";

/** The events of a machine. */
export interface MachineEvents extends WorldEvents {
  /** The guest has written to its console. */
  readonly console: Uint8Array;
  /** The guest has written to its second serial port. */
  readonly secondSerial: Uint8Array;
  /** The guest has written to its virtio console. */
  readonly virtioConsole: Uint8Array;
  /** The guest has written a byte to the debug port, E9H, or firmware to its own, 402H. */
  readonly debug: number;
  /** `run` is about to return. */
  readonly stop: MachineStop;
}
