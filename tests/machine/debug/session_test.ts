import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { bootMachine, type MachineStop } from "../../../src/machine/machine.ts";
import { DebugSession } from "../../../src/machine/debug/session.ts";
import { MachineTarget } from "../../../src/machine/debug/machine_target.ts";
import { bytesOf } from "../../cpu/system/_machine.ts";
import { CONFIGURATIONS } from "../../jit/_bare.ts";
import { Client, CODE, debugged, kernelOf } from "./_client.ts";

/** 0: MOV ESP, 90000H; 5: MOV ECX, 1000; a: ADD EAX, ECX; c: MOV [200000H], EAX; 11: DEC ECX; 12: JNZ a; 14: MOV EAX, 3; 19: OUT 0F4H, EAX */
const LOOP = bytesOf(
  "bc 00 00 09 00 b9 e8 03 00 00 01 c8 a3 00 00 20 00 49 75 f6 b8 03 00 00 00 e7 f4 eb fe",
);
const KERNEL = kernelOf(LOOP);
const ADD = CODE + 0xa, DEC = CODE + 0x11, VALUE = 0x20_0000;
/** Numbers of registers in the view of i386. */
const EAX = 0, ECX = 1, EIP = 8;
const EXIT = "W07";

const smp = Deno.readFileSync(new URL("../kernels/smp.elf", import.meta.url));
const hex = (value: number): string => value.toString(16);

/** Instructions of the kernel without a debugger. */
function plainRun(): number {
  const machine = bootMachine({ kernel: KERNEL, memory: 1 << 24 });
  assertEquals(machine.run(), { kind: "exit", code: 7 });
  return machine.instructions;
}
const PLAIN = plainRun();

for (const [label, configuration] of Object.entries(CONFIGURATIONS)) {
  Deno.test(`DebugSession: a breakpoint stops each time, and the run is the same (${label})`, async () => {
    const { client, machine } = debugged({ kernel: KERNEL, ...configuration });
    assertEquals(client.ask(`Z0,${hex(ADD)},1`), "OK");
    for (let turn = 1000; turn > 990; turn--) {
      assertEquals(await client.go("c"), "T05thread:1;");
      assertEquals([client.register(EIP), client.register(ECX)], [BigInt(ADD), BigInt(turn)]);
      assertEquals(client.ask(`m${hex(ADD)},2`), "01c8");
      assertEquals([...machine.readPhysical(ADD, 2)], [0x01, 0xc8]);
    }
    assertEquals(client.ask(`z0,${hex(ADD)},1`), "OK");
    assertEquals(await client.go("vCont;c"), EXIT);
    assertEquals(client.outcome, { kind: "end", end: { kind: "exit", code: 7 } });
    assertEquals(machine.instructions, PLAIN);
  });

  Deno.test(`DebugSession: watchpoints of each kind tell what they have met (${label})`, async () => {
    const { client, machine } = debugged({ kernel: KERNEL, ...configuration });
    for (const [type, name] of [[2, "watch"], [4, "awatch"]] as const) {
      client.ask(`Z${type},${hex(VALUE)},4`);
      assertEquals(await client.go("c"), `T05${name}:200000;thread:1;`);
      assertEquals(client.register(EIP), BigInt(DEC));
      client.ask(`z${type},${hex(VALUE)},4`);
    }
    assertEquals(client.register(EAX) & 0xffff_ffffn, (0x2bad_b002n + 1000n + 999n) & 0xffff_ffffn);
    client.ask(`Z3,${hex(VALUE)},4`);
    assertEquals(await client.go("c"), EXIT, "nothing reads there");
    assertEquals(machine.instructions, PLAIN);
  });

  Deno.test(`DebugSession: single steps, and steps through a range (${label})`, async () => {
    const { client, machine } = debugged({ kernel: KERNEL, ...configuration });
    const places: bigint[] = [];
    for (let step = 0; step < 7; step++) {
      assertEquals(await client.go(step % 2 === 0 ? "s" : "vCont;s:1;c"), "T05thread:1;");
      places.push(client.register(EIP) - BigInt(CODE));
    }
    assertEquals(places, [5n, 0xan, 0xcn, 0x11n, 0x12n, 0xan, 0xcn]);
    assertEquals(await client.go(`vCont;r${hex(ADD)},${hex(CODE + 0x14)}:1`), "T05thread:1;");
    assertEquals([client.register(EIP), client.register(ECX)], [BigInt(CODE + 0x14), 0n]);
    assertEquals(await client.go("c"), EXIT);
    assertEquals(machine.instructions, PLAIN);
  });
}

