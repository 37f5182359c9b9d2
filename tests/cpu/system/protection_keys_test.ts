/** Protection keys: RDPKRU, WRPKRU, the rights of pages, their place in XSAVE areas. SDM vol. 3A, section 4.6.2. */
import { assertEquals } from "@std/assert";
import { machineCpuid } from "../../../src/cpu/machine_cpuid.ts";
import { CR0, CR2, CR4, Gpr, PKRU, XCR0 } from "../../../src/cpu/state.ts";
import { CODE, DATA, everywhere, stoppedIn, type SystemMachine, USER_CODE } from "./_machine.ts";

const PKE = 0x40_0000, OSXSAVE = 0x4_0000, WP = 0x1_0000, SMAP = 0x20_0000;
const PAGE = 0x5_0000, ENTRY = 0x4000 + 8 * (PAGE >> 12), KEY = 5;
/** What PKRU says of KEY: nothing, write disable, access disable. */
const FREE = 0, WD = 2 << (2 * KEY), AD = 1 << (2 * KEY);
const UD = 6, GP = 13, PF = 14;
const READ = "8a 03", WRITE = "88 03", CALL = "ff d3";
/** Bits of a page-fault error code. */
const P = 1, W = 2, U = 4, I = 0x10, PK = 0x20;

/** A machine whose page at PAGE has protection key KEY and these low bits in its entry. */
function make(create: () => SystemMachine, flags: number, cr4 = PKE): SystemMachine {
  const machine = create();
  machine.writeWords(ENTRY, [PAGE | flags, KEY << 27]);
  machine.write(PAGE, [0xc3]);
  machine.m[CR4 >> 2]! |= cr4;
  machine.bare.processor.mmu.enterWorld();
  machine.set(Gpr.RBX, PAGE);
  return machine;
}

/** Access, CPL, entry, PKRU, CR0.WP; error code of the page fault or -1. */
const RIGHTS: readonly [code: string, cpl: 0 | 3, flags: number, pkru: number, wp: boolean, error: number][] =
  [
    [READ, 3, 7, FREE, true, -1],
    [READ, 3, 7, WD, true, -1],
    [READ, 3, 7, AD, true, P | U | PK],
    [WRITE, 3, 7, FREE, true, -1],
    [WRITE, 3, 7, WD, true, P | W | U | PK],
    [WRITE, 3, 7, WD, false, P | W | U | PK],
    [WRITE, 3, 7, AD, true, P | W | U | PK],
    [WRITE, 3, 5, WD, true, P | W | U | PK],
    [WRITE, 3, 5, FREE, true, P | W | U],
    [CALL, 3, 7, AD | WD, true, -1],
    [READ, 0, 7, AD, true, P | PK],
    [READ, 0, 7, WD, true, -1],
    [WRITE, 0, 7, WD, true, P | W | PK],
    [WRITE, 0, 7, WD, false, -1],
    [WRITE, 0, 7, AD, false, P | W | PK],
    [READ, 0, 3, AD, true, -1],
    [WRITE, 0, 3, AD | WD, true, -1],
    [READ, 3, 3, AD, true, P | U],
    [READ, 3, 0, AD, true, U],
    [CALL, 3, 3, AD, true, P | U | I],
    ["f0 0f ab 03", 3, 7, WD, true, P | W | U | PK],
    ["aa", 3, 7, WD, true, P | W | U | PK],
    ["f3 aa", 3, 7, WD, true, P | W | U | PK],
    ["ac", 3, 7, AD, true, P | U | PK],
  ];

for (const [code, cpl, flags, pkru, wp, error] of RIGHTS) {
  const shown = pkru === FREE ? "free" : pkru === WD ? "WD" : pkru === AD ? "AD" : "AD and WD";
  everywhere(
    `${code} at CPL ${cpl}, entry ${flags}, key ${shown}, WP ${Number(wp)}: ${error}, section 4.6.2`,
    (create) => {
      const machine = make(create, flags);
      if (!wp) machine.m[CR0 >> 2]! &= ~WP;
      else machine.m[CR0 >> 2]! |= WP;
      if (cpl === 3) machine.enterUser();
      for (const register of [Gpr.RBX, Gpr.RSI, Gpr.RDI]) machine.set(register, PAGE);
      machine.set(Gpr.RAX, pkru);
      machine.set(Gpr.RCX, 0);
      machine.set(Gpr.RDX, 0);
      const count = code.startsWith("f3") ? "b9 01 00 00 00" : "";
      // WRPKRU; twice, so that what the first one cached is used.
      machine.runCode(`0f 01 ef 31 c0 ${count} ${code} ${count} ${code} 0f 0b`, cpl === 3 ? USER_CODE : CODE);
      if (error === -1) return assertEquals(stoppedIn(machine), UD);
      assertEquals([stoppedIn(machine), machine.stack(1)], [PF, [BigInt(error)]]);
      assertEquals(machine.cell(CR2), BigInt(PAGE));
    },
  );
}

everywhere("WRPKRU takes effect on pages that are cached, and back, section 4.6.2", (create) => {
  const machine = make(create, 7);
  machine.enterUser();
  machine.set(Gpr.RBX, PAGE);
  machine.set(Gpr.RCX, 0);
  machine.set(Gpr.RDX, 0);
  // 100 times: MOV AL,[RBX]; deny; allow; MOV [RBX],AL. Then deny, MOV AL,[RBX].
  const le = (value: number): string =>
    [0, 8, 16, 24].map((shift) => ((value >>> shift) & 255).toString(16)).join(" ");
  const set = (value: number): string => `b8 ${le(value)} 0f 01 ef`;
  const loop = `be 64 00 00 00 ${READ} ${set(AD)} ${set(0)} ${WRITE} ff ce 75 e${
    (0x100 - 24).toString(16)[1]
  }`;
  machine.runCode(`${loop} ${set(AD)} ${READ}`, USER_CODE);
  assertEquals([stoppedIn(machine), machine.stack(1)], [PF, [BigInt(P | U | PK)]]);
  assertEquals([machine.get(Gpr.RSI), machine.m[PKRU >> 2]], [0n, AD]);
});

