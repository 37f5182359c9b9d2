/** Debug exceptions: breakpoints, single steps, INT1, general detect. SDM vol. 3B, chapter 18. */
import { assertEquals } from "@std/assert";
import { readRflags, writeRflags } from "../../../src/cpu/rflags.ts";
import {
  CR4,
  DR,
  DR6,
  DR7,
  EFER,
  Gpr,
  INTERRUPTIBILITY,
  MSR_LSTAR,
  MSR_STAR,
} from "../../../src/cpu/state.ts";
import {
  bytesOf,
  CODE,
  DATA,
  everywhere,
  handler,
  Selector,
  stoppedIn,
  type SystemMachine,
  UNMAPPED,
} from "./_machine.ts";

const DB = 1, BP = 3, PF = 14;
const SYSCALL_ENTRY = 0x1_7000;
const TF = 0x100, RF = 0x1_0000;
const BS = 0x4000, BD = 0x2000, GD = 0x2000;
const DR6_IDLE = 0xffff_0ff0;
const RW = { execute: 0, write: 1, port: 2, access: 3 } as const;
const LENGTH = { 1: 0, 2: 1, 4: 3, 8: 2 } as const;

interface Breakpoint {
  readonly at: number;
  readonly rw: keyof typeof RW;
  readonly size?: keyof typeof LENGTH;
}

/** Sets breakpoint 0 and those behind it. */
function watch(machine: SystemMachine, ...breakpoints: readonly Breakpoint[]): void {
  let dr7 = 0x400;
  for (const [n, { at, rw, size = 1 }] of breakpoints.entries()) {
    machine.setRegister(DR + 8 * n, at, 0);
    dr7 |= (2 << (2 * n)) | ((RW[rw] | (LENGTH[size] << 2)) << (16 + 4 * n));
  }
  machine.m[DR6 >> 2] = DR6_IDLE;
  machine.m[DR7 >> 2] = dr7;
  machine.bare.processor.mmu.enterWorld();
  machine.bare.processor.mmu.breakpointsChanged();
}

/** What #DB pushed and told. */
interface Told {
  readonly rip: number;
  readonly rf: boolean;
  readonly dr6: number;
}

function told(machine: SystemMachine): Told {
  assertEquals(stoppedIn(machine), DB, "vector");
  const [rip, , flags] = machine.stack(3).map(Number);
  return { rip: rip! - CODE, rf: (flags! & RF) !== 0, dr6: (machine.m[DR6 >> 2]! ^ DR6_IDLE) >>> 0 };
}

/** An access through RBX = DATA + 100H, breakpoint 0, and whether it meets it. */
const ACCESSES: readonly (readonly [name: string, code: string, breakpoint: Breakpoint, met: boolean])[] = [
  ["byte store", "88 03", { at: 0x100, rw: "write" }, true],
  ["byte store below", "88 43 ff", { at: 0x100, rw: "write" }, false],
  ["byte store behind 1", "88 43 01", { at: 0x100, rw: "write" }, false],
  ["byte store, in 2", "88 43 01", { at: 0x100, rw: "write", size: 2 }, true],
  ["byte store, in 4", "88 43 03", { at: 0x100, rw: "write", size: 4 }, true],
  ["byte store behind 4", "88 43 04", { at: 0x100, rw: "write", size: 4 }, false],
  ["byte store, in 8", "88 43 07", { at: 0x100, rw: "write", size: 8 }, true],
  ["the length aligns the address", "88 03", { at: 0x102, rw: "write", size: 4 }, true],
  ["quadword store reaches it", "48 89 43 f9", { at: 0x100, rw: "write" }, true],
  ["quadword store below", "48 89 43 f8", { at: 0x100, rw: "write" }, false],
  ["16 bytes reach it", "0f 11 43 f1", { at: 0x100, rw: "write" }, true],
  ["load, of a breakpoint for writes", "8b 03", { at: 0x100, rw: "write", size: 4 }, false],
  ["load", "8b 03", { at: 0x100, rw: "access", size: 4 }, true],
  ["store, of one for accesses", "89 03", { at: 0x100, rw: "access", size: 4 }, true],
  ["read-modify-write", "83 03 01", { at: 0x100, rw: "write", size: 4 }, true],
  ["XCHG", "87 03", { at: 0x100, rw: "write", size: 4 }, true],
  ["push from it", "ff 33", { at: 0x100, rw: "access", size: 8 }, true],
  ["address only", "48 8d 03", { at: 0x100, rw: "access", size: 4 }, false],
  ["prefetch", "0f 18 03", { at: 0x100, rw: "access", size: 4 }, false],
];

