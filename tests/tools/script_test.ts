import { assert, assertEquals, assertThrows } from "@std/assert";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseMinutes, parsePositive, readScriptLine, scriptHelp } from "../../_tools/script.ts";
import { CommandError } from "../../src/cli/exit_codes.ts";
import { flag, value } from "../../src/cli/options.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SCRIPT = {
  call: "deno task measure",
  description: "Measures.",
  options: { runs: value("N", "How often.", parsePositive), json: flag("Prints JSON.") },
  operands: ["KERNEL", "[INITRD]"],
} as const;

Deno.test("readScriptLine() reads options and operands", () => {
  assertEquals(readScriptLine(SCRIPT, ["--runs", "3", "vmlinuz"]), {
    values: { runs: 3, json: false, help: false } as { runs: number; json: boolean },
    rest: ["vmlinuz"],
  });
});

Deno.test("readScriptLine() answers --help with the usage, whatever else is missing", () => {
  const help = scriptHelp(SCRIPT);
  assertEquals(readScriptLine(SCRIPT, ["--help"]), { help });
  assertEquals(
    help,
    "Usage: deno task measure [OPTIONS] KERNEL [INITRD]\n\nMeasures.\n\nOptions (--name value or --name=value):\n" +
      "  --runs N\n        How often.\n  --json\n        Prints JSON.\n",
  );
});

Deno.test("scriptHelp() lists no options where there are none", () => {
  assertEquals(
    scriptHelp({ call: "draw", description: "Draws.", operands: ["OUT", "[ARGS…]"] }),
    "Usage: draw OUT [ARGS…]\n\nDraws.\n",
  );
});

Deno.test("readScriptLine() leaves all behind the first operand to the other program where it must", () => {
  const script = { call: "draw", description: "", operands: ["OUT", "[ARGS…]"], stopsAtFirst: true };
  const line = readScriptLine(script, ["out.svg", "ls", "--help"]);
  assert("rest" in line);
  assertEquals(line.rest, ["out.svg", "ls", "--help"]);
});

for (
  const [args, message] of [
    [[], "KERNEL is missing"],
    [["a", "b", "c"], "there is one operand too many: c"],
    [["--run", "3", "a"], "there is no option --run; did you mean --runs?"],
    [["--runs", "0", "a"], "--runs 0: must be 1 or more"],
    [["--runs", "many", "a"], "--runs many: must be a whole number such as 4096 or 0x1000"],
  ] as const
) {
  Deno.test(`readScriptLine() refuses ${args.join(" ") || "nothing"}`, () => {
    const error = assertThrows(() => readScriptLine(SCRIPT, args), CommandError);
    assertEquals([error.message, error.exitCode], [message, 2]);
  });
}

Deno.test("parseMinutes() takes fractions, and refuses what is no number of minutes", () => {
  assertEquals(parseMinutes("0.5"), 0.5);
  for (const text of ["", "-1", "soon", "Infinity"]) assertThrows(() => parseMinutes(text), RangeError);
});

/** Modules beside the product. */
const modules = ["_tools", "bench", "tests"].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith("_test.ts")).map((name) => join(folder, name))
);
/** This file says the words, too. */
const READER = join("_tools", "script.ts");
const scripts = modules.filter((name) =>
  name !== READER && readFileSync(join(ROOT, name), "utf8").includes("scriptLine({")
);

Deno.test("no script reads its arguments in a way of its own", () => {
  const own = /Deno\.args|= process\.argv|\bparseArgs\b/;
  assertEquals(
    modules.filter((name) => name !== READER && own.test(readFileSync(join(ROOT, name), "utf8"))),
    [],
  );
});

for (const script of scripts) {
  Deno.test(`${script} answers --help with its usage, and refuses an unknown option with exit code 2`, () => {
    const run = (option: string) =>
      spawnSync(process.execPath, ["run", "-A", join(ROOT, script), option], {
        cwd: ROOT,
        encoding: "utf8",
        env: { ...process.env, NO_COLOR: "1" },
        timeout: 60_000,
      });
    const help = run("--help");
    assertEquals([help.status, help.stderr], [0, ""]);
    const [, call] = /^Usage: (.*?)( \[OPTIONS\]| [A-Z[].*)?$/m.exec(help.stdout)!;
    assert(call!.startsWith("deno "), help.stdout);
    const wrong = run("--no-such-option");
    assertEquals([wrong.status, wrong.stdout], [2, ""]);
    assertEquals(
      wrong.stderr,
      `${call}: there is no option --no-such-option; --help lists them\n`,
    );
  });
}
