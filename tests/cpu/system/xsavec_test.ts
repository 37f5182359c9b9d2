/** XSAVEC and the compacted form of XRSTOR. SDM vol. 1, sections 13.8.2 and 13.10. */
import { assertEquals } from "@std/assert";
import { cpuid } from "../../../src/cpu/cpuid.ts";
import { asModelled, CPU_MODEL_NAMES } from "../../../src/cpu/cpuid_models.ts";
import { machineCpuid } from "../../../src/cpu/machine_cpuid.ts";
import { CR0, CR4, Gpr, MXCSR, PKRU, XCR0, XMM } from "../../../src/cpu/state.ts";
import { DATA, everywhere, stoppedIn, type SystemMachine } from "./_machine.ts";

const PKE = 0x40_0000, OSXSAVE = 0x4_0000, TS = 8;
const UD = 6, NM = 7, GP = 13;
const X87 = 1, SSE = 2, KEYS = 0x200;
/** Offsets in the area: legacy region, header (XSTATE_BV, XCOMP_BV, reserved), and PKRU, the first component behind it. */
const AREA_MXCSR = 24, AREA_XMM0 = 160, HEADER = 512, EXTENDED = 576;
const COMPACTED = 1 << 31, MXCSR_INITIAL = 0x1f80, MXCSR_NOW = 0x1f00, RIGHTS = 0x30;
const XSAVEC = "0f c7 27", XRSTOR = "0f ae 2f", UD2 = "0f 0b";
const UNTOUCHED = 0x5a5a_5a5a;

/** A machine with x87, SSE and PKRU enabled; RDI is at an area that is full of a pattern, EDX:EAX the mask. */
function make(create: () => SystemMachine, mask: number, enabled = X87 | SSE | KEYS): SystemMachine {
  const machine = create();
  machine.m[CR4 >> 2]! |= PKE | OSXSAVE;
  machine.m[XCR0 >> 2] = enabled;
  machine.m[PKRU >> 2] = RIGHTS;
  machine.m[MXCSR >> 2] = MXCSR_NOW;
  machine.m[XMM >> 2] = 77;
  machine.bare.processor.mmu.enterWorld();
  machine.set(Gpr.RDI, DATA);
  machine.set(Gpr.RDX, 0);
  machine.set(Gpr.RAX, mask);
  machine.writeWords(DATA, new Array<number>(160).fill(UNTOUCHED));
  return machine;
}

const words = (machine: SystemMachine, at: number, count: number): number[] =>
  Array.from({ length: count }, (_, n) => machine.word(DATA + at + 4 * n) | 0);

everywhere(
  "XSAVEC writes XSTATE_BV and XCOMP_BV, and puts PKRU behind the header, section 13.10",
  (create) => {
    const machine = make(create, X87 | SSE | KEYS);
    machine.runCode(`${XSAVEC} ${UD2}`);
    assertEquals(stoppedIn(machine), UD);
    assertEquals(words(machine, HEADER, 5), [0x203, 0, 0x203, COMPACTED, UNTOUCHED]);
    assertEquals(words(machine, EXTENDED, 3), [RIGHTS, 0, UNTOUCHED]);
    assertEquals([machine.word(DATA + AREA_MXCSR), machine.word(DATA + AREA_XMM0)], [MXCSR_NOW, 77]);
  },
);

everywhere("XSAVEC saves and notes only what XCR0 and EDX:EAX have in common, section 13.10", (create) => {
  const machine = make(create, KEYS | 4 | X87, X87 | KEYS);
  machine.runCode(`${XSAVEC} ${UD2}`);
  assertEquals(words(machine, HEADER, 4), [KEYS | X87, 0, KEYS | X87, COMPACTED]);
  assertEquals([machine.word(DATA + AREA_MXCSR), machine.word(DATA + AREA_XMM0)], [UNTOUCHED, UNTOUCHED]);
  // Without PKRU there is nothing behind the header.
  const without = make(create, SSE);
  without.runCode(`${XSAVEC} ${UD2}`);
  assertEquals(words(without, HEADER, 4), [SSE, 0, SSE, COMPACTED]);
  assertEquals(without.word(DATA + EXTENDED), UNTOUCHED);
});

everywhere("XRSTOR loads what XSAVEC saved, section 13.8.2", (create) => {
  const machine = make(create, X87 | SSE | KEYS);
  // What is reserved in the header is not written, so whoever has the area must have cleared it.
  machine.writeWords(DATA + HEADER, new Array<number>(16).fill(0));
  // XSAVEC; XORPS XMM0,XMM0; XOR EAX,EAX; XOR ECX,ECX; WRPKRU; MOV EAX,203H; XRSTOR
  machine.runCode(`${XSAVEC} 0f 57 c0 31 c0 31 c9 0f 01 ef b8 03 02 00 00 ${XRSTOR} ${UD2}`);
  assertEquals(stoppedIn(machine), UD);
  assertEquals([machine.m[XMM >> 2], machine.m[MXCSR >> 2], machine.m[PKRU >> 2]], [77, MXCSR_NOW, RIGHTS]);
});

