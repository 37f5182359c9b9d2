/** Segment loads, far transfers, queries. SDM vol. 3A, chapter 5; vol. 2. */
import { assertEquals } from "@std/assert";
import {
  GDTR_LIMIT,
  Gpr,
  LDTR,
  SEG_ATTRIBUTES,
  SEG_BASE,
  SEG_LIMIT,
  SEG_SELECTOR,
  Segment,
  segmentBase,
} from "../../../src/cpu/state.ts";
import { segmentCell } from "../../../src/cpu/system/segments.ts";
import {
  CODE,
  DATA,
  everywhere,
  RSP0,
  Selector,
  STACK,
  stoppedIn,
  USER_CODE,
  USER_STACK,
} from "./_machine.ts";

const { CODE64, CODE32, READ_ONLY, EXECUTE_ONLY, CONFORMING, OUTSIDE, TSS, ABSENT_DATA, USER_DATA } =
  Selector;

/** Loads of DS and SS: privilege level, register, selector, exception (-1: none). The error code is the selector. */
const LOADS: readonly [cpl: number, register: "DS" | "SS", selector: number, vector: number, why: string][] =
  [
    [0, "DS", Selector.DATA, -1, "writable data"],
    [0, "DS", READ_ONLY, -1, "read-only data"],
    [0, "DS", CODE64, -1, "readable code"],
    [0, "DS", EXECUTE_ONLY, 13, "code that cannot be read"],
    [0, "DS", CONFORMING, -1, "conforming readable code"],
    [0, "DS", TSS, 13, "a system segment"],
    [0, "DS", OUTSIDE, 13, "outside the table"],
    [0, "DS", ABSENT_DATA, 11, "absent"],
    [0, "DS", 0, -1, "null"],
    [0, "DS", 3, -1, "null with RPL"],
    [0, "DS", USER_DATA, -1, "less privileged data"],
    [0, "DS", Selector.DATA | 3, 13, "RPL above DPL"],
    [3, "DS", Selector.DATA, 13, "CPL above DPL"],
    [3, "DS", USER_DATA, -1, "data of the level"],
    [3, "DS", CONFORMING, -1, "conforming code from less privilege"],
    [0, "SS", Selector.DATA, -1, "writable data"],
    [0, "SS", READ_ONLY, 13, "read-only data"],
    [0, "SS", CODE64, 13, "code"],
    [0, "SS", Selector.DATA | 1, 13, "RPL other than CPL"],
    [0, "SS", USER_DATA, 13, "DPL other than CPL"],
    [0, "SS", ABSENT_DATA, 12, "absent"],
    [0, "SS", 0, -1, "null in 64-bit mode"],
    [0, "SS", 1, 13, "null with RPL other than CPL"],
    [3, "SS", 3, 13, "null at CPL 3"],
    [3, "SS", USER_DATA, -1, "writable data"],
  ];

for (const [cpl, register, selector, vector, why] of LOADS) {
  everywhere(`MOV ${register},${selector.toString(16)}H at CPL ${cpl}: ${why}. Vol. 2B, "MOV"`, (create) => {
    const machine = create();
    if (cpl === 3) machine.enterUser();
    machine.set(Gpr.RAX, selector);
    machine.runCode(`8e ${register === "DS" ? "d8" : "d0"} 0f 0b`, cpl === 3 ? USER_CODE : CODE);
    if (vector === -1) {
      assertEquals(stoppedIn(machine), 6);
      const saved = register === "SS" ? machine.stack(5)[4] : BigInt(machine.selector(Segment.DS));
      return assertEquals(saved, BigInt(selector));
    }
    assertEquals([stoppedIn(machine), machine.stack(1)], [vector, [BigInt(selector & 0xfffc)]]);
  });
}

everywhere(
  "a load sets the accessed bit of the descriptor and of the register, section 3.4.5.1",
  (create) => {
    const machine = create();
    machine.setDescriptor(READ_ONLY, 0x00cf_9000_0000_ffffn);
    machine.set(Gpr.RAX, READ_ONLY);
    machine.runCode("8e d8");
    assertEquals(machine.descriptor(READ_ONLY), 0x00cf_9100_0000_ffffn);
    assertEquals(machine.m[(segmentCell(Segment.DS) + SEG_ATTRIBUTES) >> 2]! & 0xff, 0x91);
    machine.setDescriptor(CODE64, 0x00af_9a00_0000_ffffn);
    machine.set(Gpr.RAX, CODE + 6);
    machine.runCode("6a 08 50 48 cb f4 f4"); // PUSH 8; PUSH RAX; RETFQ
    assertEquals(machine.descriptor(CODE64), 0x00af_9b00_0000_ffffn);
    assertEquals(machine.m[(segmentCell(Segment.CS) + SEG_ATTRIBUTES) >> 2]! & 0xff, 0x9b);
  },
);

