import { assert, assertEquals, assertThrows } from "@std/assert";
import { readFileSync } from "node:fs";
import { GUESTS } from "../../src/guests/guests.ts";
import { CannotRunError } from "../../src/linux/exec.ts";
import { MemoryFileSystem } from "../../src/linux/fs/memory.ts";
import { runProgram } from "../../src/linux/run_program.ts";
import { elfOf } from "../cli/elf.ts";

const hello = readFileSync(GUESTS.find(({ name }) => name === "hello")!.image);

/** Copies standard input to standard output: read(0, stack, 16), write(1, stack, as many), until there is no more. */
const COPY = elfOf(`
  31 c0 31 ff 48 89 e6 48 83 ee 40 ba 10 00 00 00 0f 05
  85 c0 74 10
  89 c2 b8 01 00 00 00 bf 01 00 00 00 0f 05 eb da
  b8 3c 00 00 00 31 ff 0f 05
`);

Deno.test("runProgram() takes bytes, or a path in files, and collects what is printed", () => {
  const bytes = runProgram({ program: hello, args: ["a"] });
  const path = runProgram({ program: "/bin/hello", args: ["a"], files: { "/bin/hello": hello } });
  assertEquals([bytes.stdout, bytes.exitCode, bytes.reason, bytes.signal], [
    "Hello, a!\n",
    1,
    "exited",
    undefined,
  ]);
  assertEquals([path.stdout, path.exitCode], [bytes.stdout, bytes.exitCode]);
  assertEquals(bytes.stderr, "");
});

Deno.test("runProgram() gives stdin, and hands output over as it comes", () => {
  const pieces: number[] = [];
  const stdin = Uint8Array.from({ length: 100 }, (_, at) => at * 7);
  const { stdoutBytes } = runProgram({
    program: COPY,
    stdin,
    onStdout: (bytes) => pieces.push(bytes.length),
  });
  assertEquals(stdoutBytes, stdin);
  assertEquals(pieces, [16, 16, 16, 16, 16, 16, 4]);
});

Deno.test("runProgram() works in a tree of the caller's, which stays", () => {
  const tree = new MemoryFileSystem({ "/bin/hello": hello });
  const { exitCode } = runProgram({ program: "/bin/hello", fileSystem: tree });
  assertEquals(exitCode, 0);
  assertEquals(tree.read("/bin/hello")?.length, hello.length);
  assertThrows(
    () => runProgram({ program: hello, fileSystem: tree }),
    TypeError,
    "Cannot run bytes with a fileSystem",
  );
});

Deno.test("runProgram() stops at maxInstructions", () => {
  const result = runProgram({ program: elfOf("eb fe"), maxInstructions: 12_345 });
  assertEquals([result.reason, result.exitCode, result.statistics.instructions], ["limit", 124, 12_345]);
});

Deno.test("runProgram() tells of the signal that killed the program", () => {
  const result = runProgram({ program: elfOf("0f 0b") });
  assertEquals([result.reason, result.exitCode, result.signal, result.missing], [
    "signaled",
    132,
    4,
    undefined,
  ]);
});

Deno.test("runProgram() throws CannotRunError for what is no program", () => {
  assertThrows(() => runProgram({ program: new Uint8Array(10) }), CannotRunError);
  assertThrows(() => runProgram({ program: "/none" }), CannotRunError);
});

Deno.test("runProgram() with strace gets a line for each system call", () => {
  const lines: string[] = [];
  runProgram({ program: elfOf("b8 3c 00 00 00 bf 07 00 00 00 0f 05"), strace: (line) => lines.push(line) });
  assert(lines.some((line) => line.includes("exit(7)")), lines.join("\n"));
});

/** Exits with the difference of two readings of the time-stamp counter, with getpid between them. */
const TIMED = elfOf(`
  0f 31 89 c3 b8 27 00 00 00 0f 05 0f 31 29 d8 89 c7 b8 3c 00 00 00 0f 05
`);

Deno.test("runProgram() with a cycle model: a system call takes its round trip, the TSC reads it", () => {
  const ticks = (cycles: "off" | "haswell" | "skylake"): number =>
    runProgram({ program: TIMED, cycles }).exitCode;
  assertEquals(ticks("off"), 4, "instructions from one reading to the other");
  assertEquals(ticks("haswell"), 4 + 140 - 2, "the instructions' own cycles are in the figure");
  assertEquals(ticks("skylake"), 4 + 181 - 2);
  const { statistics } = runProgram({ program: TIMED, cycles: "haswell" });
  assert(statistics.cycles > statistics.instructions);
});
