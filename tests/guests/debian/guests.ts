/**
 * Boots Debian's kernels with the initramfs and runs scripts of ours in them: `deno task guests`; and `deno task guests
 * memtest86+`, `screen`, `xen`, `xen-domains` or `systemd`, which only run where they are named. Too long for every run of
 * the tests. What a guest prints and how many instructions it takes is compared between engines. The exercise runs with
 * damaged disks as well, which it must notice.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { Buffer } from "node:buffer";
import { type Extra, initramfs } from "../../../_tools/debian/initramfs.ts";
import {
  debianKernel,
  KERNEL_NAMES,
  KERNEL_NAMES_64,
  type KernelName,
} from "../../../_tools/debian/packages.ts";
import { oneOf, parsePositive, scriptLine } from "../../../_tools/script.ts";
import { choices, flag, value } from "../../../src/cli/options.ts";
import { ENGINE_NAMES, type EngineName } from "../../../src/machine/engines.ts";
import type { ConsoleGuest, ConsoleResult } from "./console_result.ts";
import { SCRIPTED_HOST } from "./hosts.ts";
import { runMemtest } from "./memtest.ts";
import { runScreen } from "./screen.ts";
import type { ScreenResult } from "./screen_result.ts";
import { runSystemd } from "./systemd.ts";
import { runXen, runXenDomains } from "./xen.ts";
import { bootMachine } from "../../../src/machine/machine.ts";

const MEMORY = 1 << 29, LARGE_MEMORY = 1 << 30, DISK_MEGABYTES = 16;

/** A script, and what a machine needs for it. */
interface Script {
  readonly vmx: boolean;
  /** What is in the initramfs besides. */
  readonly extra?: Extra;
  /** What it ends with. */
  readonly shows: string;
  /** Where it runs if nothing is named. */
  readonly engines: readonly EngineName[];
  readonly kernels: readonly KernelName[];
  /** With so many processors, if nothing is said; 1 and 2 otherwise. */
  readonly processors?: readonly number[];
  /** The script that it is, if that has another name, and what the kernel is told besides. */
  readonly runs?: string;
  readonly kernelOptions?: string;
}

const SCRIPTS = {
  exercise: {
    vmx: false,
    shows: "ok ext4 write",
    engines: ["auto", "js"],
    kernels: KERNEL_NAMES,
  },
  /** Processors and interrupts by the MP table, which the cloud kernel does not look for. */
  "without-acpi": {
    runs: "exercise",
    kernelOptions: "acpi=off",
    vmx: false,
    shows: "PCI->APIC IRQ transform: INT A -> IRQ 10",
    engines: ["auto"],
    kernels: ["generic"],
    processors: [2],
  },
  network: {
    vmx: false,
    shows: "ok typed on hvc0",
    engines: ["auto", "js"],
    kernels: KERNEL_NAMES,
  },
  "kvm-test": {
    vmx: true,
    shows: "kvm: the guest has halted; sum 500500, reads 1000",
    engines: ["auto"],
    kernels: KERNEL_NAMES_64,
  },
  nested: {
    vmx: true,
    extra: "qemu",
    shows: "init: nested ended with 0",
    engines: ["auto"],
    kernels: ["generic"],
  },
  selftests: {
    vmx: true,
    extra: "selftests",
    shows: "passes vmx_msrs_test",
    engines: ["auto"],
    kernels: ["generic"],
    processors: [2],
  },
  "selftests-32": {
    runs: "selftests",
    vmx: false,
    extra: "selftests",
    shows: "passes entry_from_vm86_32",
    engines: ["auto"],
    kernels: ["686-pae"],
    processors: [2],
  },
} as const satisfies Record<string, Script>;
type ScriptName = keyof typeof SCRIPTS;
const SCRIPT_NAMES = Object.keys(SCRIPTS) as ScriptName[];
const MOST_INSTRUCTIONS = 3e10;

/** A disk that something is wrong with: what is written over it, and the names of the checks that fail then. */
interface Damage {
  readonly damage: (image: Uint8Array) => void;
  readonly fails: readonly string[];
}

