/** VM exits by instructions, with all their information, on every engine. SDM vol. 3C, sections 26.1.2, 26.1.3 and 28.2. */
import { assertEquals } from "@std/assert";
import { Gpr } from "../../src/cpu/state.ts";
import { Primary, Secondary } from "../../src/vmx/controls.ts";
import { Field } from "../../src/vmx/fields.ts";
import {
  bytesOf,
  CODE,
  DATA as AREA,
  EPT_LEAF,
  EPT_PT,
  EPTP_LIST,
  everywhere,
  type Guest,
  IO_BITMAPS,
} from "./_guest.ts";
import { primary, secondary, type Values } from "./_vmcs.ts";

/** What an exit tells. What is left out is 0. */
interface Told {
  readonly qualification?: number | bigint;
  /** Instruction information. */
  readonly information?: number;
  /** Guest-linear address. */
  readonly linear?: number | bigint;
}
type Row = readonly [reason: number, code: string, told?: Told, changes?: Values];

// Registers: RAX is DATA, RBX is DATA + 100H, RCX is 2, RDX is 3F8H, RSI and RDI lie in DATA.
const RSI = AREA + 0x20, RDI = AREA + 0x40, RAX = AREA, RBX = AREA + 0x100, RCX = 2, RDX = 0x3f8;

// Instruction information: SDM vol. 3C, tables 28-8 to 28-14.
const A32 = 1 << 7, A64 = 2 << 7, REGISTER = 1 << 10, WIDE = 1 << 11, NO_INDEX = 1 << 22, NO_BASE = 1 << 27;
const DS = 3 << 15, FS = 4 << 15;
const base = (n: number): number => n << 23;
const index = (n: number, scale = 0): number => n << 18 | scale;
/** [RBX] and [RBX+8] with 64-bit addresses. */
const AT_RBX = A64 | DS | NO_INDEX | base(3);

const PORTS = primary(Primary.UNCONDITIONAL_IO), TABLES = secondary(Secondary.DESCRIPTOR_TABLES);
const TASK_SWITCHED: Values = [[Field.CR0_MASK, 8], [Field.CR0_SHADOW, 8]];
const CR3_EXITING = primary(Primary.CR3_LOAD | Primary.CR3_STORE);
const CR8_EXITING = primary(Primary.CR8_LOAD | Primary.CR8_STORE);

// deno-fmt-ignore
const ALWAYS: readonly Row[] = [
  [10, "0f a2"], // CPUID
  [13, "0f 08"], // INVD
  [18, "0f 01 c1"], // VMCALL
  [19, "66 0f c7 73 08", { qualification: 8, information: AT_RBX }], // VMCLEAR [RBX+8]
  [20, "0f 01 c2"], // VMLAUNCH
  [21, "0f c7 74 8b f0", { qualification: -16n, information: A64 | DS | index(1, 2) | base(3) }], // VMPTRLD [RBX+4*RCX-10H]
  [21, "0f c7 35 10 00 00 00", { qualification: CODE + 0x17, information: A64 | DS | NO_INDEX | NO_BASE }], // VMPTRLD [RIP+10H]
  [22, "0f c7 3b", { information: AT_RBX }], // VMPTRST [RBX]
  [22, "67 0f c7 3b", { information: A32 | DS | NO_INDEX | base(3) }], // VMPTRST [EBX]
  [23, "0f 78 d8", { information: REGISTER | 3 << 28 }], // VMREAD RAX, RBX
  [23, "0f 78 53 10", { qualification: 16, information: AT_RBX | 2 << 28 }], // VMREAD [RBX+10H], RDX
  [24, "0f 01 c3"], // VMRESUME
  [25, "45 0f 79 c1", { information: (REGISTER | 9 << 3 | 8 << 28) >>> 0 }], // VMWRITE R8, R9
  [25, "64 0f 79 04 25 20 00 00 00", { qualification: 32, information: A64 | FS | NO_INDEX | NO_BASE }], // VMWRITE RAX, FS:[20H]
  [26, "0f 01 c4"], // VMXOFF
  [27, "f3 0f c7 33", { information: AT_RBX }], // VMXON [RBX]
  [50, "66 0f 38 80 03", { information: AT_RBX }], // INVEPT RAX, [RBX]
  [53, "66 0f 38 81 4b 08", { qualification: 8, information: AT_RBX | 1 << 28 }], // INVVPID RCX, [RBX+8]
  [55, "0f 01 d1", {}, [[Field.GUEST_CR4, 0x4_2620]]], // XSETBV
];

