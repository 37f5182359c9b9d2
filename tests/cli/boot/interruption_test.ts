import { assertEquals, assertMatch } from "@std/assert";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MAIN } from "../command_line.ts";

/** A kernel that writes a letter to the serial port and loops: MOV DX, 3F8H; MOV AL, 'x'; OUT DX, AL; JMP itself. */
const KERNEL = Uint8Array.of(0x66, 0xba, 0xf8, 3, 0xb0, 0x78, 0xee, 0xeb, 0xfe);

for (const [signal, number] of [["SIGINT", 2], ["SIGTERM", 15]] as const) {
  Deno.test({
    name: `boot tells where the guest was when ${signal} ends it, also behind the end of stdin`,
    ignore: Deno.build.os === "windows",
    async fn() {
      const folder = mkdtempSync(join(tmpdir(), "causeway-"));
      try {
        const kernel = join(folder, "kernel");
        writeFileSync(kernel, KERNEL);
        const boot = ["run", "-A", MAIN, "boot", "--kernel", kernel, "--load-address", "0x100000"];
        const command = new Deno.Command(Deno.execPath(), {
          args: boot,
          stdin: "null",
          stdout: "piped",
          stderr: "piped",
        });
        const child = command.spawn(), reader = child.stdout.getReader();
        assertEquals(new TextDecoder().decode((await reader.read()).value), "x");
        reader.releaseLock();
        child.kill(signal);
        const { code, stderr: bytes } = await child.output(), stderr = new TextDecoder().decode(bytes);
        assertEquals(code, 128 + number, stderr);
        const said = new RegExp(
          `^causeway: stopped by ${signal} at \\d+ instructions\\n  processor 0 at 0x100007`,
        );
        assertMatch(stderr, said);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  });
}
