import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { ENGINE_NAMES } from "../../src/machine/engines.ts";
import { GUESTS } from "../../src/guests/guests.ts";
import { causeway, MAIN, type Outcome, withFolder } from "./command_line.ts";
import { elfOf } from "./elf.ts";

const image = (name: string): string => fileURLToPath(GUESTS.find((guest) => guest.name === name)!.image);
const expected = (name: string): string =>
  readFileSync(new URL(`../guests/${name}`, import.meta.url), "utf8");

/** Runs a program of these bytes of code. */
function runCode(code: string, ...options: string[]): Outcome {
  return withFolder((folder) => {
    const path = join(folder, "program");
    writeFileSync(path, elfOf(code), { mode: 0o755 });
    const outcome = causeway(["run", ...options, path]);
    return { ...outcome, stderr: outcome.stderr.replaceAll(folder, "") };
  });
}

const BUSYBOX = "/bin/busybox";
/** JMP to itself. */
const ENDLESS = "eb fe";
/** exit(42): MOV EAX, 60; MOV EDI, 42; SYSCALL. */
const EXIT_42 = "b8 3c 00 00 00 bf 2a 00 00 00 0f 05";

for (const engine of ENGINE_NAMES) {
  Deno.test(`run --engine ${engine} passes on arguments, output and exit code`, () => {
    const outcome = causeway(["run", "--engine", engine, image("hello"), "Ada", "Grace"]);
    assertEquals(outcome, { code: 2, stdout: expected("hello.txt"), stderr: "" });
  });
}

Deno.test("run leaves options behind the program to the guest", () => {
  assertEquals(
    causeway(["run", image("hello"), "--stats", "--help"]).stdout,
    "Hello, --stats!\nHello, --help!\n",
  );
});

Deno.test("demo prints the picture in plain characters where stdout is no terminal, and --stats after it", () => {
  const { code, stdout, stderr } = causeway(["demo", "--stats"]);
  assertEquals([code, stdout], [0, expected("scene.txt")]);
  assertMatch(stderr, /^instructions +[\d,]+\nseconds +[\d.]+\nMIPS +[\d.]+\n/);
});

Deno.test("run --stats --json prints one object to stderr", () => {
  const { stderr } = causeway(["run", "--stats", "--json", image("hello")]);
  const numbers = JSON.parse(stderr) as Record<string, number>;
  assert(numbers.instructions! > 100 && numbers.seconds! > 0 && numbers.mips! > 0, stderr);
});

Deno.test("run --max-instructions stops after exactly so many, with exit code 124", () => {
  const { code, stderr } = runCode(ENDLESS, "--max-instructions", "1e6", "--stats", "--json");
  assertEquals(code, 124);
  assertEquals(JSON.parse(stderr.split("\n")[0]!).instructions, 1_000_000);
  assertStringIncludes(stderr, "stopped by --max-instructions");
});