everywhere("without CR4.PKE keys do not matter; RDPKRU and WRPKRU raise #UD, vol. 2B and 2D", (create) => {
  const machine = make(create, 7, 0);
  machine.m[PKRU >> 2] = -1;
  machine.runCode(`${READ} 0f 01 ee`);
  assertEquals([stoppedIn(machine), machine.stack(1)], [UD, [BigInt(CODE + 2)]]);
  const other = make(create, 7, 0);
  other.runCode("0f 01 ef");
  assertEquals([stoppedIn(other), other.stack(1)], [UD, [BigInt(CODE)]]);
});

everywhere("RDPKRU and WRPKRU want ECX 0, WRPKRU EDX 0; RDPKRU clears EDX, vol. 2B and 2D", (create) => {
  for (
    const [code, rcx, rdx, vector] of [
      ["0f 01 ee", 1, 0, GP],
      ["0f 01 ef", 1, 0, GP],
      ["0f 01 ef", 0, 1, GP],
      ["0f 01 ee", 0, 7, UD],
    ] as const
  ) {
    const machine = make(create, 7);
    machine.m[PKRU >> 2] = 0x1234_5678;
    machine.set(Gpr.RCX, rcx, 1);
    machine.set(Gpr.RDX, rdx, 1);
    machine.set(Gpr.RAX, 1, 1);
    machine.runCode(`${code} 0f 0b`);
    assertEquals(stoppedIn(machine), vector);
    if (vector === UD) assertEquals([machine.get(Gpr.RAX), machine.get(Gpr.RDX)], [0x1234_5678n, 0n]);
  }
});

everywhere("SMAP and keys: without the key's right the error code says so, section 4.7", (create) => {
  const machine = make(create, 7, PKE | SMAP);
  // All other pages are the supervisor's.
  for (let page = 0; page < 0x20_0000; page += 0x1000) {
    if (page !== PAGE) machine.bare.mapPage(page, page, 3);
  }
  machine.m[PKRU >> 2] = AD;
  machine.runCode(READ);
  assertEquals([stoppedIn(machine), machine.stack(1)], [PF, [BigInt(P | PK)]]);
});

everywhere("keys do not matter outside IA-32e mode, section 4.6.2", (create) => {
  const machine = make(create, 7);
  machine.enterProtected();
  machine.m[PKRU >> 2] = -1;
  machine.runCode("8a 03 0f 0b");
  assertEquals(stoppedIn(machine), UD);
});

everywhere(
  "XSAVE and XRSTOR have PKRU as component 9, which takes effect, vol. 1, section 13.5.7",
  (create) => {
    const machine = make(create, 7, PKE | OSXSAVE);
    machine.m[XCR0 >> 2] = 0x203;
    machine.m[PKRU >> 2] = AD;
    machine.bare.processor.mmu.enterWorld();
    machine.set(Gpr.RDI, DATA);
    machine.set(Gpr.RDX, 0);
    // MOV EAX,200H; XSAVE [RDI]; HLT
    machine.runCode("b8 00 02 00 00 0f ae 27");
    assertEquals([machine.word(DATA + 512), machine.word(DATA + 2688)], [0x200, AD]);
    // XRSTOR with the component's bit clear: PKRU is 0, and the page can be read.
    machine.writeWords(DATA + 512, [0]);
    machine.runCode(`b8 00 02 00 00 0f ae 2f ${READ} 0f 0b`);
    assertEquals([stoppedIn(machine), machine.m[PKRU >> 2]], [UD, 0]);
    machine.writeWords(DATA + 512, [0x200]);
    machine.set(Gpr.RDI, DATA);
    machine.runCode(`b8 00 02 00 00 0f ae 2f ${READ} 0f 0b`);
    assertEquals([stoppedIn(machine), machine.m[PKRU >> 2]], [PF, AD]);
  },
);

everywhere("XSETBV takes PKRU where there are protection keys, vol. 1, section 13.3", (create) => {
  const machine = make(create, 7, PKE | OSXSAVE);
  machine.set(Gpr.RAX, 0x203);
  machine.set(Gpr.RCX, 0);
  machine.set(Gpr.RDX, 0);
  machine.runCode("0f 01 d1 0f 0b");
  assertEquals([stoppedIn(machine), machine.m[XCR0 >> 2]], [UD, 0x203]);
});

Deno.test("machineCpuid(): PKU, OSPKE and the XSAVE component, vol. 2A, CPUID", () => {
  const machine = { apicId: 0, hasApic: true };
  const state = { osxsave: true, ospke: true, xcr0: 0x203 };
  assertEquals(machineCpuid(7, 0, state, machine)[2] & 0x18, 0x18);
  assertEquals(machineCpuid(7, 0, { osxsave: true }, machine)[2] & 0x18, 8);
  assertEquals(machineCpuid(0xd, 0, state, machine), [0x203, 2696, 2696, 0]);
  assertEquals(machineCpuid(0xd, 0, { osxsave: true, xcr0: 3 }, machine), [0x203, 576, 2696, 0]);
  assertEquals(machineCpuid(0xd, 9, state, machine), [8, 2688, 0, 0]);
});
