/**
 * Shows where a kernel prints other things on Bochs than on Causeway: `compare.ts KERNEL.elf [command line]`. The kernel
 * must wait for the serial port before each character, as Bochs' port takes its time.
 */
import { readFileSync } from "node:fs";
import { scriptLine } from "../../_tools/script.ts";
import { bootMachine } from "../../src/machine/machine.ts";
import { runOnBochs } from "./bochs.ts";

const LIMIT = 1e8;

if (import.meta.main) {
  const { rest } = scriptLine({
    call: "deno run -A tests/referee/compare.ts",
    description: "Shows where a kernel prints other things on Bochs than on Causeway.",
    operands: ["KERNEL.elf", "[COMMAND-LINE]"],
  });
  const path = rest[0]!, commandLine = rest[1] ?? "";
  const kernel = readFileSync(path);
  const machine = bootMachine({ kernel, commandLine, vmx: true });
  const stop = machine.run({ instructions: LIMIT });
  const { text, end, log } = await runOnBochs({ kernel, commandLine });
  if (end === "failed") console.log(log);
  const ours = machine.console.text.split("\n"), theirs = text.split("\n");
  let different = 0;
  for (let n = 0; n < Math.max(ours.length, theirs.length); n++) {
    if (ours[n] === theirs[n]) continue;
    different++;
    console.log(`${n + 1}\n  Causeway  ${ours[n] ?? "(nothing)"}\n  Bochs     ${theirs[n] ?? "(nothing)"}`);
  }
  console.log(`${different} of ${ours.length} lines differ. Causeway: ${stop.kind}; Bochs: ${end}.`);
}
