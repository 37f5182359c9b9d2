/** Interrupts, stacks and returns of 32-bit protected mode and real mode. SDM vol. 3A, sections 5.8 and 6.12; vol. 3B, chapter 21. */
import { assertEquals } from "@std/assert";
import {
  CPL,
  CR0,
  Gpr,
  IDTR_LIMIT,
  SEG_ATTRIBUTES,
  SEG_BASE,
  SEG_LIMIT,
  Segment,
  segmentBase,
} from "../../../src/cpu/state.ts";
import { segmentCell } from "../../../src/cpu/system/segments.ts";
import {
  CODE,
  everywhere,
  handler,
  RSP0,
  Selector,
  STACK,
  stoppedIn,
  type SystemMachine,
  USER_CODE,
  USER_STACK,
} from "./_machine.ts";

const DATA_SEGMENTS = [Segment.ES, Segment.DS, Segment.FS, Segment.GS];

function enterUser32(machine: SystemMachine): void {
  machine.enterProtected();
  machine.enterUser(Selector.USER_CODE32);
}

everywhere("protected mode at one level: EFLAGS, CS, EIP and the error code, section 6.12.1", (create) => {
  const machine = create();
  machine.enterProtected();
  machine.runCode("0f 0b");
  assertEquals([stoppedIn(machine), machine.stack32(3)], [6, [CODE, Selector.CODE32, 0x1_0002]]);
  const selector = create();
  selector.enterProtected();
  selector.runCode("b8 58 00 00 00 8e d8");
  assertEquals([stoppedIn(selector), selector.stack32(3)], [11, [0x58, CODE + 5, Selector.CODE32]]);
  assertEquals(selector.get(Gpr.RSP), BigInt(STACK - 16));
});

everywhere("protected mode from CPL 3: SS0:ESP0, and IRET back with ESP and SS, section 6.12.1", (create) => {
  const machine = create();
  enterUser32(machine);
  machine.write(handler(0x80), [0x66, 0x8c, 0xd0, 0xcf]); // MOV AX,SS; IRET
  machine.setGate32(0x80, Selector.CODE32, handler(0x80), 0xee);
  machine.runCode("cd 80 66 8c d3 0f 0b", USER_CODE); // INT 80H; MOV BX,SS; UD2
  assertEquals(stoppedIn(machine), 6);
  assertEquals([machine.get(Gpr.RAX) & 0xffffn, machine.get(Gpr.RBX) & 0xffffn], [0x10n, 0x2bn]);
  assertEquals(machine.stack32(5), [USER_CODE + 5, 0x23, 0x1_0002, USER_STACK, 0x2b]);
  assertEquals(machine.get(Gpr.RSP), BigInt(RSP0 - 20));
});

everywhere(
  "a stack segment in the TSS that is no good raises #TS(selector); the triple fault ends it, section 6.15",
  (create) => {
    for (const selector of [0, Selector.USER_DATA, Selector.READ_ONLY, Selector.OUTSIDE]) {
      const machine = create();
      enterUser32(machine);
      machine.writeWords(0x7008, [selector]);
      assertEquals(machine.runCode("0f 0b", USER_CODE), "shutdown");
    }
  },
);

everywhere("16-bit gates push 16 bits, section 6.12.1", (create) => {
  const machine = create();
  machine.enterProtected();
  machine.setGate32(6, Selector.CODE32, 0x8000 + 0x100, 0x86);
  machine.write(0x8100, [0xf4]);
  machine.runCode("0f 0b");
  assertEquals([machine.rip, machine.get(Gpr.RSP)], [0x8101, BigInt(STACK - 6)]);
  assertEquals(machine.stack32(1), [(Selector.CODE32 << 16) | (CODE & 0xffff)]);
});

everywhere("IRET to CPL 3 makes data segments null that are the kernel's, vol. 2A", (create) => {
  const machine = create();
  machine.enterProtected();
  machine.unit.segments.load(Segment.ES, Selector.USER_DATA);
  const gs = segmentBase(Segment.GS) >> 2;
  machine.m[gs] = 0x40_0000;
  machine.set(Gpr.RSP, 0x3_0000);
  machine.writeWords(0x3_0000, [USER_CODE, 0x23, 0x202, USER_STACK, 0x2b]);
  machine.write(USER_CODE, [0x0f, 0x0b]);
  machine.runCode("cf");
  assertEquals([stoppedIn(machine), machine.stack32(5)], [6, [USER_CODE, 0x23, 0x1_0202, USER_STACK, 0x2b]]);
  assertEquals([machine.selector(Segment.DS), machine.selector(Segment.ES)], [0, 0x2b]);
  assertEquals([machine.selector(Segment.GS), machine.m[gs]], [0, 0x40_0000], "bases stay");
});

everywhere(
  "returns to CPL 3 take the RPL of null selectors, and leave the base, vol. 2A and 2B",
  (create) => {
    // IRET; RETF
    for (const [code, frame] of [["cf", [0x202, USER_STACK, 0x2b]], ["cb", [USER_STACK, 0x2b]]] as const) {
      const machine = create();
      machine.enterProtected();
      for (const n of DATA_SEGMENTS) machine.unit.segments.write(segmentCell(n), 3, 0, 0, 0x1234);
      machine.set(Gpr.RSP, 0x3_0000);
      machine.writeWords(0x3_0000, [USER_CODE, 0x23, ...frame]);
      machine.write(USER_CODE, [0x0f, 0x0b]);
      machine.runCode(code);
      assertEquals(stoppedIn(machine), 6);
      for (const n of DATA_SEGMENTS) {
        assertEquals([machine.selector(n), machine.m[(segmentCell(n) + SEG_BASE) >> 2]], [0, 0x1234], code);
      }
    }
  },
);

