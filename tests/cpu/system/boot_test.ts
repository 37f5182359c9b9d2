/** What a 64-bit kernel does from a multiboot entry to user programs. SDM vol. 3A, section 10.8.5; vol. 3A, section 5.8.8. */
import { assertEquals } from "@std/assert";
import { CR0, CR4, EFER, Gpr, MSR_KERNEL_GS_BASE, Segment, segmentBase, TR } from "../../../src/cpu/state.ts";
import { CODE, DATA, everywhere, handler, RSP0, Selector, stoppedIn, USER_CODE } from "./_machine.ts";

everywhere("from protected mode to 64-bit mode with its own GDT, IDT and TSS, section 10.8.5.1", (create) => {
  const machine = create();
  machine.enterProtected();
  for (let vector = 0; vector < 256; vector++) machine.setGate(vector);
  machine.m[CR4 >> 2] = 0;
  machine.m[EFER >> 2] = 0;
  machine.writeWords(DATA, [0x00ef | (0x5000 << 16), 0]); // GDTR
  machine.writeWords(DATA + 8, [0x0fff | (0x6000 << 16), 0]); // IDTR
  machine.write(CODE + 0x80, [
    0xb8,
    0x38,
    0,
    0,
    0,
    0x0f,
    0x00,
    0xd8, // MOV EAX,38H; LTR AX
    0x48,
    0x89,
    0xe3, // MOV RBX,RSP
    0x0f,
    0x0b, // UD2
  ]);
  const end = machine.runCode(
    "0f 01 15 00 00 03 00 " + // LGDT [DATA]
      "0f 01 1d 08 00 03 00 " + // LIDT [DATA+8]
      "b8 20 00 00 00 0f 22 e0 " + // MOV EAX,20H; MOV CR4,EAX
      "b8 00 10 00 00 0f 22 d8 " + // MOV EAX,1000H; MOV CR3,EAX
      "b9 80 00 00 c0 0f 32 0d 00 01 00 00 0f 30 " + // ECX = EFER; RDMSR; OR EAX,100H; WRMSR
      "0f 20 c0 0d 00 00 00 80 0f 22 c0 " + // EAX = CR0; OR EAX,PG; MOV CR0,EAX
      "ea 80 00 01 00 08 00", // JMP 8:CODE+80H
  );
  assertEquals([end, stoppedIn(machine)], ["halt", 6]);
  assertEquals([machine.m[EFER >> 2], machine.m[CR0 >> 2]! >>> 0], [0x500, 0x8000_0033]);
  assertEquals([machine.selector(Segment.CS), machine.m[TR >> 2]], [8, 0x38]);
  assertEquals(machine.descriptor(Selector.TSS), 0x0000_8b00_7000_0087n);
  assertEquals(machine.stack(1), [BigInt(CODE + 0x8b)]);
});

everywhere("SYSCALL and SYSRET with SWAPGS, and a page fault in between, section 5.8.8", (create) => {
  const machine = create();
  const { msrs } = machine.unit;
  msrs.write(0xc000_0081, 0, 0x0020_0008); // STAR: kernel 8 and 10H, user 23H, 2BH and 33H
  msrs.write(0xc000_0082, handler(0x30), 0); // LSTAR
  msrs.write(0xc000_0084, 0x4_7700, 0); // FMASK
  msrs.write(0xc000_0102, 0x1234, 0x55); // KERNEL_GS_BASE
  machine.write(handler(0x30), [
    0x0f,
    0x01,
    0xf8, // SWAPGS
    0x9c,
    0x5b, // PUSHF; POP RBX
    0x66,
    0x8c,
    0xd2, // MOV DX,SS
    0x0f,
    0x01,
    0xf8, // SWAPGS
    0x48,
    0x0f,
    0x07, // SYSRETQ
  ]);
  machine.enterUser();
  machine.rflags = 0x602;
  machine.set(Gpr.RSP, RSP0);
  assertEquals(machine.runCode("0f 05 8c c8 0f 0b", USER_CODE), "halt");
  assertEquals(stoppedIn(machine), 6);
  assertEquals([machine.get(Gpr.RAX), machine.get(Gpr.RDX) & 0xffffn], [0x33n, 0x10n]);
  assertEquals(machine.get(Gpr.RBX) & 0x600n, 0n);
  assertEquals(machine.get(Gpr.RCX), BigInt(USER_CODE + 2));
  assertEquals(machine.get(Gpr.R11), 0x602n);
  const [rip, cs, flags, , ss] = machine.stack(5);
  assertEquals([rip, cs, flags, ss], [BigInt(USER_CODE + 4), 0x33n, 0x1_0602n, 0x2bn]);
  assertEquals(machine.cell(MSR_KERNEL_GS_BASE), 0x55_0000_1234n);
});

