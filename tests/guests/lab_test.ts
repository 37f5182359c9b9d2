/** The first lab of docs/hypervisor_lab.md. */
import { assert, assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import { bootMachine } from "../../src/machine/machine.ts";
import { CONFIGURATIONS } from "../jit/_bare.ts";
import { BOCHS_MISSING, HAS_BOCHS, runOnBochs } from "../referee/bochs.ts";

const file = (name: string): URL => new URL(`../../src/guests/lab/${name}`, import.meta.url);
const kernel = readFileSync(file("lab.elf"));
const TRANSCRIPT = "starting the guest\nexit: CPUID\nmy own PC!\nexit: HLT\n";
const MOST_LINES = 100;

for (const [label, configuration] of Object.entries(CONFIGURATIONS)) {
  Deno.test(`the first lab's hypervisor answers its guest's exits (${label})`, () => {
    const machine = bootMachine({ kernel, vmx: true, ...configuration });
    const reasons: number[] = [];
    machine.on("vmexit", ({ reason }) => reasons.push(reason));
    const stop = machine.run({ instructions: 1_000_000 });
    assertEquals([machine.console.text, stop], [TRANSCRIPT, { kind: "exit", code: 1 }]);
    assertEquals(reasons, [10, 18, 18, 18, 12]);
  });
}

Deno.test(`the first lab has less than ${MOST_LINES} lines`, () => {
  assert(readFileSync(file("lab.c"), "utf8").trimEnd().split("\n").length < MOST_LINES);
});

Deno.test({
  name: `Bochs prints the same of the first lab${BOCHS_MISSING}`,
  ignore: !HAS_BOCHS,
  async fn() {
    assertEquals((await runOnBochs({ kernel })).text, TRANSCRIPT);
  },
});
