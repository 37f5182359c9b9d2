/** Virtual-8086 mode, its extensions (CR4.VME), and virtual interrupts of protected mode (CR4.PVI). SDM vol. 3B, chapter 21. */
import { assertEquals } from "@std/assert";
import { CPL, CR4, Gpr, RFLAGS_SYSTEM, Segment } from "../../../src/cpu/state.ts";
import {
  bytesOf,
  everywhere,
  RSP0,
  Selector,
  stoppedIn,
  type SystemMachine,
  TSS,
  USER_CODE,
} from "./_machine.ts";

const GP = 13, UD = 6, BP = 3, OF = 4;
const TF = 0x100, IF = 0x200, IOPL3 = 0x3000, NT = 0x4000, VM = 0x2_0000, VIF = 0x8_0000, VIP = 0x10_0000;
const VME = 1, PVI = 2;
const STACK_SEGMENT = 0xc00, STACK_TOP = 0x100;

/** In virtual-8086 mode: CS is USER_CODE / 16, data at 30000H, the stack at C000H. */
function enterVirtual(machine: SystemMachine, flags: number, cr4: number): void {
  machine.enterProtected();
  machine.m[CR4 >> 2] = 0x600 | cr4;
  machine.rflags = VM | 2 | flags;
  const { segments } = machine.unit;
  for (const n of [Segment.ES, Segment.DS, Segment.FS, Segment.GS]) segments.loadParagraph(n, 0x3000);
  segments.loadParagraph(Segment.SS, STACK_SEGMENT);
  segments.loadParagraph(Segment.CS, USER_CODE >> 4);
  machine.m[CPL >> 2] = 3;
  machine.set(Gpr.RSP, STACK_TOP);
  machine.bare.processor.mmu.enterWorld();
}

function run(machine: SystemMachine, code: string): number {
  machine.write(USER_CODE, [...bytesOf(code), 0x0f, 0x0b]);
  machine.run(0);
  return stoppedIn(machine);
}

/** EFLAGS in the frame of the exception: behind the error code, EIP and CS. */
const framed = (machine: SystemMachine): number => machine.word(RSP0 - 9 * 4 + 8);

/** Code, EFLAGS and CR4 before it; the exception that ends it (#UD of the UD2 behind it), and EFLAGS there as far as they matter. */
const FLAG_INSTRUCTIONS: readonly [
  code: string,
  flags: number,
  cr4: number,
  vector: number,
  set: number,
  clear: number,
  why: string,
][] = [
  ["fa", IOPL3 | IF, 0, UD, 0, IF, "CLI at IOPL 3"],
  ["fa", 0, 0, GP, 0, 0, "CLI below IOPL 3"],
  ["fa", VIF | IF, VME, UD, IF, VIF, "CLI below IOPL 3 with VME clears VIF"],
  ["fa", IOPL3 | VIF | IF, VME, UD, VIF, IF, "CLI at IOPL 3 with VME clears IF"],
  ["fa", VIF, PVI, GP, 0, 0, "PVI does not matter in virtual-8086 mode"],
  ["fb", IOPL3, 0, UD, IF, 0, "STI at IOPL 3"],
  ["fb", 0, 0, GP, 0, 0, "STI below IOPL 3"],
  ["fb", 0, VME, UD, VIF, IF, "STI below IOPL 3 with VME sets VIF"],
  ["fb", VIP, VME, GP, 0, VIF, "STI with VME and VIP"],
  ["9c", 0, 0, GP, 0, 0, "PUSHF below IOPL 3"],
  ["66 9c", 0, VME, GP, 0, 0, "PUSHFD below IOPL 3 with VME"],
  ["9d", 0, 0, GP, 0, 0, "POPF below IOPL 3"],
  ["66 9d", 0, VME, GP, 0, 0, "POPFD below IOPL 3 with VME"],
  ["68 d7 02 9d", 0, VME, UD, VIF | 0xd5, IF | IOPL3, "POPF with VME moves IF to VIF"],
  ["68 02 30 9d", VIF, VME, UD, 0, VIF | IOPL3, "POPF with VME clears VIF and keeps IOPL"],
  ["68 02 02 9d", VIP, VME, GP, 0, VIF, "POPF of IF with VME and VIP"],
  ["68 02 00 9d", VIP, VME, UD, VIP, VIF, "POPF without IF with VME and VIP"],
  ["68 02 01 9d", 0, VME, GP, 0, TF, "POPF of TF with VME"],
  ["68 02 02 9d", IOPL3, VME, UD, IF | IOPL3, VIF, "POPF at IOPL 3 with VME"],
  ["68 02 42 9d", IOPL3, 0, UD, NT | IF | IOPL3, 0, "POPF at IOPL 3"],
  ["68 02 00 9d", IOPL3 | IF, 0, UD, IOPL3, IF, "POPF keeps IOPL"],
  ["cf", 0, 0, GP, 0, 0, "IRET below IOPL 3"],
  ["66 cf", 0, VME, GP, 0, 0, "IRETD below IOPL 3 with VME"],
  ["68 02 02 0e 68 08 00 cf", 0, VME, UD, VIF, IF | IOPL3, "IRET with VME moves IF to VIF"],
  ["68 02 02 0e 68 08 00 cf", VIP, VME, GP, 0, VIF, "IRET of IF with VME and VIP"],
  ["68 02 02 0e 68 08 00 cf", IOPL3, 0, UD, IF | IOPL3, 0, "IRET at IOPL 3"],
  ["f4", IOPL3, VME, GP, 0, 0, "HLT"],
];

