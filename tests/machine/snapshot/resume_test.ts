/** A machine resumed from a snapshot goes on bit for bit as the one that was never saved. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { ENGINE_NAMES, type EngineName } from "../../../src/machine/engines.ts";
import { loadMachine } from "../../../src/machine/snapshot/load.ts";
import { KEEPING_BLOCKS } from "../../jit/_bare.ts";
import { boot, type Guest, GUESTS, resumesAt, runTo } from "./_resume.ts";
import { forced } from "../../_support/forced.ts";

const POINTS = 2;
const labels = Object.keys(KEEPING_BLOCKS);

for (const [name, guest] of Object.entries(GUESTS) as [string, Guest][]) {
  Deno.test(`loadMachine() resumes the guest "${name}" wherever it was saved, on every engine`, async () => {
    const expected = runTo(boot(guest), guest.limit);
    assert(expected.stop.kind !== "budget", `${name} has not ended: ${expected.text}`);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: expected.instructions }),
        fc.constantFrom(...labels),
        fc.constantFrom(...labels),
        (point, saved, resumed) =>
          resumesAt(guest, point, expected, KEEPING_BLOCKS[saved]!, KEEPING_BLOCKS[resumed]!),
      ),
      { numRuns: POINTS, seed: 1, endOnFailure: true },
    );
  });
}

for (const [name, step] of [["echo", 7], ["lab", 67], ["virtual APIC test", 60_013]] as const) {
  Deno.test(`loadMachine() resumes the guest "${name}" saved every ${step} instructions`, async () => {
    const guest: Guest = GUESTS[name];
    const expected = runTo(boot(guest), guest.limit);
    const machine = boot(guest);
    while (machine.run({ instructions: step }).kind === "budget") {
      const resumed = await loadMachine(await machine.snapshot(), { engine: "interpreter" });
      assertEquals(resumed.instructions, machine.instructions);
      assertEquals(runTo(resumed, guest.limit), expected, `resumed from ${machine.instructions}`);
    }
  });
}

Deno.test("a snapshot of a resumed machine is the same snapshot", async () => {
  const machine = boot(GUESTS["processors test"]);
  machine.run({ instructions: 1_000_000 });
  const snapshot = await machine.snapshot();
  assertEquals(await (await loadMachine(snapshot)).snapshot(), snapshot);
});

Deno.test("a chain of snapshots, each of the machine resumed from the one before, is one run", async () => {
  const guest: Guest = GUESTS["processors test"];
  const expected = runTo(boot(guest), guest.limit);
  let machine = boot(guest), engine: EngineName = "auto";
  for (let n = 0; machine.run({ instructions: 200_003 }).kind === "budget"; n++) {
    engine = ENGINE_NAMES[n % ENGINE_NAMES.length]!;
    machine = await loadMachine(await machine.snapshot(), forced(engine));
  }
  assertEquals(runTo(machine, guest.limit), expected);
});

Deno.test("a machine may go on while its snapshot is being made", async () => {
  const guest: Guest = GUESTS.selftest;
  const expected = runTo(boot(guest), guest.limit);
  const machine = boot(guest);
  machine.run({ instructions: 100_000 });
  const pending = machine.snapshot();
  assertEquals(runTo(machine, guest.limit), expected);
  assertEquals(runTo(await loadMachine(await pending), guest.limit), expected);
});

Deno.test("loadMachine() keeps what was typed and not read, and what was printed", async () => {
  const machine = boot({ ...GUESTS.echo, input: "hel" });
  machine.run({ instructions: 1e6 });
  machine.console.write("lo\nex");
  const resumed = await loadMachine(await machine.snapshot());
  assertEquals(resumed.console.text, machine.console.text);
  const printed: string[] = [];
  resumed.on("console", (bytes) => printed.push(new TextDecoder().decode(bytes)));
  resumed.waitForText("hello\n");
  resumed.console.write("it\n");
  assertEquals(resumed.run(), { kind: "exit", code: 1 });
  assert(!printed.join("").includes("Type lines"), "what was printed before is not told again");
});

Deno.test("a machine that has ended can be saved, and stays so", async () => {
  for (const guest of [GUESTS.lab, GUESTS["triple fault"]]) {
    const machine = boot(guest), stop = machine.run();
    assertEquals((await loadMachine(await machine.snapshot())).run(), stop);
  }
});