everywhere(
  "base and limit come from the descriptor, with and without granularity, section 3.4.5",
  (create) => {
    const machine = create();
    machine.setDescriptor(READ_ONLY, 0x1200_9134_5678_8fffn);
    machine.set(Gpr.RAX, READ_ONLY);
    machine.runCode("8e e0");
    const at = (Segment.FS * 0x18 + 0xc0 + SEG_LIMIT) >> 2;
    assertEquals([machine.cell(segmentBase(Segment.FS)), machine.m[at]], [0x1234_5678n, 0x8fff]);
    machine.setDescriptor(READ_ONLY, 0x1280_9134_5678_8fffn);
    machine.runCode("8e e0");
    assertEquals(machine.m[at], 0x08ff_ffff);
  },
);

everywhere("LLDT and selectors of the LDT, SLDT; the LDT's limit counts, section 3.5.1", (create) => {
  const machine = create();
  machine.writeWords(0x5808, [0x0000_ffff, 0x00cf_9300]);
  machine.runCode("b8 48 00 00 00 0f 00 d0 0f 00 c3 b8 0c 00 00 00 8e d8 b8 14 00 00 00 8e d8");
  assertEquals([stoppedIn(machine), machine.stack(1)], [13, [0x14n]]);
  assertEquals([machine.get(Gpr.RBX), machine.selector(Segment.DS)], [0x48n, 0xc]);
  assertEquals(machine.m[(LDTR + SEG_BASE) >> 2], 0x5800);
  const none = create();
  none.runCode("31 c0 0f 00 d0 b8 04 00 00 00 8e d8");
  assertEquals([stoppedIn(none), none.m[(LDTR + SEG_SELECTOR) >> 2]], [13, 0]);
});

everywhere("LTR and LLDT refuse other types, the LDT, busy and null, vol. 2A", (create) => {
  for (
    const [code, selector, error] of [
      ["0f 00 d8", Selector.LDT, 0x48n],
      ["0f 00 d8", 0, 0n],
      ["0f 00 d8", 0x3c, 0x3cn],
      ["0f 00 d8", OUTSIDE, 0xf8n],
      ["0f 00 d0", TSS, 0x38n],
    ] as const
  ) {
    const machine = create();
    machine.set(Gpr.RAX, selector);
    machine.runCode(code);
    assertEquals([stoppedIn(machine), machine.stack(1)], [13, [error]]);
  }
  const busy = create();
  busy.set(Gpr.RAX, TSS);
  busy.runCode("0f 00 d8 0f 00 cb 0f 00 d8"); // LTR AX; STR EBX; LTR AX
  assertEquals([stoppedIn(busy), busy.stack(1), busy.get(Gpr.RBX)], [13, [0x38n], 0x38n]);
});

everywhere(
  "LGDT and SGDT, LIDT and SIDT carry 10 bytes in 64-bit mode; bases must be canonical, vol. 2A",
  (create) => {
    const machine = create();
    machine.writeWords(DATA, [0x5678_00ef | 0, 0x4321_1234, 0]);
    machine.runCode(
      "0f 01 14 25 00 00 03 00 0f 01 04 25 20 00 03 00 0f 01 1c 25 00 00 03 00 0f 01 0c 25 30 00 03 00",
    );
    for (const at of [DATA + 0x20, DATA + 0x30]) {
      assertEquals([machine.word(at), machine.word(at + 4), machine.word(at + 8)], [
        0x5678_00ef,
        0x4321_1234,
        0,
      ]);
    }
    const refused = create();
    refused.writeWords(DATA, [0xef, 0, 0x8000]);
    refused.runCode("0f 01 14 25 00 00 03 00");
    assertEquals([stoppedIn(refused), refused.m[GDTR_LIMIT >> 2]], [13, 0xef]);
  },
);

everywhere(
  "UMIP: SGDT, SIDT, SLDT, STR and SMSW raise #GP(0) at CPL 3, and work without it, section 2.5",
  (create) => {
    for (
      const code of ["0f 01 04 25 00 00 03 00", "0f 01 0c 25 00 00 03 00", "0f 00 c0", "0f 00 c8", "0f 01 e0"]
    ) {
      for (const umip of [false, true]) {
        const machine = create();
        if (umip) machine.unit.control.store(4, 0xe20, 0);
        machine.enterUser();
        machine.runCode(`${code} 0f 0b`, USER_CODE);
        assertEquals(stoppedIn(machine), umip ? 13 : 6, code);
      }
    }
  },
);

