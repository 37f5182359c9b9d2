import { assert, assertEquals, assertThrows } from "@std/assert";
import { createProcessor, REGISTER_NAMES } from "../../../src/machine/api/bare_processor.ts";
import { dumpStages } from "../../../src/machine/api/dump.ts";
import { ENGINE_NAMES } from "../../../src/machine/engines.ts";

const code = (hex: string): Uint8Array => Uint8Array.from(hex.split(" "), (byte) => parseInt(byte, 16));

for (const engine of ENGINE_NAMES) {
  Deno.test(`BareProcessor.run() with ${engine} executes until HLT`, () => {
    const cpu = createProcessor({ engine });
    cpu.load(code("48 01 d8 f4")); // ADD RAX, RBX; HLT
    cpu.set("rax", 40n);
    cpu.set("rbx", 2n);
    assertEquals(cpu.run(), { kind: "halt" });
    assertEquals([cpu.get("rax"), cpu.get("rip"), cpu.instructions], [42n, 0x10004n, 1]);
  });

  Deno.test(`BareProcessor.run() with ${engine} stops exactly at its limit and goes on from there`, () => {
    const cpu = createProcessor({ engine });
    cpu.load(code("48 ff c0 eb fb")); // INC RAX; JMP back
    for (const limit of [0, 1, 2, 999, 100_000]) {
      const before = cpu.instructions;
      assertEquals(cpu.run({ instructions: limit }), { kind: "budget" });
      assertEquals(cpu.instructions - before, limit);
    }
    assertEquals(cpu.get("rax"), BigInt(Math.ceil(cpu.instructions / 2)));
  });
}

Deno.test("BareProcessor.on() listeners answer system calls and resume", () => {
  const cpu = createProcessor();
  cpu.load(code("0f 05 0f 05 f4")); // SYSCALL; SYSCALL; HLT
  const heard: string[] = [];
  const end = cpu.on("syscall", (event) => {
    heard.push(`${event.kind} ${cpu.get("rcx").toString(16)}`); // RCX holds the return address
    event.resume();
  });
  cpu.on("halt", ({ kind }) => heard.push(kind));
  cpu.on("stop", ({ kind }) => heard.push(`stop ${kind}`));
  assertEquals(cpu.run().kind, "halt");
  assertEquals(heard, ["syscall 10002", "syscall 10004", "halt", "stop halt"]);
  end();
  cpu.set("rip", 0x10000n);
  assertEquals(cpu.run().kind, "syscall");
});

Deno.test("a fault's listener can map the page that is missing and resume", () => {
  const cpu = createProcessor();
  cpu.load(code("48 89 03 f4")); // MOV [RBX], RAX; HLT
  cpu.set("rax", 0x1122n);
  cpu.set("rbx", 0x7000_0000_0ffcn); // crosses a page
  const addresses: bigint[] = [];
  cpu.on("fault", (event) => {
    addresses.push(event.address);
    cpu.map(event.address, 1, "rw");
    event.resume();
  });
  assertEquals(cpu.run().kind, "halt");
  assertEquals(addresses, [0x7000_0000_0ffcn, 0x7000_0000_1000n]);
  assertEquals([...cpu.read(0x7000_0000_0ffcn, 8)], [0x22, 0x11, 0, 0, 0, 0, 0, 0]);
});

Deno.test("BareProcessor.map() gives what its protection says: writes, execution and unmapped reads fault", () => {
  const cpu = createProcessor();
  cpu.load(code("48 89 03 f4"));
  cpu.map(0x20000, 1, "r");
  cpu.set("rbx", 0x20000n);
  assertEquals(cpu.run(), { kind: "fault", vector: 14, error: 7, address: 0x20000n });
  cpu.map(0x20000, 1, "rw");
  assertEquals(cpu.run().kind, "halt");
  cpu.set("rip", 0x20000n);
  assertEquals(cpu.run(), { kind: "fault", vector: 14, error: 0x15, address: 0x20000n });
  cpu.unmap(0x20000, 1);
  assertEquals(cpu.run(), { kind: "fault", vector: 14, error: 0x14, address: 0x20000n });
  assertThrows(() => cpu.read(0x20000, 1), RangeError, "nothing is mapped there");
});

