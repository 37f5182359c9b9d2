import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { causeway, type Outcome, withFolder } from "./command_line.ts";

/** Runs `causeway exec` on code given in hexadecimal, with the registers given. */
function exec(
  code: string,
  registers?: unknown,
  ...options: string[]
): Outcome & { json: Record<string, unknown> } {
  return withFolder((folder) => {
    const file = join(folder, "code.bin"), regs = join(folder, "regs.json");
    writeFileSync(file, new Uint8Array(code.split(" ").map((byte) => parseInt(byte, 16))));
    writeFileSync(regs, typeof registers === "string" ? registers : JSON.stringify(registers ?? {}));
    const outcome = causeway(["exec", "--regs", regs, ...options, file]);
    const stderr = outcome.stderr.replaceAll(folder, "");
    return { ...outcome, stderr, json: outcome.stdout === "" ? {} : JSON.parse(outcome.stdout) };
  });
}

Deno.test("exec runs code until HLT and prints what cli.md names", () => {
  const { code, json, stderr } = exec("48 01 d8 f4", { rax: 40, rbx: "0x2", xmm1: ["0x1", "0x2"] });
  assertEquals([code, stderr], [0, ""]);
  assertEquals([json.rax, json.rbx, json.rip, json.rflags], ["0x2a", "0x2", "0x10004", "0x202"]);
  assertEquals([json.xmm0, json.xmm1], [["0x0", "0x0"], ["0x1", "0x2"]]);
  assertEquals([json.mxcsr, json.fault, json.mm7], ["0x1f80", null, "0x0"]);
  const fpu = json.fpu as Record<string, string>;
  assertEquals([fpu.fcw, fpu.fsw, fpu.ftw, fpu.st0], ["0x37f", "0x0", "0x0", "0x0"]);
});

Deno.test("exec takes negative registers as their two's complement", () => {
  const { json } = exec("f4", { rax: -1, rbx: "-0x2", xmm1: ["0x1", -1] });
  assertEquals([json.rax, json.rbx], ["0xffffffffffffffff", "0xfffffffffffffffe"]);
  assertEquals(json.xmm1, ["0x1", "0xffffffffffffffff"]);
});

Deno.test("exec's output is input: a second run goes on from the first", () => {
  const first = exec("48 ff c0 d9 e8 0f 28 c8 f4", { rax: 7, xmm0: ["0x5", "0x6"] }); // INC RAX; FLD1; MOVAPS XMM1, XMM0
  const { rip: _, ...again } = first.json;
  const second = exec("48 ff c0 f4", again);
  assertEquals(second.json, { ...first.json, rax: "0x9", rip: "0x10004", rflags: "0x206" });
  assertEquals((second.json.fpu as Record<string, string>).st0, "0x3fff8000000000000000");
});

Deno.test("exec reports a page fault with vector, error code and address, and exits with 128 + SIGSEGV", () => {
  const { code, json } = exec("48 89 03 f4", { rbx: "0x7000000123" }); // MOV [RBX], RAX
  assertEquals(code, 139);
  assertEquals(json.fault, { vector: 14, error: "0x6", address: "0x7000000123" });
  assertEquals(json.rip, "0x10000");
});

Deno.test("exec reports faults without error code: #UD and #DE", () => {
  assertEquals(exec("0f 0b").json.fault, { vector: 6, error: null, address: null });
  const division = exec("f7 f1", { rax: 1 });
  assertEquals([division.code, division.json.fault], [136, { vector: 0, error: null, address: null }]);
});

Deno.test("exec takes and gives memory", () => {
  const { code, json } = exec(
    "48 8b 04 25 08 00 02 00 48 89 04 25 00 80 02 00 f4", // MOV RAX, [0x20008]; MOV [0x28000], RAX
    { memory: { "0x20008": "0102030405060708" } },
    "--map=0x28000:4K",
    "--dump-memory=0x28000:8",
    "--dump-memory",
    "0x10000:4",
  );
  assertEquals(code, 0);
  assertEquals(json.memory, { "0x28000": "0102030405060708", "0x10000": "488b0425" });
});

Deno.test("exec --mode 16 runs real mode, --mode 32 flat protected mode", () => {
  const real = exec(
    "8c c8 66 b9 78 56 34 12 89 0e 10 00 f4",
    { ds: "0x2000" },
    "--mode=16",
    "--dump-memory=0x20010:2",
  );
  assertEquals([real.code, real.json.rax, real.json.rcx], [0, "0x1000", "0x12345678"]); // MOV AX, CS; MOV ECX, …; MOV [10H], CX
  assertEquals(real.json.memory, { "0x20010": "7856" });
  const flat = exec("40 83 c0 ff f4", { rax: "0x10" }, "--mode=32"); // INC EAX; ADD EAX, -1
  assertEquals([flat.code, flat.json.rax, flat.json.rip], [0, "0x10", "0x10005"]);
});

