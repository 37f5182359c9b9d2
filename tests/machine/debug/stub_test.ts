import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { bytesOf } from "../../cpu/system/_machine.ts";
import { CODE, debugged, kernelOf } from "./_client.ts";

/** MOV EAX, 12345678H; HLT */
const KERNEL = kernelOf(bytesOf("b8 78 56 34 12 f4"));

/** Numbers of registers in the view of x86-64. */
const R15 = 15, RIP = 16, EFLAGS = 17, CS = 18, ST0 = 24, FTAG = 34, XMM0 = 40, MXCSR = 56;

Deno.test("GdbStub: qSupported tells of the packet size, no-ack mode and the target description", () => {
  const { client } = debugged({ kernel: KERNEL });
  const features = client.ask("qSupported:multiprocess+;xmlRegisters=i386")!.split(";");
  for (const feature of ["PacketSize=4000", "QStartNoAckMode+", "qXfer:features:read+"]) {
    assert(features.includes(feature), feature);
  }
});

for (
  const [view, architecture, bytes] of [["x86-64", "i386:x86-64", 16 * 8], ["i386", "i386", 8 * 4]] as const
) {
  Deno.test(`GdbStub: the description of ${view} has as many bits as g has digits`, () => {
    const { client } = debugged({ kernel: KERNEL }, view);
    let xml = "", part: string;
    do {
      part = client.ask(`qXfer:features:read:target.xml:${xml.length.toString(16)},400`)!;
      xml += part.slice(1);
    } while (part[0] === "m");
    assertStringIncludes(xml, `<architecture>${architecture}</architecture>`);
    const bits = [...xml.matchAll(/<reg [^>]*bitsize="(\d+)"/g)].reduce(
      (sum, [, width]) => sum + Number(width),
      0,
    );
    assertEquals(client.ask("g")!.length, bits / 4);
    assert(bits / 8 > bytes);
  });
}

Deno.test("GdbStub: the view fits the code that is executed, unless one is chosen", () => {
  const { client } = debugged({ kernel: KERNEL });
  assertStringIncludes(
    client.ask("qXfer:features:read:target.xml:0,100")!,
    "<architecture>i386</architecture>",
  );
  assertStringIncludes(client.monitor("arch i8086"), "next connection");
  assertStringIncludes(client.monitor("arch z80"), "Usage: monitor arch");
});

Deno.test("GdbStub: p and P read and write each kind of register", () => {
  const { client, machine } = debugged({ kernel: KERNEL }, "x86-64");
  const set = (n: number, hex: string): string => client.ask(`P${n.toString(16)}=${hex}`)!;
  assertEquals(set(R15, "f0debc9a78563412"), "OK");
  assertEquals(machine.get("r15"), 0x1234_5678_9abc_def0n);
  assertEquals(client.register(R15), 0x1234_5678_9abc_def0n);
  assertEquals(set(RIP, "4000100000000000"), "OK");
  assertEquals(set(EFLAGS, "ffffffff"), "OK");
  assertEquals(machine.get("rflags") & ~0x25_7fd5n, 2n, "reserved bits, VM, VIF and VIP stay as they are");
  assertEquals(set(XMM0, "000102030405060708090a0b0c0d0e0f"), "OK");
  assertEquals(machine.get("xmm0"), 0x0f0e_0d0c_0b0a_0908_0706_0504_0302_0100n);
  assertEquals(set(MXCSR, "801f0000"), "OK");
  assertEquals(set(ST0, "0000000000000080ff3f"), "OK");
  assertEquals(machine.get("st0"), 0x3fff_8000_0000_0000_0000n);
  assertEquals(set(FTAG, "fcff0000"), "OK");
  assertEquals(machine.get("ftw"), 1n);
  assertEquals(client.register(FTAG), 0xffffn ^ 3n, "a valid number in physical register 0");
});

Deno.test("GdbStub: what can only be read is refused unless it is so already", () => {
  const { client } = debugged({ kernel: KERNEL }, "x86-64");
  assertEquals(client.ask(`P${CS.toString(16)}=08000000`), "OK");
  assertEquals(client.ask(`P${CS.toString(16)}=10000000`), "E16");
  const all = client.ask("g")!;
  assertEquals(client.ask(`G${all}`), "OK");
  assertEquals(client.ask(`G${"f".repeat(all.length)}`), "E16");
  assertEquals(client.ask(`G${all}00`), "E16");
});

Deno.test("GdbStub: m, M and X reach linear memory; what is not there is E0e, or cut off", () => {
  const { client, machine } = debugged({ kernel: KERNEL });
  assertEquals(client.ask(`m${CODE.toString(16)},6`), "b878563412f4");
  assertEquals(client.ask("M200000,3:a1b2c3"), "OK");
  assertEquals(machine.readPhysical(0x20_0000, 3), Uint8Array.of(0xa1, 0xb2, 0xc3));
  assertEquals(
    client.ask(Uint8Array.of(...bytesOf("58 33 30 30 30 30 30 2c 33 3a"), 0x23, 0x24, 0x7d)),
    "OK",
  );
  assertEquals(client.ask("m300000,3"), "23247d");
  assertEquals(client.ask("mffff00000000,4"), client.ask("m0,4"), "without paging addresses have 32 bits");
  assertEquals(client.ask("m1000000,4"), "E0e");
  assertEquals(client.ask("mfffffe,4"), "0000");
  assertEquals(client.ask("Mfffffe,4:00000000"), "E0e");
});

