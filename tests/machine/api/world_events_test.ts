import { assert, assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import { SWITCHES_OBSERVED } from "../../../src/cpu/state.ts";
import type { MarkEvent } from "../../../src/machine/api/world_watch.ts";
import type { VmExitEvent, WorldSwitchEvent } from "../../../src/machine/api/world_events.ts";
import { Machine, type MachineOptions } from "../../../src/machine/machine.ts";
import { CONFIGURATIONS } from "../../jit/_bare.ts";

const read = (path: string): Uint8Array => readFileSync(new URL(`../../${path}`, import.meta.url));
const VMX = read("vmx/kernels/vmx.elf"), SELFTEST = read("machine/kernels/selftest.elf");
const PROTOCOL = read("cli/worlds/kernels/protocol.elf");
const LIMIT = { instructions: 10_000_000 };

/** Runs a kernel to its end and collects what it does to worlds. */
function watch(options: MachineOptions): {
  machine: Machine;
  switches: WorldSwitchEvent[];
  exits: VmExitEvent[];
} {
  const machine = new Machine(options);
  const switches: WorldSwitchEvent[] = [], exits: VmExitEvent[] = [];
  machine.on("worldSwitch", (event) => switches.push(event));
  machine.on("vmexit", (event) => exits.push(event));
  assertEquals(machine.run(LIMIT).kind, "exit");
  return { machine, switches, exits };
}

const recorded = new Map<string, unknown>();

/** A cache of three blocks takes too long here; what differs with it is not what these tests look at. */
const FAST = Object.entries(CONFIGURATIONS).filter(([, { tiers }]) => tiers?.codeCacheBlocks === undefined);

for (const [label, configuration] of FAST) {
  Deno.test(`on("worldSwitch") tells each switch of a hypervisor and its guest, in a chain (${label})`, () => {
    const { machine, switches, exits } = watch({
      kernel: VMX,
      vmx: true,
      cycles: "haswell",
      ...configuration,
    });
    const counted = machine.statistics().worldSwitches;
    for (const [kind, count] of Object.entries(counted)) {
      assertEquals(switches.filter((event) => event.kind === kind).length, count, kind);
    }
    assert(counted.vmfunc > 0 && counted.vmEntry > 30);
    for (const [n, event] of switches.entries()) {
      const before = switches[n - 1];
      if (before === undefined) continue;
      assert(event.cycle >= before.cycle && event.instructions >= before.instructions);
      // VMXON is the one change here that is no switch.
      if (before.to.vmx === event.from.vmx) assertEquals(event.from, before.to);
      if (event.kind === "vmEntry") assertEquals([event.from.vmx, event.to.vmx], ["root", "non-root"]);
      if (event.kind === "vmExit") assertEquals([event.from.vmx, event.to.vmx], ["non-root", "root"]);
      if (event.kind === "vmfunc") assert(event.from.eptp !== event.to.eptp && event.to.vpid === 1);
    }
    const launch = switches.filter(({ kind }) => kind === "vmEntry").map(({ cause }) => cause);
    assertEquals([launch[0], launch[1]], ["VMLAUNCH", "VMRESUME"]);
    // Each exit is told twice; failed entries are exits, but no switch.
    const names = exits.filter(({ entryFailed }) => !entryFailed).map(({ name }) => name);
    assertEquals(switches.filter(({ kind }) => kind === "vmExit").map(({ cause }) => cause), names);
    const expected = recorded.get("vmx") ?? switches;
    recorded.set("vmx", expected);
    assertEquals(switches, expected, "the same in every engine");
  });

  Deno.test(`statistics() counts what on("vmexit") tells, by reason, the most frequent first (${label})`, () => {
    const { machine, exits } = watch({ kernel: VMX, vmx: true, ...configuration });
    const told = Object.groupBy(exits, ({ name }) => name),
      counts = Object.entries(machine.statistics().vmExits);
    assertEquals(
      Object.fromEntries(counts),
      Object.fromEntries(Object.entries(told).map(([name, events]) => [name, events!.length])),
    );
    assertEquals(counts, counts.toSorted(([, a], [, b]) => b - a));
  });

  Deno.test(`on("vmexit") tells reason, qualification and instruction length (${label})`, () => {
    const { exits } = watch({ kernel: VMX, vmx: true, ...configuration });
    const first = (name: string): Pick<VmExitEvent, "reason" | "qualification" | "instructionLength"> => {
      const { reason, qualification, instructionLength } = exits.find((exit) => exit.name === name)!;
      return { reason, qualification, instructionLength };
    };
    assertEquals(first("VMCALL"), { reason: 18, qualification: 0n, instructionLength: 3 });
    assertEquals(first("CPUID"), { reason: 10, qualification: 0n, instructionLength: 2 });
    assertEquals(first("HLT"), { reason: 12, qualification: 0n, instructionLength: 1 });
    assertEquals(first("VMFUNC"), { reason: 59, qualification: 0n, instructionLength: 3 });
    assertEquals(first("EPT_VIOLATION").reason, 48);
    assert(exits.some(({ entryFailed, name }) => entryFailed && name === "INVALID_GUEST_STATE"));
  });

  Deno.test(`on("worldSwitch") names instructions, exceptions and interrupts (${label})`, () => {
    const { switches } = watch({ kernel: SELFTEST, commandLine: "selftest", ...configuration });
    const causes = new Set(switches.map(({ kind, cause }) => `${kind} ${cause}`));
    for (
      const cause of [
        "syscall SYSCALL",
        "sysret SYSRET",
        "iret IRET",
        "cr3Write MOV CR3",
        "interrupt #UD",
        "interrupt #PF",
        "interrupt INT 3",
        "interrupt interrupt 64",
      ]
    ) assert(causes.has(cause), cause);
    const call = switches.find(({ kind }) => kind === "syscall")!;
    assertEquals([call.from.cpl, call.to.cpl], [3, 0]);
  });
}

Deno.test("listeners change nothing of a run, and cost nothing after they have ended", () => {
  const options = { kernel: VMX, vmx: true, cycles: "skylake" } as const;
  const alone = new Machine(options);
  alone.run(LIMIT);
  const { machine } = watch(options);
  assertEquals(
    [machine.instructions, machine.statistics().cycles],
    [alone.instructions, alone.statistics().cycles],
  );
  const observed = (of: Machine): number => of.processor.inner.memory.view.getInt32(SWITCHES_OBSERVED, true);
  assertEquals([observed(alone), observed(machine)], [0, 1]);
  const off = alone.on("worldSwitch", () => {});
  assertEquals(observed(alone), 1);
  off();
  assertEquals(observed(alone), 0);
});

for (const [label, configuration] of Object.entries(CONFIGURATIONS)) {
  Deno.test(`on("mark") tells where a guest is, exactly (${label})`, () => {
    const machine = new Machine({
      kernel: PROTOCOL,
      marks: true,
      cycles: { profile: "haswell", worldCall: 200 },
      commandLine: "protocol path=original iterations=20",
      ...configuration,
    });
    const marks: MarkEvent[] = [];
    machine.on("mark", (event) => marks.push(event));
    assertEquals(machine.run(LIMIT), { kind: "exit", code: 1 });
    assertEquals(
      marks.map(({ value }) => value),
      [0x7f_0014, 0x7f_0000, 0x1_0014, 0x1_0000, 0x3_0014, 0x3_0000, 0x7_0002, 0x7_0000],
    );
    const [before, after] = [marks[2]!, marks[3]!];
    assertEquals(after.switches.cr3Write - before.switches.cr3Write, 200);
    const instructions = after.instructions - before.instructions;
    assertEquals(
      after.cycle - before.cycle,
      instructions + 200 * 142,
      "142 cycles above each instruction's own",
    );
    const figures = marks.map((mark) => [mark.instructions, mark.cycle]);
    const expected = recorded.get("marks") ?? figures;
    recorded.set("marks", expected);
    assertEquals(figures, expected, "the same in every engine");
  });
}

Deno.test("a machine without marks reads ones at the mark port and tells nothing", () => {
  const machine = new Machine({ kernel: PROTOCOL, commandLine: "protocol path=original iterations=1" });
  let marks = 0;
  machine.on("mark", () => marks++);
  assertEquals([machine.run(LIMIT).kind, marks], ["exit", 0]);
});

const VMFUNC = read("../bench/worlds/vmfunc.elf");

for (const [label, configuration] of FAST) {
  Deno.test(`listeners that come while code switches worlds by itself hear every switch from then on (${label})`, () => {
    const machine = new Machine({
      kernel: VMFUNC,
      vmx: true,
      commandLine: "vmfunc turns=500 rounds=3",
      ...configuration,
    });
    const counted = (): number => machine.statistics().worldSwitches.vmfunc;
    machine.waitForText("end plain");
    assertEquals(counted(), 1000);
    let heard = 0;
    const off = machine.on("worldSwitch", ({ kind, from, to }) => {
      if (kind !== "vmfunc") return;
      heard++;
      assert(from.eptp !== to.eptp && from.cr3 === to.cr3);
    });
    machine.waitForText("end plain");
    assertEquals([heard, counted()], [1000, 2000]);
    off();
    assertEquals(machine.run(LIMIT).kind, "exit");
    assertEquals([heard, counted()], [1000, 3000]);
  });
}
