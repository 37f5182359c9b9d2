/** Control registers, EFER, MSRs, debug registers. SDM vol. 2B, "MOV"; vol. 3A, section 2.5; vol. 4. */
import { assertEquals } from "@std/assert";
import { CR0, CR3, CR4, EFER, Gpr, XCR0 } from "../../../src/cpu/state.ts";
import { CONFIGURATIONS } from "../../jit/_bare.ts";
import { CODE, everywhere, Selector, stoppedIn, type SystemMachine, USER_CODE } from "./_machine.ts";

/** MOV CRn,RAX by number. */
const MOV_TO: Readonly<Record<number, string>> = {
  0: "0f 22 c0",
  2: "0f 22 d0",
  3: "0f 22 d8",
  4: "0f 22 e0",
  8: "44 0f 22 c0",
};
const MOV_FROM: Readonly<Record<number, string>> = {
  0: "0f 20 c1",
  2: "0f 20 d1",
  3: "0f 20 d9",
  4: "0f 20 e1",
  8: "44 0f 20 c1",
};

interface Write {
  readonly name: string;
  readonly register: number;
  readonly lo: number;
  readonly hi?: number;
  /** What is read back; undefined: #GP(0). */
  readonly value?: bigint;
  readonly prepare?: (machine: SystemMachine) => void;
}

const WRITES: readonly Write[] = [
  { name: "CR0: reserved bits are ignored, ET is 1", register: 0, lo: 0x9ffd_ffe3 | 0, value: 0x8005_0033n },
  { name: "CR0: upper half", register: 0, lo: 0x8001_0033 | 0, hi: 1 },
  { name: "CR0: PG without PE", register: 0, lo: 0x8001_0032 | 0 },
  { name: "CR0: NW without CD", register: 0, lo: 0xa001_0033 | 0 },
  { name: "CR0: CD", register: 0, lo: 0xc001_0033 | 0, value: 0xc001_0033n },
  { name: "CR0: PG cleared in 64-bit mode", register: 0, lo: 0x1_0033 },
  { name: "CR2: any value", register: 2, lo: 5, hi: -7, value: 0xffff_fff9_0000_0005n },
  { name: "CR3: reserved bits", register: 3, lo: 0x1000, hi: 0x4000 },
  { name: "CR3: bit 63 without PCIDE", register: 3, lo: 0x1000, hi: 1 << 31 },
  { name: "CR3: PWT and PCD", register: 3, lo: 0x1018, value: 0x1018n },
  {
    name: "CR3: bit 63 with PCIDE is not stored",
    register: 3,
    lo: 0x1005,
    hi: 1 << 31,
    value: 0x1005n,
    prepare: (machine) => machine.unit.control.store(4, 0x2_0620, 0),
  },
  { name: "CR4: PGE, UMIP, FSGSBASE, OSXSAVE", register: 4, lo: 0x5_0ea0, value: 0x5_0ea0n },
  { name: "CR4: reserved bit 15", register: 4, lo: 0x8620 },
  { name: "CR4: upper half", register: 4, lo: 0x620, hi: 1 },
  { name: "CR4: PAE cleared in IA-32e mode", register: 4, lo: 0x600 },
  { name: "CR4: LA57 changed in IA-32e mode", register: 4, lo: 0x1620 },
  { name: "CR4: PCIDE", register: 4, lo: 0x2_0620, value: 0x2_0620n },
  {
    name: "CR4: PCIDE with CR3[11:0] not 0",
    register: 4,
    lo: 0x2_0620,
    prepare: (machine) => machine.unit.control.store(3, 0x1018, 0),
  },
  { name: "CR8", register: 8, lo: 15, value: 15n },
  { name: "CR8: reserved bits", register: 8, lo: 16 },
];

for (const { name, register, lo, hi = 0, value, prepare } of WRITES) {
  everywhere(`MOV to ${name}${value === undefined ? ": #GP(0)" : ""}`, (create) => {
    const machine = create();
    prepare?.(machine);
    machine.set(Gpr.RAX, lo, hi);
    assertEquals(machine.runCode(`${MOV_TO[register]} ${MOV_FROM[register]}`), "halt");
    if (value === undefined) {
      assertEquals([stoppedIn(machine), machine.stack(2)], [13, [0n, BigInt(CODE)]]);
    } else {
      assertEquals(stoppedIn(machine), -1);
      assertEquals(machine.get(Gpr.RCX), value);
    }
  });
}

everywhere(
  "paging cannot be turned on with LME and without PAE, or with a 16-bit TSS, section 10.8.5",
  (create) => {
    const withoutPae = create();
    withoutPae.enterProtected();
    withoutPae.m[EFER >> 2] = 0x100;
    withoutPae.m[CR4 >> 2] = 0;
    withoutPae.setGate32(13, Selector.CODE32);
    withoutPae.runCode("b8 33 00 00 80 0f 22 c0");
    assertEquals([stoppedIn(withoutPae), withoutPae.m[CR0 >> 2]], [13, 0x33]);
  },
);