Deno.test("GdbStub: physical addresses by QEMU's PhyMemMode and by monitor physical", () => {
  const { client } = debugged({ kernel: KERNEL });
  assertEquals(client.ask("qqemu.PhyMemMode"), "0");
  assertEquals(client.ask("Qqemu.PhyMemMode:1"), "OK");
  assertEquals(client.ask("qqemu.PhyMemMode"), "1");
  assertEquals(client.ask(`m${CODE.toString(16)},1`), "b8");
  assertEquals(client.ask("m100000000,1"), "E0e");
  assertEquals(client.ask("Qqemu.PhyMemMode:2"), "E16");
  assertEquals(client.monitor("physical off"), "addresses are linear now\n");
  assertEquals(client.ask("qqemu.PhyMemMode"), "0");
});

Deno.test("GdbStub: monitor commands print, or say how they are used", () => {
  const { client } = debugged({ kernel: KERNEL });
  assertMatch(client.monitor("help"), /^help +prints this\n/);
  assertStringIncludes(client.monitor("registers"), "CR0 0000000000000011");
  assertEquals(client.monitor(`xp ${CODE} 2`), "0000000000100040  b8 78\n");
  assertEquals(client.monitor(`translate 0x${CODE.toString(16)}`), "0x100040\n");
  assertEquals(client.monitor("translate here"), "Usage: monitor translate ADDRESS\n");
  assertStringIncludes(client.monitor("constructor"), 'There is no command "constructor"');
  assertStringIncludes(client.monitor("xp 0xffffffffffff0000"), "no RAM there");
});

Deno.test("GdbStub: threads are the processors", () => {
  const { client } = debugged({ kernel: KERNEL, processors: 3 });
  assertEquals(client.ask("qfThreadInfo"), "m1,2,3");
  assertEquals(client.ask("qsThreadInfo"), "l");
  assertEquals(client.ask("qC"), "QC1");
  assertEquals(client.ask("Hg2"), "OK");
  assertEquals(client.ask("Hg4"), "E03");
  assertEquals(client.ask("T3"), "OK");
  assertEquals(client.ask("T0"), "E03");
  assertEquals(
    new TextDecoder().decode(
      Uint8Array.from(client.ask("qThreadExtraInfo,2")!.match(/../g)!, (x) => parseInt(x, 16)),
    ),
    "processor 1",
  );
});

Deno.test("GdbStub: malformed packets get an error, unknown ones an empty answer", () => {
  const { client } = debugged({ kernel: KERNEL, processors: 2 });
  const table: readonly [string, string][] = [
    ["m", "E16"],
    ["m12", "E16"],
    ["mxyz,4", "E16"],
    ["m0,ffffffff", "E16"],
    ["m00000000000000000,4", "E16"],
    ["M0,2:0", "E16"],
    ["M0,2", "E16"],
    ["X0,2:a", "E16"],
    ["p", "E16"],
    ["pffff", "E16"],
    ["P0", "E16"],
    ["P0=12", "E16"],
    ["Pffffff=12", "E16"],
    ["Z0", "E16"],
    ["Z0,", "E16"],
    ["Z0,1,1,1", "E16"],
    ["Z2,0,0", "E16"],
    ["Z2,0,ffffffff", "E16"],
    ["Z9,0,1", ""],
    ["H", "E16"],
    ["Hgzz", "E03"],
    ["vCont;", "E16"],
    ["vCont;x", "E16"],
    ["vCont;s:9", "E16"],
    ["vCont;C1", "E16"],
    ["czz", "E16"],
    ["C", "E16"],
    ["qXfer:features:read:other.xml:0,10", "E00"],
    ["qXfer:features:read:target.xml:", "E16"],
    ["qXfer:features:write:target.xml:0,1", ""],
    ["qXfer", ""],
    ["qRcmd,0", "E16"],
    ["vMustReplyEmpty", ""],
    ["R00", ""],
    ["", ""],
  ];
  for (const [packet, answer] of table) assertEquals(client.ask(packet), answer, packet);
});

Deno.test("GdbStub: random packets never raise an exception in the host", () => {
  const { client } = debugged({ kernel: KERNEL, processors: 2 });
  const heads = "?gGpPmMXZzHTqQv".split("").concat([
    "vCont;",
    "qRcmd,",
    "qXfer:",
    "Qqemu.PhyMemMode:",
    "Z2,",
  ]);
  const packet = fc.tuple(fc.constantFrom(...heads), fc.stringMatching(/^[0-9a-f,:;=xsc-]{0,24}$/));
  fc.assert(
    fc.property(packet, ([head, rest]) => {
      // What lets it go on is left to others.
      const text = `${head}${rest}`;
      if (/^v(Cont|Kill)/.test(text)) return;
      assert(typeof client.ask(text) === "string", text);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("GdbStub: a damaged packet is asked for again, and the answer repeated on -", () => {
  const { client } = debugged({ kernel: KERNEL });
  const sent = client.replies;
  client.ask("qC");
  client.connection.receive(new TextEncoder().encode("-"));
  assertEquals(sent, ["QC1"]);
  assertEquals(client.register(0), 0x2bad_b002n);
});
