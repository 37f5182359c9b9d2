import { assertEquals } from "@std/assert";
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

Deno.test("disasm --mode 16 and 32 read the same bytes otherwise", () => {
  assertEquals(disasm([0xb8, 0x34, 0x12], "--mode=16").stdout.slice(43), "mov ax, 0x1234\n");
  assertEquals(disasm([0x06], "--mode=32").stdout.slice(43), "push es\n");
});

Deno.test("disasm --json prints an array", () => {
  assertEquals(JSON.parse(disasm([0x90, 0xf4], "--json").stdout), [
    { address: "0x10000", bytes: "90", text: "nop" },
    { address: "0x10001", bytes: "f4", text: "hlt" },
  ]);
  assertEquals(JSON.parse(disasm([], "--json").stdout), []);
});
