/** A hypervisor with one guest under EPT: instructions with their error numbers, and VM exits with their information. */
import { assert, assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import { Machine } from "../../src/machine/machine.ts";
import { CONFIGURATIONS } from "../jit/_bare.ts";

const kernel = readFileSync(new URL("kernels/vmx.elf", import.meta.url));
const expected = readFileSync(new URL("kernels/vmx.txt", import.meta.url), "utf8");
const LIMIT = 10_000_000;

for (const [label, configuration] of Object.entries(CONFIGURATIONS)) {
  Deno.test(`a hypervisor sees the exits that its guest causes, as the manual tells (${label})`, () => {
    const machine = new Machine({ kernel, vmx: true, ...configuration });
    const stop = machine.run({ instructions: LIMIT });
    assertEquals([stop, machine.console.text], [{ kind: "exit", code: 1 }, expected]);
  });
}

Deno.test("all engines execute the same number of instructions in host and guest", () => {
  const counts = Object.values(CONFIGURATIONS).map((configuration) => {
    const machine = new Machine({ kernel, vmx: true, ...configuration });
    machine.run({ instructions: LIMIT });
    return machine.instructions;
  });
  assertEquals(new Set(counts).size, 1, String(counts));
});

Deno.test("a machine has no VMX unless it is asked for: CPUID, IA32_FEATURE_CONTROL", () => {
  const machine = new Machine({ kernel });
  assertEquals(machine.run({ instructions: LIMIT }).kind, "triple fault");
  assert(machine.console.text.startsWith(" vmx=0"));
});
