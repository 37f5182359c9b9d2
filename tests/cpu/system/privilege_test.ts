/** CPL 1 and 2, and alignment checks. SDM vol. 3A, sections 5.9 and 6.15; vol. 2, the instructions. */
import { assertEquals } from "@std/assert";
import { readRflags, writeRflags } from "../../../src/cpu/rflags.ts";
import { CPL, CR0, CR4, Gpr, Segment } from "../../../src/cpu/state.ts";
import { everywhere, stoppedIn, type SystemMachine, USER_CODE, USER_STACK } from "./_machine.ts";

const GP = 13, UD = 6, AC = 17;
const IF = 0x200, IOPL_SHIFT = 12;

/** Puts the processor into 64-bit mode at CPL 1, 2 or 3. User pages can be reached from all of them. */
function enterLevel(machine: SystemMachine, level: number): void {
  machine.enterUser();
  const { segments } = machine.unit, dpl = level << 13;
  segments.writeFrom(Segment.CS, 0x30 | level, { lo: 0xffff, hi: 0x00af_9b00 | dpl });
  segments.writeFrom(Segment.SS, 0x28 | level, { lo: 0xffff, hi: 0x00cf_9300 | dpl });
  machine.m[CPL >> 2] = level;
  machine.bare.processor.mmu.enterWorld();
}

/** Runs code at a privilege level, and UD2 behind it. Returns the vector that came of it. */
function runAt(machine: SystemMachine, level: number, code: string, iopl = 0): number {
  enterLevel(machine, level);
  writeRflags(machine.m, 2 | (iopl << IOPL_SHIFT));
  assertEquals(machine.runCode(`${code} 0f 0b`, USER_CODE), "halt");
  return stoppedIn(machine);
}

everywhere("instructions that only CPL 0 may execute raise #GP(0) at CPL 1, 2 and 3", (machine) => {
  // HLT, CLTS, INVD, MOV CR0, MOV DR7, LGDT, INVLPG, RDMSR, SWAPGS' like.
  const codes = [
    "f4",
    "0f 06",
    "0f 08",
    "0f 20 c0",
    "0f 21 f8",
    "0f 01 15 00 00 00 00",
    "0f 01 38",
    "0f 32",
    "0f 01 f8",
  ];
  for (const code of codes) {
    for (const level of [1, 2, 3]) assertEquals(runAt(machine(), level, code), GP, `${code} at ${level}`);
  }
});

everywhere("CLI and STI take CPL up to IOPL", (machine) => {
  for (const level of [1, 2, 3]) {
    for (const iopl of [0, 1, 2, 3]) {
      const expected = level <= iopl ? UD : GP;
      for (const code of ["fa", "fb"]) {
        assertEquals(runAt(machine(), level, code, iopl), expected, `${code} at ${level}, IOPL ${iopl}`);
      }
    }
  }
});

everywhere("POPF changes IF at CPL up to IOPL, and IOPL at CPL 0 only", (machine) => {
  for (const level of [1, 2, 3]) {
    for (const iopl of [0, 1, 2, 3]) {
      // PUSH 3202H; POPF; PUSHF; POP RAX
      const computer = machine();
      assertEquals(runAt(computer, level, "68 02 32 00 00 9d 9c 58", iopl), UD);
      const flags = Number(computer.get(Gpr.RAX));
      assertEquals(flags & IF, level <= iopl ? IF : 0, `IF at ${level}, IOPL ${iopl}`);
      assertEquals((flags >> IOPL_SHIFT) & 3, iopl, `IOPL at ${level}`);
    }
  }
});

everywhere("RDTSC with CR4.TSD raises #GP(0) unless CPL is 0", (machine) => {
  for (const level of [1, 2, 3]) {
    const computer = machine();
    computer.m[CR4 >> 2]! |= 4;
    assertEquals(runAt(computer, level, "0f 31"), GP);
  }
});

/** CR0.AM, RFLAGS.AC. */
const AM = 0x4_0000, FLAG_AC = 0x4_0000;

everywhere("a misaligned access raises #AC(0) at CPL 3 with CR0.AM and RFLAGS.AC", (machine) => {
  // Each with RBX = USER_STACK - 100H + 1.
  const accesses: readonly [name: string, code: string, checked: boolean][] = [
    ["MOV AL", "8a 03", false],
    ["MOV AX", "66 8b 03", true],
    ["MOV EAX", "8b 03", true],
    ["MOV RAX", "48 8b 03", true],
    ["MOV [m16]", "66 89 03", true],
    ["MOV [m32]", "89 03", true],
    ["MOV [m64]", "48 89 03", true],
    ["LOCK ADD", "f0 01 03", true],
    ["PUSH [m64]", "ff 33", true],
    ["MOVUPS", "0f 10 03", false],
    ["MOVSD xmm", "f2 0f 10 03", true],
    ["LEA", "48 8d 03", false],
  ];
  for (const [name, code, checked] of accesses) {
    for (const [am, ac, level] of [[1, 1, 3], [0, 1, 3], [1, 0, 3], [1, 1, 2]] as const) {
      for (const offset of [1, 0]) {
        const computer = machine();
        enterLevel(computer, level);
        if (am === 1) computer.m[CR0 >> 2]! |= AM;
        writeRflags(computer.m, 2 | (ac === 1 ? FLAG_AC : 0));
        computer.set(Gpr.RBX, USER_STACK - 0x100 + offset);
        assertEquals(computer.runCode(`${code} 0f 0b`, USER_CODE), "halt");
        const raised = checked && offset === 1 && am === 1 && ac === 1 && level === 3;
        assertEquals(stoppedIn(computer), raised ? AC : UD, `${name} +${offset} ${am} ${ac} CPL ${level}`);
        if (raised) assertEquals(computer.stack(1)[0], 0n, "error code");
        assertEquals(readRflags(computer.m) & FLAG_AC, ac === 1 ? FLAG_AC : 0);
      }
    }
  }
});