// deno-fmt-ignore
const CONTROLLED: readonly Row[] = [
  [12, "f4", {}, primary(Primary.HLT)],
  [14, "0f 01 7b 10", { qualification: RBX + 16 }, primary(Primary.INVLPG)],
  [15, "0f 33", {}, primary(Primary.RDPMC)],
  [16, "0f 31", {}, primary(Primary.RDTSC)],
  [51, "0f 01 f9", {}, [...primary(Primary.RDTSC), ...secondary(Secondary.RDTSCP)]],
  // Control registers: table 28-3.
  [28, "0f 22 d8", { qualification: 3 }, CR3_EXITING], // MOV CR3, RAX
  [28, "41 0f 20 da", { qualification: 3 | 1 << 4 | 10 << 8 }, CR3_EXITING], // MOV R10, CR3
  [28, "44 0f 22 c1", { qualification: 8 | 1 << 8 }, CR8_EXITING], // MOV CR8, RCX
  [28, "44 0f 20 c3", { qualification: 8 | 1 << 4 | 3 << 8 }, CR8_EXITING], // MOV RBX, CR8
  [28, "0f 22 c1", { qualification: 1 << 8 }, TASK_SWITCHED], // MOV CR0, RCX
  [28, "0f 22 e1", { qualification: 4 | 1 << 8 }, [[Field.CR4_MASK, 0x20], [Field.CR4_SHADOW, 0x20]]], // MOV CR4, RCX
  [28, "0f 06", { qualification: 2 << 4 }, TASK_SWITCHED], // CLTS
  [28, "0f 01 f1", { qualification: 3 << 4 | RCX << 16 }, TASK_SWITCHED], // LMSW CX
  [28, "0f 01 73 08", { qualification: 3 << 4 | 1 << 6 | 0x1234 << 16, linear: RBX + 8 }, [[Field.CR0_MASK, 8], [Field.CR0_SHADOW, 8]]], // LMSW [RBX+8]
  // Debug registers: table 28-4.
  [29, "0f 23 f9", { qualification: 7 | 1 << 8 }, primary(Primary.MOV_DR)],
  [29, "41 0f 21 d1", { qualification: 2 | 1 << 4 | 9 << 8 }, primary(Primary.MOV_DR)],
  // Ports: table 28-5.
  [30, "e4 71", { qualification: 0x71 << 16 | 1 << 6 | 8 }, PORTS], // IN AL, 71H
  [30, "e7 20", { qualification: 0x20 << 16 | 1 << 6 | 3 }, PORTS], // OUT 20H, EAX
  [30, "ec", { qualification: RDX << 16 | 8 }, PORTS], // IN AL, DX
  [30, "66 ef", { qualification: RDX << 16 | 1 }, PORTS], // OUT DX, AX
  [30, "6c", { qualification: RDX << 16 | 0x18, linear: RDI, information: A64 }, PORTS], // INSB
  [30, "f3 6f", { qualification: RDX << 16 | 0x33, linear: RSI, information: A64 | DS }, PORTS], // REP OUTSD
  [30, "67 64 66 6f", { qualification: RDX << 16 | 0x11, linear: RSI + 0x1000, information: A32 | FS }, [...PORTS, [Field.GUEST_FS_BASE, 0x1000]]],
  // MSRs: RCX is 2.
  [31, "0f 32"],
  [32, "0f 30"],
  [40, "f3 90", {}, primary(Primary.PAUSE)],
  // Descriptor tables.
  [46, "0f 01 43 08", { qualification: 8, information: AT_RBX | WIDE }, TABLES], // SGDT [RBX+8]
  [46, "0f 01 0b", { information: AT_RBX | WIDE | 1 << 28 }, TABLES], // SIDT [RBX]
  [46, "0f 01 13", { information: AT_RBX | WIDE | 2 << 28 }, TABLES], // LGDT [RBX]
  [46, "0f 01 1b", { information: AT_RBX | WIDE | 3 << 28 }, TABLES], // LIDT [RBX]
  [47, "0f 00 c1", { information: REGISTER | 1 << 3 }, TABLES], // SLDT ECX
  [47, "0f 00 4b 08", { qualification: 8, information: AT_RBX | 1 << 28 }, TABLES], // STR [RBX+8]
  [47, "0f 00 d1", { information: REGISTER | 1 << 3 | 2 << 28 }, TABLES], // LLDT CX
  [47, "41 0f 00 d8", { information: REGISTER | 8 << 3 | 3 << 28 }, TABLES], // LTR R8W
  [54, "0f 09", {}, secondary(Secondary.WBINVD)],
  [57, "0f c7 f1", { information: 1 << 3 | 1 << 11 }, secondary(Secondary.RDRAND)], // RDRAND ECX
  [57, "66 0f c7 f3", { information: 3 << 3 }, secondary(Secondary.RDRAND)], // RDRAND BX
  [58, "66 0f 38 82 4b 10", { qualification: 16, information: AT_RBX | 1 << 28 }, [...primary(Primary.INVLPG), ...secondary(Secondary.INVPCID)]],
  [61, "4c 0f c7 fa", { information: 2 << 3 | 2 << 11 }, secondary(Secondary.RDSEED)], // RDSEED RDX
];

