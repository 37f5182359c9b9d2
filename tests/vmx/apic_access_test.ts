/** Accesses to the APIC-access page, on every engine. SDM vol. 3C, section 30.4. */
import { assertEquals } from "@std/assert";
import { Gpr } from "../../src/cpu/state.ts";
import { Field } from "../../src/vmx/fields.ts";
import {
  accesses,
  ALL,
  APIC_PAGE,
  EOI,
  Exit,
  ICR,
  ICR_HIGH,
  imm32,
  INTERRUPTS,
  lengthOf,
  load,
  register,
  REGISTERS,
  store,
  TPR,
  VMCALL,
} from "./_apic.ts";
import { CODE, DATA, EPT_LEAF, everywhere, Interruption, PAGE_TABLES } from "./_guest.ts";
import { primary, secondary } from "./_vmcs.ts";

const READ = 0, WRITE = 0x1000, FETCH = 0x2000, DELIVERY = 0x3000, PHYSICAL = 0xf000;
const range = (first: number, last: number): number[] =>
  Array.from({ length: (last - first) / 16 + 1 }, (_, n) => first + 16 * n);

/** Registers that guests can access, by the controls: sections 30.4.2 and 30.4.3.1. */
const WITH_REGISTERS = [0x20, TPR, EOI, ...range(0xd0, 0xf0), 0x280, ...range(0x300, 0x380), 0x3e0];
const READABLE: readonly (readonly [controls: number, offsets: readonly number[]])[] = [
  [0, [TPR]],
  [INTERRUPTS, [TPR, EOI, ICR]],
  [REGISTERS, [...WITH_REGISTERS, 0x30, ...range(0x100, 0x270)]],
  [ALL, [...WITH_REGISTERS, 0x30, ...range(0x100, 0x270)]],
];
const WRITABLE: typeof READABLE = [
  [0, [TPR]],
  [INTERRUPTS, [TPR, EOI, ICR]],
  [REGISTERS, WITH_REGISTERS],
  [ALL, WITH_REGISTERS],
];

everywhere("which registers are read from the virtual-APIC page, section 30.4.2", (make) => {
  for (const [controls, offsets] of READABLE) {
    const guest = make(...accesses(controls));
    for (const offset of range(0, 0x3f0)) {
      register(guest, offset, 0x1234_0000 | offset);
      assertEquals(guest.run(`31 c0 ${load(offset)} ${VMCALL}`), "exit");
      assertEquals(
        [guest.exit[0], guest.exit[1], guest.register(Gpr.RAX)],
        offsets.includes(offset)
          ? [Exit.VMCALL, 0n, BigInt(0x1234_0000 | offset)]
          : [Exit.APIC_ACCESS, BigInt(READ | offset), 0n],
        `${controls} ${offset.toString(16)}`,
      );
    }
  }
});

everywhere("which are written there, section 30.4.3.1", (make) => {
  for (const [controls, offsets] of WRITABLE) {
    const guest = make(...accesses(controls));
    for (const offset of range(0, 0x3f0)) {
      register(guest, TPR, 0);
      register(guest, offset, 0);
      // Bits 23:0 would be dropped from the high half of the command, and more from others.
      const value = offset === ICR_HIGH ? 0x1200_0000 : 0x12;
      assertEquals(guest.run(`${store(offset, value)} ${VMCALL}`), "exit");
      const isVirtual = offsets.includes(offset);
      assertEquals(
        [guest.exit[0] === Exit.APIC_ACCESS, register(guest, offset)],
        [!isVirtual, isVirtual && !(offset === EOI && (controls & INTERRUPTS) !== 0) ? value : 0],
        `${controls} ${offset.toString(16)}`,
      );
      if (!isVirtual) assertEquals(guest.exit[1], BigInt(WRITE | offset));
      assertEquals(guest.quad(APIC_PAGE + offset), 0n, "the APIC-access page itself is not touched");
    }
  }
});

