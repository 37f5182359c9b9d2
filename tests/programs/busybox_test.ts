/** Debian's busybox, unmodified: each command as on this machine's processor. */
import { join } from "node:path";
import { BUSYBOX_COMMANDS } from "./busybox_commands.ts";
import {
  assertSame,
  BUSYBOX,
  busyboxCommands,
  emptied,
  missingTools,
  needs,
  runEmulated,
  runNative,
  temporaryFolder,
} from "./support.ts";

const missing = missingTools(BUSYBOX);
const folder = missing.length === 0 ? temporaryFolder("busybox") : "";
const PATH = missing.length === 0 ? busyboxCommands(join(folder, "bin")) : "";
const work = join(folder, "work");

for (const { what, script, stdin = "" } of BUSYBOX_COMMANDS) {
  Deno.test({
    name: `busybox, ${what}: output and exit code are native${needs(missing)}`,
    ignore: missing.length > 0,
    fn() {
      const invocation = { program: BUSYBOX, args: ["sh", "-c", script], stdin, env: { PATH }, cwd: work };
      emptied(work);
      const expected = runNative(invocation);
      emptied(work);
      assertSame(runEmulated(invocation, "auto"), expected, what);
    },
  });
}
