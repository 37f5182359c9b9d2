import { assertEquals, assertThrows } from "@std/assert";
import { readFileSync } from "node:fs";
import { bootMachine, type MachineOptions } from "../../src/machine/machine.ts";

const kernel = readFileSync(new URL("../../src/guests/echo/echo.elf", import.meta.url));

Deno.test("bootMachine() refuses names that there are not, and says which there are", () => {
  const refused: readonly (readonly [object, string])[] = [
    [{ engine: "qemu" }, "There is no engine qemu: there are interpreter, js, wasm, auto"],
    [
      { cpu: "pentium" },
      "There is no processor model pentium: there are causeway, x86-64-v2, x86-64, causeway-la57",
    ],
    [{ cycles: "zen" }, "There is no cycle model zen: there are haswell, skylake"],
    [{ cycles: { profile: "zen" } }, "There is no cycle model zen: there are haswell, skylake"],
  ];
  for (const [options, message] of refused) {
    assertThrows(() => bootMachine({ kernel, ...options } as MachineOptions), RangeError, message);
  }
});

Deno.test("a listener of a machine can neither run nor save it, and the machine goes on", async () => {
  const machine = bootMachine({ kernel }), refused: string[] = [];
  const end = machine.on("console", () => {
    for (const act of [() => machine.run(), () => machine.step(), () => machine.snapshot()]) {
      try {
        act();
      } catch (error) {
        refused.push((error as Error).message);
      }
    }
  });
  machine.waitForText("> ");
  assertEquals(
    new Set(refused),
    new Set(
      ["run", "save"].map((verb) =>
        `Cannot ${verb} the machine while it runs: listeners are called in between`
      ),
    ),
  );
  end();
  await machine.snapshot();
  machine.console.write("exit\n");
  assertEquals(machine.run().kind, "exit");
});

Deno.test("a machine can run again after a listener has thrown", () => {
  const machine = bootMachine({ kernel });
  const end = machine.on("console", () => {
    throw new Error("mine");
  });
  assertThrows(() => machine.run(), Error, "mine");
  end();
  machine.console.write("exit\n");
  assertEquals(machine.run().kind, "exit");
});

Deno.test("Machine.write() that reaches what is no RAM changes nothing", () => {
  const machine = bootMachine({ kernel, memory: 0x200_0000 }), end = 0x200_0000;
  const message = "Cannot reach memory at 0x2000000";
  assertThrows(() => machine.write(end - 1, new Uint8Array([1, 2])), RangeError, message);
  assertThrows(() => machine.read(end - 1, 2), RangeError, message);
  assertEquals([...machine.read(end - 1, 1)], [0]);
});
