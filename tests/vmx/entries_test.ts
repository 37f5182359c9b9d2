/** VM entries that fail, MSR areas, VMX aborts, shadow VMCSs and guests outside 64-bit mode, on every engine. SDM vol. 3C, chapters 25, 27, 28 and 31. */
import { assertEquals } from "@std/assert";
import { readRflags } from "../../src/cpu/rflags.ts";
import { DEBUGCTL, DR7, Gpr, MSR_LSTAR, MSR_STAR } from "../../src/cpu/state.ts";
import { RAM_BASE } from "../../src/memory/physical.ts";
import { REVISION } from "../../src/vmx/capabilities.ts";
import { ALLOWED, Pin, Primary, Secondary } from "../../src/vmx/controls.ts";
import { Field } from "../../src/vmx/fields.ts";
import { Vmcs } from "../../src/vmx/vmcs.ts";
import {
  CODE,
  DATA,
  everywhere,
  GDT,
  type Guest,
  HOST_CODE,
  IDT,
  MSR_AREA,
  SHADOW_VMCS,
  TSS,
  VMCS,
  VMREAD_BITMAP,
  VMWRITE_BITMAP,
} from "./_guest.ts";
import { CODE32, pin, primary, secondary, type Values } from "./_vmcs.ts";

const VMLAUNCH = [0x0f, 0x01, 0xc2], TELL = [0xe6, 0x71], VMCALL = "0f 01 c1";
const FAILED = 0x8000_0000;
const CF = 1, ZF = 0x40;
/** CF and ZF of the host. */
const status = (guest: Guest): number => readRflags(guest.m) & (CF | ZF);

everywhere(
  "VMLAUNCH and VMRESUME fail with the manual's error numbers, in its order, section 31.4",
  (make) => {
    const cases: readonly (readonly [error: number, changes: Values])[] = [
      [7, [[Field.PIN_CONTROLS, 0], [Field.HOST_CR0, 0], [Field.GUEST_CR0, 0]]],
      [8, [[Field.HOST_CR0, 0], [Field.GUEST_CR0, 0]]],
    ];
    for (const [error, changes] of cases) assertEquals(make(...changes).run("90"), { error });
    const launched = make();
    assertEquals(launched.run(VMCALL), "exit");
    launched.write(HOST_CODE, [...VMLAUNCH, ...TELL]);
    assertEquals([launched.runHost(HOST_CODE), status(launched)], [{ error: 4 }, ZF]);
    const clear = make();
    clear.write(HOST_CODE, [0x0f, 0x01, 0xc3, ...TELL]);
    assertEquals(clear.runHost(HOST_CODE), { error: 5 });
    const blocked = make();
    blocked.register(Gpr.RAX, 0x10n);
    blocked.write(HOST_CODE, [0x8e, 0xd0, ...VMLAUNCH, ...TELL]); // MOV SS, AX
    assertEquals(blocked.runHost(HOST_CODE), { error: 26 });
    const late = make();
    late.register(Gpr.RAX, 0x10n);
    late.set([Field.GUEST_RIP, CODE]);
    late.write(CODE, [0x0f, 0x01, 0xc1]);
    late.write(HOST_CODE, [0x8e, 0xd0, 0x90, ...VMLAUNCH, ...TELL]);
    assertEquals(late.runHost(HOST_CODE), "exit", "the shadow is gone");
  },
);

everywhere("without a current VMCS, or with a shadow VMCS, they fail without an error number", (make) => {
  const none = make();
  none.processor.vmx!.state.vmcs = undefined;
  none.write(HOST_CODE, [...VMLAUNCH, ...TELL]);
  none.runHost(HOST_CODE);
  assertEquals(status(none), CF);
  const shadow = make();
  shadow.memory.view.setInt32(RAM_BASE + VMCS, REVISION | 1 << 31, true);
  shadow.run("90");
  assertEquals([shadow.vmcs.isLaunched, status(shadow)], [false, CF]);
});

