/** Debian's generic kernel on the text screen and the keyboard: a command typed at its shell, as a person does. */
import { readFileSync } from "node:fs";
import { initramfs } from "../../../_tools/debian/initramfs.ts";
import { debianKernel } from "../../../_tools/debian/packages.ts";
import type { EngineName } from "../../../src/machine/engines.ts";
import { bootMachine } from "../../../src/machine/machine.ts";
import { type ScreenResult, waitForScreen } from "./screen_result.ts";

const MEMORY = 1 << 29;
const PROMPT = /^\/root #$/;
/** All rows of the keyboard, Shift, and a key that takes back; and what the screen shows then. */
const TYPED = 'echo "Hello, $((6*7))!" | tr a-z A-ZX\b\n', SHOWS = /^HELLO, 42!$/;

/** Boots it, and types. */
export function runScreen(engine: EngineName): ScreenResult {
  const machine = bootMachine({
    kernel: readFileSync(debianKernel("generic").image),
    initrd: initramfs("generic"),
    commandLine: "tty=tty1",
    memory: MEMORY,
    engine,
  });
  let passed = waitForScreen(machine, PROMPT);
  machine.keyboard.type(TYPED);
  passed &&= waitForScreen(machine, SHOWS);
  return { instructions: machine.instructions, passed, screen: machine.screen.lines };
}
