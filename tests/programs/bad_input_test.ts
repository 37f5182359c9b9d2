/** Programs that are none, and programs that go wrong: one clear line, the right exit code, no trace of ours. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BUSYBOX, missingTools, needs, temporaryFolder } from "./support.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const TIMEOUT = 120_000;

/** Runs `causeway run` in a process of its own. */
function causeway(...args: readonly string[]): { code: number | null; stdout: string; stderr: string } {
  const options = ["run", "-A", "--no-check", MAIN, "run", ...args];
  const { status, stdout, stderr, error } = spawnSync(Deno.execPath(), options, {
    encoding: "utf8",
    timeout: TIMEOUT,
    env: { NO_COLOR: "1", PATH: "/usr/bin:/bin" },
  });
  if (error !== undefined) throw error;
  return { code: status, stdout, stderr };
}

/** One line that says what is wrong, and no trace of the host's. */
function assertOneLine(stderr: string, message: RegExp): void {
  assertEquals(stderr.split("\n").length, 2, stderr);
  assertMatch(stderr, message);
  assert(!/\bat .*:\d+:\d+|Uncaught|Error:/.test(stderr), stderr);
}

const compilers = missingTools("musl-gcc");
const busybox = missingTools(BUSYBOX);
const folder = temporaryFolder("bad");

function build(name: string, ...flags: readonly string[]): string {
  const source = fileURLToPath(new URL(`bad/${name}.c`, import.meta.url));
  const output = join(folder, [name, ...flags].join(""));
  const { status, stderr } = spawnSync("musl-gcc", ["-w", "-O1", ...flags, "-o", output, source], {
    encoding: "utf8",
  });
  assertEquals(status, 0, stderr);
  return output;
}

/** Options of ours, the program, its arguments; exit code, and what the one line says. */
type Case = readonly [
  what: string,
  program: string,
  options: readonly string[],
  args: readonly string[],
  code: number,
  message: RegExp,
];

// deno-fmt-ignore
const PROGRAMS: readonly Case[] = [
  ["jumps to nowhere", "jump_to_nowhere", [], [], 139, /SIGSEGV/],
  ["overflows the stack", "stack_overflow", [], [], 139, /SIGSEGV/],
  ["overflows the stack where memory is short", "stack_overflow", ["--memory", "4M"], [], 137, /out of memory|SIGKILL/],
  ["writes over its return address", "wild_store", [], [], 139, /SIGSEGV/],
  ["never ends", "endless_loop", ["--max-instructions", "3000000"], [], 124, /--max-instructions/],
  ["forks for ever", "fork_bomb", ["--max-instructions", "3000000", "--memory", "32M"], [], 124, /--max-instructions/],
];

for (const [what, program, options, args, code, message] of PROGRAMS) {
  for (const engine of ["interpreter", "js"]) {
    Deno.test({
      name: `run --engine ${engine} of a program that ${what} exits with ${code} and says so${
        needs(compilers)
      }`,
      ignore: compilers.length > 0,
      fn() {
        const path = build(program, "-static");
        const outcome = causeway("--engine", engine, ...options, path, ...args);
        assertEquals(outcome.code, code, outcome.stderr);
        const last = outcome.stderr.trimEnd().split("\n").at(-1)!;
        assert(message.test(outcome.stderr), outcome.stderr);
        assert(last.startsWith("causeway: ") && !outcome.stderr.includes("    at "), outcome.stderr);
      },
    });
  }
}

Deno.test({
  name:
    `run --memory: malloc() fails, or the program is killed with one line where it touches what is not there${
      needs(compilers)
    }`,
  ignore: compilers.length > 0,
  fn() {
    const path = build("memory_exhaustion", "-static");
    const { code, stderr } = causeway("--memory", "16M", path);
    assert(code === 77 && stderr === "" || code === 137 && /out of memory/.test(stderr), `${code} ${stderr}`);
  },
});

Deno.test({
  name: `run of a program that passes nonsense to system calls: as natively${needs(compilers)}`,
  ignore: compilers.length > 0,
  fn() {
    const path = build("bad_system_calls", "-static");
    const { status, stdout } = spawnSync(path, { encoding: "utf8" });
    const outcome = causeway(path);
    assertEquals([outcome.code, outcome.stdout], [status, stdout]);
  },
});

Deno.test({
  name: `run of busybox cut off anywhere exits with 125 and one line, or dies of a signal${needs(busybox)}`,
  ignore: busybox.length > 0,
  fn() {
    const whole = readFileSync(BUSYBOX);
    const path = join(folder, "cut");
    for (const size of [0, 1, 4, 63, 64, 100, 500, 5000, 500_000, whole.length - 300_000]) {
      writeFileSync(path, whole.subarray(0, size), { mode: 0o755 });
      const { code, stderr } = causeway("--max-instructions", "2000000", path, "true");
      assertEquals(code, 125, `${size}: ${stderr}`);
      assertOneLine(stderr, /^causeway run: .*(cut|is no|is empty|truncated|too short)/);
    }
  },
});

Deno.test({
  name: `run of a dynamic program whose interpreter is missing exits with 125 and names it${
    needs(compilers)
  }`,
  ignore: compilers.length > 0,
  fn() {
    const path = build("endless_loop");
    const root = join(folder, "root");
    mkdirSync(root, { recursive: true });
    copyFileSync(path, join(root, "program"));
    const outcome = causeway("--root", root, "/program");
    assertEquals(outcome.code, 125);
    assertOneLine(outcome.stderr, /ld-musl-x86_64\.so\.1/);
  },
});

Deno.test({
  name: `run of an object file and of a library exits with 125 and one line, or as natively${
    needs(compilers)
  }`,
  ignore: compilers.length > 0,
  fn() {
    const object = build("endless_loop", "-c");
    chmodSync(object, 0o755);
    const first = causeway(object);
    assertEquals(first.code, 125);
    assertOneLine(first.stderr, /relocatable|object|no program/);
    const library = build("wild_store", "-shared", "-fPIC", "-nostdlib");
    const second = causeway("--max-instructions", "1000000", library);
    assert(second.code === 125 || second.code! > 128, `${second.code} ${second.stderr}`);
    assertEquals(second.stderr.split("\n").length, 2, second.stderr);
  },
});

Deno.test("run of a script exits with 125 and one line where its interpreter is missing, is itself, or is not named", () => {
  const path = join(folder, "script");
  for (
    const [text, message] of [
      ["#!/no/such/interpreter\n", /\/no\/such\/interpreter/],
      [`#!${path}\n`, /symbolic links or interpreters/],
      ["#!\n", /names no interpreter/],
      ["echo hello\n", /is no ELF file/],
    ] as const
  ) {
    writeFileSync(path, text, { mode: 0o755 });
    const { code, stderr } = causeway(path);
    assertEquals(code, 125, stderr);
    assertOneLine(stderr, message);
  }
});
