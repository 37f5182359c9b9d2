/**
 * One run of a program on a bare machine, in a process of its own so that runs do not warm each other up:
 * `bare_metal_run.ts ENGINE PROGRAM`, the program a `BareProgram` as JSON. Prints an `EmulatedRun` as JSON.
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { oneOf, scriptLine } from "../_tools/script.ts";
import { ENGINE_NAMES, type EngineName } from "../src/machine/engines.ts";
import { bootMachine } from "../src/machine/machine.ts";
import { type BareProgram, BEGIN, outputOf, WRAPPER } from "./bare_metal.ts";
import { digestOf, type EmulatedRun } from "./emulated.ts";

/** Instructions after which a program is taken to hang. */
const ENDLESS = 1e12;

/** Runs it from `begin` to the end. */
export async function runBare(
  engine: EngineName,
  { modules, commandLine }: BareProgram,
): Promise<EmulatedRun> {
  const machine = bootMachine({
    kernel: readFileSync(WRAPPER),
    modules: modules.map((path) => ({ bytes: readFileSync(path) })),
    commandLine: `wrapper ${commandLine}`,
    engine,
  });
  machine.waitForText(BEGIN, { instructions: ENDLESS });
  const already = machine.statistics().instructions;
  const before = process.cpuUsage();
  const end = machine.run({ instructions: ENDLESS });
  const { user, system } = process.cpuUsage(before);
  if (end.kind !== "exit") throw new Error(`The wrapper ended by ${end.kind}:\n${machine.console.text}`);
  const output = outputOf(machine.console.text);
  const { instructions } = machine.statistics();
  return {
    seconds: (user + system) / 1e6,
    instructions: instructions - already,
    exitCode: 0,
    digest: await digestOf(Uint8Array.from(output, (letter) => letter.charCodeAt(0))),
    memory: process.resourceUsage().maxRSS * 1024,
  };
}

if (import.meta.main) {
  const { rest: [name, program] } = scriptLine({
    call: "deno run -A bench/bare_metal_run.ts",
    description: "Runs a program, given as JSON, on a bare machine once, and prints what it took as JSON.",
    operands: ["ENGINE", "PROGRAM"],
  });
  const engine = oneOf(ENGINE_NAMES, name!);
  console.log(JSON.stringify(await runBare(engine, JSON.parse(program!) as BareProgram)));
}
