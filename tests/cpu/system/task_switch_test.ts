/** Task switches. SDM vol. 3A, chapter 8: section 8.3 with tables 8-1 (exceptions) and 8-2 (busy flag, NT, link). */
import { assertEquals } from "@std/assert";
import {
  CR0,
  CR3,
  DR6,
  DR7,
  Gpr,
  LDTR,
  RIP,
  SEG_ATTRIBUTES,
  SEG_SELECTOR,
  Segment,
  TR,
} from "../../../src/cpu/state.ts";
import {
  bytesOf,
  CODE,
  everywhere,
  HANDLERS,
  RSP0,
  Selector,
  STACK,
  stoppedIn,
  type SystemMachine,
  TSS,
  USER_CODE,
} from "./_machine.ts";

const { CODE32, DATA } = Selector;
/** A second task, a gate to it, and selectors of segments to try in it. */
const TASK = 0xa0, GATE = 0xa8, OTHER = 0xb0, OTHER_LDT = 0xb8;
const TASK_STATE = 0x7800, TASK_CODE = 0x2_1000, TASK_STACK = 0xd000;
const NT = 0x4000;
/** Descriptor type bytes. */
const AVAILABLE32 = 0x89, BUSY32 = 0x8b, AVAILABLE16 = 0x81, BUSY16 = 0x83;

const system = (base: number, limit: number, type: number): bigint =>
  BigInt(limit & 0xffff) | (BigInt(base) << 16n) | (BigInt(type) << 40n);

/** Fields of a 32-bit TSS by their offsets. SDM vol. 3A, figure 8-2. */
type Fields = Readonly<Record<number, number>>;
const At = {
  LINK: 0,
  ESP0: 4,
  SS0: 8,
  CR3: 0x1c,
  EIP: 0x20,
  EFLAGS: 0x24,
  EAX: 0x28,
  ESP: 0x38,
  ES: 0x48,
  CS: 0x4c,
  SS: 0x50,
  DS: 0x54,
  FS: 0x58,
  GS: 0x5c,
  LDT: 0x60,
  T: 0x64,
} as const; // deno-fmt-ignore
const TASK_FIELDS: Fields = {
  [At.LINK]: 0, [At.ESP0]: RSP0, [At.SS0]: DATA, [At.EIP]: TASK_CODE, [At.EFLAGS]: 2, [At.EAX]: 0x1111_1111,
  0x2c: 0x2222_2222, 0x30: 0x3333_3333, 0x34: 0x4444_4444, [At.ESP]: TASK_STACK, 0x3c: 0x5555_5555,
  0x40: 0x6666_6666, 0x44: 0x7777_7777, [At.ES]: DATA, [At.CS]: CODE32, [At.SS]: DATA, [At.DS]: DATA,
  [At.FS]: 0, [At.GS]: 0, [At.LDT]: 0, [At.T]: 0x68_0000,
}; // deno-fmt-ignore

function start(create: () => SystemMachine, fields: Fields = {}): SystemMachine {
  const machine = create();
  machine.enterProtected();
  machine.setDescriptor(Selector.TSS, system(TSS, 0x67, BUSY32));
  machine.setDescriptor(TASK, system(TASK_STATE, 0x67, AVAILABLE32));
  machine.setDescriptor(GATE, (BigInt(TASK) << 16n) | (0xe5n << 40n));
  for (const [at, value] of Object.entries({ ...TASK_FIELDS, ...fields })) {
    machine.writeWords(TASK_STATE + Number(at), [value]);
  }
  machine.write(TASK_CODE, [0xf4, 0xcf, 0xf4]); // HLT; IRET; HLT
  machine.write(USER_CODE, [0x0f, 0x0b]);
  return machine;
}

const typeOf = (machine: SystemMachine, selector: number): number =>
  Number(machine.descriptor(selector) >> 40n) & 0xff;
const taskRegister = (machine: SystemMachine): number => machine.m[(TR + SEG_SELECTOR) >> 2]!;

