/** SYSCALL and SYSRET again and again, so that compiled code makes them by itself. SDM vol. 2B, "SYSCALL", "SYSRET". */
import { assertEquals } from "@std/assert";
import { CR4, Gpr, SWITCH_COSTS, SWITCH_COUNTS } from "../../../src/cpu/state.ts";
import { Cr4 } from "../../../src/cpu/system/control_bits.ts";
import { WorldSwitch } from "../../../src/cpu/system/world_switches.ts";
import { CODE, everywhere, stoppedIn, type SystemMachine, USER_CODE } from "./_machine.ts";

const STAR = 0xc000_0081, LSTAR = 0xc000_0082, FMASK = 0xc000_0084;
const ROUNDS = 60, ENTRY = CODE + 0x400;
/** Instructions of a round of the user's loop, and of what it calls. */
const USER = 8, KERNEL = 6;

/** Sums up what flags the kernel sees, and what is left of them behind the call. */
function prepare(machine: SystemMachine, mask: number, entry: readonly number[]): void {
  const { msrs } = machine.unit;
  msrs.write(STAR, 0, 0x0020_0008); // kernel 8 and 10H, user 23H, 2BH and 33H
  msrs.write(LSTAR, ENTRY, 0);
  msrs.write(FMASK, mask, 0);
  machine.write(ENTRY, entry);
  machine.set(Gpr.RBP, ROUNDS);
  machine.set(Gpr.RDI, 0);
  machine.set(Gpr.RSI, 0);
}

// deno-fmt-ignore
const LOOP = [
  0x48, 0x01, 0xee,             // ADD RSI,RBP: flags
  0x40, 0x80, 0xee, 0x11,       // SUB SIL,11H
  0x0f, 0x05,                   // SYSCALL
  0x41, 0x0f, 0x92, 0xc0,       // SETC R8B
  0x4c, 0x01, 0xc6,             // ADD RSI,R8
  0x4c, 0x01, 0xde,             // ADD RSI,R11
  0x48, 0xff, 0xcd,             // DEC RBP
  0x75, 0xe8,                   // JNZ
  0x0f, 0x0b,                   // UD2
];
// deno-fmt-ignore
const KERNEL_ENTRY = [
  0x0f, 0x9a, 0xc3,             // SETP BL
  0x0f, 0x94, 0xc7,             // SETZ BH
  0x0f, 0xb7, 0xc3,             // MOVZX EAX,BX
  0x48, 0x01, 0xc7,             // ADD RDI,RAX
  0x48, 0x01, 0xcf,             // ADD RDI,RCX
  0x48, 0x0f, 0x07,             // SYSRETQ
];

/** What the loop makes of RDI and RSI: the flags that are masked are clear in the kernel, and all come back. */
function expected(mask: number): [rdi: bigint, rsi: bigint] {
  let rdi = 0n, rsi = 0n;
  for (let rbp = ROUNDS; rbp > 0; rbp--) {
    rsi += BigInt(rbp);
    const low = Number(rsi & 0xffn), result = (low - 0x11) & 0xff;
    rsi = (rsi & ~0xffn) | BigInt(result);
    const carry = low < 0x11, overflow = low > 0x7f && result < 0x80, adjust = (low & 15) < 1;
    const odd = result.toString(2).replaceAll("0", "").length % 2;
    const flags = 0x202 | (carry ? 1 : 0) | (odd === 0 ? 4 : 0) | (adjust ? 0x10 : 0) |
      (result === 0 ? 0x40 : 0) |
      (result > 0x7f ? 0x80 : 0) | (overflow ? 0x800 : 0);
    const seen = flags & ~mask;
    rdi += BigInt(((seen & 4) !== 0 ? 1 : 0) | ((seen & 0x40) !== 0 ? 0x100 : 0)) + BigInt(USER_CODE + 9);
    rsi += (carry ? 1n : 0n) + BigInt(flags);
  }
  return [rdi, rsi];
}

for (const [what, mask] of [["some", 0x4_0744], ["no", 0x4_0700], ["all", 0x25_7fd5]] as const) {
  everywhere(`SYSCALL that clears ${what} status flags, and SYSRET, in a loop`, (create) => {
    const machine = create();
    prepare(machine, mask, KERNEL_ENTRY);
    machine.write(USER_CODE, LOOP);
    machine.enterUser();
    machine.rflags = 0x202;
    machine.m[(SWITCH_COSTS >> 2) + WorldSwitch.SYSCALL] = 3;
    const before = machine.bare.processor.instructions;
    assertEquals(machine.run(USER_CODE), "halt");
    assertEquals(stoppedIn(machine), 6);
    assertEquals([machine.get(Gpr.RDI), machine.get(Gpr.RSI)], expected(mask));
    const count = (kind: number): number => machine.m[(SWITCH_COUNTS >> 2) + kind]!;
    assertEquals([count(WorldSwitch.SYSCALL), count(WorldSwitch.SYSRET)], [ROUNDS, ROUNDS]);
    assertEquals(machine.bare.processor.instructions - before, ROUNDS * (USER + KERNEL) + 1);
  });
}

everywhere("SYSCALL at CPL 0, with a jump back, in a loop", (create) => {
  const machine = create();
  // deno-fmt-ignore
  prepare(machine, 0x700, [
    0x48, 0x01, 0xcf,           // ADD RDI,RCX
    0xff, 0xe1,                 // JMP RCX
  ]);
  machine.rflags = 0x602;
  machine.write(CODE, LOOP);
  assertEquals(machine.run(CODE), "halt");
  assertEquals(stoppedIn(machine), 6);
  assertEquals(machine.get(Gpr.RDI), BigInt(ROUNDS * (CODE + 9)));
  assertEquals(machine.rflags & 0x600, 0);
});

// deno-fmt-ignore
const AC_ENTRY = [
  0x48, 0x8b, 0x3c, 0x25, 0, 0, 2, 0,         // MOV RDI,[USER_CODE]
  0x48, 0xff, 0xcd,                           // DEC RBP
  0x83, 0xfd, 0x0a,                           // CMP EBP,10
  0x75, 0x07,                                 // JNE
  0x41, 0x81, 0xe3, 0xff, 0xff, 0xfb, 0xff,   // AND R11D,~AC
  0x48, 0x0f, 0x07,                           // SYSRETQ
];

everywhere(
  "SYSCALL in a loop keeps supervisor accesses to user pages while RFLAGS.AC is set, section 4.6",
  (create) => {
    const machine = create();
    prepare(machine, 0x700, AC_ENTRY);
    machine.write(USER_CODE, [0x0f, 0x05, 0xeb, 0xfc]); // SYSCALL; JMP
    machine.m[CR4 >> 2]! |= Cr4.SMAP;
    machine.enterUser();
    machine.rflags = 0x4_0202;
    // The first access without AC is a page fault that cannot be delivered: the stack's page is a user's, too.
    assertEquals(machine.run(USER_CODE), "shutdown");
    assertEquals(machine.get(Gpr.RBP), 10n);
  },
);
