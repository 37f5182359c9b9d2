/** Guests outside 64-bit mode, on every engine: real mode, protected mode, PAE paging, task switches. SDM vol. 3C, chapters 26 and 27. */
import { assertEquals } from "@std/assert";
import { Gpr } from "../../src/cpu/state.ts";
import { ALLOWED, Primary, Secondary } from "../../src/vmx/controls.ts";
import { Field } from "../../src/vmx/fields.ts";
import { CODE, DATA, everywhere, GDT, type Guest, IDT, TSS } from "./_guest.ts";
import { CODE32, primary, secondary, type Values } from "./_vmcs.ts";

const VMCALL = "0f 01 c1";

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

everywhere("without paging all addresses are of user mode, writable and executable, table 28-7", (make) => {
  const USER = 0x431, SUPERVISOR = 0x35;
  for (const [rights, exit] of [[USER, [18, 0n]], [SUPERVISOR, [48, 0x7acn]]] as const) {
    const guest = make(
      ...PROTECTED,
      ...secondary(Secondary.UNRESTRICTED | Secondary.EXECUTE_BY_MODE),
      [Field.GUEST_CR0, 0x31],
      [Field.GUEST_CR4, 0x2000],
    );
    guest.setEptPage(CODE, BigInt(CODE | rights));
    assertEquals([guest.run(VMCALL), guest.exit.slice(0, 2)], ["exit", exit]);
  }
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
