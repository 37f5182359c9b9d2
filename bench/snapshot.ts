/**
 * How long a snapshot of a booted computer takes, and how long until the resumed one answers at its prompt:
 * `deno task bench:snapshot SNAPSHOT [--runs N] [--json]`. The snapshot is of a machine whose shell waits for a command, as
 * `causeway boot --save` makes it.
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { loadMachine } from "../mod.ts";

/** Goal, in seconds: a file of this size to a working prompt. */
const GOAL = 1;
const COMMAND = "echo $((6 * 7))\n", ANSWER = "42";
const INSTRUCTIONS = 1e9;

const { values, positionals: [path] } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: "string", default: "5" }, json: { type: "boolean", default: false } },
});
if (path === undefined) {
  console.error("usage: bench/snapshot.ts SNAPSHOT [--runs N] [--json]");
  process.exit(2);
}

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
const runs: Run[] = [];
let bytes = 0, save = Infinity;
for (let n = 0; n < Number(values.runs); n++) {
  const start = performance.now(), before = process.cpuUsage();
  const file = readFileSync(path);
  bytes = file.length;
  const read = seconds(start), loading = performance.now();
  const machine = await loadMachine(file);
  const load = seconds(loading), answering = performance.now();
  machine.console.write(COMMAND);
  machine.waitForText(ANSWER, { instructions: INSTRUCTIONS });
  const answer = seconds(answering), total = seconds(start), { user, system } = process.cpuUsage(before);
  runs.push({ read, load, answer, total, processor: (user + system) / 1e6 });
  const saving = performance.now();
  await machine.snapshot();
  save = Math.min(save, seconds(saving));
}
const best = runs.reduce((best, run) => run.total < best.total ? run : best);
if (values.json) console.log(JSON.stringify({ bytes, save, best, runs, goal: GOAL }, undefined, 1));
else {
  const text = (value: number): string => `${value.toFixed(3)} s`;
  console.log(
    `snapshot of ${(bytes / 1e6).toFixed(1)} MB, best of ${runs.length}: read ${text(best.read)}, load ${
      text(best.load)
    }, answer ${text(best.answer)}, together ${text(best.total)}, ${
      text(best.processor)
    } of the processor (goal: under ${GOAL} s); save ${text(save)}`,
  );
}
