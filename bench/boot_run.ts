/**
 * One boot in Causeway, in a process of its own: `boot_run.ts ENGINE KERNEL INITRD`. Prints a `BootRun` as JSON.
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { oneOf, scriptLine } from "../_tools/script.ts";
import { ENGINE_NAMES, type EngineName } from "../src/machine/engines.ts";
import { bootMachine, type Machine } from "../src/machine/machine.ts";
import { BOOT_MEMORY, COMMAND_LINE, PROMPT } from "./boot_setup.ts";

/** What a boot took. */
export interface BootRun {
  /** Processor time to the prompt, without the start of the runtime. */
  readonly seconds: number;
  readonly instructions: number;
  /** Processor time that the guest waited for compilations, in seconds. */
  readonly compiling: number;
  /** Guest RAM in use, in bytes: the pages in which anything is. The host gives memory to no others, or to few. */
  readonly ram: number;
  /** The most memory that the host's process held, the runtime included, without that. */
  readonly memory: number;
}

/** So much is read at once. */
const CHUNK = 1 << 20, PAGE_WORDS = 1024;

/** Bytes of the RAM's pages in which anything is. */
function usedRam(machine: Machine): number {
  let pages = 0;
  for (let address = 0; address < BOOT_MEMORY; address += CHUNK) {
    const words = new Uint32Array(machine.readPhysical(address, CHUNK).buffer);
    for (let page = 0; page < words.length; page += PAGE_WORDS) {
      let n = page;
      while (n < page + PAGE_WORDS && words[n] === 0) n++;
      if (n < page + PAGE_WORDS) pages++;
    }
  }
  return pages * PAGE_WORDS * Uint32Array.BYTES_PER_ELEMENT;
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
  // What counting reads is no part of it.
  const held = process.resourceUsage().maxRSS * 1024, ram = usedRam(machine);
  return {
    seconds: (user + system) / 1e6,
    instructions: machine.instructions,
    compiling,
    ram,
    memory: held - ram,
  };
}

const { rest: [engine, kernel, initrd] } = scriptLine({
  call: "deno run -A bench/boot_run.ts",
  description: "Boots a kernel once, to the shell's prompt, and prints what it took as JSON.",
  operands: ["ENGINE", "KERNEL", "INITRD"],
});
console.log(JSON.stringify(run(oneOf(ENGINE_NAMES, engine!), kernel!, initrd!)));