for (const [code, flags, cr4, vector, set, clear, why] of FLAG_INSTRUCTIONS) {
  everywhere(`virtual-8086 mode, ${code}: ${why}, sections 21.2.7 and 21.4`, (create) => {
    const machine = create();
    enterVirtual(machine, flags, cr4);
    assertEquals(run(machine, code), vector);
    const at = vector === UD ? RSP0 - 9 * 4 + 8 : RSP0 - 10 * 4 + 12;
    const seen = machine.word(at);
    assertEquals([seen & set, seen & clear, seen & VM], [set, 0, VM], seen.toString(16));
  });
}

everywhere("PUSHF with VME pushes VIF as IF, and IOPL 3, vol. 2B, PUSHF", (create) => {
  for (const [flags, pushed] of [[VIF, 0x3202], [IF, 0x3002], [IF | VIF | NT, 0x7202]] as const) {
    const machine = create();
    enterVirtual(machine, flags, VME);
    assertEquals(run(machine, "9c 58"), UD);
    assertEquals(machine.get(Gpr.RAX) & 0xffffn, BigInt(pushed));
  }
  const free = create();
  enterVirtual(free, IOPL3 | VIF, VME);
  assertEquals(run(free, "66 9c 66 58"), UD);
  assertEquals(free.get(Gpr.RAX), 0x8_3002n);
});

/** INT 40H: CR4.VME, IOPL, the bit of the bitmap; where it goes. Table 21-2. */
const SOFTWARE: readonly [vme: boolean, iopl3: boolean, bit: 0 | 1, way: "idt" | "table" | "#GP"][] = [
  [false, true, 0, "idt"],
  [false, false, 0, "#GP"],
  [true, false, 1, "#GP"],
  [true, true, 1, "idt"],
  [true, true, 0, "table"],
  [true, false, 0, "table"],
];

