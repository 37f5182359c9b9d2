/** A kernel that speaks the protocol of `causeway worlds` without being a hypervisor. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { PathName } from "../../../src/cli/worlds/case_studies.ts";
import type { CaseRun } from "../../../src/cli/worlds/measure.ts";

/** Its image. */
export const PROTOCOL: string = fileURLToPath(new URL("kernels/protocol.elf", import.meta.url));

/** A run of it. `append`: words that make it misbehave. */
export function protocolRun(path: PathName, append?: string, more: Partial<CaseRun> = {}): CaseRun {
  return {
    images: { hypervisor: readFileSync(PROTOCOL), kernel: new Uint8Array(), initrd: new Uint8Array() },
    system: "proxos",
    path,
    iterations: 20,
    cycles: "haswell",
    limit: 5_000_000,
    ...(append === undefined ? {} : { append }),
    ...more,
  };
}