/** Code, what switches, and table 8-2: busy flags of the old and new task, link of the new, NT of old (as saved) and new. */
const WAYS: readonly [
  code: string,
  why: string,
  saved: number,
  oldBusy: boolean,
  link: number,
  oldNt: boolean,
  newNt: boolean,
][] = [
  ["ea 00 00 00 00 a0 00", "JMP to a TSS", 7, false, 0, false, false],
  ["ea 00 00 00 00 a8 00", "JMP to a task gate", 7, false, 0, false, false],
  ["9a 00 00 00 00 a0 00", "CALL of a TSS", 7, true, Selector.TSS, false, true],
  ["9a 00 00 00 00 a8 00", "CALL of a task gate", 7, true, Selector.TSS, false, true],
  ["cd 40", "INT n through a task gate", 2, true, Selector.TSS, false, true],
  ["0f 0b", "#UD through a task gate", 0, true, Selector.TSS, false, true],
  ["cf", "IRET with NT", 1, false, 0, false, false],
];

for (const [code, why, saved, oldBusy, link, oldNt, newNt] of WAYS) {
  everywhere(`${why}: state, busy flags, NT, link, CR0.TS, section 8.3 and table 8-2`, (create) => {
    const machine = start(create);
    for (const vector of [6, 0x40]) machine.setGate32(vector, TASK, 0, 0xe5);
    if (code === "cf") {
      machine.writeWords(TSS, [TASK]);
      machine.setDescriptor(TASK, system(TASK_STATE, 0x67, BUSY32));
      machine.rflags = 0x2 | NT;
    }
    machine.m[DR7 >> 2] = 0x7ff;
    machine.set(Gpr.RBX, 0xbbbb_bbbb);
    assertEquals(machine.runCode(code), "halt");
    assertEquals(machine.rip, TASK_CODE + 1);
    assertEquals(
      [Gpr.RAX, Gpr.RCX, Gpr.RDX, Gpr.RBX, Gpr.RSP, Gpr.RBP, Gpr.RSI, Gpr.RDI].map((n) => machine.get(n)),
      [
        0x1111_1111n,
        0x2222_2222n,
        0x3333_3333n,
        0x4444_4444n,
        0xd000n,
        0x5555_5555n,
        0x6666_6666n,
        0x7777_7777n,
      ],
    );
    assertEquals([typeOf(machine, Selector.TSS), typeOf(machine, TASK)], [
      oldBusy ? BUSY32 : AVAILABLE32,
      BUSY32,
    ]);
    assertEquals([machine.word(TASK_STATE) & 0xffff, taskRegister(machine)], [link, TASK]);
    assertEquals([machine.word(TSS + At.EFLAGS) & NT, machine.rflags & NT], [oldNt ? NT : 0, newNt ? NT : 0]);
    assertEquals([machine.word(TSS + At.EIP), machine.word(TSS + 0x34)], [CODE + saved, 0xbbbb_bbbb]);
    assertEquals([machine.word(TSS + At.ESP), machine.word(TSS + At.CS) & 0xffff], [STACK, CODE32]);
    assertEquals([machine.m[CR0 >> 2]! & 8, machine.m[DR7 >> 2]], [8, 0x7ff & ~0x155]);
    assertEquals([machine.selector(Segment.FS), machine.selector(Segment.DS)], [0, DATA]);
  });
}

everywhere("CALL and IRET: nested tasks return behind the call, section 8.4", (create) => {
  const machine = start(create);
  machine.write(TASK_CODE, bytesOf("43 cf eb fc")); // INC EBX; IRET; JMP back
  assertEquals(machine.runCode("31 db 9a 00 00 00 00 a0 00 9a 00 00 00 00 a0 00"), "halt");
  assertEquals([machine.rip, taskRegister(machine)], [CODE + 17, Selector.TSS]);
  assertEquals([typeOf(machine, Selector.TSS), typeOf(machine, TASK)], [BUSY32, AVAILABLE32]);
  assertEquals([machine.word(TASK_STATE + 0x34), machine.get(Gpr.RBX)], [0x4444_4446, 0n]);
  assertEquals(machine.rflags & NT, 0);
});