everywhere("SYSRET with a 32-bit operand goes to compatibility mode, vol. 2B, SYSRET", (create) => {
  const machine = create();
  machine.unit.msrs.write(0xc000_0081, 0, 0x0020_0008);
  machine.set(Gpr.RCX, USER_CODE);
  machine.set(Gpr.R11, 0x202);
  machine.write(USER_CODE, [0x40, 0x0f, 0x0b]); // INC EAX; UD2
  machine.runCode("0f 07");
  assertEquals([stoppedIn(machine), machine.get(Gpr.RAX)], [6, 1n]);
  assertEquals(machine.stack(2), [BigInt(USER_CODE + 1), 0x23n]);
});

everywhere(
  "SYSRET to an address that is not canonical raises #GP(0) at CPL 0; without EFER.SCE #UD",
  (create) => {
    const machine = create();
    machine.set(Gpr.RCX, 0, 0x8000);
    machine.runCode("48 0f 07");
    assertEquals([stoppedIn(machine), machine.stack(3)], [13, [0n, BigInt(CODE), 8n]]);
    for (const code of ["48 0f 07", "0f 05"]) {
      const disabled = create();
      disabled.m[EFER >> 2] = 0xd00;
      disabled.set(Gpr.RCX, 77);
      disabled.runCode(code);
      assertEquals([stoppedIn(disabled), disabled.get(Gpr.RCX)], [6, 77n]);
    }
  },
);

everywhere("SYSENTER and SYSEXIT in 64-bit mode, vol. 2B", (create) => {
  const machine = create();
  const { msrs } = machine.unit;
  msrs.write(0x174, 8, 0);
  msrs.write(0x175, RSP0, 0);
  msrs.write(0x176, handler(0x30), 0);
  machine.write(handler(0x30), [
    0x66,
    0x8c,
    0xd0, // MOV AX,SS
    0xba,
    0x10,
    0,
    2,
    0,
    0xb9,
    0,
    0xc0,
    0,
    0, // MOV EDX,USER_CODE+10H; MOV ECX,0C000H
    0x48,
    0x0f,
    0x35, // SYSEXIT
  ]);
  machine.write(USER_CODE + 0x10, [0x66, 0x8c, 0xcb, 0x0f, 0x0b]); // MOV BX,CS; UD2
  machine.enterUser();
  machine.runCode("0f 34", USER_CODE);
  assertEquals(stoppedIn(machine), 6);
  assertEquals([machine.get(Gpr.RAX), machine.get(Gpr.RBX)], [0x10n, 0x2bn]);
  const [rip, cs, , rsp, ss] = machine.stack(5);
  assertEquals([rip, cs, rsp, ss], [BigInt(USER_CODE + 0x13), 0x2bn, 0xc000n, 0x33n]);
});

everywhere("SYSENTER with IA32_SYSENTER_CS = 0 raises #GP(0)", (create) => {
  const machine = create();
  machine.runCode("0f 34");
  assertEquals([stoppedIn(machine), machine.stack(2)], [13, [0n, BigInt(CODE)]]);
});

everywhere("SWAPGS exchanges the base of GS; it is #GP(0) at CPL 3", (create) => {
  const machine = create();
  machine.unit.msrs.write(0xc000_0102, 0x1234, 0x55);
  machine.unit.msrs.write(0xc000_0101, 0x99, 0);
  machine.runCode("0f 01 f8");
  assertEquals([machine.cell(segmentBase(Segment.GS)), machine.cell(MSR_KERNEL_GS_BASE)], [
    0x55_0000_1234n,
    0x99n,
  ]);
  const user = create();
  user.enterUser();
  user.runCode("0f 01 f8", USER_CODE);
  assertEquals(stoppedIn(user), 13);
});
