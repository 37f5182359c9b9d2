import { assertEquals, assertThrows } from "@std/assert";
import { CannotRunError } from "../../src/linux/exec.ts";
import { NotExecutable, parseElf } from "../../src/linux/elf.ts";
import { runProgram } from "../../src/linux/run_program.ts";
import { BASE, buildElf, CODE, type ElfOptions, EXIT_42 } from "./_support/elf.ts";

function parse(bytes: Uint8Array) {
  return parseElf((target, position) => {
    const part = bytes.subarray(position, position + target.length);
    target.set(part);
    return part.length;
  }, bytes.length);
}

Deno.test("parseElf() reads entry, segments and program headers of a correct file", () => {
  const elf = parse(buildElf());
  assertEquals(elf.entry, Number(BASE) + CODE);
  assertEquals(elf.segments.length, 1);
  assertEquals(elf.programHeaders, Number(BASE) + 64);
  assertEquals([elf.low, elf.high], [Number(BASE), Number(BASE) + 0x1000]);
  assertEquals(elf.relocatable, false);
});

const INTERPRETER = new TextEncoder().encode("/lib/ld.so");
const interpreterAt = BigInt(CODE + EXIT_42.length);

const MALFORMED: readonly (readonly [string, ElfOptions, string])[] = [
  ["a 32-bit program", { elfClass: 1, machine: 3 }, "32-bit program"],
  ["a 32-bit ARM program", { elfClass: 1, machine: 40 }, "32-bit ARM"],
  ["a 64-bit ARM program", { machine: 183 }, "64-bit ARM"],
  ["an unknown machine", { machine: 9999 }, "machine 9999"],
  ["a class that is none", { elfClass: 7 }, "ELF class is 7"],
  ["a big-endian program", { encoding: 2 }, "big-endian"],
  ["an object file", { type: 1 }, "object file"],
  ["a core dump", { type: 4 }, "core dump"],
  ["a type that is none", { type: 77 }, "ELF type is 77"],
  ["program headers of another size", { headerSize: 32 }, "program headers"],
  ["no program headers", { headerCount: 0 }, "program headers"],
  ["too many program headers", { headerCount: 60000 }, "program headers"],
  ["program headers beyond the file", { headerOffset: 0x10000n }, "truncated"],
  ["program headers at the end of the address space", { headerOffset: 0xffff_ffff_ffff_fff0n }, "malformed"],
  ["no segment to load", { headers: [{ type: 4 }] }, "no segment"],
  ["a segment larger in the file than in memory", { headers: [{ memorySize: 1n }] }, "larger in the file"],
  ["a segment behind the end of the file", { headers: [{ fileSize: 0x9000n }] }, "truncated"],
  [
    "a segment in the kernel's half",
    { headers: [{ address: 0xffff_8000_0000_0000n }] },
    "outside of user space",
  ],
  [
    "a segment that wraps around",
    { headers: [{ memorySize: 0xffff_ffff_ffff_ff00n }] },
    "outside of user space",
  ],
  ["a place that does not fit the address", { headers: [{ address: BASE + 8n }] }, "does not fit"],
  [
    "an interpreter's name of no length",
    { headers: [{}, { type: 3, offset: 0n, fileSize: 1n }] },
    "no valid length",
  ],
  [
    "an interpreter's name that is too long",
    { headers: [{}, { type: 3, fileSize: 5000n }] },
    "no valid length",
  ],
  [
    "an interpreter's name beyond the file",
    { headers: [{}, { type: 3, offset: 0x5000n, fileSize: 9n }] },
    "truncated",
  ],
  [
    "an interpreter's name that does not end",
    { tail: INTERPRETER, headers: [{}, { type: 3, offset: interpreterAt, fileSize: 10n }] },
    "does not end",
  ],
];

for (const [what, options, message] of MALFORMED) {
  Deno.test(`parseElf() refuses ${what}`, () => {
    assertThrows(() => parse(buildElf(options)), NotExecutable, message);
  });
}