everywhere(
  "a 32-bit call gate copies parameters to the inner stack; RET n drops them on both, section 5.8.5",
  (create) => {
    const machine = create();
    enterUser32(machine);
    machine.writeWords(0x5000 + Selector.GATE, [
      ((CODE + 0x100) & 0xffff) | (Selector.CODE32 << 16),
      (CODE & 0xffff_0000) | 0xec02,
    ]);
    // PUSH 7; PUSH 9; CALL GATE; UD2
    machine.write(CODE + 0x100, [0x8b, 0x44, 0x24, 0x08, 0x8b, 0x5c, 0x24, 0x0c, 0xca, 0x08, 0x00]);
    machine.runCode("6a 07 6a 09 9a 00 00 00 00 93 00 0f 0b", USER_CODE);
    assertEquals(stoppedIn(machine), 6);
    assertEquals([machine.get(Gpr.RAX), machine.get(Gpr.RBX)], [9n, 7n]);
    assertEquals(machine.stack32(5), [USER_CODE + 11, 0x23, 0x1_0002, USER_STACK, 0x2b]);
  },
);

everywhere(
  "protected mode to real mode and an INT through the vector table, vol. 3B, section 21.1.4",
  (create) => {
    const machine = create();
    machine.enterProtected();
    machine.m[IDTR_LIMIT >> 2] = 0x3ff;
    machine.setRegister(0x2c0, 0, 0); // IDTR base 0
    machine.writeWords(4 * 0x21, [0x0100_0200]); // 0100:0200
    machine.write(0x1200, [0xcf]); // IRET
    machine.rflags = 0x202;
    // JMP 78H:8000H (16-bit code); there MOV EAX,CR0; AND AL,FE; MOV CR0,EAX; JMP 0:8010H
    machine.write(0x8000, [0x0f, 0x20, 0xc0, 0x24, 0xfe, 0x0f, 0x22, 0xc0, 0xea, 0x10, 0x80, 0, 0]);
    // MOV AX,0; MOV SS,AX; MOV SP,9000H; INT 21H; MOV BX,CS; HLT
    machine.write(0x8010, [0xb8, 0, 0, 0x8e, 0xd0, 0xbc, 0, 0x90, 0xcd, 0x21, 0x8c, 0xcb, 0xf4]);
    assertEquals(machine.runCode("ea 00 80 00 00 78 00"), "halt");
    assertEquals([machine.rip, machine.m[CR0 >> 2]! & 1, machine.get(Gpr.RBX) & 0xffffn], [0x801d, 0, 0n]);
    assertEquals([machine.get(Gpr.RSP) & 0xffffn, machine.rflags & 0x200], [0x9000n, 0x200]);
    assertEquals([machine.word(0x8ffa) >>> 0, machine.word(0x8ffe) & 0xffff], [0x0000_801a, 0x202]);
  },
);

everywhere("real mode: a vector outside the table's limit ends in shutdown", (create) => {
  const machine = create();
  machine.m[CR0 >> 2] = 0x32;
  machine.m[CPL >> 2] = 0;
  const { segments } = machine.unit;
  for (const n of [Segment.CS, Segment.SS, Segment.DS]) segments.write(0xc0 + 0x18 * n, 0, 0xffff, 0x93, 0);
  machine.m[IDTR_LIMIT >> 2] = 0;
  machine.bare.processor.mmu.enterWorld();
  assertEquals(machine.runCode("0f 0b", 0x8000), "shutdown");
});

everywhere(
  "IRET to virtual-8086 mode and an exception back to protected mode, vol. 3B, section 21.2.6",
  (create) => {
    const machine = create();
    machine.enterProtected();
    machine.set(Gpr.RSP, 0x3_0000);
    machine.writeWords(0x3_0000, [0x10, USER_CODE >> 4, 0x2_0002, 0x100, 0x800, 0x111, 0x222, 0x333, 0x444]);
    machine.write(USER_CODE + 0x10, [0x8c, 0xd8, 0xf4]); // MOV AX,DS; HLT: #GP(0)
    machine.runCode("cf");
    assertEquals([stoppedIn(machine), machine.get(Gpr.RAX) & 0xffffn], [13, 0x222n]);
    assertEquals(machine.stack32(10), [
      0,
      0x12,
      USER_CODE >> 4,
      0x3_0002,
      0x100,
      0x800,
      0x111,
      0x222,
      0x333,
      0x444,
    ]);
    assertEquals([machine.selector(Segment.DS), machine.rflags & 0x2_0000, machine.cpl], [0, 0, 0]);
  },
);

everywhere("a far jump in real mode keeps CS's limit and sets its base", (create) => {
  const machine = create();
  machine.m[CR0 >> 2] = 0x32;
  const { segments } = machine.unit;
  for (const n of [Segment.CS, Segment.SS, Segment.DS]) segments.write(0xc0 + 0x18 * n, 0, 0xffff, 0x93, 0);
  machine.bare.processor.mmu.enterWorld();
  machine.write(0x3010, [0xf4]);
  machine.runCode("ea 10 00 00 03", 0x8000);
  const cs = 0xc0 + 0x18 * Segment.CS;
  assertEquals([machine.rip, machine.m[(cs + SEG_BASE) >> 2], machine.m[(cs + SEG_LIMIT) >> 2]], [
    0x11,
    0x3000,
    0xffff,
  ]);
  assertEquals(machine.m[(cs + SEG_ATTRIBUTES) >> 2], 0x93);
});
