import { assertEquals, assertThrows } from "@std/assert";
import { spawnSync } from "node:child_process";
import { isInstalled } from "../../bench/native.ts";
import { ustar } from "../../_tools/ustar.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const ENTRIES = [
  { path: "a", mode: 0o755 },
  { path: "a/file", bytes: text("contents\n"), mode: 0o644 },
  { path: "empty", bytes: text(""), mode: 0o600 },
] as const;

Deno.test("ustar() pads to records of 512 bytes and ends with two empty ones", () => {
  const archive = ustar(ENTRIES);
  assertEquals(archive.length, 512 * (1 + 2 + 1 + 2));
  assertEquals(archive.slice(-1024), new Uint8Array(1024));
  assertEquals(new TextDecoder().decode(archive.subarray(257, 262)), "ustar");
  assertEquals(ustar(ENTRIES), archive, "the same bytes each time");
});

Deno.test("ustar() refuses names longer than 100 bytes", () => {
  assertThrows(() => ustar([{ path: "n".repeat(101), bytes: text(""), mode: 0o644 }]), RangeError);
});

Deno.test({
  name: `tar reads what ustar() writes${isInstalled("tar") ? "" : " [needs tar]"}`,
  ignore: !isInstalled("tar"),
  fn() {
    const list = spawnSync("tar", ["tvf", "-"], { input: ustar(ENTRIES), encoding: "utf8" });
    assertEquals(list.stderr, "");
    const lines = list.stdout.trimEnd().split("\n").map((line) => line.split(/ +/));
    assertEquals(lines.map((words) => [words[0], words[2], words[5]]), [
      ["drwxr-xr-x", "0", "a/"],
      ["-rw-r--r--", "9", "a/file"],
      ["-rw-------", "0", "empty"],
    ]);
  },
});
