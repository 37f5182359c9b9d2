import { assert, assertEquals, assertThrows } from "@std/assert";
import { readFileSync } from "node:fs";
import { createProcessor } from "../../../src/machine/api/bare_processor.ts";
import { ENGINE_NAMES } from "../../../src/machine/engines.ts";
import { bootMachine } from "../../../src/machine/machine.ts";

const code = (hex: string): Uint8Array => Uint8Array.from(hex.split(" "), (byte) => parseInt(byte, 16));

/** MOV ECX, 3; 10005: INC EAX; 10007: MOV [RBX], EAX; 10009: DEC ECX; 1000b: JNZ 10005; HLT. */
const LOOP = code("b9 03 00 00 00 ff c0 89 03 ff c9 75 f8 f4");
const DATA = 0x7000_0000_0ffen;

function processorWithLoop(engine: typeof ENGINE_NAMES[number]) {
  const cpu = createProcessor({ engine });
  cpu.load(LOOP);
  cpu.map(DATA, 4, "rw");
  cpu.set("rbx", DATA);
  return cpu;
}

for (const engine of ENGINE_NAMES) {
  Deno.test(`BareProcessor.breakpoint() with ${engine} stops before its instruction until it is taken away`, () => {
    const cpu = processorWithLoop(engine), end = cpu.breakpoint(0x10005);
    for (let turn = 0; turn < 2; turn++) {
      assertEquals(cpu.run(), { kind: "breakpoint", address: 0x10005n });
      assertEquals([cpu.get("rip"), cpu.get("rax")], [0x10005n, BigInt(turn)]);
    }
    assertEquals(cpu.step(), { kind: "budget" });
    assertEquals(cpu.get("rip"), 0x10007n);
    cpu.set("rip", 0x10005); // there again, by another way: it stops
    assertEquals(cpu.run().kind, "breakpoint");
    end();
    assertEquals(cpu.run(), { kind: "halt" });
    assertEquals(cpu.get("rax"), 5n - 1n);
  });

  Deno.test(`BareProcessor.watch() with ${engine} tells of accesses, and of the instruction that made them`, () => {
    const cpu = processorWithLoop(engine), seen: bigint[] = [];
    cpu.watch(DATA + 3n, 1, "write");
    cpu.watch(DATA - 8n, 8, "write"); // nobody writes there
    cpu.on("watchpoint", (event) => {
      const { access, address, size, rip } = event;
      assertEquals({ access, address, size, rip }, {
        access: "write",
        address: DATA,
        size: 4,
        rip: 0x10007n,
      });
      assertEquals(cpu.get("rip"), 0x10009n);
      seen.push(BigInt(cpu.read(DATA, 1)[0]!));
      if (seen.length < 3) event.resume();
    });
    assertEquals(cpu.run().kind, "watchpoint");
    assertEquals(seen, [1n, 2n, 3n]);
    assertEquals(cpu.run().kind, "halt");
  });
}

Deno.test("BareProcessor.on('breakpoint') is a hook: it may change registers, skip the instruction, and resume", () => {
  const cpu = processorWithLoop("auto");
  cpu.breakpoint(0x10007);
  cpu.on("breakpoint", (event) => {
    cpu.set("rip", event.address + 2n);
    event.resume();
  });
  assertEquals(cpu.run().kind, "halt");
  assertEquals([...cpu.read(DATA, 4)], [0, 0, 0, 0]);
});

Deno.test("BareProcessor.watch() tells reads from writes, and refuses what is no range", () => {
  const cpu = createProcessor({ mode: 32 });
  cpu.load(code("8b 03 89 03 f4")); // MOV EAX, [EBX]; MOV [EBX], EAX; HLT
  cpu.map(0x30000, 4);
  cpu.set("rbx", 0x30000);
  const end = cpu.watch(0x30000, 4, "read");
  assertEquals([cpu.run().kind, cpu.run().kind], ["watchpoint", "halt"]);
  end();
  cpu.watch(0x30000, 4);
  cpu.set("rip", 0x10000);
  assertEquals([cpu.run().kind, cpu.run().kind, cpu.run().kind], ["watchpoint", "watchpoint", "halt"]);
  for (const size of [0, -1, 1.5, NaN]) {
    assertThrows(() => cpu.watch(0x30000, size), RangeError, "Cannot watch");
  }
  for (const address of [-1, 1n << 64n]) {
    assertThrows(() => cpu.breakpoint(address), RangeError, "is no address");
  }
});

Deno.test("breakpoints in real mode are linear addresses", () => {
  const cpu = createProcessor({ mode: 16 });
  cpu.load(code("40 eb fd"), 0x2_0000); // INC AX; JMP back
  cpu.breakpoint(0x2_0001);
  assertEquals([cpu.run(), cpu.run()], Array(2).fill({ kind: "breakpoint", address: 0x2_0001n }));
  assertEquals([cpu.get("cs"), cpu.get("rip"), cpu.get("rax")], [0x2000n, 1n, 2n]);
});

Deno.test("Machine.breakpoint() and watch() stop runs of a kernel; read() and write() reach its memory", () => {
  const image = readFileSync(new URL("../../../src/guests/echo/echo.elf", import.meta.url));
  const plain = bootMachine({ kernel: image });
  plain.waitForText("> ");
  const machine = bootMachine({ kernel: image });
  assertEquals(machine.step(), { kind: "budget" });
  const rip = machine.get("rip"), bytes = machine.read(rip, 16);
  const end = machine.breakpoint(rip);
  machine.run({ instructions: 1 });
  end();
  const stack = machine.get("rsp") - 64n;
  const endWatch = machine.watch(stack & ~0xfffn, 0x1000, "write");
  const stop = machine.run({ instructions: 10_000 });
  assert(stop.kind === "watchpoint" && stop.access === "write", stop.kind);
  endWatch();
  machine.waitForText("> ");
  assertEquals(machine.instructions, plain.instructions);
  machine.write(rip, bytes.map((byte) => ~byte));
  assertEquals(machine.read(rip, 16), bytes.map((byte) => ~byte));
  assertThrows(() => machine.read(0xff00_0000, 4), RangeError, "Cannot");
});