everywhere("a 16-bit TSS: 16-bit registers, no FS, GS and CR3, section 8.6", (create) => {
  const machine = start(create);
  machine.setDescriptor(TASK, system(TASK_STATE, 0x2b, AVAILABLE16));
  // Link, SP0 to SS2, IP, FLAGS, AX CX DX BX SP BP SI DI, ES CS SS DS, LDT.
  const words = [
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0x1000,
    2,
    1,
    2,
    3,
    4,
    0xd000,
    5,
    6,
    7,
    DATA,
    Selector.CODE16,
    DATA,
    DATA,
    0,
  ];
  for (let i = 0; i < words.length; i += 2) {
    machine.writeWords(TASK_STATE + 2 * i, [words[i]! | (words[i + 1]! << 16)]);
  }
  machine.write(0x1000, [0xf4, 0xcf]);
  machine.unit.segments.load(Segment.FS, DATA);
  assertEquals(machine.runCode("9a 00 00 00 00 a0 00"), "halt");
  assertEquals([machine.rip, typeOf(machine, TASK), machine.selector(Segment.FS)], [0x1001, BUSY16, 0]);
  assertEquals([machine.get(Gpr.RAX), machine.get(Gpr.RDI)], [0xffff_0001n, 0xffff_0007n]);
  machine.set(Gpr.RBX, 0xabcd);
  assertEquals(machine.resume(), "halt");
  assertEquals([machine.rip, machine.selector(Segment.FS)], [CODE + 8, DATA]);
  assertEquals([machine.word(TASK_STATE + 0x0e) & 0xffff, machine.word(TASK_STATE + 0x18) & 0xffff], [
    0x1002,
    0xabcd,
  ]);
});

/** JMP (or IRET) that is refused before the switch: vector and error code in the old task. */
const REFUSALS: readonly [
  why: string,
  code: string,
  vector: number,
  error: number,
  prepare: (machine: SystemMachine) => void,
][] = [
  [
    "the TSS is busy",
    "ea 00 00 00 00 a0 00",
    13,
    TASK,
    (m) => m.setDescriptor(TASK, system(TASK_STATE, 0x67, BUSY32)),
  ],
  [
    "the TSS is absent",
    "ea 00 00 00 00 a0 00",
    11,
    TASK,
    (m) => m.setDescriptor(TASK, system(TASK_STATE, 0x67, 9)),
  ],
  [
    "the TSS is too small",
    "ea 00 00 00 00 a0 00",
    10,
    TASK,
    (m) => m.setDescriptor(TASK, system(TASK_STATE, 0x66, AVAILABLE32)),
  ],
  [
    "a 16-bit TSS is too small",
    "ea 00 00 00 00 a0 00",
    10,
    TASK,
    (m) => m.setDescriptor(TASK, system(TASK_STATE, 0x2a, AVAILABLE16)),
  ],
  [
    "the old TSS is too small",
    "ea 00 00 00 00 a0 00",
    10,
    Selector.TSS,
    (m) => m.unit.segments.write(TR, Selector.TSS, 0x5e, BUSY32, TSS),
  ],
  ["RPL above DPL", "ea 00 00 00 00 a3 00", 13, TASK, () => {}],
  ["the gate is absent", "ea 00 00 00 00 a8 00", 11, GATE, (m) => m.setDescriptor(GATE, 0x6500_00a0_0000n)],
  [
    "the gate names the LDT",
    "ea 00 00 00 00 a8 00",
    13,
    TASK | 4,
    (m) => m.setDescriptor(GATE, 0xe500_00a4_0000n),
  ],
  [
    "the gate names no TSS",
    "ea 00 00 00 00 a8 00",
    13,
    DATA,
    (m) => m.setDescriptor(GATE, 0xe500_0010_0000n),
  ],
  ["the gate is null", "ea 00 00 00 00 a8 00", 13, 0, (m) => m.setDescriptor(GATE, 0xe500_0000_0000n)],
  ["IRET: the link names an available TSS", "cf", 10, TASK, (m) => m.rflags = NT | 2],
  ["IRET: the link is null", "cf", 10, 0, (m) => {
    m.rflags = NT | 2;
    m.writeWords(TSS, [0]);
  }],
  ["IRET: the link is outside the GDT", "cf", 10, Selector.OUTSIDE, (m) => {
    m.rflags = NT | 2;
    m.writeWords(TSS, [Selector.OUTSIDE]);
  }],
  ["IRET: the linked TSS is absent", "cf", 11, TASK, (m) => {
    m.rflags = NT | 2;
    m.setDescriptor(TASK, system(TASK_STATE, 0x67, 0xb));
  }],
];

