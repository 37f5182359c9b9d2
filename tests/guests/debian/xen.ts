/**
 * Debian's Xen, with Debian's generic kernel as its domain 0: the kernel has no privileges, Xen runs it in ring 3 and has
 * the page tables, interrupts and devices. The processor has VMX and EPT, which Xen finds and enables for other domains.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { initramfs } from "../../../_tools/debian/initramfs.ts";
import { debianKernel, debianPackage } from "../../../_tools/debian/packages.ts";
import type { EngineName } from "../../../src/machine/engines.ts";
import { bootMachine } from "../../../src/machine/machine.ts";
import type { ConsoleResult } from "./console_result.ts";

const PACKAGE = "xen-hypervisor-4.17-amd64", IMAGE = "xen-4.17-amd64.gz";
const MEMORY = 1 << 30, MOST_INSTRUCTIONS = 6e10;
/** What Xen says of the processor, and what the script in domain 0 ends with. */
const SHOWS = [
  "(XEN) HVM: VMX enabled",
  "(XEN) HVM: Hardware Assisted Paging (HAP) detected",
  "(XEN) *** Building a PV Dom0 ***",
  "ok ext4 write",
  "init: exercise ended with 0",
];

/** Runs the script /exercise in domain 0, with a disk, and switches off. */
export function runXen(
  { engine, processors, disk }: {
    readonly engine: EngineName;
    readonly processors: number;
    readonly disk: Uint8Array;
  },
): ConsoleResult {
  const machine = bootMachine({
    kernel: new Uint8Array(gunzipSync(readFileSync(join(debianPackage(PACKAGE), "boot", IMAGE)))),
    modules: [
      {
        bytes: readFileSync(debianKernel("generic").image),
        commandLine: "vmlinuz console=hvc0 script=exercise",
      },
      { bytes: initramfs("generic") },
    ],
    commandLine: "xen console=com1 com1=115200,8n1 loglvl=all",
    memory: MEMORY,
    processors,
    engine,
    vmx: true,
    disks: [{ image: disk, snapshot: true }],
    rng: true,
  });
  const stop = machine.run({ instructions: MOST_INSTRUCTIONS }).kind, transcript = machine.console.text;
  return {
    instructions: machine.instructions,
    failures: [
      ...[...transcript.matchAll(/^FAILED .*$/gm)].map(([line]) => line),
      ...SHOWS.filter((text) => !transcript.includes(text)).map((text) => `nothing says "${text}"`),
      ...stop === "power off" ? [] : [`it ended by ${stop}`],
    ],
    transcript,
    stop,
  };
}
