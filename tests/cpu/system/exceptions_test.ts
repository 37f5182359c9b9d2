/** Exceptions and interrupts in 64-bit mode. SDM vol. 3A, chapter 6. */
import { assertEquals } from "@std/assert";
import { CR2, CR4, DR6, Gpr, INTERRUPTIBILITY, Segment, TR } from "../../../src/cpu/state.ts";
import {
  CODE,
  everywhere,
  handler,
  IST1,
  RSP0,
  Selector,
  STACK,
  stoppedIn,
  type SystemMachine,
  USER_CODE,
  USER_STACK,
} from "./_machine.ts";

const RF = 0x1_0000n;

/** An instruction that raises an exception: code, vector, error code, offset of the pushed RIP in the code. */
interface Case {
  readonly name: string;
  readonly code: string;
  readonly vector: number;
  readonly error?: bigint;
  readonly rip?: number;
  readonly cr2?: bigint;
  readonly prepare?: (machine: SystemMachine) => void;
}

const CASES: readonly Case[] = [
  { name: "UD2: #UD, section 6.15 vector 6", code: "90 0f 0b", vector: 6, rip: 1 },
  { name: "DIV by 0: #DE, vector 0", code: "31 c9 f7 f1", vector: 0, rip: 2 },
  { name: "INT3: #BP is a trap, vector 3", code: "90 cc", vector: 3, rip: 2 },
  { name: "INT1: #DB is a trap, vector 1", code: "f1", vector: 1, rip: 1 },
  { name: "INT 80H, section 6.4.4", code: "cd 80", vector: 0x80, rip: 2 },
  { name: "INT 13 pushes no error code, section 6.4.4", code: "cd 0d", vector: 13, rip: 2 },
  {
    name: "load from an absent page: #PF, vector 14",
    code: "8b 04 25 10 00 40 00",
    vector: 14,
    error: 0n,
    cr2: 0x40_0010n,
  },
  { name: "store to it", code: "89 04 25 10 00 40 00", vector: 14, error: 2n, cr2: 0x40_0010n },
  {
    name: "store to a read-only page with CR0.WP",
    code: "89 04 25 00 00 03 00",
    vector: 14,
    error: 3n,
    cr2: 0x3_0000n,
    prepare: (machine) => machine.bare.mapPage(0x3_0000, 0x3_0000, 5),
  },
  {
    name: "fetch of an XD page: I, section 4.7",
    code: "b8 00 00 03 00 ff e0",
    vector: 14,
    error: 0x11n,
    cr2: 0x3_0000n,
    rip: 0x2_0000,
    prepare: (machine) => {
      machine.bare.mapPage(0x3_0000, 0x3_0000);
      machine.writeWords(0x4000 + 8 * 0x30 + 4, [1 << 31]);
    },
  },
  {
    name: "address that is not canonical: #GP(0)",
    code: "48 0f ba e8 3f 8b 00",
    vector: 13,
    error: 0n,
    rip: 5,
  },
  {
    name: "stack that is not canonical: #SS(0)",
    code: "48 0f ba ed 3f 8b 45 00",
    vector: 12,
    error: 0n,
    rip: 5,
  },
  {
    name: "selector outside the GDT: #GP(selector)",
    code: "b8 f9 00 00 00 8e d8",
    vector: 13,
    error: 0xf8n,
    rip: 5,
  },
  {
    name: "data segment that is absent: #NP(selector)",
    code: "b8 58 00 00 00 8e d8",
    vector: 11,
    error: 0x58n,
    rip: 5,
  },
  {
    name: "stack segment of code: #GP(selector)",
    code: "b8 08 00 00 00 8e d0",
    vector: 13,
    error: 8n,
    rip: 5,
  },
  {
    name: "stack segment that is absent: #SS(selector)",
    code: "b8 58 00 00 00 8e d0",
    vector: 12,
    error: 0x58n,
    rip: 5,
  },
  {
    name: "SSE with CR0.TS: #NM, vector 7",
    code: "0f 57 c0",
    vector: 7,
    prepare: (machine) => machine.unit.control.store(0, 0x8001_003b | 0, 0),
  },
];