Deno.test("BareProcessor.write() that does not fit what is mapped changes nothing", () => {
  const cpu = createProcessor();
  cpu.map(0x20000, 1);
  assertThrows(() => cpu.write(0x20ffe, code("11 22 33")), RangeError, "Cannot reach memory at 0x21000");
  assertThrows(() => cpu.read(0x20ffe, 3), RangeError, "Cannot reach memory at 0x21000");
  assertEquals([...cpu.read(0x20ffe, 2)], [0, 0]);
});

Deno.test("BareProcessor.write() over code that has run is what runs next", () => {
  const cpu = createProcessor({ engine: "js" });
  for (const value of [1, 2, 3]) {
    cpu.load(code(`b8 0${value} 00 00 00 f4`)); // MOV EAX, value; HLT
    cpu.run();
    assertEquals(cpu.get("rax"), BigInt(value));
  }
});

Deno.test("BareProcessor.step() runs one instruction; INT3 is an interrupt", () => {
  const cpu = createProcessor();
  cpu.load(code("48 ff c0 cc"));
  assertEquals(cpu.step(), { kind: "budget" });
  assertEquals(cpu.get("rip"), 0x10003n);
  assertEquals(cpu.step(), { kind: "interrupt", vector: 3 });
  assertEquals(cpu.get("rip"), 0x10004n);
});

Deno.test("BareProcessor.map() says when RAM is used up, and refuses addresses that are not canonical", () => {
  const cpu = createProcessor({ memory: 0x10000 });
  assertThrows(() => cpu.map(0, 0x10000), RangeError, "all 65536 bytes of RAM are in use");
  assertThrows(() => cpu.map(1n << 47n, 1), RangeError, "not canonical");
  const narrow = createProcessor({ mode: 32 });
  narrow.map(0xffff_f000n, 0x1000);
  assertThrows(
    () => narrow.map(0xffff_f000n, 0x1001),
    RangeError,
    "a 32-bit address space ends at 0x100000000",
  );
});

Deno.test("BareProcessor in real mode reaches its first 1088 KB and no more", () => {
  const cpu = createProcessor({ mode: 16, memory: 1 << 21 });
  // MOV AX, [BX]; HLT
  cpu.load(code("8b 07 f4"), 0xf_0000);
  cpu.set("ds", 0xffffn);
  cpu.set("rbx", 0xffffn - 1n);
  cpu.write(0x10_ffee, code("34 12"));
  assertEquals(cpu.run().kind, "halt");
  assertEquals([cpu.get("rax"), cpu.get("cs"), cpu.get("rip")], [0x1234n, 0xf000n, 3n]);
  assertThrows(() => cpu.map(0x10_f000, 0x2000), RangeError, "real mode ends");
});

