import { assert, assertEquals, assertThrows } from "@std/assert";
import { bootMachine, type MachineOptions } from "../../src/machine/machine.ts";
import { CannotBootError } from "../../src/machine/loaders/boot_error.ts";
import { CONFIGURATIONS } from "../jit/_bare.ts";

const read = (path: string): Uint8Array => Deno.readFileSync(new URL(path, import.meta.url));
const SELFTEST = read("kernels/selftest.elf"), ECHO = read("../../src/guests/echo/echo.elf");
const MODULE = { bytes: new TextEncoder().encode("module text\n") };
/** What QEMU 7.2 prints with 256 MB, the module and the arguments "alpha beta". */
const TRANSCRIPT = new TextDecoder().decode(read("kernels/selftest.txt"));

/** Instructions of a run, the same in every configuration. */
const counts = new Map<string, number>();

for (const [label, configuration] of Object.entries(CONFIGURATIONS)) {
  const options = (kernel: Uint8Array, more: Partial<MachineOptions>): MachineOptions => ({
    kernel,
    ...more,
    ...configuration,
  });

  Deno.test(`bootMachine() runs the 64-bit kernel as QEMU does (${label})`, () => {
    const machine = bootMachine(options(SELFTEST, { modules: [MODULE], commandLine: "selftest alpha beta" }));
    const stop = machine.run({ instructions: 5e6 });
    assertEquals(machine.console.text, TRANSCRIPT);
    assertEquals(stop, { kind: "exit", code: 33 });
    const expected = counts.get("selftest") ?? machine.instructions;
    counts.set("selftest", expected);
    assertEquals(machine.instructions, expected, "executed instructions");
    assertEquals(machine.run(), stop, "run() after the end");
  });

  Deno.test(`Machine.run() in slices of 777 instructions is the same run (${label})`, () => {
    const machine = bootMachine(options(SELFTEST, { modules: [MODULE], commandLine: "selftest alpha beta" }));
    let stop = machine.run({ instructions: 777 });
    while (stop.kind === "budget") stop = machine.run({ instructions: 777 });
    assertEquals([machine.console.text, stop], [TRANSCRIPT, { kind: "exit", code: 33 }]);
    assertEquals(machine.instructions, counts.get("selftest") ?? machine.instructions);
  });

  Deno.test(`a triple fault ends the machine with its registers as they were (${label})`, () => {
    const machine = bootMachine(options(SELFTEST, { commandLine: "selftest triple" }));
    assertEquals(machine.run({ instructions: 5e6 }), { kind: "triple fault" });
    assert(machine.console.text.endsWith("now a fault without a stack\n"));
    const rip = machine.get("rip");
    assertEquals([...machine.read(rip, 2)], [0x0f, 0x0b], "UD2 at RIP");
    assert(machine.dumpRegisters().includes(rip.toString(16)));
    assertEquals(machine.get("idtr_limit"), 0n);
  });

  Deno.test(`the serial port interrupts through the 8259 (${label})`, () => {
    const machine = bootMachine(options(ECHO, {}));
    machine.waitForText("> ");
    assertEquals(machine.run({ instructions: 1e6 }), { kind: "halt", awaitsInput: true });
    machine.console.write("hello\nthere\n");
    machine.waitForText("hello\n> there\n> ");
    machine.console.write("exit\n");
    assertEquals(machine.run({ instructions: 1e6 }), { kind: "exit", code: 1 });
    assertEquals(machine.console.text, "Type lines; exit ends this.\n> hello\n> there\n> exit\n");
  });
}

Deno.test("Machine.waitForText() stops right after the text", () => {
  const machine = bootMachine({ kernel: ECHO });
  assertEquals(machine.waitForText("Type"), "Type");
  const error = assertThrows(() => machine.waitForText("never", { instructions: 1e6 }));
  assert(String(error).includes("halt"));
});

Deno.test("Machine.on() tells output and stops", () => {
  const machine = bootMachine({ kernel: ECHO });
  const heard: string[] = [];
  machine.on("console", (bytes) => heard.push(new TextDecoder().decode(bytes)));
  machine.on("stop", (stop) => heard.push(stop.kind));
  machine.run();
  assertEquals(heard, ["Type lines; exit ends this.\n", "> ", "halt"]);
});

Deno.test("Machine.step() executes one instruction", () => {
  const machine = bootMachine({ kernel: ECHO });
  const before = machine.get("rip");
  assertEquals(machine.step(), { kind: "budget" });
  assertEquals([machine.get("rip"), machine.instructions], [before + 5n, 1]); // MOV ESP, imm32
});

Deno.test("bootMachine() says why it cannot boot", () => {
  const refused = (options: MachineOptions): string =>
    assertThrows(() => bootMachine(options), CannotBootError).message;
  assert(refused({ kernel: new Uint8Array(100) }).includes("no multiboot header"));
  assert(refused({ kernel: SELFTEST, memory: 0x40_0000 }).includes("RAM ends at 0x400000"));
});

Deno.test("an initrd is a module in front of the others", () => {
  const transcriptOf = (more: Partial<MachineOptions>): string => {
    const machine = bootMachine({ kernel: SELFTEST, commandLine: "selftest alpha beta", ...more });
    machine.run({ instructions: 5e6 });
    return machine.console.text;
  };
  const initrd = MODULE.bytes, other = { bytes: new Uint8Array(100) };
  assertEquals(transcriptOf({ initrd }), TRANSCRIPT);
  assertEquals(transcriptOf({ initrd, modules: [other] }), transcriptOf({ modules: [MODULE, other] }));
});
