/** 5-level paging and 57-bit linear addresses (CR4.LA57). SDM vol. 3A, section 4.5; vol. 1, section 3.3.7.1. */
import { assertEquals } from "@std/assert";
import { CR2, CR4, Gpr, SEG_BASE, Segment } from "../../../src/cpu/state.ts";
import {
  CODE,
  DATA,
  everywhere,
  handler,
  Selector,
  stoppedIn,
  type SystemMachine,
  USER_CODE,
} from "./_machine.ts";

const LA57 = 0x1000, FSGSBASE = 0x1_0000;
const UD = 6, SS = 12, GP = 13, PF = 14;
/** The root table, of which some entries lead to the tables of the lowest 2 MB. */
const PML5 = 0x40_0000, PML4 = 0x1000;
const RSVD = 8;

/** Upper halves of addresses. */
const LOW = 0, INSIDE = 0x0080_0000, HIGHEST = 0x00ff_0000, OUTSIDE = 0x0100_0000;
const NEGATIVE = 0xff00_0000 | 0, NEARLY = 0xfeff_0000 | 0, ABSENT = 0x0040_0000;

function make(create: () => SystemMachine, levels: 4 | 5 = 5): SystemMachine {
  const machine = create();
  for (const entry of [0, 0x80, 0xff, 0x100]) machine.writeWords(PML5 + 8 * entry, [PML4 | 7, 0]);
  machine.m[CR4 >> 2]! |= FSGSBASE | (levels === 5 ? LA57 : 0);
  machine.bare.processor.mmu.switchAddressSpace(levels === 5 ? PML5 : PML4);
  machine.writeWords(DATA, [0x1234_5678]);
  return machine;
}

const READ = "8b 03", PUSH = "48 89 dc 50", JUMP = "ff e3", CALL = "ff d3";
/** RBX points to DATA, or for jumps to a handler, in this half; vector. */
const ACCESSES: readonly [code: string, hi: number, levels: 4 | 5, vector: number, why: string][] = [
  [READ, LOW, 5, UD, "the lowest half"],
  [READ, INSIDE, 5, UD, "bit 55"],
  [READ, HIGHEST, 5, UD, "bits 55 to 48"],
  [READ, NEGATIVE, 5, UD, "bits 63 to 56"],
  [READ, OUTSIDE, 5, GP, "bit 56 alone is not canonical"],
  [READ, NEARLY, 5, GP, "bit 56 missing is not canonical"],
  [READ, ABSENT, 5, PF, "no entry of the root table"],
  [READ, INSIDE, 4, GP, "bit 55 is not canonical with 4 levels"],
  [PUSH, OUTSIDE, 5, SS, "the stack"],
  [JUMP, INSIDE, 5, 99, "a jump"],
  [JUMP, NEGATIVE, 5, 99, "a jump"],
  [CALL, HIGHEST, 5, 99, "a call"],
  [JUMP, OUTSIDE, 5, GP, "a jump out of the canonical addresses"],
  [JUMP, INSIDE, 4, GP, "a jump with 4 levels"],
  ["53 c3", INSIDE, 5, 99, "RET"],
  ["53 c3", OUTSIDE, 5, GP, "RET out of the canonical addresses"],
  ["f3 48 0f ae d3", INSIDE, 5, UD, "WRFSBASE"],
  ["f3 48 0f ae d3", OUTSIDE, 5, GP, "WRFSBASE of what is not canonical"],
  ["f3 48 0f ae d3", INSIDE, 4, GP, "WRFSBASE with 4 levels"],
  ["0f ae 03", INSIDE, 5, UD, "FXSAVE"],
  ["0f ae 03", OUTSIDE, 5, GP, "FXSAVE to what is not canonical"],
  ["0f 01 3b", OUTSIDE, 5, UD, "INVLPG names no page"],
];

for (const [code, hi, levels, vector, why] of ACCESSES) {
  everywhere(
    `${code} with ${levels} levels, upper half ${(hi >>> 0).toString(16)}H: ${why}, section 4.5`,
    (create) => {
      const machine = make(create, levels);
      const jumps = vector === 99 || code === JUMP || code === "53 c3";
      machine.set(Gpr.RBX, jumps ? handler(99) : DATA, hi);
      machine.set(Gpr.RAX, 0);
      machine.setGate(SS, { ist: 1 });
      machine.runCode(`${code} 0f 0b`);
      assertEquals(stoppedIn(machine), vector);
      if (code === READ && vector === UD) assertEquals(machine.get(Gpr.RAX), 0x1234_5678n);
      if (vector === PF) assertEquals([machine.cell(CR2), machine.stack(1)], [0x0040_0000_0003_0000n, [0n]]);
      if (vector === 99) assertEquals(machine.cell(0x80) >> 32n, BigInt(hi >>> 0));
    },
  );
}

everywhere("code at a 57-bit address: loops, near calls and relative jumps, section 4.5", (create) => {
  const machine = make(create);
  // At USER_CODE: MOV ECX,100; back: CALL +2; DEC ECX; JNZ back … the callee: INC EAX; RET.
  const bytes = "b9 64 00 00 00 e8 05 00 00 00 ff c9 75 f7 f4 ff c0 c3".split(" ").map((byte) =>
    parseInt(byte, 16)
  );
  machine.write(USER_CODE, bytes);
  machine.set(Gpr.RAX, 0);
  machine.set(Gpr.RBX, USER_CODE, INSIDE);
  machine.runCode("ff e3");
  assertEquals([machine.get(Gpr.RAX), machine.cell(0x80)], [100n, 0x0080_0000_0002_000fn]);
});

everywhere("a PML5 entry with bit 7: a reserved bit, section 4.5", (create) => {
  const machine = make(create);
  machine.writeWords(PML5 + 8 * 0x40, [PML4 | 0x87, 0]);
  machine.set(Gpr.RBX, DATA, ABSENT);
  machine.runCode(READ);
  assertEquals([stoppedIn(machine), machine.stack(1)], [PF, [BigInt(RSVD | 1)]]);
});

everywhere("entries of all levels get accessed flags, section 4.8", (create) => {
  const machine = make(create);
  machine.set(Gpr.RBX, DATA, INSIDE);
  assertEquals(machine.word(PML5 + 8 * 0x80) & 0x20, 0);
  machine.runCode(READ);
  assertEquals(machine.word(PML5 + 8 * 0x80) & 0x20, 0x20);
});

everywhere("CR4.LA57 cannot change in IA-32e mode, vol. 2B, MOV to control registers", (create) => {
  const machine = make(create);
  machine.runCode("0f 20 e0 0f ba f8 0c 0f 22 e0"); // BTC EAX,12
  assertEquals([stoppedIn(machine), machine.stack(1)], [GP, [0n]]);
});

everywhere("WRMSR takes 57-bit addresses, and exceptions go to 57-bit handlers, section 6.14.1", (create) => {
  const machine = make(create);
  // IA32_LSTAR, then UD2 through a gate.
  machine.set(Gpr.RCX, 0xc000_0082 | 0);
  machine.set(Gpr.RDX, INSIDE);
  machine.setGate(UD, { high: INSIDE, selector: Selector.CODE64 });
  machine.runCode("0f 30 0f 0b");
  assertEquals([machine.cell(0x80) >> 32n, machine.stack(1)], [BigInt(INSIDE), [BigInt(CODE + 2)]]);
  assertEquals(machine.cell(0x308) >> 32n, BigInt(INSIDE));
  assertEquals(machine.cell(0xc0 + 0x18 * Segment.FS + SEG_BASE), 0n);
});
