/** Port input and output. SDM vol. 1, chapter 19; vol. 2, "IN", "INS", "OUT", "OUTS". */
import { assertEquals } from "@std/assert";
import { Gpr } from "../../../src/cpu/state.ts";
import { CODE, DATA, everywhere, stoppedIn, USER_CODE } from "./_machine.ts";

everywhere("IN and OUT of 1, 2 and 4 bytes, by immediate and DX", (create) => {
  const machine = create();
  machine.set(Gpr.RAX, 0x1122_3344, 7);
  machine.set(Gpr.RDX, 0x3f8);
  machine.runCode("e6 80 66 e7 80 e7 80 ee 66 ef ef");
  assertEquals(machine.bus.written, [
    [0x80, 1, 0x44],
    [0x80, 2, 0x3344],
    [0x80, 4, 0x1122_3344],
    [0x3f8, 1, 0x44],
    [0x3f8, 2, 0x3344],
    [0x3f8, 4, 0x1122_3344],
  ]);
  for (
    const [code, rax] of [["e4 60", 0x7_1122_3321n], ["66 ed", 0x7_1122_4321n], ["ed", 0x8765_4321n]] as const
  ) {
    machine.set(Gpr.RAX, 0x1122_3344, 7);
    machine.runCode(code);
    assertEquals(machine.get(Gpr.RAX), rax);
  }
});

everywhere("at CPL 3 IOPL or the I/O permission map decide, section 19.5", (create) => {
  /** IOPL, map base, bits of the map at port 3F8H, instruction, whether it is allowed. */
  const cases: readonly [number, number, number, string, boolean][] = [
    [3, 0xffff, 0xff, "ee", true],
    [2, 0xffff, 0xff, "ee", false],
    [0, 0, 0xff, "ee", false],
    [0, 0, 0, "ee", true],
    [0, 0, 0x02, "ee", true],
    [0, 0, 0x02, "66 ef", false],
    [0, 0, 0x08, "ef", false],
    [0, 0, 0x10, "ef", true],
  ];
  for (const [iopl, base, bits, code, allowed] of cases) {
    const machine = create();
    // The map would lie over the stacks: only the byte for 3F8H matters here.
    machine.unit.segments.write(0x2e8, 0x38, 0xfff, 0x8b, 0x7000);
    machine.writeWords(0x7064, [(base === 0 ? 0x100 : base) << 16]);
    machine.writeWords(0x7100 + 0x7c, [bits << 24, 0]);
    machine.enterUser();
    machine.rflags = 2 | (iopl << 12);
    machine.set(Gpr.RDX, 0x3f8);
    machine.runCode(`${code} 0f 0b`, USER_CODE);
    assertEquals(stoppedIn(machine), allowed ? 6 : 13, `IOPL ${iopl}, map ${bits}, ${code}`);
    assertEquals(machine.bus.written.length, allowed ? 1 : 0);
  }
});

everywhere("REP OUTSB sends a string, REP INSW fills one, DF counts, vol. 2", (create) => {
  const machine = create();
  machine.write(DATA, [1, 2, 3, 4]);
  machine.set(Gpr.RSI, DATA);
  machine.set(Gpr.RCX, 3);
  machine.set(Gpr.RDX, 0x3f8);
  machine.runCode("f3 6e");
  assertEquals(machine.bus.written, [[0x3f8, 1, 1], [0x3f8, 1, 2], [0x3f8, 1, 3]]);
  assertEquals([machine.get(Gpr.RSI), machine.get(Gpr.RCX)], [BigInt(DATA + 3), 0n]);
  machine.set(Gpr.RDI, DATA + 0x12);
  machine.set(Gpr.RCX, 2);
  machine.runCode("fd f3 66 6d");
  assertEquals([machine.word(DATA + 0x10), machine.get(Gpr.RDI)], [0x4321_4321, BigInt(DATA + 0xe)]);
});

everywhere(
  "INS to a page that is absent faults before the port is read, the registers as they were",
  (create) => {
    const machine = create();
    machine.set(Gpr.RDI, 0x40_0000);
    machine.set(Gpr.RCX, 2);
    machine.runCode("f3 6c");
    assertEquals([stoppedIn(machine), machine.stack(2)], [14, [2n, BigInt(CODE)]]);
    assertEquals([machine.get(Gpr.RDI), machine.get(Gpr.RCX)], [0x40_0000n, 2n]);
  },
);

everywhere("CLI, STI and HLT at CPL 3 need IOPL 3, HLT never runs there", (create) => {
  for (
    const [code, iopl, vector] of [["fa", 0, 13], ["fa", 3, 6], ["fb", 2, 13], ["fb", 3, 6], [
      "f4",
      3,
      13,
    ]] as const
  ) {
    const machine = create();
    machine.enterUser();
    machine.rflags = 2 | (iopl << 12);
    machine.runCode(`${code} 0f 0b`, USER_CODE);
    assertEquals(stoppedIn(machine), vector, code);
  }
});