for (const [why, code, vector, error, prepare] of REFUSALS) {
  everywhere(
    `task switch refused, ${why}: #${vector}(${error.toString(16)}H) in the old task, table 8-1`,
    (create) => {
      const machine = start(create);
      machine.writeWords(TSS, [TASK]);
      prepare(machine);
      const before = typeOf(machine, TASK);
      assertEquals(machine.runCode(code), "halt");
      assertEquals([stoppedIn(machine), machine.stack32(2)], [vector, [error, CODE]]);
      assertEquals([taskRegister(machine), typeOf(machine, Selector.TSS), typeOf(machine, TASK)], [
        Selector.TSS,
        BUSY32,
        before,
      ]);
    },
  );
}

const DATA_DESCRIPTOR = 0x00cf_9300_0000_ffffn, USER_DESCRIPTOR = 0x00cf_f300_0000_ffffn;
const ABSENT_DESCRIPTOR = 0x00cf_1300_0000_ffffn, EXECUTE_DESCRIPTOR = 0x00cf_9900_0000_ffffn;
const LDT_DESCRIPTOR = 0x0000_8200_5800_000fn;

/** A TSS whose segments cannot be loaded: field, selector there, what OTHER is, exception of the new task. */
const LOADS: readonly [why: string, at: number, selector: number, other: bigint, vector: number][] = [
  ["LDT in the LDT", At.LDT, OTHER | 4, 0n, 10],
  ["LDT outside the GDT", At.LDT, Selector.OUTSIDE, 0n, 10],
  ["LDT is data", At.LDT, OTHER, DATA_DESCRIPTOR, 10],
  ["LDT absent", At.LDT, OTHER, 0x0000_0200_5800_000fn, 10],
  ["SS null", At.SS, 0, 0n, 10],
  ["SS outside the GDT", At.SS, Selector.OUTSIDE, 0n, 10],
  ["SS read-only", At.SS, Selector.READ_ONLY, 0n, 10],
  ["SS is code", At.SS, CODE32, 0n, 10],
  ["SS absent", At.SS, OTHER, ABSENT_DESCRIPTOR, 12],
  ["SS of another level", At.SS, OTHER, USER_DESCRIPTOR, 10],
  ["SS with another RPL", At.SS, DATA | 1, 0n, 10],
  ["DS is execute-only", At.DS, OTHER, EXECUTE_DESCRIPTOR, 10],
  ["DS is a TSS", At.DS, Selector.TSS, 0n, 10],
  ["DS outside the GDT", At.DS, Selector.OUTSIDE, 0n, 10],
  ["ES absent", At.ES, OTHER, ABSENT_DESCRIPTOR, 11],
  ["FS absent", At.FS, OTHER, ABSENT_DESCRIPTOR, 11],
  ["GS with RPL above DPL", At.GS, DATA | 3, 0n, 10],
  ["GS outside the LDT", At.GS, 0x0c, 0n, 10],
  ["CS null", At.CS, 0, 0n, 10],
  ["CS is data", At.CS, DATA, 0n, 10],
  ["CS outside the GDT", At.CS, Selector.OUTSIDE, 0n, 10],
  ["CS absent", At.CS, OTHER, 0x00cf_1b00_0000_ffffn, 11],
  ["CS of another level", At.CS, OTHER, 0x00cf_fb00_0000_ffffn, 10],
];