for (const { name, code, vector, error, rip = 0, cr2, prepare } of CASES) {
  everywhere(`deliver() at CPL 0: ${name}`, (create) => {
    const machine = create();
    prepare?.(machine);
    const trap = vector === 3 || vector === 1 || code.startsWith("cd");
    assertEquals(machine.runCode(code), "halt");
    assertEquals(stoppedIn(machine), vector);
    const frame = machine.stack(error === undefined ? 5 : 6);
    if (error !== undefined) assertEquals(frame.shift(), error);
    const [pushedRip, cs, flags, rsp, ss] = frame;
    assertEquals(pushedRip, BigInt(CODE + rip));
    assertEquals([cs, rsp, ss], [BigInt(Selector.CODE64), BigInt(STACK), BigInt(Selector.DATA)]);
    assertEquals(flags! & RF, trap ? 0n : RF, "RF is pushed as 1 for faults, section 18.3.1.1");
    if (cr2 !== undefined) assertEquals(machine.cell(CR2), cr2);
    assertEquals(machine.get(Gpr.RSP) % 8n, 0n);
  });
}

everywhere("deliver() aligns RSP to 16 bytes before the frame, section 6.14.2", (create) => {
  for (let offset = 0; offset < 16; offset++) {
    const machine = create();
    machine.set(Gpr.RSP, STACK - offset);
    machine.runCode("0f 0b");
    assertEquals(machine.get(Gpr.RSP), (BigInt(STACK - offset) & ~15n) - 40n);
    assertEquals(machine.stack(4)[3], BigInt(STACK - offset));
  }
});

everywhere(
  "deliver() from CPL 3 takes RSP0 and a null SS, and IRETQ goes back, sections 6.14.4 and 6.14.3",
  (create) => {
    const machine = create();
    machine.enterUser();
    machine.rflags = 0x202;
    machine.write(handler(6), [0x48, 0x83, 0x04, 0x24, 0x02, 0x48, 0xcf]); // ADD QWORD [RSP],2; IRETQ
    // UD2; MOV AX,SS; MOV DX,CS; then HLT is #GP(0) at CPL 3
    assertEquals(machine.runCode("0f 0b 66 8c d0 66 8c ca", USER_CODE), "halt");
    assertEquals(stoppedIn(machine), 13);
    assertEquals([machine.get(Gpr.RAX), machine.get(Gpr.RDX)], [0x2bn, 0x33n]);
    assertEquals([machine.cpl, machine.selector(Segment.SS), machine.selector(Segment.CS)], [
      0,
      0,
      Selector.CODE64,
    ]);
    assertEquals(machine.get(Gpr.RSP), BigInt(RSP0 - 48));
    const [error, rip, cs, flags, rsp, ss] = machine.stack(6);
    assertEquals([error, rip, cs, rsp, ss], [0n, BigInt(USER_CODE + 8), 0x33n, BigInt(USER_STACK), 0x2bn]);
    assertEquals(flags! & 0x1_0202n, 0x1_0202n);
  },
);

everywhere(
  "deliver() through an IST gate switches the stack at the same privilege level, section 6.14.5",
  (create) => {
    const machine = create();
    machine.setGate(6, { ist: 1 });
    machine.runCode("0f 0b");
    assertEquals(machine.get(Gpr.RSP), BigInt(IST1 - 40));
    assertEquals(machine.stack(5)[3], BigInt(STACK));
    assertEquals(machine.selector(Segment.SS), Selector.DATA);
  },
);

everywhere(
  "deliver() clears IF through interrupt gates only, TF NT RF through both, section 6.12.1.3",
  (create) => {
    for (const [type, expected] of [[0x8e, 0], [0x8f, 0x200]] as const) {
      const machine = create();
      machine.setGate(6, { type });
      machine.rflags = 0x4202;
      machine.runCode("0f 0b");
      assertEquals(machine.rflags & 0x1_4300, expected);
    }
  },
);

