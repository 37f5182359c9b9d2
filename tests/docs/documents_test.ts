import { assert, assertEquals } from "@std/assert";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import {
  type ConsoleExample,
  findConsoleExamples,
  findLinks,
  findPaths,
  headingFragments,
} from "../../_tools/docs.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const DOCUMENTS = [
  "README.md",
  "ARCHITECTURE.md",
  "CONTRIBUTING.md",
  "DEVIATIONS.md",
  "docs/browser.md",
  "docs/continuous_integration.md",
  "docs/crossover.md",
  "docs/debugging.md",
  "docs/devices.md",
  "docs/hypervisor_lab.md",
  "docs/kvm_unit_tests.md",
  "docs/library.md",
  "docs/performance.md",
  "docs/snapshots.md",
  "docs/virtual_machines.md",
  "src/guests/worlds/README.md",
];
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

const bash = spawnSync("bash", ["-c", "grep --version"]).status === 0;

for (const document of DOCUMENTS) {
  const text = read(document);

  Deno.test(`${document}: every link leads to a file and a heading that exist`, () => {
    const broken = findLinks(text).filter(({ path, fragment }) => {
      const target = join(dirname(document), path === "" ? document : path);
      if (!existsSync(join(ROOT, target))) return true;
      return fragment !== "" && !headingFragments(read(target)).includes(fragment);
    });
    assertEquals(broken, []);
  });

  Deno.test(`${document}: every path it names exists`, () => {
    assertEquals(findPaths(text).filter((path) => !existsSync(join(ROOT, path))), []);
  });

  const examples = findConsoleExamples(text);
  if (examples.length === 0) continue;
  Deno.test({
    name: `${document}: its ${examples.length} console examples print what it shows${
      bash ? "" : " [needs bash and grep]"
    }`,
    ignore: !bash,
    fn: () => runExamples(document, examples),
  });
}

/** Runs console examples in one folder, as a reader would. */
function runExamples(document: string, examples: readonly ConsoleExample[]): void {
  const folder = mkdtempSync(join(tmpdir(), "examples-"));
  try {
    symlinkSync(join(ROOT, "src"), join(folder, "src"));
    const program = `causeway() { '${process.execPath}' run -A '${join(ROOT, "src/cli/main.ts")}' "$@"; }\n`;
    for (const { line, command, output } of examples) {
      const result = spawnSync("bash", ["-c", program + command], { cwd: folder, encoding: "utf8" });
      const printed = result.stdout + result.stderr;
      if (output !== undefined) assertEquals(printed, output, `${document}:${line}: ${command}`);
      else assert(result.status === 0, `${document}:${line}: ${command}: ${printed}`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

Deno.test("code examples of the documents and docstrings run", () => {
  const sources = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "docs/devices.md",
    "docs/hypervisor_lab.md",
    "docs/library.md",
    "docs/snapshots.md",
    "mod.ts",
    "src/cli/host.ts",
    "src/machine/api",
    "src/machine/machine.ts",
    "src/linux/run_program.ts",
  ];
  const { status, stdout, stderr } = spawnSync(process.execPath, [
    "test",
    "-A",
    "--doc",
    "--no-lock",
    ...sources,
  ], {
    cwd: ROOT,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
  });
  assertEquals(status, 0, stdout + stderr);
  assert(/ok \| [1-9]\d* passed/.test(stdout), stdout);
});