everywhere(
  "entries that fail on the guest's state tell reason 33 and why, and leave the VMCS clear, section 27.8",
  (make) => {
    for (
      const [qualification, changes] of [
        [0n, [[Field.GUEST_CR0, 0]]],
        [2n, [[Field.ENTRY_CONTROLS, ALLOWED.entry.one], [Field.GUEST_CS_RIGHTS, CODE32], [
          Field.GUEST_PDPTE0,
          7,
        ]]],
        [4n, [[Field.VMCS_LINK_POINTER, 8]]],
      ] as const satisfies readonly (readonly [bigint, Values])[]
    ) {
      const guest = make([Field.VECTORING, 0x1234], ...changes);
      assertEquals([guest.run("90"), guest.exit[0], guest.exit[1]], ["exit", FAILED + 33, qualification]);
      // Nothing else is told, and the guest-state area is as it was.
      assertEquals([guest.field(Field.VECTORING), guest.vmcs.isLaunched, guest.field(Field.GUEST_RIP)], [
        0x1234n,
        false,
        BigInt(CODE),
      ]);
    }
  },
);

const EFER = 0xc000_0080, LSTAR = 0xc000_0082, STAR = 0xc000_0081, FS_BASE = 0xc000_0100, TPR = 0x808;

function area(
  guest: Guest,
  place: number,
  entries: readonly (readonly [index: bigint | number, value: bigint])[],
): void {
  for (const [n, [index, value]] of entries.entries()) {
    guest.quad(place + 16 * n, BigInt(index));
    guest.quad(place + 16 * n + 8, value);
  }
}

everywhere(
  "MSR areas: loaded at entries, stored and loaded at exits, sections 27.4, 28.4 and 28.6",
  (make) => {
    const guest = make(
      [Field.ENTRY_MSR_LOAD_COUNT, 2],
      [Field.ENTRY_MSR_LOAD_ADDRESS, MSR_AREA],
      [Field.EXIT_MSR_STORE_COUNT, 2],
      [Field.EXIT_MSR_STORE_ADDRESS, MSR_AREA + 0x100],
      [Field.EXIT_MSR_LOAD_COUNT, 1],
      [Field.EXIT_MSR_LOAD_ADDRESS, MSR_AREA + 0x200],
    );
    area(guest, MSR_AREA, [[LSTAR, 0x1111_2222_3333n], [STAR, 0x44n]]);
    area(guest, MSR_AREA + 0x100, [[LSTAR, 0n], [EFER, 0n]]);
    area(guest, MSR_AREA + 0x200, [[LSTAR, 0x5555n]]);
    assertEquals(guest.run(VMCALL), "exit");
    assertEquals([guest.quad(MSR_AREA + 0x108), guest.quad(MSR_AREA + 0x118)], [0x1111_2222_3333n, 0xd01n]);
    assertEquals([guest.cell(MSR_LSTAR), guest.cell(MSR_STAR)], [0x5555n, 0x44n]);
  },
);

everywhere(
  "MSRs that may not be loaded fail the entry: reason 34 and the entry's number, section 27.4",
  (make) => {
    for (
      const [index, value] of [
        [FS_BASE, 0n],
        [TPR, 0n],
        [0x1234_5678, 0n], // no such MSR
        [LSTAR, 0x8000_0000_0000n], // not canonical
        [(1n << 32n) | BigInt(STAR), 0n], // reserved bits
      ] as const
    ) {
      const guest = make([Field.ENTRY_MSR_LOAD_COUNT, 2], [Field.ENTRY_MSR_LOAD_ADDRESS, MSR_AREA]);
      area(guest, MSR_AREA, [[STAR, 5n], [index, value]]);
      assertEquals([guest.run("90"), guest.exit[0], guest.exit[1]], ["exit", FAILED + 34, 2n], String(index));
    }
  },
);

everywhere("VMX aborts shut the processor down and tell why in the VMCS region, section 28.7", (make) => {
  const store = make([Field.EXIT_MSR_STORE_COUNT, 1], [Field.EXIT_MSR_STORE_ADDRESS, MSR_AREA]);
  area(store, MSR_AREA, [[TPR, 0n]]);
  assertEquals([store.run(VMCALL), store.quad(VMCS) >> 32n], ["shutdown", 1n]);
  const load = make([Field.EXIT_MSR_LOAD_COUNT, 1], [Field.EXIT_MSR_LOAD_ADDRESS, MSR_AREA]);
  area(load, MSR_AREA, [[FS_BASE, 0n]]);
  assertEquals([load.run(VMCALL), load.quad(VMCS) >> 32n], ["shutdown", 4n]);
  const failing = make([Field.EXIT_MSR_LOAD_COUNT, 1], [Field.EXIT_MSR_LOAD_ADDRESS, MSR_AREA], [
    Field.GUEST_CR0,
    0,
  ]);
  area(failing, MSR_AREA, [[FS_BASE, 0n]]);
  assertEquals(
    [failing.run("90"), failing.quad(VMCS) >> 32n],
    ["shutdown", 4n],
    "also after an entry that failed",
  );
});

