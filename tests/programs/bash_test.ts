/** Debian's bash, unmodified: each script as on this machine's processor. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { BASH_SCRIPTS } from "./bash_commands.ts";
import {
  assertSame,
  BASH,
  BUSYBOX,
  busyboxCommands,
  emptied,
  missingTools,
  needs,
  runEmulated,
  runNative,
  temporaryFolder,
} from "./support.ts";

const missing = missingTools(BASH, BUSYBOX);
const folder = missing.length === 0 ? temporaryFolder("bash") : "";
const PATH = missing.length === 0 ? busyboxCommands(join(folder, "bin")) : "";
const work = join(folder, "work");

for (const { what, script, stdin = "" } of BASH_SCRIPTS) {
  Deno.test({
    name: `bash, ${what}: output and exit code are native${needs(missing)}`,
    ignore: missing.length > 0,
    fn() {
      const invocation = { program: BASH, args: ["-c", script], stdin, env: { PATH }, cwd: work };
      emptied(work);
      const expected = runNative(invocation);
      emptied(work);
      assertSame(runEmulated(invocation, "auto"), expected, what);
    },
  });
}

Deno.test({
  name: `causeway run of bash, on each engine: output and exit code are native${needs(missing)}`,
  ignore: missing.length > 0,
  fn() {
    const script = 'trap "echo bye" EXIT; seq 5 | while read -r n; do echo $((n * n)); done; ls; exit 7';
    emptied(work);
    const native = runNative({ program: BASH, args: ["-c", script], env: { PATH }, cwd: work });
    const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
    for (const engine of ["interpreter", "js", "wasm", "auto"]) {
      const options = ["--engine", engine, "--env", `PATH=${PATH}`, BASH, "-c", script];
      const { status, stdout } = spawnSync(Deno.execPath(), [
        "run",
        "-A",
        "--no-check",
        main,
        "run",
        ...options,
      ], {
        cwd: work,
        encoding: "utf8",
      });
      assertEquals({ status, stdout }, { status: native.exitCode, stdout: native.stdout }, engine);
    }
  },
});
