import { assertEquals, assertThrows } from "@std/assert";
import { existsSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CommandError } from "../../src/cli/exit_codes.ts";
import { readInput } from "../../src/cli/input.ts";
import { causeway, withFolder } from "./command_line.ts";

const missing = ["/dev/zero", "/dev/stdin"].filter((path) => !existsSync(path));

Deno.test("readInput() reads a file, and refuses one that is larger than memory", () => {
  withFolder((folder) => {
    const path = join(folder, "file");
    writeFileSync(path, Uint8Array.of(1, 2, 3));
    assertEquals([...readInput(path)], [1, 2, 3]);
    truncateSync(path, 2 ** 32);
    const message = `cannot read ${path}: it has 4294967296 bytes; 4 GB are too many`;
    assertEquals(assertThrows(() => readInput(path), CommandError).message, message);
  });
});

Deno.test({
  name: `readInput() takes what comes through a pipe, and no device that never ends${
    missing.length > 0 ? ` (needs ${missing.join()})` : ""
  }`,
  ignore: missing.length > 0,
  fn() {
    assertEquals(causeway(["disasm", "/dev/stdin"], "P").stdout.slice(43), "push rax\n");
    const error = assertThrows(() => readInput("/dev/zero"), CommandError);
    assertEquals(error.message, "cannot read /dev/zero: it does not end within 512 MB");
    assertEquals(error.exitCode, 125);
  },
});