/** A gate that cannot be used: what is wrong with it, the exception and its error code. */
const GATES: readonly [string, Parameters<SystemMachine["setGate"]>[1], number, bigint][] = [
  ["DPL below CPL: #GP", { type: 0x8e }, 13, 0x80n * 8n + 2n],
  ["absent: #NP", { type: 0x6e }, 11, 0x80n * 8n + 2n],
  ["a task gate: #GP", { type: 0xe5 }, 13, 0x80n * 8n + 2n],
  ["null code segment: #GP(0)", { type: 0xee, selector: 0 }, 13, 0n],
  ["code segment outside the GDT: #GP", { type: 0xee, selector: 0xf8 }, 13, 0xf8n],
  ["data segment: #GP", { type: 0xee, selector: 0x10 }, 13, 0x10n],
  ["32-bit code segment: #GP", { type: 0xee, selector: 0x18 }, 13, 0x18n],
  ["absent code segment: #NP", { type: 0xee, selector: 0x88 }, 11, 0x88n],
  ["target that is not canonical: #GP(0)", { type: 0xee, high: 0x8000 }, 13, 0n],
];

for (const [name, gate, vector, error] of GATES) {
  everywhere(
    `INT 80H at CPL 3 through a gate that is no good, ${name}; RIP is at it. Vol. 2A, "INT n"`,
    (create) => {
      const machine = create();
      machine.enterUser();
      machine.setGate(0x80, gate);
      assertEquals(machine.runCode("90 cd 80", USER_CODE), "halt");
      assertEquals(stoppedIn(machine), vector);
      assertEquals(machine.stack(2), [error, BigInt(USER_CODE + 1)]);
    },
  );
}

everywhere('INT1 does not check the gate\'s DPL, INT3 does. Vol. 2A, "INT n"', (create) => {
  const one = create();
  one.enterUser();
  one.runCode("f1", USER_CODE);
  assertEquals(stoppedIn(one), 1);
  const three = create();
  three.enterUser();
  three.runCode("cc", USER_CODE);
  assertEquals([stoppedIn(three), three.stack(2)], [13, [3n * 8n + 2n, BigInt(USER_CODE)]]);
});

everywhere(
  "deliver() of an external interrupt: EXT in the error code of what it raises, section 6.13",
  (create) => {
    const machine = create();
    machine.setGate(0x40, { type: 0x0e });
    machine.write(CODE, [0xf4]);
    machine.run(CODE);
    assertEquals(machine.unit.deliver(0x40, undefined, "external"), "done");
    machine.resume();
    assertEquals([stoppedIn(machine), machine.stack(2)], [11, [0x40n * 8n + 3n, BigInt(CODE + 1)]]);
  },
);

everywhere(
  "deliver() ends the STI and MOV SS shadows; an NMI blocks NMIs until IRET, sections 6.7.1 and 6.8.3",
  (create) => {
    const machine = create();
    machine.m[INTERRUPTIBILITY >> 2] = 3;
    machine.write(CODE, [0xf4]);
    machine.run(CODE);
    machine.unit.deliver(2, undefined, "nmi");
    assertEquals(machine.m[INTERRUPTIBILITY >> 2], 8);
    machine.write(handler(2), [0x48, 0xcf]);
    machine.write(CODE + 1, [0xf4]);
    machine.resume();
    assertEquals([machine.rip, machine.m[INTERRUPTIBILITY >> 2]], [CODE + 2, 0]);
  },
);

everywhere(
  "an exception in a page fault's delivery is a double fault, in that of #UD it is not, table 6-5",
  (create) => {
    const double = create();
    double.setGate(14, { type: 0x0e });
    assertEquals(double.runCode("8b 04 25 00 00 40 00"), "halt");
    assertEquals([stoppedIn(double), double.stack(2)], [8, [0n, BigInt(CODE)]]);
    const serial = create();
    serial.setGate(6, { type: 0x0e });
    serial.runCode("0f 0b");
    assertEquals([stoppedIn(serial), serial.stack(2)], [11, [6n * 8n + 3n, BigInt(CODE)]]);
  },
);

everywhere("a stack that faults at CPL 0 leads to a double fault on its IST", (create) => {
  const machine = create();
  machine.setGate(8, { ist: 1 });
  machine.set(Gpr.RSP, 0x40_1000);
  assertEquals(machine.runCode("0f 0b"), "halt");
  assertEquals([stoppedIn(machine), machine.cell(CR2)], [8, 0x40_0ff8n]);
  assertEquals(machine.get(Gpr.RSP), BigInt(IST1 - 48));
});

