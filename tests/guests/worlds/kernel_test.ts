/** The worlds' kernel alone on the machine: processes, files, pipes, /proc, preemption, faults of user programs. */
import { assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import { ENGINE_NAMES, type EngineName } from "../../../src/machine/engines.ts";
import { bootMachine, type Machine, type MachineStop } from "../../../src/machine/machine.ts";
import { HAS_QEMU, QEMU_MISSING, runOnQemu } from "../../referee/qemu.ts";
import { forced } from "../../_support/forced.ts";

const WORLDS = new URL("../../../src/guests/worlds/", import.meta.url);
const kernel = readFileSync(new URL("kernel.elf", WORLDS));
const initrd = readFileSync(new URL("initrd.tar", WORLDS));
const expected = readFileSync(new URL("kernel.txt", import.meta.url), "utf8");

const MEMORY = 0x200_0000;
const LIMIT = 3e7;
const SCRIPT = "name=alone init=/bin/sh /etc/rc";

interface Run {
  readonly machine: Machine;
  readonly stop: MachineStop;
}

function run(commandLine: string, engine: EngineName = "auto"): Run {
  const machine = bootMachine({
    kernel,
    modules: [{ bytes: initrd }],
    commandLine: `kernel.elf ${commandLine}`,
    memory: MEMORY,
    ...forced(engine),
  });
  return { machine, stop: machine.run({ instructions: LIMIT }) };
}

/** Instructions of a run, the same on every engine. */
let count: number | undefined;

for (const engine of ENGINE_NAMES) {
  Deno.test(`the kernel runs its script of programs (${engine})`, () => {
    const { machine, stop } = run(SCRIPT, engine);
    assertEquals([machine.console.text, stop], [expected, { kind: "exit", code: 1 }]);
    count ??= machine.instructions;
    assertEquals(machine.instructions, count, "executed instructions");
  });
}

Deno.test({
  name: `QEMU prints what Causeway prints of the kernel's script${QEMU_MISSING}`,
  ignore: !HAS_QEMU,
  fn() {
    assertEquals(runOnQemu({ kernel, module: initrd, commandLine: SCRIPT }), { text: expected, code: 1 });
  },
});

/** What differs where the kernel is a virtual machine: its name, the script by default, and that there is somebody to call. */
const IN_A_MACHINE = expected.replaceAll("/bin/sh /etc/rc", "/bin/sh").replaceAll(/\balone\b/g, "server")
  .replace("call another machine: -38", "call another machine: -22");

for (const engine of ENGINE_NAMES) {
  Deno.test(`the kernel runs its script as a virtual machine (${engine})`, () => {
    const machine = bootMachine({
      kernel: readFileSync(new URL("hypervisor.elf", WORLDS)),
      modules: [{ bytes: kernel }, { bytes: initrd }],
      commandLine: "hypervisor.elf server=sh client=none",
      vmx: true,
      ...forced(engine),
    });
    machine.run({ instructions: LIMIT });
    // Then the other machine begins, which has no program.
    assertEquals(machine.console.text, `${IN_A_MACHINE}kernel: cannot start /bin/none: error 2\n`);
  });
}

Deno.test("the kernel tells its first program's exit code to the machine", () => {
  const { machine, stop } = run("init=/bin/test once");
  assertEquals([stop, machine.console.text], [
    { kind: "exit", code: 1 },
    "the child spins\nthe child ends\n",
  ]);
  assertEquals(run("init=/bin/grep nothing /etc/motd").stop, { kind: "exit", code: 3 });
});

for (
  const [commandLine, text] of [
    ["name=alone", "kernel: the command line names no init=\n"],
    ["init=/bin/none", "kernel: cannot start /bin/none: error 2\n"],
    ["init=/etc/motd", "kernel: cannot start /etc/motd: error 22\n"],
    [`init=/bin/sh ${"x".repeat(200)}`, "kernel: the command line is too long\n"],
  ] as const
) {
  Deno.test(`the kernel refuses the command line ${JSON.stringify(commandLine.slice(0, 30))}`, () => {
    const { machine, stop } = run(commandLine);
    assertEquals([machine.console.text, stop], [text, { kind: "exit", code: 0xff }]);
  });
}

Deno.test("the kernel refuses to start without a RAM file system", () => {
  const machine = bootMachine({ kernel, commandLine: SCRIPT, memory: MEMORY });
  assertEquals(machine.run({ instructions: LIMIT }), { kind: "exit", code: 0xff });
  assertEquals(machine.console.text, "kernel: no initrd\n");
});
