/**
 * What a program of the suite, or the boot of Debian's kernel, spends its processor time on: `deno task bench:profile
 * PROGRAM|boot [SIZE]`. Linux's `perf` looks a thousand times a second where each thread is; V8 tells it what code it has
 * made. All on one core, as in the suite.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { initramfs } from "../_tools/debian/initramfs.ts";
import { debianKernel } from "../_tools/debian/packages.ts";
import { oneOf, refuse, scriptLine } from "../_tools/script.ts";
import { isInstalled, pinned } from "./native.ts";
import { Category, categoryOf, countOf, functionOf, readSamples } from "./samples.ts";
import { SIZES, SUITE } from "./suite.ts";

/** Samples a second: no divisor of what the kernel's own clock does. */
const FREQUENCY = 997;
/** Functions that are named. */
const NAMED = 15;
const MOST_OUTPUT = 1 << 30;

/** Runs a command. Returns what it prints. */
function output(command: readonly string[]): string {
  return execFileSync(command[0]!, command.slice(1), {
    encoding: "utf8",
    maxBuffer: MOST_OUTPUT,
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** The command that runs once what is measured, with the files it needs in a folder. */
function commandOf(what: string, size: string, folder: string): string[] {
  const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  if (what === "boot") {
    const { image } = debianKernel("cloud"), initrd = join(folder, "initrd");
    writeFileSync(initrd, initramfs("cloud"));
    return [script("boot_run.ts"), "auto", image, initrd, "0"];
  }
  const program = SUITE.find(({ name }) => name === what)!;
  return [script("emulated.ts"), "auto", what, String(program.sizes[oneOf(SIZES, size)])];
}

const { rest: [name, size = "full"] } = scriptLine({
  call: "deno task bench:profile",
  description:
    "Runs a program of the benchmarks or the boot of Debian's kernel once under Linux's perf, and prints what it spends processor time on.",
  operands: ["PROGRAM|boot", `[${SIZES.join("|")}]`],
});
const what = oneOf([...SUITE.map((one) => one.name), "boot"], name!);
if (!isInstalled("perf")) {
  refuse("deno task bench:profile: perf is not installed (Debian package linux-perf)");
}

const folder = mkdtempSync(join(tmpdir(), "profile-"));
try {
  const data = join(folder, "perf.data");
  const deno = [process.execPath, "run", "-A", "--no-check", "--v8-flags=--perf-basic-prof"];
  output([
    ...["perf", "record", "-e", "cpu-clock", "-F", String(FREQUENCY), "-o", data],
    ...["--", ...pinned([...deno, ...commandOf(what, size, folder)])],
  ]);
  const text = output(["perf", "script", "-i", data, "-F", "pid,tid,ip,sym,dso"]);
  rmSync(`/tmp/perf-${/\d+/.exec(text)?.[0]}.map`, { force: true });
  const samples = readSamples(text), categories = new Map(countOf(samples.map(categoryOf)));
  const row = (label: string, count: number): string =>
    label.padEnd(64) + (count / FREQUENCY).toFixed(2).padStart(8) +
    `${(count / samples.length * 100).toFixed(1)} %`.padStart(9);
  console.log(`${what.padEnd(64)} seconds    share`);
  for (const category of Object.values(Category)) console.log(row(category, categories.get(category) ?? 0));
  console.log(row("in all, the start of the runtime included", samples.length));
  console.log("\nof that, in");
  const functions = countOf(samples.map(functionOf).filter((name) => name !== undefined));
  for (const [name, count] of functions.slice(0, NAMED)) console.log(row(name, count));
} finally {
  rmSync(folder, { recursive: true });
}
