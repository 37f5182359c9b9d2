/**
 * Debian's memtest86+, booted as a Linux kernel: tests all RAM of a small machine, in its first pass, up to the last test,
 * which waits ten minutes for bits to fade.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { debianPackage } from "../../../_tools/debian/packages.ts";
import type { EngineName } from "../../../src/machine/engines.ts";
import { bootMachine } from "../../../src/machine/machine.ts";

const MEMORY = 1 << 23;
/** Instructions between two looks at the screen; most of them until it shows how much of the pass is done by then. */
const SLICE = 2e8, MOST_INSTRUCTIONS = 3e10;
const PASSED = /Pass +9[4-9]%/, ERRORS = /Errors: +[1-9]/;

/** How it went. */
export interface MemtestResult {
  readonly instructions: number;
  /** Whether it has come so far without an error. */
  readonly passed: boolean;
  readonly screen: readonly string[];
}

/** Runs it until all tests of its first pass but the last are done. */
export function runMemtest(engine: EngineName): MemtestResult {
  const machine = bootMachine({
    kernel: readFileSync(join(debianPackage("memtest86+"), "boot", "memtest86+x64.bin")),
    commandLine: "console=ttyS0,115200",
    memory: MEMORY,
    engine,
  });
  const shows = (text: RegExp): boolean => machine.screen.lines.some((line) => text.test(line));
  while (machine.instructions < MOST_INSTRUCTIONS && !shows(PASSED) && !shows(ERRORS)) {
    if (machine.run({ instructions: SLICE }).kind !== "budget") break;
  }
  return {
    instructions: machine.instructions,
    passed: shows(PASSED) && !shows(ERRORS),
    screen: machine.screen.lines,
  };
}