everywhere("turning paging off in compatibility mode leaves IA-32e mode, section 10.8.5.4", (create) => {
  const machine = create();
  // Far return to 32-bit code, there MOV EAX,CR0; BTR EAX,31; MOV CR0,EAX; MOV ECX,0C0000080H; RDMSR
  machine.write(USER_CODE, [0x0f, 0x20, 0xc0, 0x0f, 0xba, 0xf0, 31, 0x0f, 0x22, 0xc0]);
  machine.write(USER_CODE + 10, [0xb9, 0x80, 0, 0, 0xc0, 0x0f, 0x32, 0xf4]);
  machine.set(Gpr.RAX, USER_CODE);
  assertEquals(machine.runCode("6a 18 50 48 cb"), "halt");
  assertEquals([machine.rip, machine.get(Gpr.RAX)], [USER_CODE + 18, 0x901n]);
  assertEquals(machine.unit.context.isLong, false);
});

everywhere("LMSW sets bits 3:0 of CR0 and does not clear PE; CLTS clears TS; SMSW reads", (create) => {
  const machine = create();
  machine.runCode("b8 0e 00 00 00 0f 01 f0 48 0f 01 e3 0f 06 48 0f 01 e1"); // LMSW AX; SMSW RBX; CLTS; SMSW RCX
  assertEquals([machine.get(Gpr.RBX), machine.get(Gpr.RCX)], [0x8001_003fn, 0x8001_0037n]);
});

interface MsrCase {
  readonly name: string;
  readonly index: number;
  readonly lo: number;
  readonly hi?: number;
  readonly refused?: true;
}

const MSRS: readonly MsrCase[] = [
  { name: "IA32_STAR", index: 0xc000_0081, lo: 5, hi: 6 },
  { name: "IA32_LSTAR", index: 0xc000_0082, lo: 5, hi: -1 },
  { name: "IA32_LSTAR, not canonical", index: 0xc000_0082, lo: 5, hi: 0x8000, refused: true },
  { name: "IA32_CSTAR", index: 0xc000_0083, lo: 5, hi: 0x7fff },
  { name: "IA32_FMASK", index: 0xc000_0084, lo: -1 },
  { name: "IA32_FS_BASE", index: 0xc000_0100, lo: 5, hi: 6 },
  { name: "IA32_GS_BASE, not canonical", index: 0xc000_0101, lo: 5, hi: 1 << 31, refused: true },
  { name: "IA32_KERNEL_GS_BASE", index: 0xc000_0102, lo: 5, hi: 6 },
  { name: "IA32_TSC_AUX", index: 0xc000_0103, lo: 9 },
  { name: "IA32_SYSENTER_CS", index: 0x174, lo: 8 },
  { name: "IA32_SYSENTER_ESP, not canonical", index: 0x175, lo: 8, hi: 0x8000, refused: true },
  { name: "IA32_SYSENTER_EIP", index: 0x176, lo: 8 },
  { name: "IA32_DEBUGCTL", index: 0x1d9, lo: 3 },
  { name: "IA32_DEBUGCTL, reserved bit 5", index: 0x1d9, lo: 0x20, refused: true },
  { name: "IA32_PAT", index: 0x277, lo: 0x0007_0406, hi: 0x0501_0406 },
  { name: "IA32_PAT, memory type 2", index: 0x277, lo: 0x0007_0206, refused: true },
  { name: "IA32_PAT, memory type 8", index: 0x277, lo: 0, hi: 8 << 24, refused: true },
  { name: "IA32_EFER.NXE", index: 0xc000_0080, lo: 0xd01 },
  { name: "IA32_EFER, reserved bit 9", index: 0xc000_0080, lo: 0xf01, refused: true },
  { name: "IA32_EFER.LME while paging", index: 0xc000_0080, lo: 0xc01, refused: true },
  { name: "IA32_EFER, upper half", index: 0xc000_0080, lo: 0xd01, hi: 1, refused: true },
  { name: "an MSR of the machine", index: 0x1b, lo: 0xfee0_0800 | 0 },
  { name: "an MSR that there is not", index: 0x1234, lo: 0, refused: true },
];