for (const [name, code, { at, rw, size }, met] of ACCESSES) {
  everywhere(`data breakpoint: ${name}`, (make) => {
    const machine = make();
    machine.set(Gpr.RBX, DATA + 0x100);
    watch(machine, { at: DATA + at, rw, ...(size === undefined ? {} : { size }) });
    assertEquals(machine.runCode(`${code} 90`), "halt");
    if (!met) return assertEquals(machine.m[DR6 >> 2]! >>> 0, DR6_IDLE);
    // A trap: behind the instruction.
    assertEquals(told(machine), { rip: code.split(" ").length, rf: false, dr6: 1 });
  });
}

everywhere("data breakpoint: an access that crosses into its page, and one that crosses out", (make) => {
  for (const at of [DATA + 0x1000, DATA + 0xfff]) {
    const machine = make();
    machine.bare.mapPage(DATA + 0x1000, DATA + 0x1000);
    machine.set(Gpr.RBX, DATA + 0xffe);
    watch(machine, { at, rw: "write" });
    assertEquals(machine.runCode("89 03 90"), "halt");
    assertEquals(told(machine), { rip: 2, rf: false, dr6: 1 });
    assertEquals(machine.word(DATA + 0xffc) >>> 16, 0, "stored before the trap");
  }
});

everywhere("data breakpoint: a faulting instruction meets none", (make) => {
  const machine = make();
  machine.set(Gpr.RSI, DATA);
  machine.set(Gpr.RDI, UNMAPPED);
  watch(machine, { at: DATA, rw: "access" });
  assertEquals(machine.runCode("a4 90"), "halt"); // MOVSB
  assertEquals([stoppedIn(machine), machine.m[DR6 >> 2]! >>> 0], [PF, DR6_IDLE]);
});

everywhere("data breakpoint: REP MOVSB stops behind the element", (make) => {
  const machine = make();
  machine.set(Gpr.RSI, DATA);
  machine.set(Gpr.RDI, DATA + 0x200);
  machine.set(Gpr.RCX, 100);
  watch(machine, { at: DATA + 0x210, rw: "write" });
  assertEquals(machine.runCode("f3 a4 90"), "halt");
  assertEquals(told(machine).dr6, 1);
  assertEquals(machine.get(Gpr.RCX), 83n);
});

everywhere("instruction breakpoint: set by code that is hot already", (make) => {
  const machine = make();
  machine.write(handler(DB), [0xf4]);
  machine.m[DR6 >> 2] = DR6_IDLE;
  machine.setRegister(DR, CODE + 5, 0);
  machine.set(Gpr.RBX, 0x402);
  // MOV ECX, 3000; loop: INC EAX; DEC ECX; JNZ loop; MOV DR7, RBX; MOV ECX, 1; JMP loop
  const code = "b9 b8 0b 00 00 ff c0 ff c9 75 fa 0f 23 fb b9 01 00 00 00 eb f0";
  assertEquals(machine.runCode(code), "halt");
  assertEquals(told(machine), { rip: 5, rf: false, dr6: 1 });
  assertEquals(machine.get(Gpr.RAX), 3000n);
});

everywhere("port breakpoint: a trap, with CR4.DE only", (make) => {
  for (
    const [code, at, met] of [["e4 60", 0x60, true], ["66 ef", 0x61, true], ["ec", 0x62, false]] as const
  ) {
    for (const extensions of [false, true]) {
      const machine = make();
      if (extensions) machine.m[CR4 >> 2]! |= 8;
      machine.set(Gpr.RDX, 0x60);
      watch(machine, { at, rw: "port" });
      assertEquals(machine.runCode(`${code} 90`), "halt");
      if (!met || !extensions) assertEquals(machine.m[DR6 >> 2]! >>> 0, DR6_IDLE);
      else assertEquals(told(machine), { rip: code.split(" ").length, rf: false, dr6: 1 });
    }
  }
});

everywhere("single step: BS, together with a breakpoint that the instruction meets", (make) => {
  for (const [code, dr6] of [["90", BS], ["89 03", BS | 1]] as const) {
    const machine = make();
    machine.set(Gpr.RBX, DATA);
    watch(machine, { at: DATA, rw: "write", size: 4 });
    writeRflags(machine.m, 2 | TF);
    assertEquals(machine.runCode(`${code} 90`), "halt");
    assertEquals(told(machine), { rip: code.split(" ").length, rf: false, dr6 });
  }
});

everywhere("single step: POPF that sets TF is followed by one instruction; HLT ends", (make) => {
  const machine = make(), halting = make();
  for (const { m } of [machine, halting]) m[DR6 >> 2] = DR6_IDLE;
  // PUSH 102H; POPF; NOP
  assertEquals(machine.runCode("68 02 01 00 00 9d 90 90"), "halt");
  assertEquals(told(machine), { rip: 7, rf: false, dr6: BS });
  writeRflags(halting.m, 2 | TF);
  assertEquals(halting.runCode("f4 90"), "halt");
  assertEquals(told(halting), { rip: 1, rf: false, dr6: BS });
});