/** LAR, LSL, VERR, VERW at CPL 3: selector, whether each sees it, and the access rights. */
const QUERIES: readonly [
  selector: number,
  rights: bigint | undefined,
  limit: bigint | undefined,
  r: boolean,
  w: boolean,
][] = [
  [USER_DATA, 0xcf_f300n, 0xffff_ffffn, true, true],
  [Selector.USER_CODE64, 0xaf_fb00n, 0xffff_ffffn, true, false],
  [Selector.DATA, undefined, undefined, false, false],
  [CONFORMING, 0xaf_9f00n, 0xffff_ffffn, true, false],
  [0, undefined, undefined, false, false],
  [OUTSIDE, undefined, undefined, false, false],
];

for (const [selector, rights, limit, readable, writable] of QUERIES) {
  everywhere(`LAR, LSL, VERR and VERW of ${selector.toString(16)}H at CPL 3, section 5.10`, (create) => {
    const machine = create();
    machine.enterUser();
    machine.set(Gpr.RAX, selector);
    machine.set(Gpr.RCX, 77);
    machine.set(Gpr.RDX, 78);
    // LAR ECX,EAX; SETZ BL; LSL EDX,EAX; SETZ BH; VERR AX; SETZ R8B; VERW AX; SETZ R9B; UD2
    machine.runCode(
      "0f 02 c8 0f 94 c3 0f 03 d0 0f 94 c7 0f 00 e0 41 0f 94 c0 0f 00 e8 41 0f 94 c1 0f 0b",
      USER_CODE,
    );
    assertEquals(stoppedIn(machine), 6);
    assertEquals([machine.get(Gpr.RCX), machine.get(Gpr.RDX)], [rights ?? 77n, limit ?? 78n]);
    assertEquals(
      machine.get(Gpr.RBX) & 0xffffn,
      (rights === undefined ? 0n : 1n) | (limit === undefined ? 0n : 0x100n),
    );
    assertEquals([machine.get(Gpr.R8) & 1n, machine.get(Gpr.R9) & 1n], [BigInt(readable), BigInt(writable)]);
  });
}

everywhere("LAR and LSL see a TSS, LAR a call gate, in IA-32e mode, tables 3-53 and 3-64", (create) => {
  const machine = create();
  machine.setDescriptor(Selector.GATE, 0x0000_8c00_0008_0000n);
  machine.runCode("b8 38 00 00 00 0f 02 c8 0f 03 d0 b8 90 00 00 00 0f 02 d8 0f 94 c0 0f 03 f0");
  assertEquals([machine.get(Gpr.RCX), machine.get(Gpr.RDX), machine.get(Gpr.RBX)], [0x8900n, 0x87n, 0x8c00n]);
  assertEquals(machine.rflags & 0x40, 0);
});

/** Far returns from CPL 0: selector of CS, exception and error code. */
const RETURNS: readonly [selector: number, vector: number, error: bigint, why: string][] = [
  [0, 13, 0n, "null"],
  [OUTSIDE, 13, 0xf8n, "outside the table"],
  [Selector.DATA, 13, 0x10n, "data"],
  [Selector.ABSENT_CODE, 11, 0x88n, "absent"],
  [CODE64 | 3, 13, 8n, "RPL other than DPL"],
  [Selector.USER_CODE64 & ~3, 13, 0x30n, "DPL other than RPL"],
];
for (const [selector, vector, error, why] of RETURNS) {
  everywhere(`RETF and IRETQ to a code segment that is ${why}. Vol. 2, "RET", "IRET"`, (create) => {
    for (const code of ["48 cb", "48 cf"]) {
      const machine = create();
      machine.set(Gpr.RSP, DATA);
      for (const [slot, value] of [USER_CODE, selector, 2, STACK, Selector.DATA].entries()) {
        machine.writeWords(DATA + 8 * slot, [value, 0]);
      }
      machine.runCode(code);
      assertEquals([stoppedIn(machine), machine.stack(2)], [vector, [error, BigInt(CODE)]]);
    }
  });
}

everywhere(
  "RETF to CPL 3 loads SS:RSP, drops parameters on both stacks and the kernel's segments, section 5.8.6",
  (create) => {
    const machine = create();
    machine.set(Gpr.RSP, DATA);
    for (const [slot, value] of [USER_CODE, 0x33, 0, 0, USER_STACK, USER_DATA].entries()) {
      machine.writeWords(DATA + 8 * slot, [value, 0]);
    }
    machine.write(USER_CODE, [0x0f, 0x0b]);
    machine.runCode("48 ca 10 00");
    assertEquals([stoppedIn(machine), machine.selector(Segment.DS), machine.selector(Segment.ES)], [6, 0, 0]);
    const [rip, cs, , rsp, ss] = machine.stack(5);
    assertEquals([rip, cs, rsp, ss], [BigInt(USER_CODE), 0x33n, BigInt(USER_STACK + 16), 0x2bn]);
  },
);

