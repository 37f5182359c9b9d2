/**
 * Debian's Xen, with Debian's generic kernel as its domain 0: the kernel has no privileges, Xen runs it in ring 3 and has
 * the page tables, interrupts and devices. The processor has VMX and EPT, which Xen uses for other domains.
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { initramfs, initramfsWith } from "../../../_tools/debian/initramfs.ts";
import { debianKernel } from "../../../_tools/debian/packages.ts";
import { xenImage } from "../../../_tools/debian/xen.ts";
import type { EngineName } from "../../../src/machine/engines.ts";
import { bootMachine } from "../../../src/machine/machine.ts";
import type { ConsoleResult } from "./console_result.ts";

const MEMORY = 1 << 30, MOST_INSTRUCTIONS = 1e11;

interface Made {
  readonly engine: EngineName;
  readonly processors: number;
  readonly disk: Uint8Array;
}

/** What domain 0 runs, and what must be shown besides its end. */
interface Run {
  readonly script: string;
  readonly initramfs: () => Uint8Array;
  /** For Xen. */
  readonly options: string;
  readonly shows: readonly string[];
}

/** Runs the script /exercise in domain 0, with a disk, and switches off. */
export const runXen = (made: Made): ConsoleResult =>
  run(made, {
    script: "exercise",
    initramfs: () => initramfs("generic"),
    options: "",
    shows: [
      "(XEN) HVM: VMX enabled",
      "(XEN) HVM: Hardware Assisted Paging (HAP) detected",
      "(XEN) *** Building a PV Dom0 ***",
      "ok ext4 write",
    ],
  });

/** Runs other domains with Xen's tools: with EPT, with firmware and QEMU's devices, without VMX, with views of memory. */
export const runXenDomains = (made: Made): ConsoleResult =>
  run(made, {
    script: "domains",
    initramfs: () => initramfsWith("xen", "generic"),
    options: " guest_loglvl=all altp2m=1 dom0_mem=640M",
    shows: [
      "(XEN) d1v0: upcall vector",
      "(d2) Invoking SeaBIOS ...",
      "make_view: view 1 of domain",
      "ok written through the second view",
      "ok many switches",
    ],
  });

function run({ engine, processors, disk }: Made, { script, initramfs, options, shows }: Run): ConsoleResult {
  const machine = bootMachine({
    kernel: new Uint8Array(gunzipSync(readFileSync(xenImage()))),
    modules: [
      {
        bytes: readFileSync(debianKernel("generic").image),
        commandLine: `vmlinuz console=hvc0 script=${script}`,
      },
      { bytes: initramfs() },
    ],
    commandLine: `xen console=com1 com1=115200,8n1 loglvl=all${options}`,
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
      ...[...shows, `init: ${script} ended with 0`].filter((text) => !transcript.includes(text))
        .map((text) => `nothing says "${text}"`),
      ...stop === "power off" ? [] : [`it ended by ${stop}`],
    ],
    transcript,
    stop,
  };
}
