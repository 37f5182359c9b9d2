import { assertEquals, assertStringIncludes } from "@std/assert";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { causeway, type Outcome, withFolder } from "./command_line.ts";

function disasm(bytes: readonly number[], ...options: string[]): Outcome {
  return withFolder((folder) => {
    const file = join(folder, "code.bin");
    writeFileSync(file, Uint8Array.from(bytes));
    return causeway(["disasm", file, ...options]);
  });
}

Deno.test("disasm prints address, bytes and instruction, and (bad) for what is none", () => {
  const { code, stdout, stderr } = disasm([0x48, 0x8b, 0x04, 0x8f, 0x06, 0xeb, 0xfe], "--base=0x400000");
  assertEquals([code, stderr], [0, ""]);
  assertEquals(stdout.split("\n"), [
    "0000000000400000  48 8b 04 8f              mov rax, qword ptr [rdi+rcx*4]",
    "0000000000400004  06                       (bad)",
    "0000000000400005  eb fe                    jmp 0x400005",
    "",
  ]);
});

Deno.test("disasm says that it takes the headers of an ELF file for code", () => {
  const { code, stderr } = causeway(["disasm", "src/guests/hello/hello.elf"]);
  assertEquals(code, 0);
  assertStringIncludes(stderr, "hello.elf is an ELF file");
});

Deno.test("disasm --mode 16 and 32 read the same bytes otherwise", () => {
  assertEquals(disasm([0xb8, 0x34, 0x12], "--mode=16").stdout.slice(43), "mov ax, 0x1234\n");
  assertEquals(disasm([0x06], "--mode=32").stdout.slice(43), "push es\n");
});

Deno.test("disasm goes on at address 0 behind the last one", () => {
  const { stdout } = disasm([0x90, 0xf4], "--base=0xffffffffffffffff");
  assertEquals(stdout.split("\n").map((line) => line.slice(0, 20)), [
    "ffffffffffffffff  90",
    "0000000000000000  f4",
    "",
  ]);
});

Deno.test("disasm --json prints an array", () => {
  assertEquals(JSON.parse(disasm([0x90, 0xf4], "--json").stdout), [
    { address: "0x10000", bytes: "90", text: "nop" },
    { address: "0x10001", bytes: "f4", text: "hlt" },
  ]);
  assertEquals(JSON.parse(disasm([], "--json").stdout), []);
});

Deno.test("disasm --dump shows blocks and their IR on stderr, in code of every size", () => {
  const { code, stdout, stderr } = disasm([0x48, 0xff, 0xc0, 0xeb, 0xfb, 0xf4], "--dump=asm,ir");
  assertEquals([code, stdout.split("\n").length], [0, 4]);
  assertStringIncludes(stderr, "-- asm 0x10000\n0000000000010000  inc rax\n0000000000010003  jmp 0x10000\n");
  assertStringIncludes(stderr, "-- ir 0x10005\n");
  for (const mode of ["32", "16"]) {
    const bytes = Array.from({ length: 256 }, (_, at) => (at * 89) & 0xff);
    assertEquals(disasm(bytes, "--dump=ir", "--mode", mode).code, 0);
  }
});
