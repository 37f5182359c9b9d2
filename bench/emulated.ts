/**
 * One run of a program in Causeway, in a process of its own so that runs do not warm each other up:
 * `emulated.ts ENGINE PROGRAM ARGUMENT`. Prints an `EmulatedRun` as JSON.
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { oneOf, scriptLine } from "../_tools/script.ts";
import { ENGINE_NAMES, type EngineName } from "../src/machine/engines.ts";
import { runProgram } from "../src/linux/run_program.ts";
import { type Wait, WaitRecorder } from "./core_wait.ts";
import { invocationOf, LOOP, SUITE } from "./suite.ts";

/** What a run says of itself. */
export interface EmulatedRun {
  /** Processor time of the run, without the start of the runtime. */
  readonly seconds: number;
  readonly instructions: number;
  readonly exitCode: number;
  /** Hexadecimal SHA-256 of what it printed. */
  readonly digest: string;
  /** The most that the host's process held, the runtime and guest RAM that was touched included, in bytes. */
  readonly memory: number;
  /** The longest wait of guest execution for the compiler. */
  readonly longestWait?: Wait;
}

/** SHA-256 in hexadecimal. */
export async function digestOf(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", bytes.slice());
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function run(engine: EngineName, name: string, argument: number): Promise<EmulatedRun> {
  const program = [...SUITE, LOOP].find((one) => one.name === name);
  if (program === undefined) throw new Error(`No program of the suite is called "${name}"`);
  const invocation = invocationOf(program, argument);
  if (invocation === undefined) throw new Error(`${name} is not installed`);
  const image = readFileSync(invocation.image);
  const observer = new WaitRecorder();
  const before = process.cpuUsage();
  const result = runProgram({ ...invocation, program: image, engine, observer });
  const { user, system } = process.cpuUsage(before), [longestWait] = observer.longest;
  return {
    seconds: (user + system) / 1e6,
    instructions: result.statistics.instructions,
    exitCode: result.exitCode,
    digest: await digestOf(result.stdoutBytes),
    memory: process.resourceUsage().maxRSS * 1024,
    ...(longestWait === undefined ? {} : { longestWait }),
  };
}

if (import.meta.main) {
  const { rest: [engine, name, argument] } = scriptLine({
    call: "deno run -A bench/emulated.ts",
    description: "Runs a program of the benchmarks once, and prints what it took as JSON.",
    operands: ["ENGINE", "PROGRAM", "ARGUMENT"],
  });
  console.log(JSON.stringify(await run(oneOf(ENGINE_NAMES, engine!), name!, Number(argument))));
}