everywhere(
  "an exception in a double fault's delivery shuts the processor down, section 6.15, vector 8",
  (create) => {
    const machine = create();
    machine.setGate(8, { type: 0x0e });
    machine.setGate(14, { type: 0x0e });
    assertEquals(machine.runCode("8b 04 25 00 00 40 00"), "shutdown");
  },
);

everywhere("a TSS that is too small raises #TS(TR) for a stack switch, section 8.7", (create) => {
  const machine = create();
  machine.enterUser();
  machine.unit.segments.write(TR, Selector.TSS, 8, 0x8b, 0x7000);
  // #TS needs the same stack, so a double fault would follow, and a triple fault: #TS through an IST is no help either.
  assertEquals(machine.runCode("0f 0b", USER_CODE), "shutdown");
});

everywhere("TF raises #DB behind each instruction with DR6.BS, section 18.3.1.4", (create) => {
  const machine = create();
  machine.rflags = 0x102;
  machine.runCode("90 90");
  assertEquals([stoppedIn(machine), machine.stack(1)], [1, [BigInt(CODE + 1)]]);
  assertEquals([machine.m[DR6 >> 2]! & 0x4000, machine.rflags & 0x100], [0x4000, 0]);
});

everywhere("MOV to DR with DR7.GD raises #DB with DR6.BD and clears GD, section 18.2.4", (create) => {
  const machine = create();
  machine.runCode("b8 00 20 00 00 0f 23 f8 0f 23 c0"); // MOV EAX,2000H; MOV DR7,RAX; MOV DR0,RAX
  assertEquals([stoppedIn(machine), machine.stack(1)], [1, [BigInt(CODE + 8)]]);
  assertEquals([machine.m[DR6 >> 2]! & 0x6000, machine.unit.debug.read(7, 0)], [0x2000, 0x400]);
});

everywhere(
  "STI holds interrupts back for one instruction where IF was 0, MOV SS always, section 6.8.3",
  (create) => {
    const machine = create();
    machine.runCode("fb");
    assertEquals([machine.m[INTERRUPTIBILITY >> 2], machine.rflags & 0x200], [1, 0x200]);
    const again = create();
    again.rflags = 0x202;
    again.runCode("fb");
    assertEquals(again.m[INTERRUPTIBILITY >> 2], 0);
    const stack = create();
    stack.runCode("b8 10 00 00 00 8e d0");
    assertEquals(stack.m[INTERRUPTIBILITY >> 2], 2);
  },
);

everywhere(
  "SMAP: a supervisor load from a user page faults until STAC, and again after CLAC, section 4.6.1",
  (create) => {
    const machine = create();
    machine.bare.mapPage(CODE, CODE, 3);
    for (const page of [0x5000, 0x6000, 0x8000, 0x1_8000]) machine.bare.mapPage(page, page, 3);
    machine.m[CR4 >> 2]! |= 0x20_0000;
    machine.bare.processor.mmu.enterWorld();
    machine.runCode("0f 01 cb a1 00 00 03 00 00 00 00 00 0f 01 ca 8b 04 25 00 00 03 00");
    assertEquals([stoppedIn(machine), machine.stack(2)], [14, [1n, BigInt(CODE + 15)]]);
  },
);

everywhere(
  "SMAP: a user page that the kernel has executed is no more readable for it than before, section 4.6.1",
  (create) => {
    const machine = create();
    machine.bare.mapPage(CODE, CODE, 3);
    for (const page of [0x5000, 0x6000, 0x8000, 0x1_8000]) machine.bare.mapPage(page, page, 3);
    machine.m[CR4 >> 2]! |= 0x20_0000;
    machine.bare.processor.mmu.enterWorld();
    machine.write(USER_CODE, [0xc3]);
    const call = "b8 00 00 02 00 ff d0"; // MOV EAX, USER_CODE; CALL RAX
    machine.runCode(`${call} 8b 04 25 00 00 02 00`);
    assertEquals([stoppedIn(machine), machine.stack(2)], [14, [1n, BigInt(CODE + 7)]]);
  },
);