everywhere(
  "accesses that are too long or not in the low 4 bytes of 16 exit, sections 30.4.2 and 30.4.3.1",
  (make) => {
    // deno-fmt-ignore
    const cases: readonly (readonly [code: string, offset: number, type: number, isVirtual: boolean])[] = [
    ["8a", TPR, READ, true], // MOV AL, [moffs]
    ["8a", TPR + 1, READ, true],
    ["66 8b", TPR + 2, READ, true],
    ["66 8b", TPR + 3, READ, false], // it ends behind the register
    ["8b", TPR + 4, READ, false],
    ["8b", TPR + 1, READ, false],
    ["48 8b", TPR, READ, false], // 8 bytes
    ["f3 0f 6f", TPR, READ, false], // MOVDQU
    ["88", 0x380, WRITE, true],
    ["66 89", 0x382, WRITE, true],
    ["89", 0x384, WRITE, false],
    ["48 89", 0x380, WRITE, false],
    ["8b", 0xffe, READ, false], // it crosses into the next page
    ["89", 0xffe, WRITE, false],
    ["8b", -2, READ, false], // and from the one before
  ];
    for (const [code, offset, type, isVirtual] of cases) {
      const guest = make(...accesses(REGISTERS));
      assertEquals(guest.run(`${code} 04 25 ${imm32(APIC_PAGE + offset)} ${VMCALL}`), "exit");
      const emulated = type === WRITE ? [Exit.APIC_WRITE, BigInt(offset)] : [Exit.VMCALL, 0n];
      assertEquals(
        [guest.exit[0], guest.exit[1]],
        isVirtual ? emulated : [Exit.APIC_ACCESS, BigInt(type | Math.max(offset, 0))],
        `${code} ${offset.toString(16)}`,
      );
    }
    // Without APIC-register virtualization only offset 80H itself.
    const guest = make(...accesses());
    assertEquals([guest.run(`8a 04 25 ${imm32(APIC_PAGE + TPR + 1)}`), guest.exit[0]], [
      "exit",
      Exit.APIC_ACCESS,
    ]);
  },
);

everywhere("without the TPR shadow all accesses exit; fetches always do, section 30.4.2", (make) => {
  const guest = make(...accesses(), ...primary(0));
  assertEquals([guest.run(`90 ${load(TPR)}`), guest.exit, guest.eventState[0]], [
    "exit",
    [Exit.APIC_ACCESS, BigInt(READ | TPR), lengthOf(load(TPR)), 0],
    BigInt(CODE + 1),
  ]);
  const fetching = make(...accesses(ALL));
  fetching.register(Gpr.RBX, BigInt(APIC_PAGE + TPR));
  assertEquals([fetching.run("ff e3"), fetching.exit[0], fetching.exit[1], fetching.eventState[0]], [
    "exit",
    Exit.APIC_ACCESS,
    BigInt(FETCH | TPR),
    BigInt(APIC_PAGE + TPR),
  ]);
});

everywhere("the page is host-physical: EPT leads to it, or nothing does but paging, section 30.4", (make) => {
  const elsewhere = make(...accesses());
  elsewhere.setEptPage(0x3_0000, BigInt(APIC_PAGE | EPT_LEAF));
  register(elsewhere, TPR, 0x30);
  assertEquals(elsewhere.run(`8b 04 25 ${imm32(0x3_0000 + TPR)} ${VMCALL}`), "exit");
  assertEquals([elsewhere.exit[0], elsewhere.register(Gpr.RAX)], [Exit.VMCALL, 0x30n]);
  const plain = make(...accesses(), [Field.SECONDARY_CONTROLS, 0x21]);
  register(plain, TPR, 0x50);
  // Pages beside it are ordinary, though a span of one large page has them all.
  plain.quad(APIC_PAGE + 0x1000, 0x77n);
  const beside = `8b 1c 25 ${imm32(APIC_PAGE + 0x1000)}`;
  assertEquals(plain.run(`${beside} ${load(TPR)} ${beside} ${store(TPR, 0x60)} ${beside} ${VMCALL}`), "exit");
  assertEquals(
    [plain.exit[0], plain.register(Gpr.RAX), plain.register(Gpr.RBX), register(plain, TPR)],
    [Exit.VMCALL, 0x50n, 0x77n, 0x60],
  );
  // In a device's place too, where there is no RAM.
  const device = make(...accesses(0, [Field.APIC_ACCESS, 0xfee0_0000]));
  device.setEptPage(0x3_0000, 0xfee0_0000n | BigInt(EPT_LEAF));
  register(device, TPR, 0x40);
  assertEquals(device.run(`8b 04 25 ${imm32(0x3_0000 + TPR)} ${VMCALL}`), "exit");
  assertEquals([device.exit[0], device.register(Gpr.RAX)], [Exit.VMCALL, 0x40n]);
});