Deno.test("parseElf() refuses a file cut at any place before the end of its segment", () => {
  const whole = buildElf();
  for (let length = 0; length < whole.length; length++) {
    assertThrows(() => parse(whole.slice(0, length)), NotExecutable);
  }
});

Deno.test("runProgram() runs a program made by hand and gives its exit code", () => {
  assertEquals(runProgram({ program: buildElf(), memory: 1 << 22 }).exitCode, 42);
});

Deno.test("runProgram() says in one line why a file cannot be run", () => {
  for (const [, options] of MALFORMED) {
    const error = assertThrows(
      () => runProgram({ program: buildElf(options), memory: 1 << 22 }),
      CannotRunError,
    );
    assertEquals(
      error.message.startsWith("Cannot run /program: it is ") && !error.message.includes("\n"),
      true,
      error.message,
    );
  }
});

Deno.test("runProgram() names a missing program, a folder, an interpreter that is not there", () => {
  const cases: readonly (readonly [string, Record<string, string | Uint8Array>, string])[] = [
    ["/nowhere", {}, "no such file"],
    ["/folder", { "/folder/": "" }, "folder"],
    ["/empty", { "/empty": "" }, "is empty"],
    ["/text", { "/text": "hello" }, "no ELF file"],
    ["/script", { "/script": "#!/bin/missing -x\n" }, "interpreter /bin/missing does not exist"],
    ["/loop", { "/loop": "#!/loop\n" }, "too many"],
    ["/bare", { "/bare": "#!\n" }, "names no interpreter"],
    ["/dynamic", {
      "/dynamic": buildElf({
        tail: Uint8Array.of(...INTERPRETER, 0),
        headers: [{}, { type: 3, offset: interpreterAt, fileSize: 11n }],
      }),
    }, "dynamic linker /lib/ld.so does not exist"],
  ];
  for (const [program, files, message] of cases) {
    assertThrows(() => runProgram({ program, files, memory: 1 << 22 }), CannotRunError, message);
  }
});

Deno.test("execve() of a script passes interpreter, argument, path and the rest", () => {
  // The program writes its arguments, each with a newline, and exits with their count.
  // deno-fmt-ignore
  const code = Uint8Array.of(
    0x4c, 0x8b, 0x2c, 0x24, // mov r13, [rsp]
    0x4c, 0x8d, 0x74, 0x24, 0x08, // lea r14, [rsp+8]
    0x49, 0x8b, 0x36, // loop: mov rsi, [r14]
    0x48, 0x85, 0xf6, // test rsi, rsi
    0x74, 0x2d, // jz done
    0x31, 0xd2, // xor edx, edx
    0x80, 0x3c, 0x16, 0x00, // len: cmp byte [rsi+rdx], 0
    0x74, 0x04, // je write
    0xff, 0xc2, // inc edx
    0xeb, 0xf6, // jmp len
    0xbf, 1, 0, 0, 0, // write: mov edi, 1
    0xb8, 1, 0, 0, 0, // mov eax, 1
    0x0f, 0x05, // syscall
    0x6a, 0x0a, // push 10
    0x48, 0x89, 0xe6, // mov rsi, rsp
    0xba, 1, 0, 0, 0, // mov edx, 1
    0x89, 0xd0, // mov eax, edx
    0x0f, 0x05, // syscall
    0x58, // pop rax
    0x49, 0x83, 0xc6, 0x08, // add r14, 8
    0xeb, 0xcb, // jmp loop
    0x44, 0x89, 0xef, // done: mov edi, r13d
    0xb8, 60, 0, 0, 0, // mov eax, 60
    0x0f, 0x05, // syscall
  );
  const files = { "/bin/show": buildElf({ code }), "/script": "#! /bin/show  one two \nrest" };
  const { stdout, exitCode } = runProgram({ program: "/script", args: ["x", ""], files, memory: 1 << 22 });
  assertEquals([stdout, exitCode], ["/bin/show\none two\n/script\nx\n\n", 5]);
});
