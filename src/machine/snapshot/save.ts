/** Saves a machine. */
import { writeSnapshotFile } from "../../snapshot/file.ts";
import type { Machine } from "../machine.ts";

/** Name of what the snapshots are of, in their heads. */
export const SUBJECT = "causeway machine";

/**
 * A snapshot of a machine between two instructions. Its state is taken at once: the machine may go on while the promise is
 * pending.
 */
export function saveMachine(machine: Machine): Promise<Uint8Array> {
  const { memory, inner } = machine.processors.core;
  // A snapshot holds no translations of addresses. So that the machine goes on as the resumed one will, it forgets its own,
  // as processors may at any time (SDM vol. 3A, section 4.10.2.2).
  inner.mmu.worlds.dropTagged(() => true);
  const state = { subject: SUBJECT, configuration: machine.configuration, parts: machine.parts.save() };
  return Promise.resolve(writeSnapshotFile(state, memory.ram(0, memory.ramBytes)));
}
