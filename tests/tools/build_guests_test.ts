import { assert, assertEquals } from "@std/assert";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildGuest, COMPILER, COMPILER_VERSION, compilerVersion } from "../../_tools/build_guests.ts";
import { GUESTS } from "../../src/guests/guests.ts";

const version = compilerVersion();
const missing = version === COMPILER_VERSION
  ? ""
  : ` [needs ${COMPILER} ${COMPILER_VERSION}; here: ${version ?? "none"}]`;

Deno.test({
  name: `buildGuest() gives the committed images byte by byte${missing}`,
  ignore: missing !== "",
  fn() {
    const folder = mkdtempSync(join(tmpdir(), "guests-"));
    try {
      for (const guest of GUESTS) {
        const output = join(folder, guest.name);
        buildGuest(guest, output);
        assert(readFileSync(output).equals(readFileSync(guest.image)), `${guest.name} has other bytes`);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
});

const native = Deno.build.os === "linux" && Deno.build.arch === "x86_64";

Deno.test({
  name: `the guests' expected output is what they print natively${native ? "" : " [needs x86-64 Linux]"}`,
  ignore: !native,
  fn() {
    const expected = (name: string): string =>
      readFileSync(new URL(name, new URL("../guests/", import.meta.url)), "utf8");
    for (
      const [guest, args, file] of [
        ["hello", ["Ada", "Grace"], "hello.txt"],
        ["scene", [], "scene.txt"],
      ] as const
    ) {
      const image = GUESTS.find(({ name }) => name === guest)!.image;
      const { stdout } = spawnSync(fileURLToPath(image), args, { encoding: "utf8" });
      // The processor's own name is not the guest's.
      const anyVendor = (text: string): string => text.replace(/which says "\w{12}"/, 'which says "-"');
      assertEquals(anyVendor(stdout), anyVendor(expected(file)), file);
    }
  },
});