for (const { name, index, lo, hi = 0, refused } of MSRS) {
  everywhere(`WRMSR and RDMSR: ${name}${refused ? ": #GP(0)" : ""}`, (create) => {
    const machine = create();
    machine.set(Gpr.RAX, lo, -1);
    machine.set(Gpr.RDX, hi, -1);
    machine.set(Gpr.RCX, index | 0, -1);
    machine.runCode("0f 30 31 c0 31 d2 0f 32");
    if (refused) return assertEquals([stoppedIn(machine), machine.stack(2)], [13, [0n, BigInt(CODE)]]);
    assertEquals(stoppedIn(machine), -1);
    assertEquals([machine.get(Gpr.RAX), machine.get(Gpr.RDX)], [BigInt(lo >>> 0), BigInt(hi >>> 0)]);
  });
}

everywhere("RDTSCP and RDPID read IA32_TSC_AUX", (create) => {
  const machine = create();
  machine.unit.msrs.write(0xc000_0103, 77, 0);
  machine.bus.time = 0x12_3456_789a;
  machine.runCode("0f 01 f9 f3 0f c7 fb");
  assertEquals([machine.get(Gpr.RCX), machine.get(Gpr.RBX)], [77n, 77n]);
  assertEquals([machine.get(Gpr.RDX), machine.get(Gpr.RAX)], [0x12n, 0x3456_789an]);
});

everywhere("WRFSBASE changes what RDMSR reads", (create) => {
  const machine = create();
  machine.m[CR4 >> 2]! |= 0x1_0000;
  machine.set(Gpr.RBX, 0x777);
  machine.runCode("f3 48 0f ae d3 b9 00 01 00 c0 0f 32");
  assertEquals(machine.get(Gpr.RAX), 0x777n);
});

everywhere(
  "DR0 to DR3 hold 64 bits; DR6 and DR7 keep their fixed bits; DR4 is DR6 unless CR4.DE, section 18.2",
  (create) => {
    const machine = create();
    machine.set(Gpr.RAX, 5, 6);
    machine.runCode("0f 23 d8 0f 21 d9 31 c0 0f 23 f0 0f 21 e2 0f 23 f8 0f 21 fb"); // DR3; DR6 ← 0; RDX ← DR4; DR7 ← 0
    assertEquals([machine.get(Gpr.RCX), machine.get(Gpr.RDX), machine.get(Gpr.RBX)], [
      0x6_0000_0005n,
      0xffff_0ff0n,
      0x400n,
    ]);
    const extended = create();
    extended.m[CR4 >> 2]! |= 8;
    extended.runCode("0f 21 e2");
    assertEquals(stoppedIn(extended), 6);
    const upper = create();
    upper.set(Gpr.RAX, 0, 1);
    upper.runCode("0f 23 f8");
    assertEquals(stoppedIn(upper), 13);
  },
);

everywhere("XSETBV: XCR0 takes x87 and SSE, x87 always, vol. 2D", (create) => {
  for (
    const [rax, rdx, rcx, osxsave, vector] of [
      [1, 0, 0, 1, -1],
      [3, 0, 0, 1, -1],
      [2, 0, 0, 1, 13],
      [7, 0, 0, 1, 13],
      [3, 1, 0, 1, 13],
      [3, 0, 1, 1, 13],
      [3, 0, 0, 0, 6],
    ]
  ) {
    const machine = create();
    if (osxsave !== 0) machine.m[CR4 >> 2]! |= 0x4_0000;
    machine.m[XCR0 >> 2] = 1;
    machine.set(Gpr.RAX, rax!);
    machine.set(Gpr.RDX, rdx!);
    machine.set(Gpr.RCX, rcx!);
    machine.runCode("0f 01 d1");
    assertEquals([stoppedIn(machine), machine.m[XCR0 >> 2]], [vector, vector === -1 ? rax : 1]);
  }
});

everywhere(
  "MOV to CR3 and INVLPG drop what was cached, INVLPG also global pages, which CR4.PGE decides about, section 4.10.4.1",
  (create) => {
    const PAGE = 0x5_0000, OTHER = 0x5_1000, ENTRY = 0x4000 + 8 * 0x50, GLOBAL_PAGES = 0x6a0;
    for (
      const [flags, cr4, code, expected] of [
        [3, GLOBAL_PAGES, "0f 20 d8 0f 22 d8", 2n],
        [0x103, GLOBAL_PAGES, "0f 20 d8 0f 22 d8", 1n],
        [0x103, 0x620, "0f 20 d8 0f 22 d8", 2n],
        [0x103, GLOBAL_PAGES, "0f 01 3c 25 00 00 05 00", 2n],
        [0x103, GLOBAL_PAGES, "0f 20 e0 0f ba f0 07 0f 22 e0", 2n],
      ] as const
    ) {
      const machine = create();
      machine.unit.control.store(4, cr4, 0);
      machine.writeWords(PAGE, [1]);
      machine.writeWords(OTHER, [2]);
      machine.writeWords(ENTRY, [PAGE | flags]);
      // MOV ECX,[PAGE]; MOV DWORD [ENTRY],OTHER|flags; code; MOV ECX,[PAGE]
      const le = (value: number): string =>
        [0, 8, 16, 24].map((shift) => ((value >>> shift) & 255).toString(16)).join(" ");
      const load = `8b 0c 25 ${le(PAGE)}`;
      machine.runCode(`${load} c7 04 25 ${le(ENTRY)} ${le(OTHER | flags)} ${code} ${load}`);
      assertEquals([stoppedIn(machine), machine.get(Gpr.RCX)], [-1, expected], code);
    }
  },
  // With one entry in the soft TLB nothing stays cached for long.
  CONFIGURATIONS,
);

