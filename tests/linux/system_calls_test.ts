/** System calls in the middle of compiled code: what programs do, and where runs end, is the same in every engine. */
import { assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import { type RunOptions, runProgram } from "../../src/linux/run_program.ts";
import type { EngineName } from "../../src/machine/engines.ts";

/** More than blocks run before they are compiled; and instructions that are in the middle of that. */
const ROUNDS = "2500", LATE = 700_000;
const program = readFileSync(new URL("../../bench/images/syscalls.elf", import.meta.url));

const known = new Map<string, unknown>();
/** The same of the interpreter. */
function interpreted(options: Partial<RunOptions>): unknown {
  const key = JSON.stringify(options);
  if (!known.has(key)) known.set(key, ran("interpreter", options));
  return known.get(key);
}

/** What a run shows of itself. */
function ran(engine: EngineName, options: Partial<RunOptions>): unknown {
  const { stdout, exitCode, reason, statistics } = runProgram({
    program,
    args: [ROUNDS],
    engine,
    ...options,
  });
  const { instructions, systemCalls, pageFaults } = statistics;
  return { stdout, exitCode, reason, instructions, systemCalls, pageFaults };
}

for (const engine of ["js", "wasm", "auto"] as const) {
  Deno.test(`${engine} makes as many system calls in as many instructions as the interpreter`, () => {
    for (const options of [{}, { cycles: "skylake" as const }]) {
      assertEquals(ran(engine, options), interpreted(options));
    }
  });

  Deno.test(`${engine} ends a run at any instruction between system calls`, () => {
    for (let maxInstructions = LATE; maxInstructions < LATE + 300; maxInstructions += 77) {
      const found = ran(engine, { maxInstructions }) as { readonly instructions: number };
      assertEquals(found, interpreted({ maxInstructions }));
      assertEquals(found.instructions, maxInstructions);
    }
  });
}
