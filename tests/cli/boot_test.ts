import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { SwitchCounts } from "../../src/machine/api/world_events.ts";
import { ENGINE_NAMES } from "../../src/machine/engines.ts";
import { bootMachine } from "../../src/machine/machine.ts";
import { elfWithNote } from "../machine/loaders/_pvh.ts";
import { elfWithSymbols } from "../machine/loaders/_symbols.ts";
import { causeway, MAIN, withFolder } from "./command_line.ts";
import { openIdeDrives } from "../../src/cli/disks.ts";

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const SELFTEST = path("../machine/kernels/selftest.elf"), ECHO = path("../../src/guests/echo/echo.elf");
const PROTOCOL = path("worlds/kernels/protocol.elf");
const TRANSCRIPT = readFileSync(path("../machine/kernels/selftest.txt"), "utf8");

for (const engine of ENGINE_NAMES) {
  Deno.test(`boot --engine ${engine} passes on the kernel's output and exit code`, () => {
    withFolder((folder) => {
      const module = join(folder, "module");
      writeFileSync(module, "module text\n");
      const args = ["--kernel", SELFTEST, "--initrd", module, "--append", "alpha beta", "--engine", engine];
      assertEquals(causeway(["boot", ...args]), { code: 33, stdout: TRANSCRIPT, stderr: "" });
    });
  });
}

Deno.test("boot --initrd: what follows a space is a module's command line, unless a file is called so", () => {
  withFolder((folder) => {
    // MOV EAX, [EBX+16]; MOV ESI, [EAX+16]: the first module's command line, which goes to the serial port.
    // deno-fmt-ignore
    const code = [
      0x8b, 0x43, 0x10, 0x8b, 0x70, 0x10, 0x66, 0xba, 0xf8, 0x03,
      0xac, 0x84, 0xc0, 0x74, 0x03, 0xee, 0xeb, 0xf8, 0xe6, 0xf4,
    ];
    const kernel = join(folder, "kernel"), plain = join(folder, "linux"), spaced = join(folder, "a linux");
    writeFileSync(kernel, elfWithNote(code));
    for (const file of [plain, spaced]) writeFileSync(file, "");
    for (const line of [plain, `${plain} console=hvc0 quiet`, spaced]) {
      assertEquals(causeway(["boot", "--kernel", kernel, "--initrd", line]), {
        code: 1,
        stdout: line,
        stderr: "",
      });
    }
    const { code: refused, stderr } = causeway(["boot", "--kernel", kernel, "--initrd", `${plain}x quiet`]);
    assertEquals([refused, stderr], [125, `causeway boot: cannot read ${plain}x: there is no such file\n`]);
  });
});

Deno.test("boot gives the kernel stdin: a pipe, or a file", () => {
  const expected = "Type lines; exit ends this.\n> hello\n> exit\n";
  assertEquals(causeway(["boot", "--kernel", ECHO], "hello\nexit\n"), {
    code: 1,
    stdout: expected,
    stderr: "",
  });
  withFolder((folder) => {
    const file = join(folder, "input");
    writeFileSync(file, "hello\nexit\n");
    // Paths as variables: Deno's spawnSync adds flags of its own behind its path in arguments.
    const { status, stdout } = spawnSync("sh", [
      "-c",
      'exec "$DENO" run -A "$MAIN" boot --kernel "$KERNEL" < "$INPUT"',
    ], {
      encoding: "utf8",
      env: { ...process.env, DENO: process.execPath, MAIN, KERNEL: ECHO, INPUT: file },
    });
    assertEquals([status, stdout], [1, expected]);
  });
});

Deno.test("Console.unread counts what is typed until the guest has read it, on both consoles", () => {
  for (const virtioConsole of [false, true]) {
    const machine = bootMachine({ kernel: readFileSync(ECHO), virtioConsole });
    const console = machine.virtioConsole ?? machine.console;
    console.write("hello\n");
    assertEquals(console.unread, 6);
    machine.run({ instructions: 1_000_000 });
    assertEquals(console.unread, virtioConsole ? 6 : 0); // the kernel reads the serial port only
  }
});