Deno.test("exec --base puts the code where it says", () => {
  const { json } = exec("48 8d 05 00 00 00 00 f4", {}, "--base", "0x7ffff0000000"); // LEA RAX, [RIP]
  assertEquals([json.rax, json.rip], ["0x7ffff0000007", "0x7ffff0000008"]);
});

for (const engine of ["interpreter", "js", "wasm", "auto"]) {
  Deno.test(`exec --engine ${engine} --max-instructions stops exactly, with exit code 124`, () => {
    // INC RAX; JMP back
    const { code, json, stderr } = exec(
      "48 ff c0 eb fb",
      {},
      "--engine",
      engine,
      "--max-instructions",
      "100001",
    );
    assertEquals([code, json.rax, json.rip], [124, "0xc351", "0x10003"]);
    assertStringIncludes(stderr, "--max-instructions");
  });
}

Deno.test("exec exits with 126 for SYSCALL, which nobody answers", () => {
  const { code, stderr } = exec("0f 05");
  assertEquals(code, 126);
  assertStringIncludes(stderr, "SYSCALL");
});

for (
  const [registers, message] of [
    ["{", "it is not JSON"],
    ["[]", "it must hold an object"],
    ['{"eax": 1}', "there is no register eax"],
    ['{"rax": "zero"}', 'rax is "zero"; it must be a number'],
    ['{"rax": 1.5}', "rax is 1.5; it must be a whole number"],
    ['{"rax": 12345678901234567890}', "as text"],
    ['{"cs": "0x12345"}', "cs is 0x12345; it has 16 bits"],
    ['{"cs": "-0x8001"}', "cs is -0x8001; it has 16 bits"],
    ['{"memory": {"-0x20000": "ab"}}', "memory at -0x20000 must be"],
    ['{"memory": {"0x20000": "abc"}}', "memory at 0x20000 must be"],
    ['{"memory": {"0x800000000000": "ab"}}', "not canonical"],
  ] as const
) {
  Deno.test(`exec refuses the register file ${registers} in one line, with exit code 125`, () => {
    const { code, stdout, stderr } = exec("f4", registers);
    assertEquals([code, stdout], [125, ""]);
    assertStringIncludes(stderr, message);
    assertEquals(stderr.split("\n").length, 2);
  });
}

for (
  const [args, code, message] of [
    [["exec"], 2, "exec takes one FILE"],
    [["exec", "a", "b"], 2, "exec takes one FILE"],
    [["exec", "--mode", "8", "a"], 2, "--mode 8: must be 64, 32 or 16"],
    [["exec", "--memory", "1", "a"], 2, "--memory 1: must be"],
    [["exec", "--map", "0x1000", "a"], 2, "--map 0x1000: must be an address and a size"],
    [["exec", "/nonexistent/file"], 125, "cannot read /nonexistent/file: there is no such file"],
    [["exec", "/"], 125, "cannot read /: it is a directory"],
    [["exce", "a"], 2, "there is no command exce; did you mean exec?"],
    [["launch", "a"], 2, "there is no command launch; causeway --help lists them"],
    [["run"], 2, "run takes a PROGRAM"],
  ] as const
) {
  Deno.test(`causeway ${args.join(" ")} exits with ${code} and one line that says why`, () => {
    const outcome = causeway(args);
    assertEquals([outcome.code, outcome.stdout], [code, ""]);
    assertStringIncludes(outcome.stderr, message);
    assertEquals(outcome.stderr.split("\n").length, 2);
  });
}

Deno.test("causeway --help, COMMAND --help, help and --version answer on stdout with exit code 0", () => {
  const general = causeway(["--help"]);
  assertEquals([general.code, general.stderr], [0, ""]);
  for (const command of ["run", "exec", "disasm", "demo"]) {
    assertStringIncludes(general.stdout, `  ${command} `);
    const help = causeway([command, "--help"]);
    assertEquals([help.code, help.stderr], [0, ""]);
    assertEquals(causeway(["help", command]), help);
    assert(help.stdout.startsWith(`Usage: causeway ${command} `));
    assert(help.stdout.split("\n").every((line) => line.length <= 100), "lines fit");
  }
  assertEquals(causeway(["--version"]).stdout, "causeway 0.1.0\n");
  assertEquals(causeway(["help"]), general);
  assertEquals(causeway([]).code, 2);
});

Deno.test("exec --dump wasm shows a region as text behind the guest's instructions", () => {
  // mov ecx, 3; l: add rax, rcx; loop l; hlt
  const { code, stderr } = exec("b9 03 00 00 00 48 01 c8 e2 fb f4", {}, "--engine=wasm", "--dump=wasm");
  assertEquals(code, 0);
  assert(/-- asm 0x10005\n0*10005 {2}add rax, ?rcx\n/.test(stderr));
  assert(/-- wasm 0x10005[^\n]*\n(?: {2}.*\n)*? +i64\.add\n/.test(stderr));
});
