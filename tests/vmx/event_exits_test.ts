/** VM exits by exceptions, interrupts and memory accesses, with all their information, on every engine. SDM vol. 3C, sections 26.2 and 28.2. */
import { assertEquals } from "@std/assert";
import { CR2, DR6, Gpr, VMX_MODE, VmxMode } from "../../src/cpu/state.ts";
import { DeliveryMode } from "../../src/machine/devices/interrupt_message.ts";
import { Pin, Secondary } from "../../src/vmx/controls.ts";
import { Field } from "../../src/vmx/fields.ts";
import {
  CODE,
  DATA,
  everywhere,
  GUEST_STACK,
  HOST_CODE,
  IDT,
  Interruption,
  UNMAPPED,
  VE_AREA,
} from "./_guest.ts";
import { exitControls, pin, secondary, type Values } from "./_vmcs.ts";

const ALL_EXCEPTIONS: Values = [[Field.EXCEPTION_BITMAP, 0xffff_ffff]];
const { information, WITH_ERROR, HARDWARE, SOFTWARE, PRIVILEGED, SOFTWARE_EXCEPTION, NMI } = Interruption;
const NMI_BLOCKED = 8, BS = 0x4000, BD = 0x2000, TF = 0x102, IF = 0x202;
const VMCALL = "0f 01 c1";

/** Vector, code, bytes before the faulting instruction, error code, qualification, type, length. */
interface Exception {
  readonly code: string;
  readonly vector: number;
  readonly before?: number;
  readonly error?: number;
  readonly qualification?: bigint;
  readonly type?: number;
  readonly length?: number;
  readonly changes?: Values;
}
const EXCEPTIONS: readonly Exception[] = [
  { code: "31 c9 f7 f1", vector: 0, before: 2 }, // DIV ECX
  { code: "f1", vector: 1, type: PRIVILEGED, length: 1 },
  { code: "90", vector: 1, before: 1, qualification: BigInt(BS), changes: [[Field.GUEST_RFLAGS, TF]] },
  { code: "0f 23 f8", vector: 1, qualification: BigInt(BD), changes: [[Field.GUEST_DR7, 0x2400]] },
  { code: "cc", vector: 3, type: SOFTWARE_EXCEPTION, length: 1 },
  { code: "0f 0b", vector: 6 },
  { code: "0f 6f c1", vector: 7, changes: [[Field.GUEST_CR0, 0x8001_003b]] }, // MOVQ MM0, MM1 with CR0.TS
  { code: "66 b8 50 00 8e d8", vector: 13, before: 4, error: 0x50 }, // MOV DS, AX
  { code: "b8 00 00 80 00 8b 00", vector: 14, before: 5, error: 0, qualification: BigInt(UNMAPPED) },
  { code: "b8 10 00 80 00 89 00", vector: 14, before: 5, error: 2, qualification: BigInt(UNMAPPED + 16) },
];

everywhere(
  "exceptions in the bitmap exit with interruption information, error code and qualification, section 28.2.2",
  (make) => {
    for (
      const { code, vector, before = 0, error, qualification = 0n, type = HARDWARE, length = 0, changes = [] }
        of EXCEPTIONS
    ) {
      const guest = make(...ALL_EXCEPTIONS, [Field.PAGE_FAULT_MASK, 0], ...changes);
      assertEquals([guest.run(`${code} ${VMCALL}`), guest.exit], [
        "exit",
        [0, qualification, length, information(vector | type | (error === undefined ? 0 : WITH_ERROR))],
      ], code);
      assertEquals([
        guest.field(Field.EXIT_ERROR_CODE),
        guest.field(Field.GUEST_RIP),
        guest.field(Field.VECTORING),
      ], [
        BigInt(error ?? 0),
        BigInt(CODE + before),
        0n,
      ], code);
      assertEquals(guest.cell(DR6) & 0xe00fn, 0n, "DR6 is as before");
    }
  },
);

everywhere("exceptions outside the bitmap are the guest's, section 26.2", (make) => {
  for (const { code, vector, changes = [] } of EXCEPTIONS) {
    if (vector === 1) continue;
    const guest = make([Field.PAGE_FAULT_MATCH, 1], ...changes);
    guest.set([Field.EXCEPTION_BITMAP, 1 << 14]);
    assertEquals([guest.run(`${code} ${VMCALL}`), guest.exit[0], guest.handled], ["exit", 18, vector], code);
  }
});