/** MOV DX, 2F8H; IN AL, DX; INC AL; OUT DX, AL; INC AL; MOV DX, 3F8H; OUT DX, AL; then a full reset: MOV DX, CF9H; MOV AL, 6; OUT DX, AL; HLT. */
const SECOND_SERIAL = elfWithNote([
  ...[0x66, 0xba, 0xf8, 0x02, 0xec, 0xfe, 0xc0, 0xee, 0xfe, 0xc0, 0x66, 0xba, 0xf8, 0x03, 0xee],
  ...[0x66, 0xba, 0xf9, 0x0c, 0xb0, 0x06, 0xee, 0xf4],
]);

Deno.test("boot --second-serial writes what the guest sends there to a file; a reset ends it, and is told", () => {
  withFolder((folder) => {
    const kernel = join(folder, "kernel"), log = join(folder, "log");
    writeFileSync(kernel, SECOND_SERIAL);
    const reset = "causeway: the guest has reset the machine\n";
    assertEquals(causeway(["boot", "--kernel", kernel]), { code: 0, stdout: "\x02", stderr: reset });
    const args = ["boot", "--kernel", kernel, "--second-serial"];
    assertEquals(causeway([...args, log]), { code: 0, stdout: "\x02", stderr: reset });
    assertEquals(readFileSync(log, "latin1"), "\x01");
    assertEquals(causeway([...args, join(folder, "none", "log")]), {
      code: 125,
      stdout: "",
      stderr: `causeway boot: cannot write ${join(folder, "none", "log")}: there is no folder ${
        join(folder, "none")
      }\n`,
    });
  });
});

Deno.test("boot --debug-port shows what a kernel writes to port E9H", () => {
  withFolder((folder) => {
    const kernel = join(folder, "kernel");
    // IN AL, E9H; OUT E9H, AL; MOV AL, 0AH; OUT E9H, AL; OUT F4H, AL
    writeFileSync(kernel, elfWithNote([0xe4, 0xe9, 0xe6, 0xe9, 0xb0, 0x0a, 0xe6, 0xe9, 0xe6, 0xf4]));
    const args = ["boot", "--kernel", kernel];
    assertEquals(causeway(args), { code: 21, stdout: "", stderr: "" });
    assertEquals(causeway([...args, "--debug-port"]), { code: 21, stdout: "", stderr: "\ufffd\n" });
  });
});

Deno.test("Machine.secondSerial is a console of its own", () => {
  const machine = bootMachine({ kernel: SECOND_SERIAL }), written: number[] = [];
  machine.on("secondSerial", (bytes) => written.push(...bytes));
  machine.secondSerial.write("a");
  assertEquals(machine.run().kind, "reset");
  assertEquals([machine.console.text, machine.secondSerial.text, written], ["c", "b", [98]]);
});

Deno.test("boot exits with 127 and the registers after a triple fault", () => {
  const { code, stderr } = causeway(["boot", "--kernel", SELFTEST, "--append", "triple"]);
  assertEquals(code, 127);
  assertStringIncludes(stderr, "causeway: triple fault\nRAX ");
  assertMatch(stderr, /CR0 0000000080010033 {2}CR2 /);
});

