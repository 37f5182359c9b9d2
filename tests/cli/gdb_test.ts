import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { spawnSync } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ENGINE_NAMES } from "../../src/machine/engines.ts";
import { missingTools, needs } from "../programs/support.ts";
import { gdb, SocketClient, Waiting } from "./_gdb.ts";
import { causeway } from "./command_line.ts";

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const ECHO = path("../../src/guests/echo/echo.elf");
const missing = missingTools("gdb", "gcc");

/** Builds the kernel echo with debug information. */
function buildEcho(folder: string): string {
  const output = join(folder, "echo.debug");
  const { status, stderr } = spawnSync("gcc", [
    ...["-m32", "-g", "-O1", "-std=gnu11", "-ffreestanding", "-fno-pie", "-no-pie", "-mgeneral-regs-only"],
    ...["-fno-stack-protector", "-fcf-protection=none", "-nostdlib", "-static", "-Wl,--build-id=none"],
    ...["-Wl,-z,noexecstack", "-Wl,-T", path("../../src/guests/kernel.ld"), "-o", output],
    path("../../src/guests/echo/echo.c"),
  ], { encoding: "utf8" });
  assertEquals([status, stderr], [0, ""]);
  return output;
}

async function withEcho(body: (kernel: string) => Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync({ prefix: "causeway-gdb-" });
  try {
    await body(buildEcho(folder));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

for (const engine of ENGINE_NAMES) {
  Deno.test({
    name: `boot --gdb --engine ${engine}: gdb breaks, looks, steps, watches and lets go${needs(missing)}`,
    ignore: missing.length > 0,
    fn: () =>
      withEcho(async (kernel) => {
        const machine = new Waiting("boot", ["--kernel", kernel, "--engine", engine], "hello\nexit\n");
        const { stdout } = await gdb(await machine.port(), [
          "break is_exit",
          "continue",
          "print (char *) line",
          "print length",
          "bt 1",
          "x/i $pc",
          "stepi",
          "info threads",
          "delete",
          "watch complete",
          "continue",
          "hbreak is_exit",
          "continue",
          "print (char *) line",
          "set variable line[0] = 'E'",
          "print (char *) line",
          "set variable line[0] = 'e'",
          "monitor translate 0x400000",
          "maintenance packet Qqemu.PhyMemMode:1",
          "x/1wx 0x400000",
          "detach",
        ], kernel);
        const lines = [
          /^Breakpoint 1, is_exit \(\)/m,
          /^\$1 = 0x[0-9a-f]+ <line> "hello"$/m,
          /^\$2 = 5$/m,
          /^#0 .*is_exit/m,
          /^=> 0x[0-9a-f]+ <.*>:/m,
          /^\* 1 +Thread 1 \(processor 0\)/m,
          /^Hardware watchpoint 2: complete$/m,
          /^Old value = 1$/m,
          /^New value = 0$/m,
          /^\$3 = 0x[0-9a-f]+ <line> "exit"$/m,
          /^\$4 = 0x[0-9a-f]+ <line> "Exit"$/m,
          /^0x400000$/m,
          /^0x400000.*:\t0x1badb002$/m,
          /detached/,
        ];
        for (const line of lines) assertMatch(stdout, line);
        const plain = causeway(["boot", "--kernel", kernel, "--engine", engine], "hello\nexit\n");
        const { code, stdout: console } = await machine.finished;
        assertEquals([code, console], [plain.code, plain.stdout]);
      }),
  });
}

Deno.test("boot --gdb: a debugger over a socket interrupts what runs, and kills it", async () => {
  const machine = new Waiting("boot", ["--kernel", ECHO], "line\n");
  const client = await SocketClient.open(await machine.port());
  assertStringIncludes(await client.ask("qSupported:swbreak+"), "QStartNoAckMode+");
  assertEquals(await client.ask("QStartNoAckMode"), "OK");
  assertEquals(await client.ask("?"), "T05thread:1;");
  assertEquals(await client.ask("vCont;s:1"), "T05thread:1;");
  client.socket.write("no packet");
  assertEquals(await client.ask("mgarbage"), "E16");
  const other = await SocketClient.open(Number(/:(\d+)\n/.exec(machine.stderr)![1]));
  assertEquals(await other.next(), "", "there is one debugger at a time");
  client.socket.write("$k#6b");
  const { code, stderr } = await machine.finished;
  assertEquals(code, 137);
  assertStringIncludes(stderr, "killed by the debugger");
});

Deno.test("boot --gdb: Ctrl-C reaches a kernel that spins", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    // Multiboot header; CLI; JMP $
    const image = new Uint8Array(0x24), view = new DataView(image.buffer);
    const words = [0x1bad_b002, 0x1_0000, -(0x1bad_b002 + 0x1_0000), 0x10_0000, 0x10_0000, 0, 0, 0x10_0020];
    for (const [n, word] of words.entries()) view.setUint32(4 * n, word >>> 0, true);
    image.set([0xfa, 0xeb, 0xfe], 0x20);
    const kernel = join(folder, "spin");
    Deno.writeFileSync(kernel, image);
    const machine = new Waiting("boot", ["--kernel", kernel]);
    const client = await SocketClient.open(await machine.port());
    await client.ask("QStartNoAckMode");
    client.socket.write("$vCont;c#a8");
    await new Promise((resolve) => setTimeout(resolve, 200));
    client.socket.write("\x03");
    assertEquals(await client.next(), "T02thread:1;");
    assertEquals(await client.ask("p8"), "21001000");
    client.socket.write("$vKill;1#6e");
    assertEquals((await machine.finished).code, 137);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("boot --gdb refuses a port that is taken, and what is no port", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const { code, stderr } = causeway(["boot", "--kernel", ECHO, "--gdb", `${port}`]);
  server.close();
  assertEquals(code, 125);
  assertStringIncludes(stderr, `cannot listen for gdb on port ${port}`);
  assertEquals(causeway(["boot", "--kernel", ECHO, "--gdb", "65536"]).code, 2);
  assert(causeway(["boot", "--kernel", ECHO, "--gdb-arch", "z80"]).code === 2);
});

const FAULTING = `
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
#include <sys/wait.h>
int counter;
static void *work(void *p) { counter += 3; return p; }
int main(int argc, char **argv) {
  (void)argv;
  pthread_t thread;
  if (fork() == 0) { work(0); _exit(9); }
  wait(0);
  pthread_create(&thread, 0, work, 0);
  pthread_join(thread, 0);
  if (argc > 1) *(volatile int *)8 = 1;
  puts("end");
  return counter;
}
`;

/** Builds the program with debug information. */
function buildProgram(folder: string): string {
  const source = join(folder, "program.c"), output = join(folder, "program");
  Deno.writeTextFileSync(source, FAULTING);
  const { status, stderr } = spawnSync("gcc", ["-g", "-O0", "-static", "-o", output, source, "-lpthread"], {
    encoding: "utf8",
  });
  assertEquals([status, stderr], [0, ""]);
  return output;
}

for (const engine of ENGINE_NAMES) {
  Deno.test({
    name: `run --gdb --engine ${engine}: threads, faults, children${needs(missing)}`,
    ignore: missing.length > 0,
    fn: async () => {
      const folder = Deno.makeTempDirSync({ prefix: "causeway-gdb-" });
      try {
        const program = new Waiting("run", ["--engine", engine, buildProgram(folder), "fault"]);
        const { stdout } = await gdb(await program.port(), [
          "break work",
          "continue",
          "info threads",
          "watch counter",
          "continue",
          "print counter",
          "delete",
          "continue",
          "x/i $pc",
          "print $_siginfo.si_signo",
          "print $_siginfo._sifields._sigfault.si_addr",
          "info proc mappings 1000",
          "signal 0",
        ], join(folder, "program"));
        const lines = [
          // The child has come through before.
          /^Thread 2 hit Breakpoint 1, work \(p=0x0\)/m,
          /^ {2}1 +Thread 1000 \(program\) /m,
          /^\* 2 +Thread 100\d \(program\) +work/m,
          /^Old value = 0\nNew value = 3$/m,
          /^Thread 1 received signal SIGSEGV, Segmentation fault\.$/m,
          /^=> 0x[0-9a-f]+ <main\+\d+>:\tmovl +\$0x1,\(%rax\)$/m,
          /^\$2 = 11$/m,
          /^\$3 = \(void \*\) 0x8$/m,
          /^ +0x7f[0-9a-f]+ +0x7f[0-9a-f]+ +.*\[stack\]/m,
        ];
        for (const line of lines) assertMatch(stdout, line);
        const { code, stderr } = await program.finished;
        // Without the signal the instruction faults again; gdb is gone then and lets go.
        assertEquals(code, 139, stderr);
      } finally {
        Deno.removeSync(folder, { recursive: true });
      }
    },
  });
}

Deno.test({
  name: `run --gdb: gdb finds the program and its libraries by itself${needs(missing)}`,
  ignore: missing.length > 0,
  fn: async () => {
    const folder = Deno.makeTempDirSync({ prefix: "causeway-gdb-" });
    try {
      const [library, program] = [join(folder, "libtwice.so"), join(folder, "program")];
      const compile = (source: string, ...args: string[]) =>
        assertEquals(
          spawnSync("gcc", ["-g", "-O0", "-xc", "-", "-xnone", ...args], { input: source }).status,
          0,
        );
      compile("int twice(int n) { return 2 * n; }", "-shared", "-fPIC", "-o", library);
      const main = "int twice(int); int main(int argc, char **argv) { return argv ? twice(argc) : 0; }";
      compile(main, "-o", program, `-Wl,-rpath,${folder}`, library);
      const waiting = new Waiting("run", [program, "a"]);
      const { stdout } = await gdb(await waiting.port(), [
        "break twice",
        "continue",
        "bt",
        "monitor maps",
        "continue",
      ]);
      assertMatch(stdout, /^Breakpoint 1, twice \(n=2\) at /m);
      assertMatch(stdout, /^#1 .* in main \(argc=2, argv=0x[0-9a-f]+\) at /m);
      assertMatch(stdout, /^[0-9a-f]+-[0-9a-f]+ r-xp .*\/libtwice\.so$/m);
      assertEquals((await waiting.finished).code, 4);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  },
});

Deno.test("run --gdb: stepping and breakpoints leave the run as it is without a debugger", async () => {
  // With a root of its own it has the same environment everywhere: so it is in the same loop after as many steps.
  const args = ["--stats", "--json", "--root", path("../../src/guests/hello"), "/hello.elf", "Ada"];
  const plain = causeway(["run", ...args]);
  const program = new Waiting("run", args);
  const client = await SocketClient.open(await program.port());
  await client.ask("QStartNoAckMode");
  for (let step = 0; step < 300; step++) assertMatch(await client.ask("s"), /^T05thread:3e8;$/);
  const rip = (await client.ask("p10")).match(/../g)!.reverse().join("").replace(/^0+/, "");
  assertEquals(await client.ask(`Z0,${rip},1`), "OK");
  let stop = await client.ask("c");
  assertMatch(stop, /^T05/);
  while (stop.startsWith("T")) stop = await client.ask("c");
  assertEquals(stop, "W01");
  const { code, stdout, stderr } = await program.finished;
  assertEquals([code, stdout], [1, "Hello, Ada!\n"]);
  const instructions = (text: string): number => JSON.parse(text.slice(text.indexOf("{"))).instructions;
  assertEquals(instructions(stderr), instructions(plain.stderr));
});