everywhere("VMCS shadowing: VMREAD and VMWRITE reach the VMCS of the link pointer, section 25.10", (make) => {
  const prepare = (): readonly [Guest, Vmcs] => {
    const guest = make(...secondary(Secondary.SHADOWING), [Field.VMCS_LINK_POINTER, SHADOW_VMCS]);
    guest.memory.view.setInt32(RAM_BASE + SHADOW_VMCS, REVISION | 1 << 31, true);
    guest.register(Gpr.RBX, BigInt(Field.GUEST_RSP));
    guest.register(Gpr.RAX, 0x1234_5678_9abcn);
    return [guest, new Vmcs(guest.memory, BigInt(SHADOW_VMCS))];
  };
  const [guest, shadow] = prepare();
  // VMWRITE RBX, RAX; VMREAD RCX, RBX
  assertEquals([guest.run(`0f 79 d8 0f 78 d9 ${VMCALL}`), guest.exit[0]], ["exit", 18]);
  assertEquals([shadow.read(Field.GUEST_RSP), guest.register(Gpr.RCX)], [
    0x1234_5678_9abcn,
    0x1234_5678_9abcn,
  ]);
  for (
    const [bitmap, code, reason] of [[VMREAD_BITMAP, "0f 78 d9", 23], [
      VMWRITE_BITMAP,
      "0f 79 d8",
      25,
    ]] as const
  ) {
    const [exiting] = prepare();
    exiting.memory.ram(bitmap + (Field.GUEST_RSP >> 3), 1)[0] = 1 << (Field.GUEST_RSP & 7);
    assertEquals([exiting.run(code), exiting.exit[0]], ["exit", reason]);
    const [wide] = prepare();
    wide.register(Gpr.RBX, 0x8000n);
    assertEquals([wide.run(code), wide.exit[0]], ["exit", reason], "no bit for the encoding");
  }
  const [unsupported] = prepare();
  unsupported.register(Gpr.RBX, 0x6ffen);
  unsupported.run(`0f 78 d9 9c 58 ${VMCALL}`); // VMREAD; PUSHF; POP RAX
  assertEquals([unsupported.exit[0], unsupported.register(Gpr.RAX) & 0x41n], [18, 0x40n]);
  const [none] = prepare();
  none.set([Field.VMCS_LINK_POINTER, 0xffff_ffff_ffff_ffffn]);
  none.run(`0f 78 d9 9c 58 ${VMCALL}`);
  assertEquals([none.exit[0], none.register(Gpr.RAX) & 0x41n], [18, 1n], "VMfailInvalid");
});

const PROTECTED: Values = [
  [Field.ENTRY_CONTROLS, ALLOWED.entry.one],
  [Field.GUEST_CS_RIGHTS, CODE32],
];

everywhere("a guest in protected mode without paging, unrestricted", (make) => {
  const guest = make(...PROTECTED, ...secondary(Secondary.UNRESTRICTED), [Field.GUEST_CR0, 0x31], [
    Field.GUEST_CR4,
    0x2000,
  ]);
  guest.quad(DATA, 0x1122_3344n);
  // MOV EAX, [DATA]; LGDT exits with 32-bit addresses where it is asked to.
  assertEquals([guest.run(`a1 00 a0 01 00 ${VMCALL}`), guest.exit[0], guest.register(Gpr.RAX)], [
    "exit",
    18,
    0x1122_3344n,
  ]);
  guest.set(...secondary(Secondary.UNRESTRICTED | Secondary.DESCRIPTOR_TABLES));
  assertEquals([guest.run("66 0f 01 54 8b f0"), guest.exit.slice(0, 3)], ["exit", [
    46,
    0xffff_ffff_ffff_fff0n,
    6,
  ]]);
  // [EBX+4*ECX-10H], operand size 16
  assertEquals(
    guest.field(Field.EXIT_INSTRUCTION_INFORMATION),
    BigInt(2 | 1 << 7 | 3 << 15 | 1 << 18 | 3 << 23 | 2 << 28),
  );
});

