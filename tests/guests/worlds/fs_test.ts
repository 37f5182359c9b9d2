/** The file system of the worlds' kernel, compiled for the host with the compiler's own checks. */
import { assertEquals } from "@std/assert";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isInstalled } from "../../../bench/native.ts";

const COMPILER = "gcc";
const missing = isInstalled(COMPILER) ? "" : ` [needs ${COMPILER}]`;
const SEEDS = [1, 2, 3, 4];
const CALLS = 200_000;

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const SOURCES = [
  file("fs_check.c"),
  ...["node", "file", "ram", "pipe"].map((name) => file(`../../../src/guests/worlds/fs/${name}.c`)),
  file("../../../src/guests/worlds/lib/format.c"),
];

Deno.test({
  name: `fs_open(), fs_read(), fs_write(), fs_close(), fs_pipe() do what a simple model does${missing}`,
  ignore: missing !== "",
  fn() {
    const folder = mkdtempSync(join(tmpdir(), "fs-"));
    try {
      const program = join(folder, "check");
      const checks = [
        "-fsanitize=address,undefined",
        "-fno-sanitize-recover=all",
        "-Wall",
        "-Wextra",
        "-Werror",
      ];
      const built = spawnSync(COMPILER, ["-std=gnu11", "-O1", "-g", ...checks, "-o", program, ...SOURCES], {
        encoding: "utf8",
      });
      assertEquals([built.stderr, built.status], ["", 0]);
      for (const seed of SEEDS) {
        const { stdout, stderr, status } = spawnSync(program, [`${seed}`, `${CALLS}`], { encoding: "utf8" });
        assertEquals([stdout, stderr, status], [`${CALLS} calls\n`, "", 0], `seed ${seed}`);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
});
