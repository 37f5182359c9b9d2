/**
 * Live differential fuzzing against the processor of this machine: `deno task fuzz --minutes 5 --seed 1`, see USAGE.
 * Prints what it compares, and a minimised reproducer of each mismatch, which it also writes to a file.
 */
import { parseArgs } from "node:util";
import { Coverage } from "../oracle/coverage.ts";
import type { CodeSize } from "../oracle/case.ts";
import { type ConfigurationName, CONFIGURATIONS } from "../oracle/emulator.ts";
import type { Kind } from "../oracle/forms.ts";
import { Generator } from "../oracle/generate.ts";
import { whyNotNative } from "../oracle/native.ts";
import { Random } from "../oracle/random.ts";
import { describeMismatch, loadCase, storeCase } from "../oracle/reproducer.ts";
import { type Mismatch, Session } from "../oracle/session.ts";

const USAGE = `deno task fuzz [options]
  --minutes N     how long (1)
  --seed S        of everything random (1)
  --engine LIST   configurations: ${Object.keys(CONFIGURATIONS).join(",")} (all)
  --mode 64|32    64-bit code, 32-bit code in compatibility mode (both)
  --kind LIST     integer,vector,x87 (all)
  --only LIST     mnemonics (all)
  --longest N     instructions in a sequence (20)
  --keep-going    do not stop at the first mismatch
  --coverage      which forms were reached
  --out FOLDER    where reproducers are written (the system's temporary folder)
  --replay FILE   only the case in such a file`;
const BATCH = 500;
/** Of this many batches, one is 32-bit code. */
const COMPATIBILITY_EVERY = 5;
const REPORT_MILLISECONDS = 10_000;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "1" },
    seed: { type: "string", default: "1" },
    engine: { type: "string", default: Object.keys(CONFIGURATIONS).join(",") },
    mode: { type: "string", default: "both" },
    kind: { type: "string" },
    only: { type: "string" },
    longest: { type: "string", default: "20" },
    "keep-going": { type: "boolean", default: false },
    coverage: { type: "boolean", default: false },
    out: { type: "string" },
    replay: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(USAGE);
  Deno.exit(0);
}
const names = values.engine.split(",").map(configuration);
const missing = await whyNotNative();
if (missing !== undefined) refuse(`Fuzzing needs ${missing}.`);
Deno.exit(values.replay === undefined ? await fuzz() : await replay(values.replay));

function refuse(message: string): never {
  console.error(message);
  Deno.exit(2);
}

function configuration(name: string): ConfigurationName {
  if (name in CONFIGURATIONS) return name as ConfigurationName;
  refuse(`No configuration is called "${name}": there are ${Object.keys(CONFIGURATIONS).join(", ")}.`);
}

/** Fuzzes until the time is over; returns the exit code. */
async function fuzz(): Promise<number> {
  const seed = Number(values.seed);
  const random = new Random(seed);
  const session = await Session.start(seed, names);
  const options = {
    ...(values.kind === undefined ? {} : { kinds: values.kind.split(",") as Kind[] }),
    ...(values.only === undefined ? {} : { only: new Set(values.only.split(",")) }),
    longest: Number(values.longest),
  };
  const sizes: readonly CodeSize[] = values.mode === "both" ? [64, 32] : [values.mode === "32" ? 32 : 64];
  const generators = sizes.map((codeSize) => new Generator(random, { ...options, codeSize }));
  const coverages = generators.map((generator) => new Coverage(generator));
  const counts = { sequences: 0, mismatches: 0 };
  const start = performance.now(), end = start + Number(values.minutes) * 60_000;
  const report = (): void => {
    const each = Math.round((counts.sequences * names.length * 1000) / (performance.now() - start));
    console.log(
      `${counts.sequences} sequences on ${names.length} configurations, ${each} a second, ` +
        `${session.instructions} instruction executions compared, ${counts.mismatches} mismatches` +
        (session.tooLong === 0 ? "" : `, ${session.tooLong} too long to compare`),
    );
  };
  const found = (mismatch: Mismatch): void => {
    counts.mismatches++;
    console.log(`\n${describeMismatch(mismatch)}\n  to repeat it: --replay ${write(seed, mismatch)}`);
  };
  let nextReport = start + REPORT_MILLISECONDS;
  for (let batch = 0; performance.now() < end; batch++) {
    const which = generators.length > 1 && batch % COMPATIBILITY_EVERY === 0 ? 1 : 0;
    const generator = generators[which]!, coverage = coverages[which]!;
    const cases = Array.from(
      { length: BATCH },
      () => values.coverage && random.oneIn(2) ? coverage.probe() : generator.next(),
    );
    await session.compare(cases, found, (one, result) => coverage.seen(one, result));
    counts.sequences += BATCH;
    if (counts.mismatches > 0 && !values["keep-going"]) break;
    if (performance.now() > nextReport) {
      nextReport += REPORT_MILLISECONDS;
      report();
    }
  }
  report();
  if (values.coverage) { for (const coverage of coverages) console.log(coverage.report()); }
  await session.stop();
  return counts.mismatches === 0 ? 0 : 1;
}

/** Runs one stored case; returns the exit code. */
async function replay(file: string): Promise<number> {
  const { seed, one } = loadCase(await Deno.readTextFile(file));
  const session = await Session.start(seed, names);
  let mismatches = 0;
  await session.compare([one], (mismatch) => {
    mismatches++;
    console.log(`${describeMismatch(mismatch)}\n`);
  });
  await session.stop();
  console.log(mismatches === 0 ? "No configuration differs from the processor." : `${mismatches} differ.`);
  return mismatches === 0 ? 0 : 1;
}

function write(seed: number, { one, configuration }: Mismatch): string {
  const file = Deno.makeTempFileSync({
    ...(values.out === undefined ? {} : { dir: values.out }),
    prefix: `causeway-${configuration}-`,
    suffix: ".json",
  });
  Deno.writeTextFileSync(file, storeCase(seed, one));
  return file;
}