everywhere("page faults and EPT violations come first, section 30.4.1", (make) => {
  const guest = make(...accesses());
  guest.setEptPage(APIC_PAGE, BigInt(APIC_PAGE | 0x31));
  assertEquals([guest.run(store(EOI, 0)), guest.exit[0]], ["exit", 48]);
  assertEquals([guest.run(load(EOI)), guest.exit[0]], ["exit", Exit.APIC_ACCESS]);
});

everywhere("a write of the task priority clears the rest of VTPR, and may exit, section 30.4.3.2", (make) => {
  const guest = make(...accesses(0, [Field.TPR_THRESHOLD, 4]));
  register(guest, TPR, 0x50);
  assertEquals(guest.run(`${store(TPR, 0x1234_5678)} ${VMCALL}`), "exit");
  assertEquals([guest.exit[0], register(guest, TPR)], [Exit.VMCALL, 0x78]);
  const below = `${store(TPR, 0x3f)} 90`;
  assertEquals([guest.run(below), guest.exit, guest.eventState[0], register(guest, TPR)], [
    "exit",
    [Exit.BELOW_THRESHOLD, 0n, 0, 0],
    BigInt(CODE + lengthOf(below) - 1),
    0x3f,
  ]);
});

everywhere("other writes exit behind the instruction, section 30.4.3.3", (make) => {
  for (
    const [controls, offset, value, kept] of [
      [REGISTERS, EOI, 5, 5],
      [REGISTERS, ICR, 0x4_0055, 0x4_0055],
      [REGISTERS, 0x20, 0x0100_0000, 0x0100_0000],
      [REGISTERS, 0x320, 0x20, 0x20],
      [ALL, ICR, 0xc_0055, 0xc_0055], // to all but oneself
      [ALL, ICR, 0x4_000f, 0x4_000f], // a vector that is not legal
      [ALL, ICR, 0x4_8055, 0x4_8055], // level-triggered
      [ALL, ICR, 0x4_0455, 0x4_0455], // an NMI
      [ALL, ICR, 0x14_0055, 0x14_0055], // reserved bits
    ] as const
  ) {
    const guest = make(...accesses(controls)), code = store(offset, value);
    assertEquals(guest.run(`${code} ${VMCALL}`), "exit");
    assertEquals([guest.exit, guest.eventState[0], register(guest, offset)], [
      [Exit.APIC_WRITE, BigInt(offset), 0, 0],
      BigInt(CODE + lengthOf(code)),
      kept,
    ], value.toString(16));
  }
  const high = make(...accesses(REGISTERS));
  assertEquals(high.run(`${store(ICR_HIGH, 0x1234_5678)} ${VMCALL}`), "exit");
  assertEquals([high.exit[0], register(high, ICR_HIGH)], [Exit.VMCALL, 0x1200_0000], "nothing else is done");
});

everywhere("instructions that read and write: one write for each, sections 30.4.2 and 30.4.3.1", (make) => {
  // ADD DWORD [task priority], 10H; XCHG with it
  const guest = make(...accesses());
  register(guest, TPR, 0x20);
  assertEquals(
    guest.run(`83 04 25 ${imm32(APIC_PAGE + TPR)} 10 87 04 25 ${imm32(APIC_PAGE + TPR)} ${VMCALL}`),
    "exit",
  );
  assertEquals([guest.exit[0], guest.register(Gpr.RAX), register(guest, TPR)], [Exit.VMCALL, 0x30n, 0]);
  // MOVS from the page to the page reads first.
  const moving = make(...accesses(REGISTERS));
  moving.register(Gpr.RSI, BigInt(APIC_PAGE + 0x30));
  moving.register(Gpr.RDI, BigInt(APIC_PAGE + 0x380));
  register(moving, 0x30, 0x1_0014);
  assertEquals([moving.run(`a5 ${VMCALL}`), moving.exit[0], register(moving, 0x380)], [
    "exit",
    Exit.APIC_WRITE,
    0x1_0014,
  ]);
  // FNSTENV writes pieces: the first one is virtualized, the second exits, and nothing is emulated.
  const environment = make(...accesses(REGISTERS));
  assertEquals(
    [environment.run(`d9 34 25 ${imm32(APIC_PAGE + 0x380)} ${VMCALL}`), environment.exit[0]],
    ["exit", Exit.APIC_ACCESS],
  );
  assertEquals(environment.eventState[0], BigInt(CODE));
});

