/**
 * How long a snapshot of a booted computer takes, and how long until the resumed one answers at its prompt, in a process
 * that has done it before and in new ones: `deno task bench:snapshot SNAPSHOT`. The snapshot is of a
 * machine whose shell waits for a command, as `causeway boot --save` makes it.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parsePositive, scriptLine } from "../_tools/script.ts";
import { loadMachine, type Machine } from "../mod.ts";
import { flag, value } from "../src/cli/options.ts";

/** Goal, in seconds: a file of this size to a working prompt. */
const GOAL = 1;
const COMMAND = "echo $((6 * 7))\n", ANSWER = "42";
const INSTRUCTIONS = 1e9;

const { values, rest } = scriptLine({
  call: "deno task bench:snapshot",
  description:
    "Resumes a snapshot of a computer whose shell waits for a command, and measures how long until it answers.",
  operands: ["SNAPSHOT"],
  options: {
    runs: value("N", "The best of N runs counts (5).", parsePositive),
    json: flag("Prints one JSON object."),
    once: flag("One run, printed as JSON, and nothing else: what the new processes do."),
  },
});
const path = rest[0]!;

/** Seconds of one resumption. */
interface Run {
  readonly read: number;
  readonly load: number;
  readonly answer: number;
  readonly total: number;
  /** Of the processor, in all threads of ours: other work of the host does not count. */
  readonly processor: number;
}

const seconds = (from: number): number => (performance.now() - from) / 1000;

async function resume(path: string): Promise<{ readonly run: Run; readonly machine: Machine }> {
  const start = performance.now(), before = process.cpuUsage();
  const file = readFileSync(path);
  const read = seconds(start), loading = performance.now();
  const machine = await loadMachine(file);
  const load = seconds(loading), answering = performance.now();
  machine.console.write(COMMAND);
  machine.waitForText(ANSWER, { instructions: INSTRUCTIONS });
  const answer = seconds(answering), total = seconds(start), { user, system } = process.cpuUsage(before);
  return { run: { read, load, answer, total, processor: (user + system) / 1e6 }, machine };
}

if (values.once) {
  const { run } = await resume(path);
  console.log(JSON.stringify(run));
  process.exit(0);
}

/** A run in a new process, and the seconds from its start to its end. */
function resumeAnew(path: string): { readonly run: Run; readonly whole: number } {
  const start = performance.now();
  const script = fileURLToPath(import.meta.url);
  const output = execFileSync(process.execPath, ["run", "-A", script, path, "--once"], { encoding: "utf8" });
  return { run: JSON.parse(output), whole: seconds(start) };
}

const least = <T>(all: readonly T[], of: (one: T) => number): T =>
  all.reduce((best, one) => of(one) < of(best) ? one : best);
const count = values.runs ?? 5;
const anew = Array.from({ length: count }, () => resumeAnew(path));
const runs: Run[] = [];
let save = Infinity;
for (let n = 0; n < count; n++) {
  const { run, machine } = await resume(path);
  runs.push(run);
  const saving = performance.now();
  await machine.snapshot();
  save = Math.min(save, seconds(saving));
}
const best = least(runs, ({ total }) => total), bestAnew = least(anew, ({ whole }) => whole);
const bytes = statSync(path).size;
if (values.json) {
  console.log(JSON.stringify({ bytes, save, best, bestAnew, runs, anew, goal: GOAL }, undefined, 1));
} else {
  const text = (value: number): string => `${value.toFixed(3)} s`;
  const parts = ({ read, load, answer, total, processor }: Run): string =>
    `read ${text(read)}, load ${text(load)}, answer ${text(answer)}, together ${text(total)}, ` +
    `${text(processor)} of the processor`;
  console.log(`snapshot of ${(bytes / 1e6).toFixed(1)} MB, best of ${count} (goal: under ${GOAL} s)`);
  console.log(`  in a process that has done it before: ${parts(best)}`);
  console.log(
    `  in a new process: ${parts(bestAnew.run)}; ${text(bestAnew.whole)} from its start to its end`,
  );
  console.log(`save ${text(save)}`);
}