everywhere("page faults exit by mask and match, section 26.2", (make) => {
  const LOAD = "b8 00 00 80 00 8b 00", STORE = "b8 00 00 80 00 89 00";
  for (
    const [bitmap, mask, match, load, store] of [
      [1 << 14, 0, 0, true, true],
      [1 << 14, 2, 2, false, true],
      [1 << 14, 2, 0, true, false],
      [0, 2, 2, true, false],
      [0, 0, 1, true, true],
    ] as const
  ) {
    for (const [code, exits] of [[LOAD, load], [STORE, store]] as const) {
      const guest = make([Field.EXCEPTION_BITMAP, bitmap], [Field.PAGE_FAULT_MASK, mask], [
        Field.PAGE_FAULT_MATCH,
        match,
      ]);
      assertEquals(
        [guest.run(code), guest.exit[0]],
        ["exit", exits ? 0 : 18],
        `${bitmap} ${mask} ${match} ${code}`,
      );
    }
  }
});

everywhere("events during whose delivery an exit happens are told of, section 28.2.4", (make) => {
  // The handler's stack is not mapped by EPT.
  const cases: readonly (readonly [code: string, vectoring: number, length: number, error: number])[] = [
    ["cd 80", 0x80 | SOFTWARE, 2, 0],
    ["cc", 3 | SOFTWARE_EXCEPTION, 1, 0],
    ["f1", 1 | PRIVILEGED, 1, 0],
    ["0f 0b", 6 | HARDWARE, 0, 0],
    ["66 b8 50 00 8e d8", 13 | HARDWARE | WITH_ERROR, 0, 0x50],
  ];
  for (const [code, vectoring, length, error] of cases) {
    const guest = make();
    guest.setEptPage(GUEST_STACK - 0x1000, 0n);
    assertEquals(guest.run(code), "exit", code);
    assertEquals([guest.exit[0], guest.exit[1], guest.exit[2]], [48, 0x782n, length], code);
    assertEquals([guest.field(Field.VECTORING), guest.field(Field.VECTORING_ERROR_CODE)], [
      BigInt(information(vectoring)),
      BigInt(error),
    ], code);
    assertEquals(
      guest.field(Field.GUEST_RIP),
      BigInt(code.startsWith("66") ? CODE + 4 : CODE),
      code,
    );
  }
  // An exception that the bitmap catches, in the delivery of another.
  const guest = make([Field.EXCEPTION_BITMAP, 1 << 11]);
  guest.quad(IDT + 16 * 6, 0x0e00_0008_0000n);
  assertEquals([guest.run("0f 0b"), guest.exit[3]], ["exit", information(11 | HARDWARE | WITH_ERROR)]);
  assertEquals([guest.field(Field.VECTORING), guest.field(Field.EXIT_ERROR_CODE)], [
    BigInt(information(6 | HARDWARE)),
    6n * 8n + 3n,
  ]);
});

everywhere(
  "a triple fault exits; a double fault that the bitmap catches is not told to arise in a delivery",
  (make) => {
    const triple = make([Field.GUEST_IDTR_LIMIT, 0]);
    assertEquals([triple.run("0f 0b"), triple.exit], ["exit", [2, 0n, 0, 0]]);
    const double = make([Field.GUEST_IDTR_LIMIT, 0], [Field.EXCEPTION_BITMAP, 1 << 8]);
    assertEquals([double.run("0f 0b"), double.exit], ["exit", [
      0,
      0n,
      0,
      information(8 | HARDWARE | WITH_ERROR),
    ]]);
    assertEquals(double.field(Field.VECTORING), 0n);
  },
);