/** ext4 has its superblock here, and so many bytes of it. */
const SUPERBLOCK = 1024, SUPERBLOCK_BYTES = 1024;
const FILE_TEXT = "written by mkfs\n", OTHER_TEXT = "Written by mkfs\n";
const DAMAGES: Readonly<Record<string, Damage>> = {
  "another file": {
    damage: (image) => image.set(Buffer.from(OTHER_TEXT), Buffer.from(image.buffer).indexOf(FILE_TEXT)),
    fails: ["ext4 read"],
  },
  "no superblock": {
    damage: (image) => image.fill(0, SUPERBLOCK, SUPERBLOCK + SUPERBLOCK_BYTES),
    fails: ["ext4 mount", "ext4 read", "ext4 umount", "ext4 write"],
  },
};

/** An ext4 file system, made by Debian's mkfs.ext4 (package `e2fsprogs`), with the file that /exercise reads. */
function ext4Image(): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "causeway-"));
  const image = join(folder, "image"), root = join(folder, "root");
  try {
    mkdirSync(root);
    writeFileSync(join(root, "hello"), FILE_TEXT);
    execFileSync("/sbin/mkfs.ext4", ["-q", "-F", "-d", root, image, `${DISK_MEGABYTES}M`]);
    return new Uint8Array(readFileSync(image));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function run(
  name: KernelName,
  script: ScriptName,
  processors: number,
  engine: EngineName,
  image: Uint8Array = DISK,
): ConsoleResult {
  const { vmx, extra, shows, runs = script, kernelOptions = "" }: Script = SCRIPTS[script];
  const machine = bootMachine({
    kernel: readFileSync(debianKernel(name).image),
    modules: [{ bytes: initramfs(name, extra) }],
    commandLine: `console=ttyS0 script=${runs} ${kernelOptions}`.trimEnd(),
    memory: extra === undefined ? MEMORY : LARGE_MEMORY,
    processors,
    engine,
    ...(threshold === undefined ? {} : { tiers: { threshold } }),
    vmx,
    disks: [{ image, snapshot: true }],
    rng: true,
    network: { names: { web: "10.0.2.2" } },
    hostConnector: SCRIPTED_HOST,
    virtioConsole: true,
  });
  if (script === "network") {
    machine.run({ instructions: MOST_INSTRUCTIONS, until: "hvc0 is open" });
    machine.virtioConsole?.write("typed by the host\n");
  }
  const stop = machine.run({ instructions: MOST_INSTRUCTIONS });
  const transcript = machine.console.text, ended = transcript.includes(`init: ${runs} ended with `);
  const failures = [...transcript.matchAll(/^FAILED .*$/gm)].map(([line]) => line);
  if (script === "network" && machine.virtioConsole?.text.endsWith("printed on hvc0\r\n") !== true) {
    failures.push(`hvc0 shows ${JSON.stringify(machine.virtioConsole?.text)}`);
  }
  return {
    instructions: machine.instructions,
    transcript,
    failures: !ended
      ? undefined
      : transcript.includes(shows)
      ? failures
      : [...failures, `nothing says "${shows}"`],
    stop: stop.kind,
  };
}

/** Guests that are watched by their screen. */
const BY_SCREEN: Readonly<Record<string, (engine: EngineName) => ScreenResult>> = {
  "memtest86+": runMemtest,
  screen: runScreen,
};
/** Guests that are watched by their console. */
const BY_CONSOLE: Readonly<Record<string, ConsoleGuest>> = {
  xen: runXen,
  "xen-domains": runXenDomains,
  systemd: runSystemd,
};
const ON_REQUEST = [...Object.keys(BY_SCREEN), ...Object.keys(BY_CONSOLE)];
const { values, rest } = scriptLine({
  call: "deno task guests",
  description: `Boots Debian's kernels (${KERNEL_NAMES.join(", ")}) and runs scripts in them; ${
    ON_REQUEST.join(", ")
  } only where they are named. What they print and how many instructions they take must be the same in all engines.`,
  operands: ["[GUEST…]"],
  options: {
    cpus: value("N,N", "With so many processors (1,2).", (text) => text.split(",").map(parsePositive)),
    script: choices(SCRIPT_NAMES, "Only these scripts in the kernels."),
    engine: choices(ENGINE_NAMES, "Only these engines; each script has its own otherwise."),
    threshold: value("N", "Executions of a block before it is compiled.", parsePositive),
    twice: flag("Everything two times, which must not differ either."),
    print: flag("Prints what the guests print."),
  },
});
const guests = rest.map((name) => oneOf([...KERNEL_NAMES, ...ON_REQUEST], name));
const { threshold } = values;
const kernels = KERNEL_NAMES.filter((name) => guests.length === 0 || guests.includes(name));
/** The kernels that a script runs in: those that are named, or else its own. */
const kernelsOf = (script: ScriptName): readonly KernelName[] =>
  guests.length === 0 ? SCRIPTS[script].kernels : kernels;
const processorsOf = ({ processors }: Script): readonly number[] => values.cpus ?? processors ?? [1, 2];
const scripts = values.script ?? SCRIPT_NAMES;
/** One image for all runs, so that they can be compared. */
const DISK = ext4Image();
/** Runs of a script: with the engines named, or else those. */
function runsOf(engines: readonly EngineName[]): readonly EngineName[] {
  const chosen = values.engine ?? engines;
  return values.twice ? chosen.flatMap((name) => [name, name]) : chosen;
}
const machines = kernels.flatMap((kernel) =>
  scripts.filter((script) => kernelsOf(script).includes(kernel)).flatMap((script) =>
    processorsOf(SCRIPTS[script]).map((processors) => ({ kernel, script, processors }))
  )
);
let failed = false;
/** Runs a guest with each engine, and tells how that went: nothing may be wrong, and all runs must be the same. */
function check(
  what: string,
  engines: readonly EngineName[],
  runIt: (engine: EngineName) => ConsoleResult,
): void {
  let first: ConsoleResult | undefined;
  for (const engine of engines) {
    const start = performance.now(), result = runIt(engine), seconds = (performance.now() - start) / 1000;
    const { instructions, failures, transcript, stop } = result;
    first ??= result;
    const same = first.transcript === transcript && first.instructions === instructions;
    const good = failures?.length === 0 && same;
    failed ||= !good;
    console.log(
      `${good ? "ok" : "FAILED"} ${what}, ${engine}: ` +
        `${seconds.toFixed(1)} s, ${instructions.toLocaleString("en-US")} instructions, ${stop}` +
        (same ? "" : "; not as the run before") + (failures === undefined ? "; came to no end" : ""),
    );
    for (const failure of failures ?? []) console.log(`  ${failure}`);
    if (values.print || !good) console.log(transcript);
  }
}

for (const { kernel, script, processors } of machines) {
  check(
    `${kernel}, ${script}, ${processors} processor(s)`,
    runsOf(SCRIPTS[script].engines),
    (engine) => run(kernel, script, processors, engine),
  );
}
const exercised = scripts.includes("exercise") ? kernels[0] : undefined;
for (const [what, { damage, fails }] of exercised === undefined ? [] : Object.entries(DAMAGES)) {
  const image = DISK.slice();
  damage(image);
  const { failures = [], transcript } = run(exercised!, "exercise", 1, "auto", image);
  const checks = failures.flatMap((line) => /^FAILED (.*?): /.exec(line)?.[1] ?? []);
  const good = checks.join() === fails.join();
  failed ||= !good;
  console.log(
    `${good ? "ok" : "FAILED"} ${exercised}, exercise, disk with ${what}: noticed by ${checks.join(", ")}`,
  );
  if (values.print || !good) console.log(transcript);
}
for (const [name, runIt] of Object.entries(BY_SCREEN)) {
  let first: ScreenResult | undefined;
  for (const engine of guests.includes(name) ? runsOf(["auto"]) : []) {
    const result = runIt(engine), { instructions, passed, screen } = result;
    first ??= result;
    const same = first.instructions === instructions && first.screen.join("\n") === screen.join("\n");
    const good = passed && same;
    failed ||= !good;
    const count = instructions.toLocaleString("en-US");
    console.log(
      `${good ? "ok" : "FAILED"} ${name}, ${engine}: ${count} instructions` +
        (same ? "" : "; not as the run before"),
    );
    if (values.print || !good) console.log(screen.join("\n"));
  }
}
for (const [name, runIt] of Object.entries(BY_CONSOLE)) {
  for (const processors of guests.includes(name) ? values.cpus ?? [1, 2] : []) {
    check(
      `${name}, ${processors} processor(s)`,
      runsOf(["auto"]),
      (engine) => runIt({ engine, processors, disk: DISK }),
    );
  }
}
process.exit(failed ? 1 : 0);