everywhere(
  'IRETQ at CPL 0 takes IF and IOPL, at CPL 3 neither; RIP must be canonical. Vol. 2A, "IRET"',
  (create) => {
    const machine = create();
    machine.set(Gpr.RSP, DATA);
    for (const [slot, value] of [USER_CODE, 0x33, 0x3202, USER_STACK, USER_DATA].entries()) {
      machine.writeWords(DATA + 8 * slot, [value, 0]);
    }
    for (const [slot, value] of [USER_CODE + 0x10, 0x33, 0x0002, USER_STACK, USER_DATA].entries()) {
      machine.writeWords(USER_STACK + 8 * slot, [value, 0]);
    }
    machine.write(USER_CODE, [0x48, 0xcf]);
    machine.write(USER_CODE + 0x10, [0x0f, 0x0b]);
    machine.runCode("48 cf");
    assertEquals([stoppedIn(machine), machine.stack(3)[2]], [6, 0x1_3002n]);
    const high = create();
    high.set(Gpr.RSP, DATA);
    high.writeWords(DATA, [0, 0x8000, 8, 0, 2, 0, STACK, 0, 0x10, 0]);
    high.runCode("48 cf");
    assertEquals([stoppedIn(high), high.stack(2)], [13, [0n, BigInt(CODE)]]);
  },
);

everywhere(
  "JMP and CALL through memory between 64-bit and 32-bit code of one level, section 5.8.1",
  (create) => {
    const machine = create();
    machine.writeWords(DATA, [USER_CODE, CODE32]);
    machine.write(USER_CODE, [0x40, 0xcb]); // INC EAX; RETF
    machine.set(Gpr.RAX, 6);
    machine.runCode("ff 1c 25 00 00 03 00 48 ff c0"); // CALL FAR [DATA]; INC RAX
    assertEquals([stoppedIn(machine), machine.get(Gpr.RAX), machine.get(Gpr.RSP)], [-1, 8n, BigInt(STACK)]);
    assertEquals(machine.selector(Segment.CS), CODE64);
    for (
      const [selector, vector, error] of [
        [Selector.USER_CODE64, 13, 0x30n],
        [Selector.DATA, 13, 0x10n],
        [Selector.ABSENT_CODE, 11, 0x88n],
        [TSS, 13, 0x38n],
      ] as const
    ) {
      const refused = create();
      refused.writeWords(DATA, [USER_CODE, selector]);
      refused.runCode("ff 2c 25 00 00 03 00");
      assertEquals([stoppedIn(refused), refused.stack(2)], [vector, [error, BigInt(CODE)]]);
    }
  },
);

everywhere("a 64-bit call gate from CPL 3: RSP0, no parameters, RETF back, section 5.8.3.1", (create) => {
  const machine = create();
  machine.writeWords(0x5000 + Selector.GATE, [
    (CODE + 0x100) & 0xffff | (CODE64 << 16),
    (CODE & 0xffff_0000) | 0xec00,
    0,
    0,
  ]);
  machine.writeWords(DATA, [0, Selector.GATE | 3]);
  machine.write(CODE + 0x100, [0x48, 0x89, 0xe3, 0x66, 0x8c, 0xd1, 0x48, 0xcb]); // MOV RBX,RSP; MOV CX,SS; RETFQ
  machine.enterUser();
  machine.runCode("ff 1c 25 00 00 03 00 0f 0b", USER_CODE);
  assertEquals(stoppedIn(machine), 6);
  assertEquals([machine.get(Gpr.RBX), machine.get(Gpr.RCX) & 0xffffn], [BigInt(RSP0 - 32), 0n]);
  const [rip, cs, , rsp, ss] = machine.stack(5);
  assertEquals([rip, cs, rsp, ss], [BigInt(USER_CODE + 7), 0x33n, BigInt(USER_STACK), 0x2bn]);
  const denied = create();
  denied.writeWords(0x5000 + Selector.GATE, [CODE64 << 16, 0x8c00, 0, 0]);
  denied.writeWords(DATA, [0, Selector.GATE | 3]);
  denied.enterUser();
  denied.runCode("ff 1c 25 00 00 03 00", USER_CODE);
  assertEquals([stoppedIn(denied), denied.stack(1)], [13, [BigInt(Selector.GATE)]]);
});