everywhere(
  "an exception in a delivery exits before it makes a double or triple fault, section 28.2.4",
  (make) => {
    const GP = 1 << 13, DF = 1 << 8, PAGE_FAULT = "b8 00 00 80 00 8b 00";
    const during = (vector: number) => information(vector | HARDWARE | WITH_ERROR);
    const injectSS: Values = [[Field.ENTRY_INTERRUPTION, during(12)], [Field.ENTRY_ERROR_CODE, 0x50]];
    // #GP by the limit of the IDT.
    for (
      const [code, bitmap, exit, error, vectoring, changes] of [
        [PAGE_FAULT, GP | DF, 13, 14 * 8 + 3, during(14), []],
        [PAGE_FAULT, DF, 8, 0, 0, []],
        ["90", GP | DF, 13, 12 * 8 + 3, during(12), injectSS],
        ["90", DF, 8, 0, 0, injectSS],
      ] as const
    ) {
      const guest = make([Field.GUEST_IDTR_LIMIT, 0], [Field.EXCEPTION_BITMAP, bitmap], ...changes);
      assertEquals([guest.run(code), guest.exit[0], guest.exit[3]], ["exit", 0, during(exit)]);
      assertEquals([guest.field(Field.EXIT_ERROR_CODE), guest.field(Field.VECTORING)], [
        BigInt(error),
        BigInt(vectoring),
      ]);
    }
    // #NP by the gate of the page fault makes a double fault; #GP by the selector in the gate of that.
    const guest = make([Field.EXCEPTION_BITMAP, GP]);
    guest.quad(IDT + 16 * 14, 0x0e00_0008_0000n);
    guest.quad(IDT + 16 * 8, 0x8e00_0050_0000n);
    assertEquals([guest.run(PAGE_FAULT), guest.exit[0], guest.exit[3]], ["exit", 0, during(13)]);
    assertEquals([guest.field(Field.EXIT_ERROR_CODE), guest.field(Field.VECTORING)], [
      0x51n,
      BigInt(during(8)),
    ]);
    assertEquals(guest.cell(CR2), BigInt(UNMAPPED), "the page fault itself did not exit");
  },
);

everywhere("external interrupts exit, acknowledged or not, enabled or not, section 28.2.2", (make) => {
  for (const acknowledge of [false, true]) {
    const guest = make(...pin(Pin.EXTERNAL_INTERRUPT), ...exitControls(acknowledge ? 1 << 15 : 0));
    guest.send(DeliveryMode.FIXED, 0x41);
    assertEquals([guest.run("90"), guest.exit], ["exit", [1, 0n, 0, acknowledge ? information(0x41) : 0]]);
    assertEquals(guest.processor.apic.pending() < 0, acknowledge);
  }
  const own = make([Field.GUEST_RFLAGS, IF]);
  own.send(DeliveryMode.FIXED, 0x41);
  assertEquals(
    [own.run("90"), own.exit[0], own.handled],
    ["exit", 18, 0x41],
    "without the control it is the guest's",
  );
});

everywhere(
  "NMIs exit, and block NMIs in the host; without the control they are the guest's, section 26.2",
  (make) => {
    const guest = make(...pin(Pin.NMI));
    guest.send(DeliveryMode.NMI);
    assertEquals([guest.run("90"), guest.exit, guest.processor.vmx!.blocksNmis], ["exit", [
      0,
      0n,
      0,
      information(NMI),
    ], true]);
    const own = make();
    own.send(DeliveryMode.NMI);
    assertEquals([own.run("90"), own.handled, own.field(Field.GUEST_INTERRUPTIBILITY)], [
      "exit",
      2,
      BigInt(NMI_BLOCKED),
    ]);
  },
);

everywhere("an IRET that faults has ended the blocking of NMIs: bit 12, section 28.2.3", (make) => {
  const guest = make(...pin(Pin.NMI | Pin.VIRTUAL_NMIS), ...ALL_EXCEPTIONS, [
    Field.GUEST_INTERRUPTIBILITY,
    NMI_BLOCKED,
  ], [
    Field.GUEST_RSP,
    UNMAPPED,
  ]);
  assertEquals([guest.run("48 cf"), guest.exit[3]], [
    "exit",
    information(0x1000 | 14 | HARDWARE | WITH_ERROR),
  ]);
  assertEquals(guest.eventState[1], 0n);
  const violating = make(...pin(Pin.NMI | Pin.VIRTUAL_NMIS), [Field.GUEST_INTERRUPTIBILITY, NMI_BLOCKED]);
  violating.setEptPage(GUEST_STACK, 0n);
  assertEquals([violating.run("48 cf"), violating.exit[0], violating.exit[1]], ["exit", 48, 0x1781n]);
});

