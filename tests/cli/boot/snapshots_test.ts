/** `boot --save` and `boot --load`. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { causeway, MAIN, withFolder } from "../command_line.ts";

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const SELFTEST = path("../../machine/kernels/selftest.elf"), ECHO = path("../../../src/guests/echo/echo.elf");
const WHOLE = causeway(["boot", "--kernel", SELFTEST, "--append", "alpha"]);

Deno.test("boot --save-at saves at a count of instructions, goes on, and --load resumes to the same end", () => {
  withFolder((folder) => {
    const file = join(folder, "snapshot");
    const saved = causeway(
      ["boot", "--kernel", SELFTEST, "--append", "alpha", "--save", file, "--save-at", "100000"],
    );
    assertEquals(saved, { ...WHOLE, stderr: `causeway: saved ${file} at 100000 instructions\n` });
    const resumed = causeway(["boot", "--load", file, "--engine", "interpreter"]);
    assertEquals(resumed.code, WHOLE.code);
    assert(WHOLE.stdout.endsWith(resumed.stdout) && resumed.stdout.length < WHOLE.stdout.length);
    assertEquals(readdirSync(folder), ["snapshot"], "nothing else is left");
  });
});

Deno.test("boot --save-when saves behind a text, and ends there with --save-exit", () => {
  withFolder((folder) => {
    const file = join(folder, "snapshot");
    const saved = causeway(
      ["boot", "--kernel", ECHO, `--save=${file}`, "--save-when", "> ", "--save-exit"],
      "hello\n",
    );
    assertEquals([saved.code, saved.stdout], [0, "Type lines; exit ends this.\n> "]);
    const resumed = causeway(["boot", "--load", file], "you\nexit\n");
    assertEquals([resumed.code, resumed.stderr], [1, ""]);
    assertStringIncludes(resumed.stdout, "you\n> exit\n");
  });
});

Deno.test({
  name: "boot --save saves at SIGUSR2, also while the guest waits for input",
  ignore: process.platform === "win32",
  async fn() {
    const folder = mkdtempSync(join(tmpdir(), "causeway-"));
    try {
      const file = join(folder, "snapshot");
      const child = spawn(process.execPath, ["run", "-A", MAIN, "boot", "--kernel", ECHO, "--save", file]);
      const left = new Promise((resolve) => child.on("exit", resolve));
      await Promise.race([
        left,
        new Promise<void>((resolve) => {
          let text = "";
          child.stdout.on("data", (data) => (text += data).includes("> ") && resolve());
        }),
      ]);
      process.kill(child.pid!, "SIGUSR2");
      await Promise.race([left, new Promise<void>((resolve) => child.stderr.once("data", () => resolve()))]);
      assert(existsSync(file), "it was ended by the signal");
      child.stdin.end("exit\n");
      assertEquals(await left, 1, "it has gone on");
      assertEquals(causeway(["boot", "--load", file], "exit\n").stdout, "exit\n");
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
});

Deno.test("boot --save says what has not come", () => {
  withFolder((folder) => {
    const file = join(folder, "snapshot");
    const { code, stderr } = causeway(
      ["boot", "--kernel", SELFTEST, "--append", "alpha", "--save", file, "--save-when", "never printed"],
    );
    assertEquals(code, WHOLE.code);
    assertStringIncludes(stderr, "ended before the text of --save-when");
    assert(!existsSync(file));
  });
});

Deno.test("boot --save-at saves before the first instruction, too, but not where a loaded machine has passed", () => {
  withFolder((folder) => {
    const file = join(folder, "snapshot");
    const save = (at: string, ...from: string[]): unknown => {
      const { code, stdout, stderr } = causeway([
        "boot",
        ...from,
        "--save",
        file,
        "--save-at",
        at,
        "--save-exit",
      ]);
      return [code, stdout, stderr];
    };
    const saved = (at: number): string => `causeway: saved ${file} at ${at} instructions\n`;
    assertEquals(save("0", "--kernel", ECHO), [0, "", saved(0)]);
    assertEquals(save("0", "--load", file), [0, "", saved(0)]);
    assertEquals(save("9", "--load", file), [0, "", saved(9)]);
    const message = "causeway boot: --save-at 8: the machine has executed 9 instructions already\n";
    assertEquals(save("8", "--load", file), [2, "", message]);
    const { code, stderr } = causeway(["boot", "--load", file, "--net-port", "80"]);
    assertEquals([code, stderr], [2, "causeway boot: --net-port: the snapshot's machine has no network\n"]);
  });
});

const REFUSED: readonly (readonly [args: readonly string[], code: number, message: string])[] = [
  [["--load", "/dev/null"], 125, "cannot load /dev/null: this is no snapshot"],
  [["--load", ECHO], 125, "this is no snapshot"],
  [["--load", "/no/such/file"], 125, "there is no such file"],
  [["--load", ECHO, "--kernel", ECHO], 2, "--load takes no --kernel: the snapshot tells that"],
  [["--load", ECHO, "--memory", "64M"], 2, "--load takes no --memory"],
  [["--load", ECHO, "--cpu", "x86-64"], 2, "--load takes no --cpu"],
  [["--kernel", ECHO, "--save-at", "5"], 2, "need --save FILE"],
  [["--kernel", ECHO, "--save", "/no/such/folder/file", "--save-at", "5"], 125, "cannot write"],
  [["--kernel", ECHO, "--save", "x", "--save-at", "5", "--gdb", "0"], 2, "do not go with --gdb"],
];

for (const [args, code, message] of REFUSED) {
  Deno.test(`boot ${args.map((arg) => arg.split("/").at(-1)).join(" ")} is refused`, () => {
    const outcome = causeway(["boot", ...args]);
    assertEquals(outcome.code, code);
    assertStringIncludes(outcome.stderr, message);
  });
}

Deno.test("boot --load refuses a damaged file", () => {
  withFolder((folder) => {
    const file = join(folder, "snapshot");
    causeway(["boot", "--kernel", ECHO, "--save", file, "--save-at", "100", "--save-exit"]);
    const bytes = readFileSync(file);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(file, bytes);
    const { code, stderr } = causeway(["boot", "--load", file]);
    assertEquals(code, 125);
    assertStringIncludes(stderr, `cannot load ${file}: the snapshot is damaged: its checksum is wrong`);
  });
});