Deno.test("DebugSession: a step onto a breakpoint stops before its instruction, and so does going on at another address", async () => {
  const { client } = debugged({ kernel: KERNEL });
  client.ask(`Z1,${hex(ADD)},1`);
  await client.go("s");
  assertEquals(await client.go("s"), "T05thread:1;");
  assertEquals([client.register(EIP), client.register(ECX)], [BigInt(ADD), 1000n]);
  client.ask(`Z1,${hex(DEC)},1`);
  assertEquals(await client.go(`c${hex(DEC)}`), "T05thread:1;");
  assertEquals([client.register(EIP), client.register(ECX)], [BigInt(DEC), 1000n]);
  client.ask(`P${EIP}=${"4a001000"}`);
  assertEquals(await client.go("c"), "T05thread:1;");
  assertEquals(client.register(ECX), 1000n, "set to where a breakpoint is: it stops there");
});

Deno.test("DebugSession: Ctrl-C stops what spins with interrupts off", async () => {
  const { client, machine } = debugged({ kernel: kernelOf(bytesOf("fa eb fe")) });
  assertEquals(await client.go("c", 5), "T02thread:1;");
  assertEquals(client.register(EIP), BigInt(CODE + 1));
  const before = machine.instructions;
  assertEquals(client.ask("?"), "T02thread:1;");
  assertEquals(machine.instructions, before);
});

Deno.test("DebugSession: what waits for ever is a stop, with a word about it", async () => {
  const { client } = debugged({ kernel: kernelOf(bytesOf("fa f4 eb fd")) });
  assertEquals(await client.go("c"), "T02thread:1;");
  assertMatch(client.replies[0]!, /^O/);
});

Deno.test("DebugSession: a triple fault is a stop that can be looked at, and then the end", async () => {
  // MOV EBX, 5; UD2
  const { client } = debugged({ kernel: kernelOf(bytesOf("bb 05 00 00 00 0f 0b")) });
  assertEquals(await client.go("c"), "T0bthread:1;");
  assertEquals([client.register(EIP), client.register(3)], [BigInt(CODE + 5), 5n]);
  assertEquals(await client.go("c"), "X0b");
  assertEquals(client.outcome, { kind: "end", end: { kind: "triple fault" } });
});

Deno.test("DebugSession: switching the machine off, and resetting it, is the end", async () => {
  // MOV DX, 604H; MOV AX, 3400H; OUT DX, AX
  const off = debugged({ kernel: kernelOf(bytesOf("66 ba 04 06 66 b8 00 34 66 ef")) });
  assertEquals(await off.client.go("c"), "W00");
  assertEquals(off.client.outcome, { kind: "end", end: { kind: "power off" } });
  // MOV DX, 60CH; MOV AL, 6; OUT DX, AL
  const reset = debugged({ kernel: kernelOf(bytesOf("66 ba 0c 06 b0 06 ee")) });
  assertEquals(await reset.client.go("s"), "T05thread:1;");
  assertEquals(await reset.client.go("c"), "W00");
  assertEquals(reset.client.outcome, { kind: "end", end: { kind: "reset" } });
});