everywhere("INIT exits, section 26.2", (make) => {
  const guest = make();
  assertEquals(guest.run("f4"), "halt");
  guest.send(DeliveryMode.INIT);
  assertEquals([guest.goOn(), guest.exit, guest.eventState], ["exit", [3, 0n, 0, 0], [
    BigInt(CODE + 1),
    0n,
    1n,
    0n,
  ]]);
});

everywhere("INIT waits in root operation, and comes right behind VMXOFF, section 24.8", (make) => {
  const guest = make();
  guest.register(Gpr.RBX, BigInt(DATA));
  guest.write(HOST_CODE, [0xff, 0x03, 0x90, 0x0f, 0x01, 0xc4, 0xff, 0x03, 0xf4]); // INC [RBX]; NOP; VMXOFF; INC [RBX]; HLT
  guest.send(DeliveryMode.INIT);
  guest.runHost(HOST_CODE, 5);
  assertEquals([guest.quad(DATA), guest.m[VMX_MODE >> 2]], [1n, VmxMode.OUTSIDE]);
});

everywhere("EPT violations and misconfigurations tell addresses and rights, section 28.2.1", (make) => {
  const cases: readonly (readonly [code: string, entry: number, reason: number, qualification: bigint])[] = [
    ["8a 03", 0x1_a000, 48, 0x781n],
    ["88 03", 0x1_a031, 48, 0x78an],
    ["8a 03", 0x1_a034, 48, 0x7a1n],
    ["ff e3", 0x1_a033, 48, 0x79cn],
    ["8a 03", 0x1_a032, 49, 0n],
  ];
  for (const [code, entry, reason, qualification] of cases) {
    const guest = make();
    guest.setEptPage(DATA, BigInt(entry));
    guest.register(Gpr.RBX, BigInt(DATA + 0x123));
    assertEquals([guest.run(code), guest.exit[0], guest.exit[1]], ["exit", reason, qualification], code);
    assertEquals(guest.field(Field.GUEST_PHYSICAL_ADDRESS), BigInt(DATA + 0x123), code);
    assertEquals(guest.field(Field.GUEST_LINEAR_ADDRESS), reason === 48 ? BigInt(DATA + 0x123) : 0n, code);
  }
  const table = make();
  table.setEptPage(0x2000, 0x2030n);
  assertEquals([table.run("90"), table.exit[0], table.exit[1], table.field(Field.GUEST_PHYSICAL_ADDRESS)], [
    "exit",
    48,
    0x81n,
    0x2000n,
  ]);
});

everywhere("EPT violations tell what paging says of the address, table 28-7", (make) => {
  const PRESENT = 1n, WRITABLE = 2n, USER = 4n, NO_EXECUTE = 1n << 63n;
  const cases: readonly (readonly [entry: bigint, paging: bigint])[] = [
    [PRESENT, 0n],
    [PRESENT | WRITABLE, 0x400n],
    [PRESENT | USER, 0x200n],
    [PRESENT | WRITABLE | USER, 0x600n],
    [PRESENT | NO_EXECUTE, 0x800n],
    [PRESENT | WRITABLE | USER | NO_EXECUTE, 0xe00n],
  ];
  for (const [entry, paging] of cases) {
    const guest = make();
    guest.setPage(DATA, BigInt(DATA) | entry);
    guest.setEptPage(DATA, 0n);
    guest.register(Gpr.RBX, BigInt(DATA));
    assertEquals([guest.run("8a 03"), guest.exit[1]], ["exit", 0x181n | paging], entry.toString(16));
  }
});

