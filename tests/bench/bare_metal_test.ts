/** The programs of the suite in ring 0 of a bare machine print what they print as programs of Linux. */
import { assertEquals, assertThrows } from "@std/assert";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bareProgram, outputOf, QEMU_SYSTEM, runInQemuSystem } from "../../bench/bare_metal.ts";
import { runBare } from "../../bench/bare_metal_run.ts";
import { digestOf } from "../../bench/emulated.ts";
import { isInstalled } from "../../bench/native.ts";
import { SUITE } from "../../bench/suite.ts";
import { ENGINE_NAMES } from "../../src/machine/engines.ts";

const OURS = SUITE.filter(({ from }) => from === undefined);
const expected = (prints: string): Promise<string> => digestOf(new TextEncoder().encode(prints));

for (const engine of ENGINE_NAMES) {
  for (const program of OURS) {
    Deno.test(`benchmark ${program.name} prints on a bare machine in ${engine} what it prints natively`, async () => {
      const folder = mkdtempSync(join(tmpdir(), "causeway-bare-"));
      try {
        const { digest } = await runBare(engine, bareProgram(program, program.sizes.tiny, folder));
        assertEquals(digest, await expected(program.prints!));
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }
}

const missing = !isInstalled(QEMU_SYSTEM);
Deno.test({
  name: `benchmarks print on QEMU's bare machine what they print natively${
    missing ? ` [needs ${QEMU_SYSTEM}]` : ""
  }`,
  ignore: missing,
  async fn() {
    for (const program of OURS) {
      const { digest } = await runInQemuSystem(program, program.sizes.tiny);
      assertEquals(digest, await expected(program.prints!), program.name);
    }
  },
});

Deno.test("outputOf() takes what lies between the wrapper's lines, and refuses a program that failed", () => {
  assertEquals(outputOf("begin\na\nb\nend 0\n"), "a\nb\n");
  assertThrows(() => outputOf("begin\na\nend 1\n"), Error, "end 1");
  assertThrows(() => outputOf("begin\nexception vector=6\n"), Error, "vector=6");
});
