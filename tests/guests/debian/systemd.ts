/** A whole Debian on a virtio disk: systemd brings it up, and is content with it. */
import { readFileSync } from "node:fs";
import { debianRootDisk } from "../../../_tools/debian/root_disk.ts";
import { openDiskFile } from "../../../src/cli/disks.ts";
import type { EngineName } from "../../../src/machine/engines.ts";
import { bootMachine } from "../../../src/machine/machine.ts";
import type { ConsoleResult } from "./console_result.ts";

const MEMORY = 1 << 29, MOST_INSTRUCTIONS = 3e10;
/** What is typed when the console shows a text, and what it must show by then. */
const DIALOGUE: readonly (readonly [prompt: string, typed: string])[] = [
  ["login: ", "root"],
  ["~# ", "echo state: $(systemctl is-system-running --wait)"],
  ["state: running", "echo failed: $(systemctl --failed --no-legend | wc -l)"],
  ["failed: 0", "echo address: $(ip -brief address show up | grep -o '10\\.0\\.2\\.15')"],
  ["address: 10.0.2.15", "echo virtualization: $(systemd-detect-virt)"],
  ["virtualization: vm-other", "echo traces: $(dmesg | grep -c 'Call Trace')"],
  ["traces: 0", "poweroff"],
];

/** Logs in as root, asks systemd and the kernel how they are, and switches off. */
export function runSystemd(
  { engine, processors }: { engine: EngineName; processors: number },
): ConsoleResult {
  const { kernel, initrd, disk } = debianRootDisk();
  const machine = bootMachine({
    kernel: readFileSync(kernel),
    initrd: readFileSync(initrd),
    commandLine: "root=/dev/vda console=ttyS0",
    memory: MEMORY,
    processors,
    engine,
    disks: [{ image: openDiskFile(disk, { writable: false }), snapshot: true }],
    rng: true,
    network: true,
  });
  const failures: string[] = [];
  for (const [prompt, typed] of DIALOGUE) {
    const { kind } = machine.run({ instructions: MOST_INSTRUCTIONS, until: prompt });
    if (kind !== "text") {
      failures.push(`${JSON.stringify(prompt)} does not come before "${typed}": ${kind}`);
      break;
    }
    machine.console.write(`${typed}\n`);
  }
  const stop = machine.run({ instructions: MOST_INSTRUCTIONS }).kind;
  if (stop !== "power off") failures.push(`it ended by ${stop}`);
  return { instructions: machine.instructions, failures, transcript: machine.console.text, stop };
}
