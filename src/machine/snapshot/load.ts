/** Makes a machine from a snapshot. */
import { readSnapshotFile, refusing, SnapshotError } from "../../snapshot/file.ts";
import { fields, type Shape, type StateValue, text } from "../../snapshot/shape.ts";
import { Machine, type MachineOptions } from "../machine.ts";
import { CONFIGURATION, optionsOf } from "./configuration.ts";
import { SUBJECT } from "./save.ts";

/**
 * How the machine is executed and where its connections lead, which is no part of its state; and devices like those that were
 * attached, newly made.
 */
export type LoadOptions = Pick<MachineOptions, "engine" | "tiers" | "observer" | "devices" | "hostConnector">;

const anything: Shape<StateValue> = { check: (value) => value };
const STATE = fields({ subject: text, configuration: CONFIGURATION, parts: anything });

/**
 * Makes a machine from a snapshot. It goes on as the one that was saved does, instruction by instruction, on every engine
 * and host.
 *
 * @throws {SnapshotError} if it is no snapshot, is damaged, or of another version
 */
export function loadMachine(snapshot: Uint8Array, options: LoadOptions = {}): Promise<Machine> {
  // What is wrong with it rejects the promise.
  return new Promise((resolve) => resolve(makeMachine(snapshot, options)));
}

function makeMachine(snapshot: Uint8Array, options: LoadOptions): Machine {
  const { state, unpack } = readSnapshotFile(snapshot);
  const { machine, restore } = refusing(() => {
    const { subject, configuration, parts } = STATE.check(state, "The snapshot");
    if (subject !== SUBJECT) throw new SnapshotError(`the snapshot is of a ${subject}, not of a ${SUBJECT}`);
    const machine = new Machine({ ...optionsOf(configuration), ...options }, false);
    return { machine, restore: machine.parts.check(parts) };
  });
  const { memory } = machine.processors.core;
  unpack(memory.ram(0, memory.ramBytes));
  restore();
  return machine;
}