everywhere(
  "the compacted form of XRSTOR initializes what is not there, MXCSR with SSE, section 13.8.2",
  (create) => {
    const machine = make(create, SSE | KEYS);
    // Not even XCOMP_BV has the components, and the area's MXCSR would be refused.
    machine.writeWords(DATA + HEADER, [0, 0, 0, COMPACTED, ...new Array<number>(12).fill(0)]);
    machine.runCode(`${XRSTOR} ${UD2}`);
    assertEquals(stoppedIn(machine), UD);
    assertEquals([machine.m[XMM >> 2], machine.m[MXCSR >> 2], machine.m[PKRU >> 2]], [0, MXCSR_INITIAL, 0]);
  },
);

/** Words of the header, and whether XRSTOR of SSE takes it: XSTATE_BV, XCOMP_BV, then what is reserved. */
const HEADERS: Readonly<Record<string, readonly [header: readonly number[], vector: number]>> = {
  "x87 and SSE": [[2, 0, 3, COMPACTED], UD],
  "XCOMP_BV with a component that XCR0 has not": [[2, 0, 7, COMPACTED], GP],
  "XCOMP_BV with bit 62": [[2, 0, 3, COMPACTED | (1 << 30)], GP],
  "XSTATE_BV with a component that XCOMP_BV has not": [[3, 0, 2, COMPACTED], GP],
  "XSTATE_BV with bit 63": [[2, 1 << 31, 3, COMPACTED], GP],
  "byte 16 is not 0": [[2, 0, 3, COMPACTED, 1], GP],
  "byte 63 is not 0": [[2, 0, 3, COMPACTED, ...new Array<number>(11).fill(0), 1 << 24], GP],
  "standard form, XCOMP_BV without bit 63": [[2, 0, 2, 0], GP],
  "standard form, byte 63 is not looked at": [[2, 0, 0, 0, ...new Array<number>(11).fill(0), 1 << 24], UD],
};

for (const [what, [header, vector]] of Object.entries(HEADERS)) {
  everywhere(`XRSTOR of a header: ${what}, sections 13.8.1 and 13.8.2`, (create) => {
    const machine = make(create, SSE, X87 | SSE);
    machine.writeWords(DATA, new Array<number>(160).fill(0));
    machine.writeWords(DATA + HEADER, [...header]);
    machine.runCode(`${XRSTOR} ${UD2}`);
    assertEquals(stoppedIn(machine), vector);
    assertEquals(machine.m[XMM >> 2], vector === UD ? 0 : 77);
  });
}

everywhere(
  "XRSTOR raises #GP(0) for a reserved bit of MXCSR that it would load, section 13.8.2",
  (create) => {
    const machine = make(create, SSE);
    machine.writeWords(DATA + HEADER, [SSE, 0, SSE, COMPACTED, ...new Array<number>(12).fill(0)]);
    machine.runCode(`${XRSTOR} ${UD2}`);
    assertEquals([stoppedIn(machine), machine.m[XMM >> 2]], [GP, 77]);
  },
);

everywhere(
  "XSAVEC raises #UD without CR4.OSXSAVE, #NM with CR0.TS, #GP for an address off 64 bytes",
  (create) => {
    const disabled = make(create, SSE);
    disabled.m[CR4 >> 2]! &= ~OSXSAVE;
    disabled.runCode(`${XSAVEC} f4`);
    assertEquals(stoppedIn(disabled), UD);
    const switched = make(create, SSE);
    switched.m[CR0 >> 2]! |= TS;
    switched.runCode(`${XSAVEC} ${UD2}`);
    assertEquals(stoppedIn(switched), NM);
    const askew = make(create, SSE);
    askew.set(Gpr.RDI, DATA + 32);
    askew.runCode(`${XSAVEC} ${UD2}`);
    assertEquals(stoppedIn(askew), GP);
  },
);

Deno.test("CPUID (0DH, 1) reports XSAVEC, no XSAVES, and how large a compacted area is, vol. 2A", () => {
  const machine = { apicId: 0, hasApic: true };
  assertEquals(machineCpuid(0xd, 1, { osxsave: true, xcr0: 0x203 }, machine), [7, 584, 0, 0]);
  assertEquals(machineCpuid(0xd, 1, { osxsave: true, xcr0: 3 }, machine), [7, 576, 0, 0]);
  assertEquals(cpuid(0xd, 1, { osxsave: true }), [7, 576, 0, 0]);
  const reported = CPU_MODEL_NAMES.map((name) =>
    asModelled(name, 0xd, 1, machineCpuid(0xd, 1, { osxsave: true, xcr0: 3 }, machine))
  );
  assertEquals(reported, [[7, 576, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [7, 576, 0, 0]]);
});