function prepare(make: (...changes: Values) => Guest, code: string, changes: Values): Guest {
  const guest = make(...changes);
  const registers = [RAX, RCX, RDX, RBX] as const;
  for (const [n, value] of registers.entries()) guest.register(n, BigInt(value));
  guest.register(Gpr.RSI, BigInt(RSI));
  guest.register(Gpr.RDI, BigInt(RDI));
  guest.quad(RBX + 8, 0x1234n);
  guest.write(CODE, bytesOf(code));
  guest.set([Field.GUEST_RIP, CODE]);
  return guest;
}

function expectExit(guest: Guest, [reason, code, told = {}]: Row): void {
  assertEquals([guest.run(), guest.exit], [
    "exit",
    [reason, BigInt.asUintN(64, BigInt(told.qualification ?? 0)), bytesOf(code).length, 0],
  ], code);
  assertEquals(
    [guest.field(Field.EXIT_INSTRUCTION_INFORMATION), guest.field(Field.GUEST_LINEAR_ADDRESS)],
    [BigInt((told.information ?? 0) >>> 0), BigInt(told.linear ?? 0)],
    code,
  );
  // The instruction has not been executed, and no event was being delivered.
  assertEquals([guest.field(Field.GUEST_RIP), guest.field(Field.VECTORING)], [BigInt(CODE), 0n], code);
}

everywhere("instructions that cause VM exits unconditionally tell all about them, section 26.1.2", (make) => {
  for (const row of ALWAYS) expectExit(prepare(make, row[1], row[3] ?? []), row);
});

everywhere("instructions that cause VM exits by controls tell all about them, section 26.1.3", (make) => {
  for (const row of CONTROLLED) expectExit(prepare(make, row[1], row[3] ?? []), row);
});

everywhere("without their controls these instructions do not exit", (make) => {
  // RDPMC always faults; the descriptor tables, CR3 and DR7 are reloaded with what is there.
  const fine = [
    "0f 01 7b 10",
    "0f 31",
    "f3 90",
    "0f 09",
    "0f c7 f1",
    "4c 0f c7 fa",
    "0f 20 d8 0f 22 d8",
    "0f 21 f8 0f 23 f8",
    "0f 01 03",
    "0f 00 c1",
    "0f 00 c8",
    "44 0f 20 c0 44 0f 22 c0",
    "e4 70",
    "0f 06",
  ]; // deno-fmt-ignore
  for (const code of fine) {
    const guest = prepare(make, `${code} 0f 01 c1`, primary(Primary.MSR_BITMAPS));
    guest.set([Field.PRIMARY_CONTROLS, BigInt(guest.vmcs.word(Field.PRIMARY_CONTROLS) & ~(3 << 15)) & 0xffff_ffffn]);
    assertEquals([guest.run(), guest.exit[0], guest.field(Field.GUEST_RIP)], [
      "exit",
      18,
      BigInt(CODE + bytesOf(code).length),
    ], code);
  }
});

everywhere("instructions that a virtual machine does not have are undefined there, section 26.3", (make) => {
  for (const code of ["0f 01 f9", "f3 0f c7 f8", "66 0f 38 82 03", "0f 01 d4"]) { // RDTSCP, RDPID, INVPCID, VMFUNC
    const guest = prepare(make, code, primary(Primary.RDTSC | Primary.INVLPG));
    assertEquals([guest.run(), guest.handled], ["exit", 6], code);
  }
});