for (const [why, at, selector, other, vector] of LOADS) {
  everywhere(`a task whose ${why}: #${vector} in the new task, table 8-1`, (create) => {
    const machine = start(create, { [at]: selector });
    machine.setDescriptor(OTHER, other);
    assertEquals(machine.runCode("ea 00 00 00 00 a0 00"), "halt");
    assertEquals([stoppedIn(machine), machine.stack32(2)], [vector, [selector & 0xfffc, TASK_CODE]]);
    assertEquals([taskRegister(machine), typeOf(machine, Selector.TSS), typeOf(machine, TASK)], [
      TASK,
      AVAILABLE32,
      BUSY32,
    ]);
  });
}

everywhere("EIP above the new code segment's limit: #GP(0) in the new task, section 8.3", (create) => {
  const machine = start(create, { [At.CS]: OTHER });
  machine.setDescriptor(OTHER, 0x0040_9b00_0000_ffffn);
  machine.runCode("ea 00 00 00 00 a0 00");
  assertEquals([stoppedIn(machine), machine.stack32(3)], [13, [0, TASK_CODE, OTHER]]);
});

everywhere(
  "an exception through a task gate pushes its error code in the new task, section 6.13",
  (create) => {
    const machine = start(create);
    machine.setGate32(13, TASK, 0, 0xe5);
    machine.runCode("b8 58 00 00 00 66 b8 70 00 8e d8"); // MOV DS, execute-only code
    assertEquals([machine.rip, machine.stack32(1)], [TASK_CODE + 1, [0x70]]);
    assertEquals([machine.get(Gpr.RSP), machine.word(TSS + At.EIP)], [BigInt(TASK_STACK - 4), CODE + 9]);
  },
);

everywhere("a gate's task that is busy: #GP(selector + EXT) in the old task, section 6.13", (create) => {
  const machine = start(create);
  machine.setGate32(6, TASK, 0, 0xe5);
  machine.setDescriptor(TASK, system(TASK_STATE, 0x67, BUSY32));
  machine.runCode("0f 0b");
  assertEquals([stoppedIn(machine), machine.stack32(2)], [13, [TASK | 1, CODE]]);
});

everywhere("the T flag: #DB with DR6.BT before the task's first instruction, section 8.2.1", (create) => {
  const machine = start(create, { [At.T]: 0x68_0001 });
  machine.m[DR6 >> 2] = 0xffff_0ff0 | 0;
  machine.runCode("ea 00 00 00 00 a0 00");
  assertEquals([stoppedIn(machine), machine.stack32(1)], [1, [TASK_CODE]]);
  assertEquals(machine.m[DR6 >> 2]! & 0xffff, 0x8ff0);
});

everywhere("a task of CPL 3, and one in virtual-8086 mode, section 8.3", (create) => {
  const user = start(create, {
    [At.EIP]: USER_CODE,
    [At.CS]: Selector.USER_CODE32,
    [At.SS]: Selector.USER_DATA,
    [At.DS]: Selector.USER_DATA,
    [At.ES]: 0,
    [At.ESP]: 0xc000,
  }); // deno-fmt-ignore
  user.runCode("ea 00 00 00 00 a0 00");
  assertEquals([stoppedIn(user), user.stack32(5)], [
    6,
    [USER_CODE, Selector.USER_CODE32, 0x1_0002, 0xc000, Selector.USER_DATA],
  ]);
  const virtual = start(create, {
    [At.EIP]: 0x10,
    [At.EFLAGS]: 0x2_0002,
    [At.CS]: USER_CODE >> 4,
    [At.SS]: 0x100,
    [At.DS]: 0x200,
    [At.ES]: 0x300,
    [At.FS]: 0x400,
    [At.GS]: 0x500,
    [At.ESP]: 0x800,
  }); // deno-fmt-ignore
  virtual.write(USER_CODE + 0x10, [0x0f, 0x0b]);
  virtual.runCode("ea 00 00 00 00 a0 00");
  assertEquals([stoppedIn(virtual), virtual.stack32(9)], [
    6,
    [0x10, USER_CODE >> 4, 0x3_0002, 0x800, 0x100, 0x300, 0x200, 0x400, 0x500],
  ]);
});

