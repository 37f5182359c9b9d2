import { assertEquals, assertMatch } from "@std/assert";
import { runProgram } from "../../src/linux/run_program.ts";
import { quote } from "../../src/linux/strace/formats.ts";
import { nameFlags, OPEN_FLAGS } from "../../src/linux/strace/flags.ts";
import { buildElf } from "./_support/elf.ts";

/** Lines of a program made of system calls: [number, rdi, rsi, rdx]. */
function trace(calls: readonly (readonly number[])[], data = ""): string[] {
  const lines: string[] = [];
  const code: number[] = [];
  const set = [[0xb8], [0xbf], [0xbe], [0xba]]; // mov eax, edi, esi, edx
  for (const call of calls) {
    set.forEach((opcode, i) => {
      const value = call[i] ?? 0;
      code.push(...opcode, value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >>> 24) & 255);
    });
    code.push(0x0f, 0x05);
  }
  const program = buildElf({ code: Uint8Array.from(code), tail: new TextEncoder().encode(data) });
  runProgram({ program, memory: 1 << 22, strace: (line) => lines.push(line) });
  return lines;
}

/** Address of the data behind `count` calls of 22 bytes. */
const dataAt = (count: number): number => 0x40_0000 + 64 + 4 * 56 + 22 * count;

Deno.test("--strace prints calls with decoded arguments, results and errors", () => {
  const text = dataAt(5);
  const lines = trace([
    [1, 1, text, 6],
    [2, text + 7, 0o101, 0o644],
    [10, 0x1234, 4096, 3],
    [3, 77],
    [60, 3],
  ], "hello\n\0/a/b\0");
  const expected = [
    'execve("/program", ["/program"], ... /* 0 vars */) = 0',
    'write(1, "hello\\n", 6) = 6',
    'open("/a/b", O_WRONLY|O_CREAT, 0644) = -1 ENOENT (No such file or directory)',
    "mprotect(0x1234, 4096, PROT_READ|PROT_WRITE) = -1 EINVAL (Invalid argument)",
    "close(77) = -1 EBADF (Bad file descriptor)",
    "exit(3) = ?",
    "+++ exited with 3 +++",
  ];
  assertEquals(lines.map((line) => line.replace(/ +=/, " =")), expected);
});

Deno.test("--strace names a missing call once", () => {
  const lines = trace([[139], [139], [60, 0]]);
  assertEquals(lines.filter((line) => line.includes("is not implemented")), [
    "causeway: system call sysfs (139) is not implemented",
  ]);
  assertEquals(lines.filter((line) => line.includes("ENOSYS (Function not implemented)")).length, 2);
});

Deno.test("--strace shows the signal a program dies of", () => {
  const lines: string[] = [];
  const program = buildElf({ code: Uint8Array.of(0x31, 0xc0, 0x8b, 0x00) }); // mov eax, [rax]
  runProgram({ program, memory: 1 << 22, strace: (line) => lines.push(line) });
  assertMatch(lines[1]!, /^--- SIGSEGV \{si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=NULL\} ---$/);
  assertEquals(lines[2], "+++ killed by SIGSEGV +++");
});

Deno.test("quote() escapes as C does and cuts long strings", () => {
  const bytes = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
  assertEquals(quote(bytes('a"\\\n\t\x01\x001\x7f\xff')), '"a\\"\\\\\\n\\t\\1\\0001\\177\\377"');
  assertEquals(quote(bytes("x".repeat(40))), `"${"x".repeat(32)}"...`);
});

Deno.test("nameFlags() names what it knows and gives the rest as a number", () => {
  assertEquals(nameFlags(0o100 | 0o2000000, OPEN_FLAGS), "O_CREAT|O_CLOEXEC");
  assertEquals(nameFlags(0, OPEN_FLAGS), "0");
  assertEquals(nameFlags(0x4000_0000, OPEN_FLAGS), "0x40000000");
});