everywhere("INT1 tells nothing in DR6, single-stepped or not; INT 1 leaves DR7.GD", (make) => {
  for (const flags of [2, 2 | TF]) {
    const machine = make();
    machine.m[DR6 >> 2] = DR6_IDLE;
    writeRflags(machine.m, flags);
    assertEquals(machine.runCode("f1 90"), "halt");
    assertEquals(told(machine), { rip: 1, rf: false, dr6: 0 });
  }
  const machine = make();
  machine.m[DR7 >> 2] = 0x400 | GD;
  assertEquals(machine.runCode("cd 01"), "halt");
  assertEquals([stoppedIn(machine), machine.m[DR7 >> 2]], [DB, 0x400 | GD]);
});

everywhere("general detect: a fault, BD is set, GD is cleared", (make) => {
  const machine = make();
  machine.m[DR6 >> 2] = DR6_IDLE;
  machine.m[DR7 >> 2] = 0x400 | GD;
  assertEquals(machine.runCode("90 0f 21 c0"), "halt");
  assertEquals(told(machine), { rip: 1, rf: true, dr6: BD });
  assertEquals(machine.m[DR7 >> 2], 0x400);
});

everywhere("DR6: #DB forgets breakpoints that were told before, and nothing else", (make) => {
  const machine = make();
  machine.set(Gpr.RBX, DATA);
  watch(machine, { at: DATA, rw: "write" });
  machine.m[DR6 >> 2] = DR6_IDLE | BS | BD | 0xe;
  assertEquals(machine.runCode("88 03 90"), "halt");
  assertEquals(told(machine).dr6, BS | BD | 1);
});

everywhere("breakpoints that DR7 does not enable do nothing", (make) => {
  const machine = make();
  watch(machine, { at: CODE, rw: "execute" }, { at: DATA, rw: "access" });
  machine.m[DR7 >> 2]! &= ~0xff;
  machine.set(Gpr.RBX, DATA);
  machine.bare.processor.mmu.enterWorld();
  assertEquals(machine.runCode("8b 03 88 03"), "halt");
  assertEquals([stoppedIn(machine), machine.m[DR6 >> 2]! >>> 0], [-1, DR6_IDLE]);
  assertEquals(readRflags(machine.m) & RF, 0);
  assertEquals(machine.m[INTERRUPTIBILITY >> 2], 0);
});

/** MOV SS, [RBX], which meets breakpoint 0, then an instruction; where #DB is raised first, and how often. */
const BEHIND_STACK_LOAD: readonly (readonly [name: string, code: string, at: number, traps: bigint])[] = [
  ["NOP", "90", CODE + 3, 1n],
  ["INT1", "2e 2e f1", CODE + 5, 1n],
  ["INT 1", "cd 01", handler(DB), 2n],
  ["INT3", "cc", handler(BP), 1n],
  ["INT 40H", "cd 40", handler(0x40), 1n],
  ["SYSCALL", "0f 05", SYSCALL_ENTRY, 1n],
];

for (const [name, code, at, traps] of BEHIND_STACK_LOAD) {
  everywhere(`data breakpoint: met by MOV SS, told behind ${name}, where control has gone`, (make) => {
    const machine = make();
    Object.defineProperty(machine.bus, "time", {
      get: () => machine.bare.processor.dispatcher.instructions(),
    });
    // INC ESI; CMP ESI, 1; CMOVE RDX, [RSP]; IRETQ
    machine.write(handler(DB), bytesOf("ff c6 83 fe 01 48 0f 44 14 24 48 cf"));
    machine.write(handler(BP), bytesOf("48 cf"));
    machine.write(SYSCALL_ENTRY, [0xf4]);
    machine.setRegister(MSR_LSTAR, SYSCALL_ENTRY, 0);
    machine.setRegister(MSR_STAR, 0, Selector.CODE64);
    machine.m[EFER >> 2]! |= 1;
    machine.set(Gpr.RBX, DATA);
    machine.writeWords(DATA, [Selector.DATA]);
    watch(machine, { at: DATA, rw: "access", size: 2 });
    assertEquals(machine.runCode(`8e 13 ${code} 90`), "halt");
    assertEquals([machine.get(Gpr.RSI), Number(machine.get(Gpr.RDX))], [traps, at]);
  });
}

everywhere(
  "data breakpoint: met by MOV SS, told behind the next instruction, whose breakpoint stops nothing",
  (make) => {
    const machine = make();
    Object.defineProperty(machine.bus, "time", {
      get: () => machine.bare.processor.dispatcher.instructions(),
    });
    machine.set(Gpr.RBX, DATA);
    machine.writeWords(DATA, [Selector.DATA]);
    watch(machine, { at: DATA, rw: "access", size: 2 }, { at: CODE + 2, rw: "execute" });
    assertEquals(machine.runCode("8e 13 90 90"), "halt");
    assertEquals(told(machine), { rip: 3, rf: false, dr6: 1 });
  },
);