everywhere("execution under EPT is allowed by mode, section 29.3.3.2", (make) => {
  const READ = 0x31, SUPERVISOR = 4, USER = 0x400;
  const byMode = secondary(Secondary.EXECUTE_BY_MODE), none: Values = [];
  // The guest is at CPL 0; its page is one of user mode or not.
  const cases:
    readonly (readonly [controls: Values, page: bigint, rights: number, exit: bigint | undefined])[] = [
      [byMode, 3n, SUPERVISOR, undefined],
      [byMode, 3n, USER, 0x5ccn],
      [byMode, 3n, 0, 0x58cn],
      [byMode, 7n, USER, undefined],
      [byMode, 7n, SUPERVISOR, 0x7acn],
      [byMode, 7n, 0, 0x78cn],
      [none, 7n, SUPERVISOR, undefined],
      [none, 3n, USER, 0x58cn],
    ];
  for (const [controls, page, rights, exit] of cases) {
    const guest = make(...controls), label = `${page} ${rights}`;
    guest.setPage(DATA, BigInt(DATA) | page);
    guest.setEptPage(DATA, BigInt(DATA | READ | rights));
    guest.register(Gpr.RBX, BigInt(DATA));
    guest.write(DATA, [0x0f, 0x01, 0xc1]); // VMCALL
    const expected = exit === undefined ? [18, 0n] : [48, exit];
    assertEquals([guest.run("ff e3"), guest.exit[0], guest.exit[1]], ["exit", ...expected], label);
  }
  // An entry with no other right is present.
  const guest = make(...byMode);
  guest.setPage(DATA, BigInt(DATA) | 7n);
  guest.setEptPage(DATA, BigInt(DATA | 0x30 | USER));
  guest.register(Gpr.RBX, BigInt(DATA));
  assertEquals([guest.run("8a 03"), guest.exit[1]], ["exit", 0x7c1n]);
});

everywhere("EPT exits by an instruction's data tell its length, which KVM relies on", (make) => {
  const cases: readonly (readonly [code: string, entry: number, reason: number, length: number])[] = [
    ["8a 03", 0x1_a000, 48, 2],
    ["66 c7 03 34 12", 0x1_a032, 49, 5],
    ["48 8b 83 00 00 00 00", 0x1_a032, 49, 7],
    ["ff e3", 0x1_a033, 48, 0], // the jump has been executed, and there is no instruction
  ];
  for (const [code, entry, reason, length] of cases) {
    const guest = make();
    guest.setEptPage(DATA, BigInt(entry));
    guest.register(Gpr.RBX, BigInt(DATA + 0x123));
    assertEquals([guest.run(code), guest.exit[0], guest.exit[2]], ["exit", reason, length], code);
  }
});

everywhere("#VE instead of EPT violations, unless it is suppressed or still busy, section 26.5.7", (make) => {
  const guest = make(...secondary(Secondary.EPT_EXCEPTION), [Field.EPTP_INDEX, 7]);
  guest.setEptPage(DATA, BigInt(DATA | 0x31));
  guest.register(Gpr.RBX, BigInt(DATA + 0x10));
  assertEquals([guest.run("88 03"), guest.exit[0], guest.handled], ["exit", 18, 20]);
  assertEquals([0, 8, 16, 24].map((offset) => guest.quad(VE_AREA + offset)), [
    48n | 0xffff_ffffn << 32n,
    0x78an,
    BigInt(DATA + 0x10),
    BigInt(DATA + 0x10),
  ]);
  assertEquals(guest.quad(VE_AREA + 32) & 0xffffn, 7n);
  assertEquals([guest.run("88 03"), guest.exit[0]], ["exit", 48], "the area is busy");
  const suppressed = make(...secondary(Secondary.EPT_EXCEPTION));
  suppressed.setEptPage(DATA, BigInt(DATA | 0x31) | 1n << 63n);
  suppressed.register(Gpr.RBX, BigInt(DATA));
  assertEquals([suppressed.run("88 03"), suppressed.exit[0], suppressed.quad(VE_AREA)], ["exit", 48, 0n]);
  const caught = make(...secondary(Secondary.EPT_EXCEPTION), [Field.EXCEPTION_BITMAP, 1 << 20]);
  caught.setEptPage(DATA, 0n);
  caught.register(Gpr.RBX, BigInt(DATA));
  assertEquals([caught.run("88 03"), caught.exit[3]], ["exit", information(20 | HARDWARE)]);
  const delivering = make(...secondary(Secondary.EPT_EXCEPTION));
  delivering.setEptPage(GUEST_STACK - 0x1000, 0n);
  assertEquals(
    [delivering.run("cd 80"), delivering.exit[0]],
    ["exit", 48],
    "not in the delivery of an event",
  );
});
