/**
 * One boot in Causeway, in a process of its own: `boot_run.ts ENGINE KERNEL INITRD`. Prints a `BootRun` as JSON.
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { oneOf, scriptLine } from "../_tools/script.ts";
import { ENGINE_NAMES, type EngineName } from "../src/machine/engines.ts";
import { bootMachine } from "../src/machine/machine.ts";
import { BOOT_MEMORY, COMMAND_LINE, PROMPT } from "./boot_setup.ts";

/** What a boot took. */
export interface BootRun {
  /** Processor time to the prompt, without the start of the runtime. */
  readonly seconds: number;
  readonly instructions: number;
  /** Processor time that the guest waited for compilations, in seconds. */
  readonly compiling: number;
  /** The most memory that the host's process held beyond the guest's RAM, in bytes. */
  readonly memory: number;
}

function run(engine: EngineName, kernel: string, initrd: string): BootRun {
  let compiling = 0;
  const machine = bootMachine({
    kernel: readFileSync(kernel),
    modules: [{ bytes: readFileSync(initrd) }],
    commandLine: COMMAND_LINE,
    memory: BOOT_MEMORY,
    engine,
    observer: { compilationTook: (milliseconds) => compiling += milliseconds / 1000 },
  });
  const before = process.cpuUsage();
  machine.waitForText(PROMPT, { instructions: 1e11 });
  const { user, system } = process.cpuUsage(before);
  return {
    seconds: (user + system) / 1e6,
    instructions: machine.instructions,
    compiling,
    memory: process.resourceUsage().maxRSS * 1024 - BOOT_MEMORY,
  };
}

const { rest: [engine, kernel, initrd] } = scriptLine({
  call: "deno run -A bench/boot_run.ts",
  description: "Boots a kernel once, to the shell's prompt, and prints what it took as JSON.",
  operands: ["ENGINE", "KERNEL", "INITRD"],
});
console.log(JSON.stringify(run(oneOf(ENGINE_NAMES, engine!), kernel!, initrd!)));