Deno.test("boot --symbols names the addresses after a triple fault, and refuses a file without symbols", () => {
  withFolder((folder) => {
    const kernel = join(folder, "kernel"), symbols = join(folder, "symbols");
    writeFileSync(kernel, elfWithNote([0x0f, 0x0b]));
    const { code, stderr } = causeway(["boot", "--kernel", kernel]);
    assertEquals(code, 127);
    const start = Number(/#UD at (0x[0-9a-f]+)$/m.exec(stderr)![1]);
    const names = elfWithSymbols(32, { start, size: 16 }, [{ name: "die", value: start, size: 2, type: 2 }]);
    writeFileSync(symbols, names);
    assertMatch(
      causeway(["boot", "--kernel", kernel, "--symbols", symbols]).stderr,
      /#UD at 0x[0-9a-f]+ <die>$/m,
    );
    assertEquals(causeway(["boot", "--kernel", kernel, "--symbols", kernel]), {
      code: 125,
      stdout: "",
      stderr: `causeway boot: ${kernel} has no symbols: it is no ELF file, or stripped\n`,
    });
  });
});

Deno.test("boot --max-instructions stops with 124, and says where the processors are", () => {
  const { code, stderr } = causeway(["boot", "--kernel", ECHO, "--max-instructions", "100", "--cpus", "2"]);
  assertEquals(code, 124);
  assertMatch(
    stderr,
    /^causeway: stopped by --max-instructions\n {2}processor 0 at 0x[0-9a-f]+\n {2}processor 1 has not been started\n$/,
  );
});

Deno.test("boot says that a guest waits for input that cannot come, or for what nothing brings: exit code 125", () => {
  const waits = causeway(["boot", "--kernel", ECHO], "");
  assertEquals([waits.code, waits.stderr], [
    125,
    "causeway: stopped: the guest waits for input, and stdin has ended\n",
  ]);
  withFolder((folder) => {
    const kernel = join(folder, "kernel");
    writeFileSync(kernel, elfWithNote([0xf4]));
    const { code, stderr } = causeway(["boot", "--kernel", kernel]);
    assertEquals(code, 125);
    assertMatch(stderr, /nothing can wake it\n {2}processor 0 at 0x[0-9a-f]+, in HLT\n/);
    assertStringIncludes(
      stderr,
      "causeway: the guest has printed nothing; Linux does with --append console=ttyS0",
    );
  });
});

Deno.test("boot says of a guest that has written to its display only how to see that", () => {
  withFolder((folder) => {
    const kernel = join(folder, "kernel");
    // MOV WORD [B8000H], 1F41H; JMP to itself
    writeFileSync(kernel, elfWithNote([0x66, 0xc7, 0x05, 0x00, 0x80, 0x0b, 0x00, 0x41, 0x1f, 0xeb, 0xfe]));
    const args = ["boot", "--kernel", kernel, "--max-instructions", "1000"];
    assertStringIncludes(causeway(args).stderr, "--screen shows it");
    const { stdout, stderr } = causeway([...args, "--screen", "--append", "console=tty0"]);
    assertStringIncludes(stdout, "|A");
    assertEquals(stderr.split("\n").length, 3);
  });
});

Deno.test("boot --stats counts instructions", () => {
  const { code, stderr } = causeway(["boot", "--kernel", ECHO, "--stats", "--json"], "exit\n");
  assertEquals(code, 1);
  assert(JSON.parse(stderr).instructions > 100);
});

Deno.test("boot --stats shows the thresholds and the soft TLBs' sizes", () => {
  const { stderr } = causeway(["boot", "--kernel", ECHO, "--stats"], "exit\n");
  assertMatch(stderr, /^ +from so many runs on, evicted +[\d,]+, 0$/m);
  assertMatch(stderr, /^ +most blocks at first, later +\d+, \d+$/m);
  assertMatch(stderr, /^ +through passes from run +\d+$/m);
  assertMatch(stderr, /^ +worlds, TLB entries of each +[1-9]\d*, \d+(-\d+)?$/m);
});

Deno.test("boot --screen frames the screen in lines of its own, behind what the console shows", () => {
  const { stdout } = causeway(["boot", "--kernel", ECHO, "--screen", "--max-instructions", "1000"]);
  assertMatch(stdout, /^Type lines; exit ends this\.\n> \n\+-*\+\n(\|.*\|\n){25}\+-*\+\n$/);
});

Deno.test("boot refuses what it cannot boot and what it does not understand", () => {
  const refused = (...args: string[]): [number | null, string] => {
    const { code, stderr } = causeway(["boot", ...args]);
    return [code, stderr];
  };
  assertEquals(refused(), [2, "causeway boot: boot needs --kernel FILE, --firmware FILE or --load FILE\n"]);
  assertEquals(refused("--kernel", "/nowhere")[0], 125);
  assertStringIncludes(refused("--kernel", MAIN)[1], "no multiboot header");
  assertEquals(refused("--kernel", ECHO, "--cpus", "256")[0], 2);
  assertEquals(refused("--kernel", ECHO, "--vmx", "--cpu", "causeway-la57"), [
    2,
    "causeway boot: --vmx does not go with --cpu causeway-la57, which has no VMX\n",
  ]);
  assertEquals(refused("--kernel", ECHO, "--crossover"), [
    2,
    "causeway boot: --crossover needs --vmx: world calls are functions of VMFUNC\n",
  ]);
  assertEquals(refused("--kernel", ECHO, "--vmx", "--wt-entries", "8")[0], 2);
  assertStringIncludes(
    refused("--kernel", ECHO, "--vmx", "--crossover", "--cpus", "8", "--wt-entries", "65536")[1],
    "at most 262144",
  );
  assertEquals(refused("--kernel", ECHO, "--vmx", "--crossover", "--iwt-entries", "0")[0], 2);
  assertEquals(refused("--kernel", ECHO, "more")[0], 2);
});

Deno.test("boot --disk refuses what is no disk image, and says why", () => {
  withFolder((folder) => {
    const file = (name: string, size: number): string => {
      writeFileSync(join(folder, name), new Uint8Array(size));
      return join(folder, name);
    };
    const refused: readonly (readonly [path: string, why: string])[] = [
      [join(folder, "none"), "there is no such file"],
      [file("empty", 0), "the image is empty"],
      [file("odd", 513), "the image has 513 bytes, which is no multiple of 512"],
      [folder, "it is a directory"],
    ];
    for (const [path, why] of refused) {
      const { code, stderr } = causeway(["boot", "--kernel", ECHO, "--disk", path]);
      assertEquals([code, stderr], [125, `causeway boot: cannot use ${path} as a disk: ${why}\n`]);
    }
    const cdrom = file("cd", 1024), why = "the image has 1024 bytes, which is no multiple of 2048";
    const cd = causeway(["boot", "--kernel", ECHO, "--cdrom", cdrom]);
    assertEquals([cd.code, cd.stderr], [125, `causeway boot: cannot use ${cdrom} as a CD-ROM: ${why}\n`]);
    const { code, stderr } = causeway(["boot", "--kernel", ECHO, "--snapshot"]);
    assertEquals([code, stderr], [2, "causeway boot: --snapshot needs --disk FILE or --ide FILE\n"]);
  });
});

Deno.test("openIdeDrives() puts disks in order, and a CD-ROM at the first free place of the second channel", () => {
  withFolder((folder) => {
    const disk = join(folder, "disk"), cd = join(folder, "cd");
    writeFileSync(disk, new Uint8Array(512));
    writeFileSync(cd, new Uint8Array(2048));
    const places = (disks: number, cdrom?: string): readonly string[] =>
      Object.entries(openIdeDrives(Array(disks).fill(disk), cdrom, false)).map(([place, drive]) =>
        `${place}${drive?.cdrom ? " CD" : ""}${drive?.snapshot ? " kept" : ""}`
      );
    assertEquals(places(0), []);
    assertEquals(places(0, cd), ["secondaryMaster CD kept"]);
    assertEquals(places(2, cd), ["primaryMaster", "primarySlave", "secondaryMaster CD kept"]);
    assertEquals(places(3, cd).slice(2), ["secondaryMaster", "secondarySlave CD kept"]);
    assertEquals(places(4).at(-1), "secondarySlave");
  });
});

Deno.test("boot --cycles makes world switches cost; --stats counts them by kind", () => {
  const run = (...args: string[]): { cycles: number; instructions: number; worldSwitches: SwitchCounts } =>
    JSON.parse(
      causeway(["boot", "--kernel", PROTOCOL, "--append", "path=original iterations=3", ...args]).stderr,
    );
  const off = run("--stats", "--json"), haswell = run("--stats", "--json", "--cycles", "haswell");
  assertEquals(off.cycles, off.instructions);
  assertEquals(haswell.instructions, off.instructions);
  const { cr3Write } = haswell.worldSwitches;
  assert(cr3Write > 100);
  assertEquals(haswell.cycles, haswell.instructions + 142 * cr3Write);
  const { stderr } = causeway([
    "boot",
    "--kernel",
    PROTOCOL,
    "--append",
    "path=vmfunc iterations=3",
    "--stats",
  ]);
  assertMatch(stderr, /^ {2}writes of CR3 +\d+$/m);
});

Deno.test("boot --world-call-cycles needs a model and a sensible number", () => {
  const refused = (...args: string[]): [number | null, string] => {
    const { code, stderr } = causeway(["boot", "--kernel", ECHO, "--world-call-cycles", ...args]);
    return [code, stderr];
  };
  assertEquals(refused("200")[0], 2);
  assertStringIncludes(refused("200")[1], "needs a cycle model");
  assertStringIncludes(refused("0", "--cycles", "haswell")[1], "must be from 1 to 100000");
});

Deno.test("boot --vmx gives the processor VMX", () => {
  const kernel = path("../vmx/kernels/vmx.elf");
  assertEquals(causeway(["boot", "--kernel", kernel]).code, 127);
  assertEquals(causeway(["boot", "--kernel", kernel, "--vmx"]).code, 1);
});