everywhere("a task's LDT is loaded before its segments, section 8.3", (create) => {
  const machine = start(create, { [At.LDT]: OTHER_LDT, [At.DS]: 0x0c });
  machine.setDescriptor(OTHER_LDT, LDT_DESCRIPTOR);
  machine.writeWords(0x5808, [0x0000_ffff, 0x00cf_9200]);
  assertEquals(machine.runCode("ea 00 00 00 00 a0 00"), "halt");
  assertEquals([machine.rip, machine.selector(Segment.DS)], [TASK_CODE + 1, 0x0c]);
  assertEquals([machine.m[(LDTR + SEG_SELECTOR) >> 2], machine.m[(LDTR + SEG_ATTRIBUTES) >> 2]! & 0xff], [
    OTHER_LDT,
    0x82,
  ]);
  assertEquals(machine.word(0x580c), 0x00cf_9300, "accessed");
});

everywhere(
  "with paging CR3 is loaded; a TSS that is not mapped leaves the old task, section 8.3",
  (create) => {
    const page = (machine: SystemMachine, directory: number, table: number): void => {
      machine.writeWords(directory, [table | 3]);
      machine.writeWords(table, Array.from({ length: 0x100 }, (_, n) => (n << 12) | 3));
    };
    const prepare = (fields: Fields): SystemMachine => {
      const machine = start(create, fields);
      page(machine, 0x40_0000, 0x40_1000);
      page(machine, 0x40_2000, 0x40_3000);
      // The other task sees another page at 30000H.
      machine.writeWords(0x40_3000 + 4 * 0x30, [0x31_003]);
      machine.writeWords(0x3_1000, [0x1234_5678]);
      machine.m[0x168 >> 2] = 0x600;
      machine.bare.processor.mmu.switchAddressSpace(0x40_0000);
      machine.m[CR0 >> 2] = 0x8000_0033 | 0;
      machine.bare.processor.mmu.enterWorld();
      return machine;
    };
    const machine = prepare({ [At.CR3]: 0x40_2000 });
    machine.write(TASK_CODE, bytesOf("a1 00 00 03 00 f4")); // MOV EAX,[30000H]; HLT
    assertEquals(machine.runCode("a1 00 00 03 00 ea 00 00 00 00 a0 00"), "halt");
    assertEquals([machine.m[CR3 >> 2], machine.get(Gpr.RAX)], [0x40_2000, 0x1234_5678n]);
    const absent = prepare({});
    absent.setDescriptor(TASK, 0x0040_8920_0000_0067n); // TSS at 200000H
    absent.runCode("ea 00 00 00 00 a0 00");
    assertEquals([stoppedIn(absent), absent.stack32(2)], [14, [0, CODE]]);
    assertEquals([taskRegister(absent), typeOf(absent, TASK)], [Selector.TSS, AVAILABLE32]);
  },
);

everywhere("IRET with NT in IA-32e mode: #GP(0), vol. 2A, IRET", (create) => {
  const machine = create();
  machine.rflags = NT | 2;
  machine.runCode("48 cf");
  assertEquals([stoppedIn(machine), machine.stack(1)], [13, [0n]]);
});

everywhere(
  "a double fault through a task gate, in a task with a stack of its own, section 6.15",
  (create) => {
    const machine = start(create);
    machine.setGate32(8, TASK, 0, 0xe5);
    machine.set(Gpr.RSP, 0);
    machine.unit.segments.write(0xc0 + 0x18 * Segment.SS, DATA, 0xfff, 0x4093, 0);
    machine.runCode("0f 0b");
    assertEquals([machine.rip, machine.stack32(1)], [TASK_CODE + 1, [0]]);
    assertEquals([machine.word(TSS + At.EIP), machine.m[RIP >> 2]], [CODE, TASK_CODE + 1]);
    assertEquals(machine.rip < HANDLERS || machine.rip > HANDLERS + 0x1000, true);
  },
);