everywhere(
  "INVPCID: types 0 to 3; reserved bits, other types and a PCID without PCIDE raise #GP(0), vol. 2A",
  (create) => {
    for (
      const [type, words, pcide, vector] of [
        [0, [0, 0, 0x5000, 0], 0, -1],
        [0, [0, 0, 0, 0x8000], 0, 13],
        [0, [1, 0, 0, 0], 0, 13],
        [1, [1, 0, 0, 0], 1, -1],
        [1, [0x1000, 0, 0, 0], 1, 13],
        [2, [0, 1, 0, 0], 1, 13],
        [2, [0, 0, 0, 0], 0, -1],
        [3, [0, 0, 0, 0], 0, -1],
        [4, [0, 0, 0, 0], 0, 13],
      ] as const
    ) {
      const machine = create();
      if (pcide !== 0) machine.unit.control.store(4, 0x2_0620, 0);
      machine.writeWords(0x3_0000, words);
      machine.set(Gpr.RAX, type);
      machine.runCode("66 0f 38 82 04 25 00 00 03 00");
      assertEquals(stoppedIn(machine), vector, `type ${type}`);
    }
  },
);

everywhere(
  "INVPCID drops what is cached for the PCID that it names, which another one is current for, section 4.10.4.1",
  (create) => {
    const PAGE = 0x5_0000, OTHER = 0x5_1000, ENTRY = 0x4000 + 8 * 0x50, DESCRIPTOR = 0x3_0000;
    const le = (value: number): string =>
      [0, 8, 16, 24].map((shift) => ((value >>> shift) & 255).toString(16)).join(" ");
    // MOV RAX,CR3; AND RAX,-2; OR RAX,pcid; BTS RAX,63; MOV CR3,RAX: nothing is flushed.
    const enter = (pcid: number): string => `0f 20 d8 48 83 e0 fe 48 83 c8 0${pcid} 48 0f ba e8 3f 0f 22 d8`;
    const load = `8b 0c 25 ${le(PAGE)}`;
    for (
      const [type, pcid, address, expected] of [
        [0, 0, PAGE, 2n],
        [0, 1, PAGE, 1n],
        [0, 0, OTHER, 1n],
        [1, 0, 0, 2n],
        [1, 1, 0, 1n],
        [2, 0, 0, 2n],
        [3, 0, 0, 2n],
      ] as const
    ) {
      const machine = create();
      machine.unit.control.store(4, 0x2_0620, 0);
      machine.writeWords(PAGE, [1]);
      machine.writeWords(OTHER, [2]);
      machine.writeWords(ENTRY, [PAGE | 3]);
      machine.writeWords(DESCRIPTOR, [pcid, 0, address, 0]);
      const invalidate = `b8 ${le(type)} 66 0f 38 82 04 25 ${le(DESCRIPTOR)}`;
      machine.runCode(
        `${load} ${enter(1)} c7 04 25 ${le(ENTRY)} ${le(OTHER | 3)} ${invalidate} ${enter(0)} ${load}`,
      );
      assertEquals([stoppedIn(machine), machine.get(Gpr.RCX)], [-1, expected], `type ${type} of ${pcid}`);
    }
  },
  CONFIGURATIONS,
);

everywhere("CR3 and CR4 read as they were written by the machine", (create) => {
  const machine = create();
  machine.runCode("0f 20 d8 0f 20 e3");
  assertEquals([machine.get(Gpr.RAX), machine.get(Gpr.RBX)], [machine.cell(CR3), 0x620n]);
});

everywhere("XGETBV: XCR0, and the components in use as register 1, vol. 2D", (create) => {
  for (const [rcx, vector] of [[0, 6], [1, 6], [2, 13], [-1, 13]] as const) {
    const machine = create();
    machine.m[CR4 >> 2]! |= 0x4_0000;
    machine.m[XCR0 >> 2] = 3;
    machine.set(Gpr.RCX, rcx);
    machine.set(Gpr.RDX, 7);
    machine.runCode("0f 01 d0 0f 0b");
    assertEquals(stoppedIn(machine), vector);
    if (vector === 6) assertEquals([machine.get(Gpr.RAX), machine.get(Gpr.RDX)], [3n, 0n]);
  }
});
