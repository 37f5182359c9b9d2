import { assertEquals, assertStringIncludes } from "@std/assert";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";

Deno.test("the package can be published: its public types are explicit, and it holds no test", () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["publish", "--dry-run", "--allow-dirty"], {
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
  });
  const output = stdout + stderr;
  assertEquals(status, 0, output);
  assertStringIncludes(output, "Dry run complete");
  assertEquals(/file:\S*\/(?:tests|bench|_tools)\/\S*/.exec(output), null);
});