Deno.test("run gives 128 + N and one line where the guest dies of signal N", () => {
  const died = (hex: string) => {
    const { code, stdout, stderr } = runCode(hex);
    assertEquals(stdout, "");
    return [
      code,
      stderr.replace(/^causeway: the program died of /, "").replace(/ \(\/.*?\+/, " (PATH+").trim(),
    ];
  };
  assertEquals(died("0f 0b"), [132, "SIGILL at 0x400078 (PATH+0x78): #UD"]);
  // XOR EAX, EAX; MOV EAX, [RAX] or MOV [RAX], EAX or JMP RAX
  const unmapped = "0x0, where nothing is mapped";
  assertEquals(died("31 c0 8b 00"), [139, `SIGSEGV at 0x40007a (PATH+0x7a): it read from ${unmapped}`]);
  assertEquals(died("31 c0 89 00"), [139, `SIGSEGV at 0x40007a (PATH+0x7a): it wrote to ${unmapped}`]);
  assertEquals(died("31 c0 ff e0"), [139, `SIGSEGV at 0x0: it executed ${unmapped}`]);
  // LEA RAX, [RIP]; MOV [RAX], AL
  assertEquals(died("48 8d 05 00 00 00 00 88 00"), [
    139,
    "SIGSEGV at 0x40007f (PATH+0x7f): it wrote to 0x40007f, where it may not",
  ]);
  assertEquals(died("31 c9 f7 f1"), [136, "SIGFPE at 0x40007a (PATH+0x7a): #DE"]); // XOR ECX, ECX; DIV ECX
  // JMP to an address that is not canonical
  assertEquals(died("ff 25 00 00 00 00 00 00 00 00 00 80 00 00"), [
    139,
    "SIGSEGV at 0x400078 (PATH+0x78): #GP",
  ]);
  // MOV EDI, … kill(getpid(), SIGTERM): no fault
  assertEquals(died("b8 27 00 00 00 0f 05 89 c7 be 0f 00 00 00 b8 3e 00 00 00 0f 05 eb fe"), [
    143,
    "SIGTERM",
  ]);
});

Deno.test("run names an instruction that is not implemented, with exit code 126", () => {
  const { code, stderr } = runCode("c5 f4 58 c2 90 90 90 90"); // VADDPS YMM0, YMM1, YMM2
  assertEquals([code, stderr], [
    126,
    "causeway: the program needs an instruction that is not implemented: AVX (c5 f4 58 c2 90 90 90 90 …)\n",
  ]);
});

Deno.test("run --strace prints system calls to stderr", () => {
  const { code, stderr } = runCode(EXIT_42, "--strace");
  assertEquals(code, 42);
  assertStringIncludes(stderr, "exit(42)");
});

/** exit(time(NULL) != the start of virtual time). */
const IS_HOST_TIME = "b8 c9 00 00 00 31 ff 0f 05 3d 00 b9 55 69 40 0f 95 c7 b8 3c 00 00 00 0f 05";

Deno.test("run --clock chooses between virtual time, which starts with 2026, and the host's", () => {
  assertEquals(runCode(IS_HOST_TIME).code, 0);
  assertEquals(runCode(IS_HOST_TIME, "--clock", "virtual").code, 0);
  assertEquals(runCode(IS_HOST_TIME, "--clock", "host").code, 1);
});

Deno.test("run --dump --dump-file writes the stages that were asked for", () => {
  withFolder((folder) => {
    const path = join(folder, "program"), dump = join(folder, "dump");
    writeFileSync(path, elfOf(EXIT_42), { mode: 0o755 });
    const outcome = causeway(["run", "--engine=js", "--dump=asm,js", "--dump-file", dump, path]);
    assertEquals(outcome, { code: 42, stdout: "", stderr: "" });
    const text = readFileSync(dump, "utf8");
    assertStringIncludes(text, "mov edi, 0x2a");
    assertStringIncludes(text, "-- js 0x400078\n");
    assert(!text.includes("-- ir"));
  });
});

Deno.test("run --root shows the guest that tree only, with its own paths and environment", () => {
  withFolder((folder) => {
    mkdirSync(join(folder, "bin"));
    copyFileSync(image("hello"), join(folder, "bin/hello"));
    chmodSync(join(folder, "bin/hello"), 0o755);
    symlinkSync("../../../../../bin/hello", join(folder, "bin/link")); // `..` ends at the tree's root
    assertEquals(causeway(["run", "--root", folder, "/bin/hello", "x"]).stdout, "Hello, x!\n");
    assertEquals(causeway(["run", "--root", folder, "hello", "x"]).stdout, "Hello, x!\n"); // found along PATH
    assertEquals(causeway(["run", "--root", folder, "--cwd", "/bin", "./link", "x"]).stdout, "Hello, x!\n");
    assertEquals(causeway(["run", "--root", folder, "--cwd", "bin", "./link", "x"]).stdout, "Hello, x!\n");
    const { code, stderr } = causeway(["run", "--root", folder, image("hello")]);
    assertEquals(code, 125);
    assertEquals(stderr.split("\n").length, 2);
  });
});

Deno.test({
  name: "run gives the guest our environment by name, so that a run is the same each time",
  ignore: !existsSync(BUSYBOX),
  fn: () => {
    const { stdout } = causeway(["run", "--env", "BEHIND=a=b", BUSYBOX, "env"]);
    const lines = stdout.trimEnd().split("\n"), names = lines.map((line) => line.slice(0, line.indexOf("=")));
    const ours = Object.keys(process.env).filter((name) => name !== "BEHIND").toSorted();
    assertEquals(names, [...ours, "BEHIND"]);
    assertEquals(lines.at(-1), "BEHIND=a=b");
  },
});

for (
  const [name, content, message] of [
    ["an empty file", new Uint8Array(0), "it is empty"],
    [
      "a text without #!",
      new TextEncoder().encode("hello\n"),
      "it is no ELF file and no script with a #! line",
    ],
    [
      "a truncated ELF file",
      elfOf(EXIT_42).slice(0, 100),
      "the file ends before the end of the program headers",
    ],
    [
      "an ELF file for another processor",
      elfOf(EXIT_42).map((byte, at) => at === 18 ? 183 : byte),
      "64-bit ARM",
    ],
    ["a 32-bit program", elfOf(EXIT_42).map((byte, at) => at === 18 ? 3 : at === 4 ? 1 : byte), "32-bit"],
  ] as const
) {
  Deno.test(`run refuses ${name} in one line, with exit code 125`, () => {
    withFolder((folder) => {
      const path = join(folder, "program");
      writeFileSync(path, content, { mode: 0o755 });
      const { code, stdout, stderr } = causeway(["run", path]);
      assertEquals([code, stdout], [125, ""]);
      assertStringIncludes(stderr, message);
      assertEquals(stderr.split("\n").length, 2, stderr);
    });
  });
}

for (
  const [args, code, message] of [
    [["run", "/nonexistent/program"], 125, "/nonexistent/program"],
    [["run", "no-such-program-anywhere"], 125, "there is no program no-such-program-anywhere"],
    [["run", "/"], 125, "/"],
    [["run", "--root", "/nonexistent", "x"], 125, "cannot take /nonexistent as root: there is no such file"],
    [["run", "--root", "/dev/null", "x"], 125, "cannot take /dev/null as root: it is no directory"],
    [
      ["run", "--cwd", "/nonexistent", image("hello")],
      125,
      "Cannot start in /nonexistent: there is no such folder",
    ],
    [["run", "--cwd", "/dev/null", image("hello")], 125, "Cannot start in /dev/null: it is no folder"],
    [["run", ""], 2, "run takes a PROGRAM and its arguments"],
    [["run", "--env", "NAME", "x"], 2, "--env NAME: must be NAME=VALUE"],
    [["run", "--cycles", "z80", "x"], 2, "--cycles z80: must be haswell, skylake or off"],
    [["run", "--json", image("hello")], 2, "--json needs --stats"],
    [["demo", "--dump-file", "x"], 2, "--dump-file needs --dump"],
    [["run", "--seed", "1e12", "x"], 2, "--seed 1e12: must be less than"],
    [["demo", "x"], 2, "demo takes no arguments"],
  ] as const
) {
  Deno.test(`causeway ${args.join(" ")} exits with ${code} and one line that says why`, () => {
    const outcome = causeway(args);
    assertEquals([outcome.code, outcome.stdout], [code, ""]);
    assertStringIncludes(outcome.stderr, message);
    assertEquals(outcome.stderr.split("\n").length, 2, outcome.stderr);
  });
}

Deno.test({
  name: `a program is told why stdin cannot be read, boot says so${
    Deno.build.os === "windows" ? " [needs sh]" : ""
  }`,
  ignore: Deno.build.os === "windows",
  fn() {
    // read(0, the stack, 1); exit(-RAX)
    const read = "b8 00 00 00 00 bf 00 00 00 00 48 89 e6 ba 01 00 00 00 0f 05";
    withFolder((folder) => {
      const program = join(folder, "program"), written = join(folder, "written");
      writeFileSync(program, elfOf(`${read} 89 c7 f7 df b8 3c 00 00 00 0f 05`), { mode: 0o755 });
      const withStdin = (redirection: string, ...args: string[]): unknown => {
        const line = `exec "$@" ${redirection}`, command = [process.execPath, "run", "-A", MAIN, ...args];
        const { status, stderr } = spawnSync("sh", ["-c", line, "sh", ...command], {
          encoding: "utf8",
          env: { ...process.env, NO_COLOR: "1" },
        });
        return [status, stderr];
      };
      const EISDIR = 21, EBADF = 9;
      assertEquals(withStdin(`< ${folder}`, "run", program), [EISDIR, ""]);
      assertEquals(withStdin(`0> ${written}`, "run", program), [EBADF, ""]);
      const kernel = fileURLToPath(new URL("../../src/guests/echo/echo.elf", import.meta.url));
      const message = "causeway boot: cannot read stdin: it is not open for that\n";
      assertEquals(withStdin(`0> ${written}`, "boot", "--kernel", kernel), [125, message]);
    });
  },
});

Deno.test({
  name: `Ctrl-C ends a guest that never would${Deno.build.os === "windows" ? " [needs signals]" : ""}`,
  ignore: Deno.build.os === "windows",
  async fn() {
    const folder = Deno.makeTempDirSync();
    try {
      const path = join(folder, "program");
      writeFileSync(path, elfOf(ENDLESS), { mode: 0o755 });
      for (const engine of ENGINE_NAMES) {
        const child = spawn(process.execPath, ["run", "-A", MAIN, "run", "--engine", engine, path], {
          stdio: "ignore",
        });
        const ended = new Promise<string | null>((resolve) =>
          child.once("exit", (_code, signal) => resolve(signal))
        );
        await new Promise((resolve) => setTimeout(resolve, 1500));
        child.kill("SIGINT");
        assertEquals(await ended, "SIGINT");
      }
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  },
});