everywhere("faults of privilege and operands come before the exit, section 26.1.1", (make) => {
  const user: Values = [
    [Field.GUEST_CS_RIGHTS, 0xa0fb],
    [Field.GUEST_SS_RIGHTS, 0xc0f3],
    [Field.GUEST_CS, 0xb],
    [Field.GUEST_SS, 0x13],
    [Field.EXCEPTION_BITMAP, 0xffff_ffff],
  ];
  for (
    const [code, vector, changes = []] of [
      ["0f 33", 13, primary(Primary.RDPMC)],
      ["0f 32", 13],
      ["0f 22 d8", 13],
      ["f4", 13, primary(Primary.HLT)],
      ["0f 01 7b 10", 13, primary(Primary.INVLPG)],
      ["e4 71", 13, PORTS],
    ] as const satisfies readonly (readonly [string, number, Values?])[]
  ) {
    const guest = prepare(make, code, [...changes, ...user]);
    assertEquals([guest.run(), guest.exit[0], guest.exit[3] & 0xff], ["exit", 0, vector], code);
  }
  // VMCALL and CPUID exit at any privilege level.
  for (const [code, reason] of [["0f 01 c1", 18], ["0f a2", 10], ["0f 01 c4", 26]] as const) {
    const guest = prepare(make, code, user);
    assertEquals([guest.run(), guest.exit[0]], ["exit", reason], code);
  }
});

everywhere("CR3-target values do not exit, section 26.1.3", (make) => {
  const guest = prepare(make, "0f 22 d8 0f 01 c1", [
    ...CR3_EXITING,
    [Field.CR3_TARGET_COUNT, 2],
    [Field.CR3_TARGET1, 0x1000],
    [Field.CR3_TARGET2, RAX],
  ]);
  assertEquals([guest.run(), guest.exit.slice(0, 2)], ["exit", [28, 3n]], "the third counts no more");
  guest.register(Gpr.RAX, 0x1000n);
  assertEquals([guest.run(), guest.exit[0]], ["exit", 18]);
});

everywhere("CR0 and CR4: masks and shadows, section 26.3", (make) => {
  const guest = prepare(make, "0f 20 c0 0f 20 e3 0f 01 c1", [
    [Field.CR0_MASK, 0xa],
    [Field.CR0_SHADOW, 8],
    [Field.CR4_MASK, 0x2000],
    [Field.CR4_SHADOW, 0],
  ]);
  assertEquals([guest.run(), guest.register(Gpr.RAX), guest.register(Gpr.RBX)], [
    "exit",
    0x8001_0039n,
    0x620n,
  ]);
  // A write of the shadow's value changes the other bits only.
  guest.register(Gpr.RAX, 0x8001_003dn);
  assertEquals(guest.run("0f 22 c0 0f 01 c1"), "exit");
  assertEquals([guest.exit[0], guest.field(Field.GUEST_CR0)], [18, 0x8001_0037n]);
});

everywhere("I/O bitmaps: each byte of the access, and the wrap at FFFFH, section 26.1.3", (make) => {
  const guest = prepare(make, "ed 0f 01 c1", primary(Primary.IO_BITMAPS));
  guest.quad(IO_BITMAPS + 0x1000 + 0x80, 0x10n); // port 8404H
  for (
    const [port, exits] of [[0x8400, false], [0x8401, true], [0x8404, true], [0x8405, false], [0xfffd, true]]
  ) {
    guest.register(Gpr.RDX, BigInt(port!));
    guest.set([Field.GUEST_RIP, CODE]);
    assertEquals([guest.run(), guest.exit[0]], ["exit", exits ? 30 : 18], `port ${port!.toString(16)}`);
  }
});

everywhere("MSR bitmaps: reads and writes of both ranges, section 25.6.9", (make) => {
  const bitmaps = 0x1_4000;
  for (
    const [write, msr, byte, bit] of [
      [false, 0x174, 0x174 >> 3, 4],
      [false, 0xc000_0082, 1024 + 0x10, 2],
      [true, 0x175, 2048 + (0x175 >> 3), 5],
      [true, 0xc000_0080, 3072 + 0x10, 0],
    ] as const
  ) {
    const guest = prepare(make, write ? "0f 30 0f 01 c1" : "0f 32 0f 01 c1", primary(Primary.MSR_BITMAPS));
    const run = (): number => {
      guest.register(Gpr.RCX, BigInt(msr));
      guest.register(Gpr.RAX, 0xd01n);
      guest.register(Gpr.RDX, 0n);
      guest.set([Field.GUEST_RIP, CODE]);
      assertEquals(guest.run(), "exit");
      return guest.exit[0];
    };
    assertEquals(run(), 18, msr.toString(16));
    guest.memory.ram(bitmaps + byte, 1)[0] = 1 << bit;
    assertEquals(run(), write ? 32 : 31, msr.toString(16));
    // Numbers outside both ranges exit always.
    guest.register(Gpr.RCX, 0x4000_0000n);
    guest.set([Field.GUEST_RIP, CODE]);
    assertEquals([guest.run(), guest.exit[0]], ["exit", write ? 32 : 31]);
  }
});

