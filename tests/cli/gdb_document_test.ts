import { assertEquals } from "@std/assert";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { missingTools, needs } from "../programs/support.ts";
import { gdb, Waiting } from "./_gdb.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const DOCUMENT = readFileSync(join(ROOT, "docs/debugging.md"), "utf8");
const missing = missingTools("gdb", "gcc");

/** The sessions of the document: commands, and what is between them. */
const SESSIONS = [...DOCUMENT.matchAll(/^```gdb\n([\s\S]*?)^```$/gm)].map(([, text]) => {
  const lines = text!.trimEnd().split("\n"), prompt = "(gdb) ";
  return {
    commands: lines.filter((line) => line.startsWith(prompt)).map((line) => line.slice(prompt.length)),
    output: lines.filter((line) => !line.startsWith(prompt)),
  };
});

/** The commands that build what is debugged. */
const BUILDS = [...DOCUMENT.matchAll(/^```sh\n(gcc .*)\n```$/gm)].map(([, command]) => command!);

/** How each of them is started: the command, what it gets besides `--gdb`, and its stdin. */
const STARTS = [
  { file: "hello", command: "run", args: (file: string) => [file, "Ada", "Grace"], input: "" },
  { file: "echo", command: "boot", args: (file: string) => ["--kernel", file], input: "hello\nexit\n" },
];

/** Addresses, and lengths of what stands beside them, depend on the compiler. */
const withoutAddresses = (lines: readonly string[]): string[] =>
  lines.map((line) => line.replace(/0x[0-9a-f]+/g, "0x").trimEnd());

for (const [n, { file, command, args, input }] of STARTS.entries()) {
  Deno.test({
    name: `docs/debugging.md: its session with ${file} prints what it shows${needs(missing)}`,
    ignore: missing.length > 0,
    fn: async () => {
      const folder = Deno.makeTempDirSync({ prefix: "causeway-gdb-" });
      try {
        const built = join(folder, file), build = BUILDS[n]!;
        const { status, stderr } = spawnSync(build.replace(`-o ${file}`, `-o ${built}`), {
          shell: true,
          cwd: ROOT,
          encoding: "utf8",
        });
        assertEquals([status, stderr], [0, ""]);
        const target = new Waiting(command, args(built), input);
        const { commands, output } = SESSIONS[n]!;
        const { stdout } = await gdb(await target.port(), commands.slice(1), built);
        await target.finished;
        assertEquals(withoutAddresses(stdout.trimEnd().split("\n")), withoutAddresses(output));
      } finally {
        Deno.removeSync(folder, { recursive: true });
      }
    },
  });
}
