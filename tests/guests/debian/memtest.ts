/**
 * Debian's memtest86+, booted as a Linux kernel: tests all RAM of a small machine in its first pass, to the end of that. The
 * last test is taken out, by the keys that a person presses: it waits ten minutes for bits to fade.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { debianPackage } from "../../../_tools/debian/packages.ts";
import type { EngineName } from "../../../src/machine/engines.ts";
import { bootMachine } from "../../../src/machine/machine.ts";
import { type ScreenResult, waitForScreen } from "./screen_result.ts";

const MEMORY = 1 << 23;
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

/** Runs it until its first pass is done: all tests but that one have found no error. */
export function runMemtest(engine: EngineName): ScreenResult {
  const machine = bootMachine({
    kernel: readFileSync(join(debianPackage("memtest86+"), "boot", "memtest86+x64.bin")),
    commandLine: "console=ttyS0,115200",
    memory: MEMORY,
    engine,
  });
  const waitFor = (text: RegExp): boolean => waitForScreen(machine, text, ERRORS);
  const press = ([keys, text]: (typeof KEYS)[number]): boolean => {
    machine.console.write(keys);
    return waitFor(text);
  };
  const passed = waitFor(BEGUN) && KEYS.every(press) && waitFor(PASSED);
  return { instructions: machine.instructions, passed, screen: machine.screen.lines };
}
