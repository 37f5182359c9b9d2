/**
 * `deno task bench:kvm [ENGINE]`: a virtual machine of Linux's `kvm_intel` inside the machine. Boots Debian's cloud kernel and
 * runs tests/guests/debian/kvm, whose guest reads a port: each read is an exit to Linux and on to the program. With few reads
 * and with many: so what the start takes is known, and what an exit takes. What one costs with a hypervisor of few
 * instructions, next to Bochs, is in bench/worlds.ts.
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { initramfs } from "../_tools/debian/initramfs.ts";
import { debianKernel } from "../_tools/debian/packages.ts";
import { oneOf, scriptLine } from "../_tools/script.ts";
import { ENGINE_NAMES } from "../src/machine/engines.ts";
import { bootMachine } from "../src/machine/machine.ts";
import { BOOT_MEMORY, COMMAND_LINE, PROMPT } from "./boot_setup.ts";

/** Instructions after which something is taken to hang. */
const ENDLESS = 1e11;
/** Runs of the program: the first ones compile. */
const RUNS = 12;
/** Reads of the port. */
const FEW = 1000, MANY = 21_000;

const { rest: [name = "auto"] } = scriptLine({
  call: "deno task bench:kvm",
  description: "Measures what exits of a virtual machine of Linux's kvm_intel cost, in this engine (auto).",
  operands: ["[ENGINE]"],
});
const engine = oneOf(ENGINE_NAMES, name);
const machine = bootMachine({
  kernel: readFileSync(debianKernel("cloud").image),
  modules: [{ bytes: initramfs("cloud") }],
  commandLine: COMMAND_LINE,
  memory: BOOT_MEMORY,
  vmx: true,
  engine,
});
const command = (text: string): void => {
  machine.console.write(`${text}\n`);
  // The first is what was typed.
  machine.waitForText(PROMPT, { instructions: ENDLESS });
};
machine.waitForText(PROMPT, { instructions: ENDLESS });
command("modprobe kvm_intel");

/** A run of the program. */
interface Run {
  /** Processor time of the host. */
  readonly seconds: number;
  readonly exits: number;
  readonly instructions: number;
}

function run(reads: number): Run {
  const before = machine.statistics(), time = process.cpuUsage();
  command(`/kvm ${reads}`);
  const { user, system } = process.cpuUsage(time), after = machine.statistics();
  return {
    seconds: (user + system) / 1e6,
    exits: after.worldSwitches.vmExit - before.worldSwitches.vmExit,
    instructions: after.instructions - before.instructions,
  };
}

/** The shortest of some runs. */
function best(reads: number): Run {
  const runs = Array.from({ length: RUNS }, () => run(reads));
  const { exits } = runs[0]!;
  if (exits < reads) throw new Error(`The guest has made ${exits} exits:\n${machine.console.text}`);
  return runs.reduce((best, one) => one.seconds < best.seconds ? one : best);
}

const many = best(MANY), few = best(FEW);
const exits = many.exits - few.exits, seconds = many.seconds - few.seconds;
const instructions = many.instructions - few.instructions;
console.log(
  `kvm_intel (${engine}), best of ${RUNS} runs each: ${(exits / seconds).toFixed(0)} exits a second, ${
    (seconds / exits * 1e6).toFixed(1)
  } microseconds and ${
    (instructions / exits).toFixed(0)
  } instructions an exit, Linux and the program included; ${
    (few.seconds * 1000).toFixed(0)
  } ms for a program with ${few.exits}, its start and its end included`,
);