everywhere(
  "a guest in real mode, unrestricted: segments, the interrupt vector table, 16-bit information",
  (make) => {
    const real = (n: number, base: number): Values => [
      [Field.GUEST_ES + 2 * n, base >> 4],
      [Field.GUEST_ES_BASE + 2 * n, base],
      [Field.GUEST_ES_LIMIT + 2 * n, 0xffff],
      [Field.GUEST_ES_RIGHTS + 2 * n, 0x93],
    ];
    const guest = make(
      [Field.ENTRY_CONTROLS, ALLOWED.entry.one],
      ...secondary(Secondary.UNRESTRICTED | Secondary.DESCRIPTOR_TABLES),
      ...primary(Primary.UNCONDITIONAL_IO),
      [Field.GUEST_CR0, 0x30],
      [Field.GUEST_CR4, 0x2000],
      [Field.GUEST_IDTR_BASE, 0x2_4000],
      [Field.GUEST_IDTR_LIMIT, 0x3ff],
      ...[0, 1, 2, 3, 4, 5].flatMap((n) => real(n, n === 2 ? 0xc000 : CODE)),
      [Field.GUEST_RSP, 0x800],
    );
    guest.write(CODE, [0xcd, 0x21]); // INT 21H
    guest.write(CODE + 0x100, [0x8e, 0xd8, 0x0f, 0x01, 0x5f, 0x10, 0x6e]); // MOV DS, AX; LIDT [BX+10H]; OUTSB
    guest.write(0x2_4000 + 4 * 0x21, [0x00, 0x01, 0x00, 0x10]); // 1000:0100
    guest.register(Gpr.RAX, 0x1a00n);
    guest.register(Gpr.RBX, 0x20n);
    guest.register(Gpr.RSI, 0x30n);
    guest.register(Gpr.RDX, 0x99n);
    guest.set([Field.GUEST_RIP, 0]);
    assertEquals([guest.run(), guest.exit.slice(0, 3)], ["exit", [46, 0x10n, 4]]);
    assertEquals(
      guest.field(Field.EXIT_INSTRUCTION_INFORMATION),
      BigInt(3 << 15 | 1 << 22 | 3 << 23 | 3 << 28),
    );
    assertEquals([
      guest.field(Field.GUEST_RIP),
      guest.field(Field.GUEST_DS_BASE),
      guest.field(Field.GUEST_RSP),
    ], [0x102n, 0x1_a000n, 0x7fan]);
    guest.set([Field.GUEST_RIP, 0x106]);
    assertEquals([guest.run(), guest.exit.slice(0, 3)], ["exit", [30, 0x99_0010n, 1]]);
    assertEquals(guest.field(Field.GUEST_LINEAR_ADDRESS), 0x1_a030n);
  },
);

everywhere("task switches exit: JMP, CALL, IRET and task gates, section 26.4.2", (make) => {
  const TASK = 0x20;
  const cases:
    readonly (readonly [code: string, source: number, length: number, vectoring: number, Values?])[] = [
      ["ea 00 00 00 00 20 00", 2, 7, 0], // JMP TASK:0
      ["9a 00 00 00 00 20 00", 0, 7, 0], // CALL TASK:0
      ["ea 00 00 00 00 28 00", 2, 7, 0], // JMP to a task gate
      ["cf", 1, 1, 0, [[Field.GUEST_RFLAGS, 0x4002]]],
      ["cd 30", 3, 2, 0x8000_0430],
      ["0f 0b", 3, 0, 0x8000_0306],
    ];
  for (const [code, source, length, vectoring, changes = []] of cases) {
    const guest = make(
      ...PROTECTED,
      ...secondary(Secondary.UNRESTRICTED),
      [Field.GUEST_CR0, 0x31],
      [
        Field.GUEST_CR4,
        0x2000,
      ],
      [Field.GUEST_GDTR_LIMIT, 0x2f],
      ...changes,
    );
    guest.quad(GDT + TASK, source === 1 ? 0x0000_8b00_3000_0067n : 0x0000_8900_3000_0067n);
    guest.quad(GDT + 0x28, BigInt(TASK << 16) | 0x8500_0000_0000n);
    guest.write(TSS, [TASK, 0]);
    for (const vector of [6, 0x30]) guest.quad(IDT + 8 * vector, BigInt(TASK << 16) | 0x8500_0000_0000n);
    const expected = [9, BigInt.asUintN(32, BigInt(TASK) | BigInt(source) << 30n), length, 0] as const;
    assertEquals([guest.run(code), guest.exit], ["exit", expected], code);
    assertEquals([guest.field(Field.VECTORING), guest.field(Field.GUEST_RIP)], [
      BigInt(vectoring),
      BigInt(CODE),
    ], code);
  }
});

