import { assert, assertEquals, assertThrows } from "@std/assert";
import { bootMachine } from "../../src/machine/machine.ts";
import { CONFIGURATIONS } from "../jit/_bare.ts";

const kernel = Deno.readFileSync(new URL("kernels/smp.elf", import.meta.url));
/** What the kernel says of each group of tests, with two processors and more. */
const INTERRUPTS = [
  "to all but self",
  "to all",
  "to self",
  "broadcast ID",
  "NMI to a logical destination",
];
const TRANSCRIPT = [
  "all processors start",
  "each has its ID",
  "locked instructions are atomic",
  "a spin lock excludes",
  "code modified by another processor",
  "INVLPG on another processor",
  "time goes forward everywhere",
  ...INTERRUPTS,
  "lowest priority",
  "the task priority holds back",
  "INIT drops what was pending",
  "MWAIT until a store",
  "MWAIT until a masked interrupt",
  "a timer of another processor",
  ...INTERRUPTS,
  "each has its breakpoints",
  "one has breakpoints",
  "none has breakpoints",
].map((name) => `PASS: ${name}\n`).join("");

/** Instructions of a run, the same in every configuration. */
const counts = new Map<number, number>();

for (const [label, configuration] of Object.entries(CONFIGURATIONS)) {
  // Spinning through a cache that holds nothing takes minutes.
  if (label.includes("three blocks")) continue;
  for (const processors of [2, 4]) {
    Deno.test(`bootMachine() with ${processors} processors (${label})`, () => {
      const machine = bootMachine({ kernel, processors, ...configuration });
      const stop = machine.run({ instructions: 2e7 });
      assertEquals([machine.console.text, stop], [TRANSCRIPT, { kind: "exit", code: 1 }]);
      const expected = counts.get(processors) ?? machine.instructions;
      counts.set(processors, expected);
      assertEquals(machine.instructions, expected, "executed instructions");
    });
  }
}

Deno.test("Machine.run() of two processors in odd slices is the same run", () => {
  const whole = bootMachine({ kernel, processors: 2 }), sliced = bootMachine({ kernel, processors: 2 });
  const stop = whole.run();
  let other = sliced.run({ instructions: 12_347 });
  while (other.kind === "budget") other = sliced.run({ instructions: 12_347 });
  assertEquals([sliced.console.text, other, sliced.instructions], [
    whole.console.text,
    stop,
    whole.instructions,
  ]);
});

Deno.test("Machine.get() reads the registers of the processor whose turn it is", () => {
  const machine = bootMachine({ kernel, processors: 3 });
  const seen = new Set<number>();
  for (let n = 0; n < 300 && machine.run({ instructions: 997 }).kind === "budget"; n++) {
    seen.add(machine.processor.id);
    assert(machine.get("rip") < 0x80_0000n);
  }
  assertEquals(seen, new Set([0, 1, 2]));
});

Deno.test("bootMachine() takes 1 to 255 processors", () => {
  for (const processors of [0, 1.5, 256]) {
    assertThrows(() => bootMachine({ kernel, processors }), RangeError, "from 1 to 255");
  }
  assertEquals(bootMachine({ kernel, processors: 255 }).processors.all.length, 255);
});
