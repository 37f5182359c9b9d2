/** Output that cannot be written: an exit code and one line that names it, never a stack trace. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { causeway, MAIN, withFolder } from "./command_line.ts";
import { elfOf } from "./elf.ts";

const FULL = "/dev/full", missing = !existsSync(FULL);
const ECHO = fileURLToPath(new URL("../../src/guests/echo/echo.elf", import.meta.url));

/** Runs `causeway` with one of its streams led to /dev/full; the other is collected. */
function withFull(
  stream: 1 | 2,
  ...args: string[]
): { readonly code: number | null; readonly other: string } {
  const full = openSync(FULL, "w");
  try {
    const { status, stdout, stderr } = spawnSync(process.execPath, ["run", "-A", MAIN, ...args], {
      encoding: "utf8",
      env: { ...process.env, NO_COLOR: "1" },
      stdio: ["ignore", stream === 1 ? full : "pipe", stream === 2 ? full : "pipe"],
    });
    return { code: status, other: stream === 1 ? stderr : stdout };
  } finally {
    closeSync(full);
  }
}

/** HLT in a file. */
function withCode(use: (file: string) => void): void {
  withFolder((folder) => {
    const file = join(folder, "code.bin");
    writeFileSync(file, Uint8Array.of(0xf4));
    use(file);
  });
}

const full = (name: string, fn: () => void): void =>
  Deno.test({ name: `${name}${missing ? ` (needs ${FULL})` : ""}`, ignore: missing, fn });

full("a full stdout ends exec, disasm, boot and --help with 125 and one line", () => {
  withCode((file) => {
    for (const args of [["exec", file], ["disasm", file], ["boot", "--kernel", ECHO], ["--help"]]) {
      const { code, other } = withFull(1, ...args);
      assertEquals(code, 125, args[0]!);
      assertStringIncludes(other, ": cannot write stdout: no space is left there\n");
      assertEquals(other.split("\n").length, 2, other);
    }
  });
});

full("a full stderr is told by the exit code", () => {
  withCode((file) => {
    const { code, other } = withFull(2, "exec", "--stats", file);
    assertEquals([code, JSON.parse(other).rip], [125, "0x10001"]);
    assertEquals(withFull(2, "nonsense"), { code: 2, other: "" });
  });
});

full("--dump-file names the file where it cannot be written", () => {
  withCode((file) => {
    const dump = (path: string): unknown => {
      const { code, stderr } = causeway(["disasm", "--dump", "asm", "--dump-file", path, file]);
      return [code, stderr];
    };
    const why = "causeway disasm: cannot write";
    assertEquals(dump(FULL), [125, `${why} ${FULL}: no space is left there\n`]);
    assertEquals(dump("/no/such/x"), [125, `${why} /no/such/x: there is no folder /no/such\n`]);
  });
});

full("a program is told that its stdout is full", () => {
  withFolder((folder) => {
    const path = join(folder, "program");
    // write(1, ., 1); MOV EDI, EAX; NEG EDI; exit(EDI): the error number.
    const write = "b8 01 00 00 00 bf 01 00 00 00 48 89 e6 ba 01 00 00 00 0f 05";
    writeFileSync(path, elfOf(`${write} 89 c7 f7 df b8 3c 00 00 00 0f 05`), { mode: 0o755 });
    assertEquals(withFull(1, "run", path), { code: 28, other: "" });
  });
});

full("boot --save replaces no device", () => {
  const { code, stderr } = causeway(["boot", "--kernel", ECHO, "--save", FULL, "--save-at", "9"]);
  assertEquals([code, stderr], [125, `causeway boot: cannot write ${FULL}: it is no file\n`]);
});