/** No exits by accesses to CR3. */
const CR3_FREE: Values = [[Field.PRIMARY_CONTROLS, (ALLOWED.primary.trueOne | 1 << 31) >>> 0]];

/** Tables of PAE paging at DATA: the first gigabyte is mapped one to one by 2-MB pages. */
function makePaeTables(guest: Guest, table: number): void {
  guest.quad(table, BigInt(table + 0x1000 | 1));
  for (let n = 0; n < 4; n++) guest.quad(table + 0x1000 + 8 * n, BigInt(n << 21 | 0x87));
}

everywhere(
  "a guest with PAE paging under EPT: the VMCS has its page-directory pointers, section 27.3.2.4",
  (make) => {
    const table = 0x3_0000;
    const guest = make(...PROTECTED, ...CR3_FREE, [Field.GUEST_CR3, 0x3_4000], [
      Field.GUEST_PDPTE0,
      table + 0x1001,
    ]);
    makePaeTables(guest, table);
    // MOV EAX, [DATA]: there is nothing at CR3.
    assertEquals([guest.run(`a1 00 a0 01 00 ${VMCALL}`), guest.exit[0]], ["exit", 18]);
    // MOV to CR3 loads them, and exits save them.
    guest.quad(table + 0x18, BigInt(table + 0x1001));
    guest.register(Gpr.RBX, BigInt(table));
    assertEquals([guest.run(`0f 22 db ${VMCALL}`), guest.exit[0], guest.field(Field.GUEST_CR3)], [
      "exit",
      18,
      BigInt(table),
    ]);
    assertEquals([
      guest.field(Field.GUEST_PDPTE0),
      guest.field(Field.GUEST_PDPTE1),
      guest.field(Field.GUEST_PDPTE3),
    ], [
      BigInt(table + 0x1001),
      0n,
      BigInt(table + 0x1001),
    ]);
    // Reserved bits: #GP, and nothing has changed.
    guest.quad(table + 0x20, 3n);
    guest.register(Gpr.RBX, BigInt(table + 0x20));
    guest.set([Field.EXCEPTION_BITMAP, 1 << 13]);
    assertEquals([guest.run("0f 22 db"), guest.exit[3] & 0xff, guest.field(Field.GUEST_CR3)], [
      "exit",
      13,
      BigInt(table),
    ]);
    // A table that EPT does not map: a violation that no linear address causes.
    guest.setEptPage(0x3_8000, 0n);
    guest.register(Gpr.RBX, 0x3_8000n);
    assertEquals([guest.run("0f 22 db"), guest.exit[0], guest.exit[1] & 0x87n], ["exit", 48, 1n]);
    assertEquals([guest.field(Field.GUEST_PHYSICAL_ADDRESS), guest.field(Field.GUEST_LINEAR_ADDRESS)], [
      0x3_8000n,
      0n,
    ]);
  },
);

everywhere("a guest with PAE paging without EPT: they are in memory", (make) => {
  const table = 0x3_0000;
  const guest = make(...PROTECTED, [Field.SECONDARY_CONTROLS, Secondary.VPID], [Field.GUEST_CR3, table]);
  makePaeTables(guest, table);
  guest.quad(DATA, 0x77n);
  assertEquals([guest.run(`a1 00 a0 01 00 ${VMCALL}`), guest.exit[0], guest.register(Gpr.RAX)], [
    "exit",
    18,
    0x77n,
  ]);
});

everywhere(
  "exits keep what the controls say: IA-32e mode, DR7 and DEBUGCTL, EFER and PAT, section 28.3",
  (make) => {
    const guest = make(
      [Field.EXIT_CONTROLS, ALLOWED.exit.one | 1 << 9 | 1 << 18 | 1 << 20],
      [Field.GUEST_DEBUGCTL, 2],
      [Field.GUEST_DR7, 0xffff_0401],
      ...pin(Pin.NMI),
    );
    assertEquals(guest.run(VMCALL), "exit");
    assertEquals([Field.GUEST_DEBUGCTL, Field.GUEST_EFER].map((field) => guest.field(field)), [2n, 0xd01n]);
    assertEquals(guest.field(Field.GUEST_DR7), 0xffff_0401n);
    assertEquals((guest.vmcs.word(Field.ENTRY_CONTROLS) >> 9) & 1, 1);
    assertEquals([guest.cell(DEBUGCTL), guest.cell(DR7)], [0n, 0x400n], "IA32_DEBUGCTL and DR7 of the host");
  },
);
