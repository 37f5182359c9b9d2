/** QEMU and Causeway run the same kernels: what they print is the same. */
import { assertEquals } from "@std/assert";
import { bootMachine } from "../../src/machine/machine.ts";
import { CONFIGURATIONS } from "../jit/_bare.ts";
import { HAS_QEMU, QEMU_MISSING, type QemuResult, runOnQemu } from "./qemu.ts";

const kernel = Deno.readFileSync(new URL("../machine/kernels/selftest.elf", import.meta.url));
const module = new TextEncoder().encode("module text\n");
const LIMIT = 5e6;

const results = new Map<string, QemuResult>();
function onQemu(commandLine: string): QemuResult {
  const known = results.get(commandLine) ?? runOnQemu({ kernel, module, commandLine });
  results.set(commandLine, known);
  return known;
}

for (const commandLine of ["alpha beta", "triple"]) {
  for (const [label, configuration] of Object.entries(CONFIGURATIONS)) {
    Deno.test({
      name: `QEMU prints what Causeway prints of selftest.elf ${commandLine} (${label})${QEMU_MISSING}`,
      ignore: !HAS_QEMU,
      fn() {
        const machine = bootMachine({
          kernel,
          modules: [{ bytes: module }],
          commandLine: `selftest ${commandLine}`,
          ...configuration,
        });
        const stop = machine.run({ instructions: LIMIT });
        const code = stop.kind === "exit" ? stop.code : stop.kind === "triple fault" ? 0 : null;
        assertEquals({ text: machine.console.text, code }, onQemu(commandLine));
      },
    });
  }
}