everywhere("each iteration of a repeated string instruction is an operation, section 30.4.1", (make) => {
  const guest = make(...accesses(REGISTERS));
  guest.register(Gpr.RAX, 0x33n);
  guest.register(Gpr.RCX, 3n);
  guest.register(Gpr.RDI, BigInt(APIC_PAGE + 0x380));
  // The first one exits behind itself, to be emulated; the second writes 384H, which is no register.
  assertEquals([guest.run("f3 ab"), guest.exit[0], guest.exit[1]], ["exit", Exit.APIC_WRITE, 0x380n]);
  assertEquals([guest.register(Gpr.RCX), guest.eventState[0]], [2n, BigInt(CODE)]);
  assertEquals([guest.run(), guest.exit[0], guest.exit[1]], [
    "exit",
    Exit.APIC_ACCESS,
    BigInt(WRITE | 0x384),
  ]);
  assertEquals([guest.register(Gpr.RCX), register(guest, 0x380), register(guest, 0x384)], [2n, 0x33, 0]);
  const loading = make(...accesses(REGISTERS));
  loading.register(Gpr.RCX, 3n);
  loading.register(Gpr.RSI, BigInt(APIC_PAGE + 0x380));
  assertEquals([loading.run("f3 ad"), loading.exit[0], loading.exit[1], loading.register(Gpr.RCX)], [
    "exit",
    Exit.APIC_ACCESS,
    BigInt(READ | 0x384),
    2n,
  ]);
  const copying = make(...accesses(REGISTERS));
  copying.register(Gpr.RCX, 2n);
  copying.register(Gpr.RSI, BigInt(DATA));
  copying.register(Gpr.RDI, BigInt(APIC_PAGE + 0x380));
  assertEquals([copying.run("f3 a5"), copying.exit[0], copying.register(Gpr.RCX)], [
    "exit",
    Exit.APIC_WRITE,
    1n,
  ]);
});

everywhere(
  "what happens in the delivery of an event, or to the guest's page tables, sections 28.2.1 and 30.4.6",
  (make) => {
    const { information, SOFTWARE } = Interruption;
    const guest = make(...accesses(ALL), [Field.GUEST_RSP, APIC_PAGE + 0x390]);
    assertEquals([guest.run("cd 80"), guest.exit[0], guest.exit[1], guest.exit[2]], [
      "exit",
      Exit.APIC_ACCESS,
      BigInt(DELIVERY | 0x388),
      2,
    ]);
    assertEquals([guest.field(Field.VECTORING), guest.eventState[0]], [
      BigInt(information(SOFTWARE | 0x80)),
      BigInt(CODE),
    ]);
    const table = make(...accesses(ALL), [Field.APIC_ACCESS, PAGE_TABLES + 0x1000]);
    assertEquals([table.run(VMCALL), table.exit[0], table.exit[1] & 0xf000n], [
      "exit",
      Exit.APIC_ACCESS,
      BigInt(PHYSICAL),
    ]);
  },
);

everywhere("exits behind a write leave a single step pending, section 28.3.4", (make) => {
  const guest = make(...accesses(0, [Field.TPR_THRESHOLD, 4], [Field.GUEST_RFLAGS, 0x102]));
  register(guest, TPR, 0x50);
  assertEquals([guest.run(store(TPR, 0)), guest.exit[0], guest.eventState[3]], [
    "exit",
    Exit.BELOW_THRESHOLD,
    0x4000n,
  ]);
});

everywhere("compiled code reaches the page anew each time", (make) => {
  const guest = make(...accesses(0, [Field.TPR_THRESHOLD, 0]));
  // MOV ECX, 200; again: MOV [task priority], ECX; ADD EAX, [task priority]; LOOP again
  const body = `89 0c 25 ${imm32(APIC_PAGE + TPR)} 03 04 25 ${imm32(APIC_PAGE + TPR)}`;
  const back = (256 - lengthOf(body) - 2).toString(16);
  assertEquals(guest.run(`31 c0 b9 c8 00 00 00 ${body} e2 ${back} ${VMCALL}`, 100_000), "exit");
  assertEquals([guest.exit[0], guest.register(Gpr.RAX)], [Exit.VMCALL, 20_100n]);
});

everywhere("without the control the page is like any other", (make) => {
  const guest = make(...secondary(0), ...primary(1 << 21), [Field.APIC_ACCESS, APIC_PAGE]);
  assertEquals(guest.run(`${store(0x40, 0x99)} ${load(0x40)} ${VMCALL}`), "exit");
  assertEquals([guest.exit[0], guest.register(Gpr.RAX), guest.quad(APIC_PAGE + 0x40)], [
    Exit.VMCALL,
    0x99n,
    0x99n,
  ]);
});
