/**
 * One boot in Causeway, in a process of its own: `boot_run.ts ENGINE KERNEL INITRD ROUNDS`. Prints a `BootRun` as JSON.
 */
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import process from "node:process";
import { oneOf, scriptLine } from "../_tools/script.ts";
import { parseCount } from "../src/cli/values.ts";
import { ENGINE_NAMES, type EngineName } from "../src/machine/engines.ts";
import { bootMachine } from "../src/machine/machine.ts";
import { RAM_BASE } from "../src/memory/physical.ts";
import { BOOT_MEMORY, COMMAND_LINE, PROMPT, ROUND, ROUND_OVER } from "./boot_setup.ts";

/** What a boot took. */
export interface BootRun {
  /** Processor time to the prompt, without the start of the runtime. */
  readonly seconds: number;
  readonly instructions: number;
  /** Processor time that the guest waited for compilations, in seconds. */
  readonly compiling: number;
  /** Guest RAM that the host has given memory to, in bytes. */
  readonly ram: number;
  /** The most memory that the host's process held, the runtime included, without that. */
  readonly memory: number;
  /** Processor time of each round of starting programs, in seconds. */
  readonly rounds: readonly number[];
}

/** Instructions after which something is taken to hang. */
const ENDLESS = 1e11;
/** Pages of the host, and the bits of a word of /proc/PID/pagemap that say of one that it is there, and of this process only. */
const PAGE = 4096, WORD = 8, PRESENT = 1n << 63n, EXCLUSIVE = 1n << 56n;

/** Bytes of the guest's RAM that the host has given memory to. Linux, Documentation/admin-guide/mm/pagemap.rst. */
function residentRam(): number {
  const size = RAM_BASE + BOOT_MEMORY;
  const start = readFileSync("/proc/self/maps", "latin1").split("\n").map((line) => {
    const [from, to] = line.split(/[- ]/, 2).map((half) => parseInt(half, 16));
    return to! - from! === size ? from! : -1;
  }).find((from) => from >= 0);
  if (start === undefined) throw new Error(`No ${size} bytes of this process are the linear memory`);
  const words = new BigUint64Array(BOOT_MEMORY / PAGE);
  const file = openSync("/proc/self/pagemap", "r");
  try {
    const at = (start + RAM_BASE) / PAGE * WORD;
    const length = readSync(file, new Uint8Array(words.buffer), 0, words.byteLength, at);
    if (length !== words.byteLength) throw new Error(`/proc/self/pagemap ends behind ${length} bytes`);
  } finally {
    closeSync(file);
  }
  // A page that has only been read is the page of zeros that all share.
  return words.filter((word) => (word & PRESENT) !== 0n && (word & EXCLUSIVE) !== 0n).length * PAGE;
}

function run(engine: EngineName, kernel: string, initrd: string, count: number): BootRun {
  let compiling = 0;
  const machine = bootMachine({
    kernel: readFileSync(kernel),
    modules: [{ bytes: readFileSync(initrd) }],
    commandLine: COMMAND_LINE,
    memory: BOOT_MEMORY,
    engine,
    observer: { compilationTook: (milliseconds) => compiling += milliseconds / 1000 },
  });
  const secondsUntil = (...texts: readonly string[]): number => {
    const before = process.cpuUsage();
    for (const text of texts) machine.waitForText(text, { instructions: ENDLESS });
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1e6;
  };
  const seconds = secondsUntil(PROMPT), { instructions } = machine, compilingForBoot = compiling;
  const held = process.resourceUsage().maxRSS * 1024, ram = residentRam();
  const rounds = Array.from({ length: count }, () => {
    machine.console.write(ROUND);
    return secondsUntil(ROUND_OVER, PROMPT);
  });
  return { seconds, instructions, compiling: compilingForBoot, ram, memory: held - ram, rounds };
}

const { rest: [engine, kernel, initrd, count] } = scriptLine({
  call: "deno run -A bench/boot_run.ts",
  description:
    "Boots a kernel once, to the shell's prompt, starts programs there in so many rounds, and prints what it took as JSON.",
  operands: ["ENGINE", "KERNEL", "INITRD", "ROUNDS"],
});
console.log(JSON.stringify(run(oneOf(ENGINE_NAMES, engine!), kernel!, initrd!, parseCount(count!))));
