import { assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import { bootMachine } from "../../../src/machine/machine.ts";

const ECHO = readFileSync(new URL("../../../src/guests/echo/echo.elf", import.meta.url));
const SPIN = new Uint8Array([0xeb, 0xfe]); // jmp to itself

Deno.test("Machine.live() waits for what the console's streams bring, and ends them", async () => {
  const machine = bootMachine({ kernel: ECHO });
  const output = machine.console.readable, input = machine.console.writable.getWriter();
  const stopped = machine.live();
  let text = "", answered = 0;
  for await (const bytes of output) {
    text += new TextDecoder().decode(bytes);
    if (text.endsWith("> ")) await input.write(["hello\n", new TextEncoder().encode("exit\n")][answered++]!);
  }
  assertEquals(await stopped, { kind: "exit", code: 1 });
  assertEquals(text, "Type lines; exit ends this.\n> hello\n> exit\n");
  assertEquals((await machine.console.readable.getReader().read()).done, true, "streams of what has ended");
});

Deno.test("Machine.live() ends with its signal, whether the guest executes or waits", async () => {
  const spinning = bootMachine({ kernel: SPIN, loadAddress: 0x1_0000, memory: 1 << 20 });
  const waiting = bootMachine({ kernel: ECHO });
  for (const machine of [spinning, waiting]) {
    const controller = new AbortController(), stopped = machine.live({ signal: controller.signal });
    setTimeout(() => controller.abort(), 20);
    assertEquals(await stopped, { kind: "budget" });
  }
});

Deno.test("Machine.live() executes as many instructions as it is told", async () => {
  const machine = bootMachine({ kernel: SPIN, loadAddress: 0x1_0000, memory: 1 << 20 });
  assertEquals(await machine.live({ instructions: 5_000_001 }), { kind: "budget" });
  assertEquals(machine.instructions, 5_000_001);
});

Deno.test("Machine.run() with a text stops right behind it, and finds it once", () => {
  const machine = bootMachine({ kernel: ECHO });
  machine.console.write("a>b\nexit\n");
  const found: string[] = [];
  while (machine.run({ until: ">" }).kind === "text") found.push(machine.console.text.slice(-2));
  assertEquals(found, ["\n>", "a>", "\n>"]);
});
