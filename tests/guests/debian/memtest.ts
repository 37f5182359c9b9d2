/**
 * Debian's memtest86+, booted as a Linux kernel: tests all RAM of a small machine in its first pass, to the end of that. The
 * last test is taken out, by the keys that a person presses: it waits ten minutes for bits to fade.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { debianPackage } from "../../../_tools/debian/packages.ts";
import type { EngineName } from "../../../src/machine/engines.ts";
import { bootMachine } from "../../../src/machine/machine.ts";

const MEMORY = 1 << 23;
/** Instructions between two looks at the screen, and most of them until it shows that the pass is done. */
const SLICE = 5e7, MOST_INSTRUCTIONS = 3e10;
/** Keys as the serial console has them, each with what the screen shows then. F1 to F10 are digits there. */
const KEYS: readonly (readonly [keys: string, shows: RegExp])[] = [
  ["1", /Test selection/],
  ["1", /Remove one test/],
  ["2", /Enter test #/],
  ["10", /Enter test #10/],
  ["\r", /\*{8}\. *$/],
  ["0", /Test selection/],
  ["0", /Pass +\d+%/],
];
const BEGUN = /Pass +\d+%/, PASSED = /Pass: +1 .*Errors: +0/, ERRORS = /Errors: +[1-9]/;

/** How it went. */
export interface MemtestResult {
  readonly instructions: number;
  /** Whether all tests but that one have found no error. */
  readonly passed: boolean;
  readonly screen: readonly string[];
}

/** Runs it until its first pass is done. */
export function runMemtest(engine: EngineName): MemtestResult {
  const machine = bootMachine({
    kernel: readFileSync(join(debianPackage("memtest86+"), "boot", "memtest86+x64.bin")),
    commandLine: "console=ttyS0,115200",
    memory: MEMORY,
    engine,
  });
  const shows = (text: RegExp): boolean => machine.screen.lines.some((line) => text.test(line));
  /** Whether the screen shows it in time. */
  const waitFor = (text: RegExp): boolean => {
    while (!shows(text)) {
      if (machine.instructions >= MOST_INSTRUCTIONS || shows(ERRORS)) return false;
      if (machine.run({ instructions: SLICE }).kind !== "budget") return false;
    }
    return true;
  };
  const press = ([keys, text]: (typeof KEYS)[number]): boolean => {
    machine.console.write(keys);
    return waitFor(text);
  };
  const passed = waitFor(BEGUN) && KEYS.every(press) && waitFor(PASSED);
  return { instructions: machine.instructions, passed, screen: machine.screen.lines };
}
