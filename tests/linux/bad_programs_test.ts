import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { runProgram, type RunResult } from "../../src/linux/run_program.ts";
import { buildElf } from "./_support/elf.ts";

/** Runs machine code with little memory; what the system warns of is collected. */
function run(
  code: readonly number[],
  memory = 1 << 22,
  maxInstructions = 50_000_000,
): RunResult & { warnings: string[] } {
  const warnings: string[] = [];
  const warn = (line: string): void => void warnings.push(line);
  const result = runProgram({
    program: buildElf({ code: Uint8Array.from(code) }),
    memory,
    maxInstructions,
    warn,
  });
  return Object.assign(result, { warnings });
}

const CASES: readonly (readonly [string, readonly number[], number])[] = [
  ["a jump to nowhere", [0x31, 0xc0, 0xff, 0xe0], 11], // xor eax, eax; jmp rax
  ["a jump to a non-canonical address", [0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0xe0], 11],
  ["a jump onto the stack", [0xff, 0xe4], 11], // jmp rsp
  ["a store into its own text", [0xc6, 0x05, 0, 0, 0, 0, 0], 11],
  ["an endless recursion", [0xe8, 0xfb, 0xff, 0xff, 0xff], 11], // call itself
  ["an undefined instruction", [0x0f, 0x0b], 4],
  ["a division by zero", [0x31, 0xc9, 0xf7, 0xf1], 8],
  ["a privileged instruction", [0xf4], 11],
  ["a breakpoint", [0xcc], 5],
  ["an interrupt that is not there", [0xcd, 0x20], 11],
  ["the end of its text", [0x90], 11],
];

for (const [what, code, signal] of CASES) {
  Deno.test(`a program that meets ${what} dies of signal ${signal}`, () => {
    const { reason, signal: got, exitCode } = run(code, 1 << 24);
    assertEquals([reason, got, exitCode], ["signaled", signal, 128 + signal]);
  });
}

Deno.test("a program without end stops at maxInstructions, exactly there each time", () => {
  const first = run([0xeb, 0xfe], 1 << 22, 100_000), second = run([0xeb, 0xfe], 1 << 22, 100_000);
  assertEquals([first.reason, first.exitCode], ["limit", 124]);
  assertEquals(first.statistics.instructions, 100_000);
  assertEquals(second.statistics.instructions, 100_000);
});

Deno.test("a program that waits for what cannot happen is a deadlock", () => {
  // mov eax, 34 (pause); syscall
  assertEquals(run([0xb8, 34, 0, 0, 0, 0x0f, 0x05]).reason, "deadlock");
});

Deno.test("a program that touches more memory than there is is killed, with one line that says so", () => {
  const { exitCode, warnings } = run([
    0xb8,
    9,
    0,
    0,
    0, // mov eax, 9 (mmap)
    0x31,
    0xff, // xor edi, edi
    0xbe,
    0,
    0,
    0,
    0x40, // mov esi, 1 GB
    0xba,
    3,
    0,
    0,
    0, // mov edx, PROT_READ | PROT_WRITE
    0x41,
    0xba,
    0x22,
    0x40,
    0,
    0, // mov r10d, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    0x49,
    0x83,
    0xc8,
    0xff, // or r8, -1
    0x45,
    0x31,
    0xc9, // xor r9d, r9d
    0x0f,
    0x05, // syscall
    0xc6,
    0x00,
    0x01, // mov byte [rax], 1
    0x48,
    0x05,
    0,
    0x10,
    0,
    0, // add rax, 4096
    0xeb,
    0xf5, // jmp back
  ]); // deno-fmt-ignore
  assertEquals(exitCode, 137);
  assertEquals(warnings.length, 1);
  assertStringIncludes(warnings[0]!, "out of memory: killed program");
});

Deno.test("mmap() of more than there is fails with ENOMEM where the memory is not to be reserved later", () => {
  const { exitCode, warnings } = run([
    0xb8,
    9,
    0,
    0,
    0, // mov eax, 9 (mmap)
    0x31,
    0xff, // xor edi, edi
    0xbe,
    0,
    0,
    0,
    0x40, // mov esi, 1 GB
    0xba,
    3,
    0,
    0,
    0, // mov edx, 3
    0x41,
    0xba,
    0x22,
    0,
    0,
    0, // mov r10d, MAP_PRIVATE | MAP_ANONYMOUS
    0x49,
    0x83,
    0xc8,
    0xff, // or r8, -1
    0x45,
    0x31,
    0xc9, // xor r9d, r9d
    0x0f,
    0x05, // syscall
    0xf7,
    0xd8, // neg eax
    0x89,
    0xc7, // mov edi, eax
    0xb8,
    60,
    0,
    0,
    0, // mov eax, 60 (exit)
    0x0f,
    0x05,
  ]); // deno-fmt-ignore
  assertEquals([exitCode, warnings.length], [12, 0]);
});

Deno.test("a fork bomb ends in failed forks, not in the host's memory", () => {
  // loop: mov eax, 57 (fork); syscall; jmp loop
  const { reason } = run([0xb8, 57, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7], 1 << 22, 100_000);
  assertEquals(reason, "limit");
});

Deno.test("every system call number with arguments that make no sense returns", () => {
  // For each number, with all arguments -1 and then with 0x1000: mov eax, n; syscall. Those that end or wait for ever are left out.
  const skipped = new Set([7, 15, 23, 34, 57, 58, 60, 61, 70, 130, 231, 247, 270, 271]);
  for (const argument of [-1, 0, 0x1000, 0x7fff_ffff]) {
    const code: number[] = [];
    const registers = [[0x48, 0xc7, 0xc7], [0x48, 0xc7, 0xc6], [0x48, 0xc7, 0xc2], [0x49, 0xc7, 0xc2], [
      0x49,
      0xc7,
      0xc0,
    ], [0x49, 0xc7, 0xc1]];
    for (let n = 0; n < 470; n++) {
      if (skipped.has(n)) continue;
      for (const opcode of registers) {
        code.push(...opcode, argument & 255, (argument >> 8) & 255, (argument >> 16) & 255, argument >>> 24);
      }
      code.push(0xb8, n & 255, n >> 8, 0, 0, 0x0f, 0x05);
    }
    const { reason, signal } = run(code, 1 << 22, 1_000_000);
    // The last instructions are behind the text: whatever was called, the program got there, or unmapped itself.
    assert(reason === "signaled" && (signal === 11 || signal === 7), `${argument}: ${reason} ${signal}`);
  }
});