Deno.test("DebugSession: after detaching, and after a lost connection, another debugger can come", async () => {
  const machine = bootMachine({ kernel: KERNEL, memory: 1 << 24 });
  const session = new DebugSession<MachineStop>(new MachineTarget(machine));
  const first = new Client(session);
  assertEquals(session.connect(() => {}), undefined, "one at a time");
  first.ask(`Z0,${hex(ADD)},1`);
  await first.go("c");
  first.connection.closed();
  const second = new Client(session);
  assertEquals(second.register(EIP), BigInt(ADD), "a lost connection leaves it stopped");
  assertEquals(second.ask("D"), "OK");
  assertEquals((await session.run(100)).kind, "ran", "no breakpoint is left");
  assert(!session.isConnected);
  const third = new Client(session);
  assertEquals(third.ask("?"), "T05thread:1;");
  assertEquals(await third.go("c"), EXIT);
  assertEquals(machine.instructions, PLAIN);
});

Deno.test("DebugSession: k and vKill end it", async () => {
  for (const packet of ["k", "vKill;1"]) {
    const { client } = debugged({ kernel: KERNEL });
    client.ask(packet);
    assertEquals(await client.session.run(100), { kind: "killed" });
  }
});

Deno.test("DebugSession: code that sums its own bytes finds no breakpoint in them", async () => {
  // 0: MOV ESI, 100040H; 5: MOV ECX, 20; a: XOR EAX, EAX; c: XOR EDX, EDX; e: LODSB; f: ADD EDX, EAX; 11: LOOP e; 13: NOP; 14: HLT
  const { client } = debugged({
    kernel: kernelOf(bytesOf("be 40 00 10 00 b9 14 00 00 00 31 c0 31 d2 ac 01 c2 e2 fb 90 f4")),
  });
  const NOP = CODE + 0x13;
  client.ask(`Z0,${hex(NOP)},1`);
  client.ask(`Z0,${hex(CODE + 0xf)},1`);
  for (let byte = 0; byte < 20; byte++) await client.go("c");
  await client.go("c");
  const bytes = bytesOf("be 40 00 10 00 b9 14 00 00 00 31 c0 31 d2 ac 01 c2 e2 fb 90");
  assertEquals([client.register(EIP), client.register(2)], [
    BigInt(NOP),
    BigInt(bytes.reduce((sum, byte) => sum + byte, 0)),
  ]);
});

Deno.test("DebugSession: a write to code by the debugger takes effect, also where it is hot", async () => {
  for (const configuration of Object.values(CONFIGURATIONS)) {
    const { client } = debugged({ kernel: KERNEL, ...configuration });
    client.ask(`Z2,${hex(VALUE)},4`);
    for (let turn = 0; turn < 20; turn++) await client.go("c");
    client.ask(`z2,${hex(VALUE)},4`);
    // DEC ECX becomes NOP, and so the JNZ does not end: make it fall through instead.
    client.ask(`M${hex(CODE + 0x12)},2:9090`);
    assertEquals(await client.go("c"), EXIT);
    assertEquals(client.ask("?"), undefined, "the connection is over");
  }
});

Deno.test("DebugSession: processors are threads with registers of their own, and the run stays the same", async () => {
  const plain = bootMachine({ kernel: smp, processors: 2, memory: 1 << 26 });
  const end = plain.run();
  const { client, machine } = debugged({ kernel: smp, processors: 2, memory: 1 << 26 }, "x86-64");
  await client.go("c", 40);
  const RIP = 16, CPL = 69;
  for (const thread of [1, 2]) {
    assertEquals(client.ask(`Hg${thread}`), "OK");
    assertEquals(client.register(CPL), 0n);
    assert(client.register(RIP) !== 0n);
  }
  // Each of them in turn steps a little.
  for (const thread of [1, 2, 2, 1]) {
    const stop = await client.go(`vCont;s:${thread}`);
    assertEquals(stop, `T05thread:${thread};`);
  }
  assertEquals(await client.go("c"), "W01");
  assertEquals([machine.console.text, machine.instructions, client.outcome], [
    plain.console.text,
    plain.instructions,
    { kind: "end", end },
  ]);
});

Deno.test("DebugSession: monitor registers is what is told of a triple fault", async () => {
  const { client, machine } = debugged({ kernel: kernelOf(bytesOf("0f 0b")) });
  await client.go("c");
  assertStringIncludes(client.monitor("registers"), machine.dumpRegisters());
});