Deno.test("dumpStages() shows instructions, IR and JavaScript of what runs", () => {
  const texts: string[] = [];
  const observer = dumpStages(["asm", "ir", "js"], (text) => texts.push(text));
  const cpu = createProcessor({ engine: "js", observer });
  cpu.load(code("48 01 d8 f4"));
  cpu.run();
  const text = texts.join("");
  assert(text.includes("-- asm 0x10000\n0000000000010000  add rax, rbx\n0000000000010003  hlt\n"), text);
  assert(/-- ir 0x10000\nblock pc=0x10000 .*get64 RAX/s.test(text), text);
  assert(/-- js 0x10000\n\(function/.test(text), text);
});

Deno.test("BareProcessor.statistics() counts what ran and where", () => {
  const interpreted = createProcessor({ engine: "interpreter" }),
    compiled = createProcessor({ engine: "js" });
  for (const cpu of [interpreted, compiled]) {
    cpu.load(code("48 ff c0 eb fb"));
    cpu.run({ instructions: 10_000 });
  }
  assertEquals([interpreted.statistics().interpretedShare, interpreted.statistics().compiledRegions], [1, 0]);
  assert(compiled.statistics().interpretedShare < 0.1 && compiled.statistics().compiledRegions > 0);
  assertEquals(compiled.statistics().instructions, 10_000);
});

Deno.test("BareProcessor.statistics() has a share of at most 1 where a fault leaves out the end of a block", () => {
  const cpu = createProcessor({ engine: "interpreter" });
  cpu.load(code("90 8b 04 25 00 00 00 70 90 90 f4")); // NOP; MOV EAX,[70000000H]; NOP; NOP; HLT
  assertEquals([cpu.run().kind, cpu.instructions, cpu.statistics().interpretedShare], ["fault", 1, 1]);
});

Deno.test("BareProcessor.map() maps all that it is asked for, or nothing", () => {
  const cpu = createProcessor({ memory: 1 << 20 });
  assertThrows(() => cpu.map(0x10000, 1e12), RangeError, "Cannot map more memory: all 1048576 bytes of RAM");
  assertThrows(() => cpu.read(0x10000, 1), RangeError, "nothing is mapped there");
  cpu.map(0x10000, 0xf0000);
});

Deno.test("BareProcessor.unmap() gives memory back; what is mapped next is zeros, code included", () => {
  const cpu = createProcessor({ memory: 1 << 20 });
  for (let turn = 0; turn < 100; turn++) {
    const address = 0x4000_0000 + 0x10_0000 * (turn % 2);
    cpu.map(address, 0x4_0000);
    assert(cpu.read(address, 0x4_0000).every((byte) => byte === 0));
    cpu.write(address, code("ff c0 eb fc")); // INC EAX; JMP back
    cpu.set("rip", address);
    assertEquals(cpu.run({ instructions: 5000 }).kind, "budget");
    cpu.unmap(address, 0x4_0000);
    assertEquals(cpu.step().kind, "fault");
  }
});

Deno.test("BareProcessor.map() refuses what is no size and no protection", () => {
  const cpu = createProcessor();
  for (const size of [-1, NaN, 1.5, Infinity]) {
    assertThrows(() => cpu.map(0x1000, size), RangeError, `Cannot map ${size} bytes`);
    assertThrows(() => cpu.unmap(0x1000, size), RangeError, `Cannot unmap ${size} bytes`);
    assertThrows(() => cpu.read(0x1000, size), RangeError, `Cannot read ${size} bytes`);
  }
  assertThrows(() => cpu.map(0x1000, 1, "wx" as "rwx"), RangeError, "Cannot map memory as wx: it must be");
});

Deno.test("createProcessor() refuses modes and engines that there are not", () => {
  assertThrows(
    () => createProcessor({ mode: 8 as 16 }),
    RangeError,
    "There is no mode 8: there are 64, 32, 16",
  );
  assertThrows(
    () => createProcessor({ engine: "fast" as "js" }),
    RangeError,
    "There is no engine fast: there are",
  );
});

for (const engine of ENGINE_NAMES) {
  Deno.test(`BareProcessor.restore() with ${engine} makes registers, memory and mappings as they were`, () => {
    const cpu = createProcessor({ engine });
    // 10000: MOV [RBX], AL; INC AL; INC RBX; DEC ECX; JNZ; MOV BYTE [10000H], 90H; HLT
    cpu.load(code("88 03 fe c0 48 ff c3 ff c9 75 f5 c6 04 25 00 00 01 00 90 f4"));
    cpu.map(0x40_0000, 0x2000, "rw");
    for (const [name, value] of [["rbx", 0x40_0000], ["rcx", 0x2000], ["mxcsr", 0x1fa0]] as const) {
      cpu.set(name, value);
    }
    cpu.set("st3", 0x3fff_8000_0000_0000_0000n);
    cpu.set("xmm7", 1n << 100n);
    const saved = cpu.save(), state = () => REGISTER_NAMES.map((name) => cpu.get(name));
    const before = state(), text = cpu.read(0x1_0000, 20);
    const results = [1, 2, 3].map(() => {
      assertEquals(cpu.run().kind, "halt");
      const result = [...cpu.read(0x40_0000, 0x2000), cpu.get("rax"), cpu.get("rflags")];
      cpu.set("xmm7", 5);
      cpu.map(0x7000_0000_0000n, 0x3000);
      cpu.write(0x7000_0000_0000n, Uint8Array.of(1, 2, 3));
      cpu.unmap(0x40_0000, 0x1000);
      cpu.restore(saved);
      assertEquals(state(), before);
      assertEquals(cpu.read(0x1_0000, 20), text);
      assert(cpu.read(0x40_0000, 0x2000).every((byte) => byte === 0));
      assertThrows(() => cpu.read(0x7000_0000_0000n, 1), RangeError, "nothing is mapped there");
      cpu.map(0x7000_0000_0000n, 0x3000);
      assert(cpu.read(0x7000_0000_0000n, 0x3000).every((byte) => byte === 0));
      cpu.restore(saved);
      return result;
    });
    assertEquals(results[1], results[0]);
    assertEquals(results[2], results[0]);
  });
}

Deno.test("BareProcessor.restore() takes real mode back, and goes to any of several saved states", () => {
  const cpu = createProcessor({ mode: 16 });
  cpu.load(code("40 f4 40 f4"), 0x7c00); // INC AX; HLT; INC AX; HLT
  const start = cpu.save();
  cpu.run();
  const middle = cpu.save();
  cpu.set("ds", 0x1234);
  cpu.run();
  for (
    const [saved, rax, rip] of [[start, 0n, 0x7c00n], [middle, 1n, 0x7c02n], [start, 0n, 0x7c00n]] as const
  ) {
    cpu.restore(saved);
    assertEquals([cpu.get("rax"), cpu.get("rip"), cpu.get("ds_base")], [rax, rip, 0n]);
  }
});

Deno.test("BareProcessor.restore() takes what another processor of the same kind has saved, and no other", () => {
  const cpu = createProcessor({ memory: 1 << 20 });
  cpu.load(code("ff c0 f4")); // INC EAX; HLT
  const saved = cpu.save(), same = createProcessor({ memory: 1 << 20, engine: "interpreter" });
  same.restore(saved);
  assertEquals([same.run().kind, same.get("rax"), cpu.get("rax")], ["halt", 1n, 0n]);
  for (const other of [createProcessor(), createProcessor({ memory: 1 << 20, mode: 32 })]) {
    assertThrows(
      () => other.restore(saved),
      RangeError,
      "Cannot restore mode 64 with 1048576 bytes of memory",
    );
  }
});

Deno.test("BareProcessor.restore() leaves code compiled that has not changed", () => {
  const cpu = createProcessor({ engine: "wasm" });
  cpu.load(code("ff c0 ff c9 75 fa f4")); // INC EAX; DEC ECX; JNZ; HLT
  cpu.set("rcx", 1000);
  const saved = cpu.save();
  cpu.run();
  const { compiledRegions } = cpu.statistics();
  for (let turn = 0; turn < 10; turn++) {
    cpu.restore(saved);
    cpu.run();
  }
  assertEquals(cpu.statistics().compiledRegions, compiledRegions);
});

for (const engine of ENGINE_NAMES) {
  Deno.test(`BareProcessor.on('in') and on('out') with ${engine} are the ports of bare code`, () => {
    const cpu = createProcessor({ engine, mode: 16 }), written: unknown[] = [];
    // MOV DX, 3F8H; IN AL, DX; OUT DX, AL; IN AX, 60H; OUT 80H, AX; HLT
    cpu.load(code("ba f8 03 ec ee e5 60 e7 80 f4"), 0x7c00);
    cpu.on("in", ({ port, size, answer }) => size === 1 && answer(port === 0x3f8 ? 0x1241 : 0));
    cpu.on("out", (event) => written.push(event));
    assertEquals(cpu.run().kind, "halt");
    assertEquals(written, [{ port: 0x3f8, size: 1, value: 0x41 }, { port: 0x80, size: 2, value: 0xffff }]);
  });
}

Deno.test("a listener of a port cannot run the processor; others can", () => {
  const cpu = createProcessor({ mode: 16 });
  cpu.load(code("e6 80 cd 10 f4")); // OUT 80H, AL; INT 10H; HLT
  cpu.on("out", () => assertThrows(() => cpu.run(), Error, "Cannot run the processor while it waits"));
  cpu.on("interrupt", () => assertEquals(cpu.run().kind, "halt"));
  assertEquals(cpu.run().kind, "interrupt");
});

Deno.test("ports are there for 64-bit code with RFLAGS.IOPL = 3, and raise #GP without", () => {
  const cpu = createProcessor(), written: number[] = [];
  cpu.load(code("ef f4")); // OUT DX, EAX; HLT
  cpu.on("out", ({ value }) => written.push(value));
  cpu.set("rax", 0xffff_fffe);
  assertEquals(cpu.run(), { kind: "fault", vector: 13, error: 0, address: 0n });
  cpu.set("rflags", 0x3202);
  assertEquals(cpu.run().kind, "halt");
  assertEquals(written, [0xffff_fffe]);
});
