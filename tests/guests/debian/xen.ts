/**
 * Debian's Xen, with Debian's generic kernel as its domain 0: the kernel has no privileges, Xen runs it in ring 3 and has
 * the page tables, interrupts and devices. The processor has VMX and EPT, which Xen uses for other domains.
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { type Extra, initramfs } from "../../../_tools/debian/initramfs.ts";
import { debianKernel } from "../../../_tools/debian/packages.ts";
import { xenImage } from "../../../_tools/debian/xen.ts";
import { bootMachine } from "../../../src/machine/machine.ts";
import type { ConsoleGuest, ConsoleResult, Made } from "./console_result.ts";

const MEMORY = 1 << 30, MOST_INSTRUCTIONS = 1e11;

/** What domain 0 runs, and what must be shown besides its end. */
interface Run {
  readonly script: string;
  /** What is in the initramfs besides. */
  readonly extra?: Extra;
  /** For Xen. */
  readonly options?: string;
  readonly shows: readonly string[];
}

/** Runs the script /exercise in domain 0, with a disk, and switches off. */
export const runXen: ConsoleGuest = (made) =>
  run(made, {
    script: "exercise",
    shows: [
      "(XEN) HVM: VMX enabled",
      "(XEN) HVM: Hardware Assisted Paging (HAP) detected",
      "(XEN) *** Building a PV Dom0 ***",
      "ok ext4 write",
    ],
  });

/** Runs other domains with Xen's tools: with EPT, with firmware and QEMU's devices, without VMX, with views of memory. */
export const runXenDomains: ConsoleGuest = (made) =>
  run(made, {
    script: "domains",
    extra: "xen",
    options: "guest_loglvl=all altp2m=1 dom0_mem=640M",
    shows: [
      "(XEN) d1v0: upcall vector",
      "(d2) Invoking SeaBIOS ...",
      "make_view: view 1 of domain",
      "ok written through the second view",
      "ok many switches",
    ],
  });

function run({ engine, processors, disk }: Made, { script, extra, options = "", shows }: Run): ConsoleResult {
  const machine = bootMachine({
    kernel: new Uint8Array(gunzipSync(readFileSync(xenImage()))),
    modules: [
      {
        bytes: readFileSync(debianKernel("generic").image),
        commandLine: `vmlinuz console=hvc0 script=${script}`,
      },
      { bytes: initramfs("generic", extra) },
    ],
    commandLine: `xen console=com1 com1=115200,8n1 loglvl=all ${options}`.trimEnd(),
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
