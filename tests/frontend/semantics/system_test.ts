import { assertEquals } from "@std/assert";
import { createProcessor } from "../../../src/machine/api/bare_processor.ts";
import { bare, bytesOf, CODE, DATA, inEveryEngine, STACK } from "./bare.ts";

const BREAKPOINT = { kind: "interrupt", vector: 3 } as const;
const GP0 = { kind: "fault", vector: 13, error: 0, address: 0n } as const;
const UD = { kind: "fault", vector: 6, error: -1, address: 0n } as const;

inEveryEngine("SYSCALL leaves RIP in RCX and RFLAGS without RF in R11, and stops behind itself", (engine) => {
  const cpu = bare(engine, "f9 0f 05"); // STC; SYSCALL
  cpu.set("rflags", 0x246n);
  assertEquals(cpu.run(), { kind: "syscall" });
  assertEquals(cpu.get("rcx"), CODE + 3n);
  assertEquals(cpu.get("r11"), 0x247n);
  assertEquals(cpu.get("rip"), CODE + 3n);
});

inEveryEngine("SYSCALL raises #UD in 32-bit code", (engine) => {
  assertEquals(bare(engine, "0f 05", 32).run(), UD);
});

inEveryEngine("POPF at CPL 3 changes neither IOPL nor IF, and clears RF", (engine) => {
  const cpu = bare(engine, "9d"); // POPF
  cpu.set("rflags", 0x1_0202n);
  cpu.write(STACK, bytesOf("d5 7c 24 00 00 00 00 00")); // CF PF AF ZF SF DF OF IOPL NT AC ID, IF clear
  assertEquals(cpu.run(), BREAKPOINT);
  assertEquals(cpu.get("rflags"), 0x24_4ed7n);
  assertEquals(cpu.get("rsp"), STACK + 8n);
});

inEveryEngine("PUSHF pushes what POPF took, all status flags", (engine) => {
  for (let bits = 0; bits < 64; bits++) {
    const image = [0x001n, 0x004n, 0x010n, 0x040n, 0x080n, 0x800n]
      .reduce((sum, flag, i) => (bits >> i) & 1 ? sum | flag : sum, 0x202n);
    const cpu = bare(engine, "9d 9c 58 9f"); // POPF; PUSHF; POP RAX; LAHF
    cpu.write(STACK, new Uint8Array(BigUint64Array.of(image).buffer));
    cpu.run();
    assertEquals(cpu.get("rax") & 0xffff_00ffn, image & 0xffn, `flags ${image.toString(16)}`);
    assertEquals((cpu.get("rax") >> 8n) & 0xffn, image & 0xffn);
    assertEquals(cpu.get("rflags"), image);
  }
});

inEveryEngine("TF set by POPF raises #DB behind the instruction that follows", (engine) => {
  const cpu = bare(engine, "9d 90 90"); // POPF; NOP; NOP
  cpu.write(STACK, bytesOf("02 03 00 00 00 00 00 00"));
  const stop = cpu.run();
  assertEquals([stop.kind, cpu.get("rip")], ["fault", CODE + 2n]);
});

inEveryEngine("WRFSBASE sets the base that FS: adds, and refuses what is not canonical", (engine) => {
  const cpu = bare(engine, "f3 48 0f ae d0 64 8b 03 f3 48 0f ae c1"); // WRFSBASE RAX; MOV EAX,FS:[RBX]; RDFSBASE RCX
  cpu.write(DATA + 0x123n, bytesOf("78 56 34 12"));
  cpu.set("rax", DATA);
  cpu.set("rbx", 0x123n);
  assertEquals(cpu.run(), BREAKPOINT);
  assertEquals([cpu.get("rax"), cpu.get("rcx")], [0x1234_5678n, DATA]);

  const refused = bare(engine, "f3 48 0f ae d0");
  refused.set("rax", 0x8000_0000_0000n);
  assertEquals(refused.run(), GP0);
});

inEveryEngine(
  "segment registers take the flat selectors and null, and refuse others with the selector",
  (engine) => {
    for (const selector of [0n, 3n, 0x23n, 0x2bn, 0x33n]) {
      const cpu = bare(engine, "8e e0 8c e1"); // MOV FS,EAX; MOV ECX,FS
      cpu.set("rax", selector);
      assertEquals(cpu.run(), BREAKPOINT);
      assertEquals(cpu.get("rcx"), selector);
    }
    const other = bare(engine, "8e e0");
    other.set("rax", 0x1237n);
    assertEquals(other.run(), { ...GP0, error: 0x1234 });
    const nullStack = bare(engine, "8e d0"); // MOV SS,EAX
    nullStack.set("rax", 0n);
    assertEquals(nullStack.run(), GP0);
  },
);