everywhere(
  "VMFUNC exits for functions that are disabled and entries that are no EPTP, section 26.5.6",
  (make) => {
    for (
      const [functions, leaf, number, reason] of [
        [0, 0, 0, 59],
        [1, 1, 0, 59],
        [1, 63, 0, 59],
        [1, 0, 512, 59],
        [1, 0, 1, 59],
        [1, 0, 0, 18],
      ] as const
    ) {
      const guest = prepare(make, "0f 01 d4 0f 01 c1", secondary(Secondary.VMFUNC));
      guest.set([Field.VMFUNC_CONTROLS, functions]);
      guest.quad(EPTP_LIST, guest.field(Field.EPTP));
      guest.register(Gpr.RAX, BigInt(leaf));
      guest.register(Gpr.RCX, BigInt(number));
      assertEquals([guest.run(), guest.exit], ["exit", [reason, 0n, 3, 0]], `${functions} ${leaf} ${number}`);
    }
    const none = prepare(make, "0f 01 d4", secondary(Secondary.VMFUNC));
    none.register(Gpr.RAX, 64n);
    assertEquals([none.run(), none.handled], ["exit", 6]);
  },
);

everywhere(
  "after hot switches the exit leaves the last EPTP and its index in the VMCS, section 26.5.6.3",
  (make) => {
    // L: VMFUNC; XOR ECX, 2; DEC EBX; JNZ L; VMCALL.
    const guest = prepare(
      make,
      "0f 01 d4 83 f1 02 ff cb 75 f6 0f 01 c1",
      secondary(Secondary.VMFUNC | Secondary.VPID),
    );
    const eptp = guest.field(Field.EPTP);
    guest.set([Field.VMFUNC_CONTROLS, 1], [Field.VPID, 1], [Field.EPTP_INDEX, 7]);
    for (const [index, value] of [[1, eptp], [3, eptp | 0x40n]] as const) {
      guest.quad(
        EPTP_LIST + 8 * index,
        value,
      );
    }
    for (const [register, value] of [[Gpr.RAX, 0n], [Gpr.RCX, 1n], [Gpr.RBX, 40n]] as const) {
      guest.register(register, value);
    }
    assertEquals([guest.run(), guest.exit[0]], ["exit", 18]);
    assertEquals([guest.field(Field.EPTP), guest.field(Field.EPTP_INDEX)], [eptp | 0x40n, 3n]);
  },
);

everywhere("MONITOR and MWAIT exit, and MWAIT tells whether the monitor is armed, section 28.2.1", (make) => {
  const monitor = prepare(make, "0f 01 c8", primary(Primary.MONITOR));
  monitor.register(Gpr.RCX, 0n);
  assertEquals([monitor.run(), monitor.exit], ["exit", [39, 0n, 3, 0]]);
  for (const [code, armed] of [["0f 01 c9", 0n], ["0f 01 c8 0f 01 c9", 1n]] as const) {
    const guest = prepare(make, code, primary(Primary.MWAIT));
    guest.register(Gpr.RCX, 0n);
    assertEquals([guest.run(), guest.exit], ["exit", [36, armed, 3, 0]]);
  }
});

everywhere("an exiting instruction is read where it lies: its own pages, and none behind them", (make) => {
  const next = 0x15_1000, unused = BigInt(next | EPT_LEAF), ACCESSED = 0x100n;
  for (const [code, inPage, accessed] of [["0f a2", 2, 0n], ["0f a2", 1, ACCESSED]] as const) {
    const guest = make();
    // Accessed flags in the EPT.
    guest.set([Field.EPTP, guest.field(Field.EPTP) | 0x40n]);
    guest.setEptPage(next, unused);
    const at = next - inPage;
    guest.write(next - 0x10, Array.from({ length: 0x10 - inPage }, () => 0x90));
    guest.write(at, bytesOf(code));
    guest.set([Field.GUEST_RIP, next - 0x10]);
    assertEquals([guest.run(), guest.exit], ["exit", [10, 0n, 2, 0]], `${inPage} bytes in the page`);
    assertEquals(guest.quad(EPT_PT + 8 * (next >> 12)) & ACCESSED, accessed, `${inPage} bytes in the page`);
  }
});