for (const [vme, iopl3, bit, way] of SOFTWARE) {
  everywhere(
    `INT 40H, VME ${Number(vme)}, IOPL ${iopl3 ? 3 : 0}, bitmap ${bit}: ${way}, section 21.3.3, table 21-2`,
    (create) => {
      const machine = create();
      enterVirtual(machine, iopl3 ? IOPL3 | IF : VIF | IF, vme ? VME : 0);
      machine.setGate32(0x40, Selector.CODE32, undefined, 0xee);
      // The I/O map begins at A0H, the redirection bitmap 20H before it.
      machine.m[0x2ec >> 2] = 0xff;
      machine.writeWords(TSS + 0x64, [0xa0_0000]);
      machine.write(TSS + 0x80, Array.from({ length: 32 }, () => bit === 1 ? 0xff : 0));
      machine.writeWords(4 * 0x40, [0x2200_0004]);
      machine.write(0x2_2004, bytesOf("5b 59 5a 0f 0b")); // POP BX; POP CX; POP DX; UD2
      const vector = run(machine, "cd 40");
      if (way === "#GP") return assertEquals([vector, machine.stack32(2)], [GP, [0, 0]]);
      if (way === "idt") return assertEquals([vector, machine.stack32(2)], [0x40, [2, USER_CODE >> 4]]);
      assertEquals([vector, machine.stack32(2)], [UD, [7, 0x2200]]);
      const popped = [Gpr.RBX, Gpr.RCX, Gpr.RDX].map((n) => machine.get(n) & 0xffffn);
      assertEquals(popped, [2n, BigInt(USER_CODE >> 4), 0x3202n]);
      const left = framed(machine);
      assertEquals([left & IF, left & VIF], iopl3 ? [0, 0] : [IF, 0]);
    },
  );
}

everywhere("INT n with VME and no bitmap in the TSS: #GP(0), section 21.3.3", (create) => {
  const machine = create();
  enterVirtual(machine, IOPL3, VME);
  machine.m[0x2ec >> 2] = 0x66;
  assertEquals([run(machine, "cd 40"), machine.stack32(2)], [GP, [0, 0]]);
});

everywhere(
  "INT3 and INTO go through the IDT whatever IOPL is; RIP is behind them, section 21.3",
  (create) => {
    for (const [code, vector, flags] of [["cc", BP, 0], ["ce", OF, 0x800]] as const) {
      const machine = create();
      enterVirtual(machine, flags, 0);
      machine.setGate32(vector, Selector.CODE32, undefined, 0xee);
      assertEquals([run(machine, code), machine.stack32(1)], [vector, [1]]);
    }
  },
);

/** CLI and STI of protected mode at CPL 3. Section 21.4. */
const PROTECTED: readonly [
  code: string,
  flags: number,
  cr4: number,
  vector: number,
  set: number,
  clear: number,
][] = [
  ["fa", VIF, 0, GP, VIF, 0],
  ["fa", VIF | IF, PVI, UD, IF, VIF],
  ["fa", IOPL3 | VIF | IF, PVI, UD, VIF, IF],
  ["fa", VIF, VME, GP, VIF, 0],
  ["fb", 0, 0, GP, 0, VIF],
  ["fb", 0, PVI, UD, VIF, IF],
  ["fb", VIP, PVI, GP, 0, VIF],
  ["fb", IOPL3, PVI, UD, IF, VIF],
];

for (const [code, flags, cr4, vector, set, clear] of PROTECTED) {
  const shown = `${code} with EFLAGS ${flags.toString(16)}H, CR4 ${cr4}`;
  everywhere(`protected mode at CPL 3, ${shown}: #${vector}, section 21.4`, (create) => {
    for (const segment of [Selector.USER_CODE32, Selector.USER_CODE64]) {
      const machine = create();
      if (segment === Selector.USER_CODE32) machine.enterProtected();
      machine.enterUser(segment);
      machine.m[CR4 >> 2]! |= cr4;
      machine.rflags = 2 | flags;
      machine.runCode(`${code} 0f 0b`, USER_CODE);
      assertEquals(stoppedIn(machine), vector);
      const seen = machine.m[RFLAGS_SYSTEM >> 2]!;
      // The interrupt gate has cleared IF: what it was is in the frame.
      const frame = segment === Selector.USER_CODE32 ? machine.stack32(4) : machine.stack(4).map(Number);
      const saved = frame[vector === GP ? 3 : 2]!;
      assertEquals([saved & set, saved & clear, seen & (set & VIF)], [set, 0, set & VIF]);
    }
  });
}

everywhere("INTO in 32-bit code: #OF behind it, of whatever length, vol. 2A, INT", (create) => {
  for (const [code, behind] of [["ce", 1], ["2e ce", 2]] as const) {
    const machine = create();
    machine.enterProtected();
    machine.rflags = 0x802;
    machine.runCode(code);
    assertEquals([stoppedIn(machine), machine.stack32(1)], [OF, [0x1_0000 + behind]]);
  }
});