inEveryEngine("a far return goes to 32-bit code, and a far jump from there back", (engine) => {
  // RETF to 0x23:CODE+0x10; there INC EAX (40, a REX prefix in 64-bit code); JMP FAR 0x33:CODE+0x20; there INC RAX.
  const cpu = bare(engine, "48 cb");
  cpu.write(CODE + 0x10n, bytesOf("40 ea 20 00 01 00 33 00"));
  cpu.write(CODE + 0x20n, bytesOf("48 ff c0 cc"));
  cpu.write(STACK, new Uint8Array(BigUint64Array.of(CODE + 0x10n, 0x23n).buffer));
  cpu.set("rax", 5n);
  assertEquals(cpu.run(), BREAKPOINT);
  assertEquals([cpu.get("rax"), cpu.get("rip"), cpu.get("cs")], [7n, CODE + 0x24n, 0x33n]);
});

inEveryEngine("IRETQ at CPL 3 restores RIP, RFLAGS and RSP", (engine) => {
  const cpu = bare(engine, "48 cf"); // IRETQ
  cpu.write(STACK, new Uint8Array(BigUint64Array.of(CODE + 2n, 0x33n, 0x8d7n, DATA + 8n, 0x2bn).buffer));
  cpu.set("rflags", 0x202n);
  assertEquals(cpu.run(), BREAKPOINT);
  assertEquals([cpu.get("rip"), cpu.get("rsp"), cpu.get("rflags")], [CODE + 3n, DATA + 8n, 0xad7n]);
});

inEveryEngine("privileged instructions raise #GP(0) at CPL 3", (engine) => {
  for (const code of ["0f 20 c0", "0f 30", "0f 01 18", "fa", "e4 60", "0f 06", "0f 09", "0f 01 d1"]) {
    assertEquals(bare(engine, code).run(), GP0, code);
  }
});

inEveryEngine("INT n, INT1 and UD2 stop where the manual says", (engine) => {
  const int = bare(engine, "cd 80");
  assertEquals([int.run(), int.get("rip")], [{ kind: "interrupt", vector: 0x80 }, CODE + 2n]);
  const one = bare(engine, "f1");
  assertEquals([one.run(), one.get("rip")], [
    { kind: "fault", vector: 1, error: -1, address: 0n },
    CODE + 1n,
  ]);
  const ud = bare(engine, "0f 0b");
  assertEquals([ud.run(), ud.get("rip")], [UD, CODE]);
});

inEveryEngine("RDTSC counts the instructions before it, inside a block too", (engine) => {
  const cpu = bare(engine, "0f 31 89 c3 90 90 0f 31"); // RDTSC; MOV EBX,EAX; NOP; NOP; RDTSC
  cpu.run();
  assertEquals(cpu.get("rax") - cpu.get("rbx"), 4n);
});

inEveryEngine("RDRAND sets CF alone, and a seed repeats its numbers", (engine) => {
  const numbers = [1, 1, 2].map(() => {
    const cpu = bare(engine, "48 0f c7 f0 48 0f c7 f3"); // RDRAND RAX; RDRAND RBX
    cpu.set("rflags", 0x8d6n);
    cpu.run();
    assertEquals(cpu.get("rflags") & 0x8d5n, 1n);
    return [cpu.get("rax"), cpu.get("rbx")];
  });
  assertEquals(numbers[0], numbers[1]);
  assertEquals(numbers[0]![0] === numbers[0]![1], false);
});

inEveryEngine("XGETBV reads XCR0, and refuses other registers", (engine) => {
  const cpu = bare(engine, "0f 01 d0");
  cpu.set("rcx", 0n);
  assertEquals([cpu.run(), cpu.get("rax"), cpu.get("rdx")], [BREAKPOINT, 3n, 0n]);
  const other = bare(engine, "0f 01 d0");
  other.set("rcx", 2n);
  assertEquals(other.run(), GP0);
});

inEveryEngine("RET to an address that is not canonical faults at the RET, the stack as it was", (engine) => {
  const cpu = bare(engine, "c3");
  cpu.write(STACK, new Uint8Array(BigUint64Array.of(0x8000_0000_0000n).buffer));
  assertEquals(cpu.run(), GP0);
  assertEquals([cpu.get("rip"), cpu.get("rsp")], [CODE, STACK]);
});

inEveryEngine("in real mode, segment registers hold paragraphs and a far jump loads CS", (engine) => {
  const cpu = createProcessor({ engine, mode: 16 });
  cpu.load(bytesOf("b8 34 12 8e d8 a0 02 00 ea 00 00 00 30"), 0x7c00n); // MOV AX,1234; MOV DS,AX; MOV AL,[2]; JMP 3000:0
  cpu.write(0x12342n, Uint8Array.of(0x5a));
  cpu.write(0x30000n, bytesOf("0e 5b cc")); // PUSH CS; POP BX; INT3
  cpu.set("rsp", 0x1000n);
  assertEquals(cpu.run(), BREAKPOINT);
  assertEquals([cpu.get("rax") & 0xffffn, cpu.get("rbx") & 0xffffn], [0x125an, 0x3000n]);
});
