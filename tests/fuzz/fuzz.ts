/**
 * Live differential fuzzing against the processor of this machine: `deno task fuzz --minutes 5 --seed 1`.
 * Prints what it compares, and a minimised reproducer of each mismatch, which it also writes to a file.
 */
import { parseMinutes, parsePositive, refuse, scriptLine } from "../../_tools/script.ts";
import { choice, choices, flag, value } from "../../src/cli/options.ts";
import { parseSeed } from "../../src/cli/values.ts";
import { Coverage } from "../oracle/coverage.ts";
import type { CodeSize } from "../oracle/case.ts";
import { type ConfigurationName, CONFIGURATIONS } from "../oracle/emulator.ts";
import { Generator } from "../oracle/generate.ts";
import { whyNotNative } from "../oracle/native.ts";
import { Random } from "../oracle/random.ts";
import { describeMismatch, loadCase, storeCase } from "../oracle/reproducer.ts";
import { type Mismatch, Session } from "../oracle/session.ts";

const BATCH = 500;
/** Of this many batches, one is 32-bit code. */
const COMPATIBILITY_EVERY = 5;
const REPORT_MILLISECONDS = 10_000;
const LONGEST = 20;
const NAMES = Object.keys(CONFIGURATIONS) as ConfigurationName[];

const { values } = scriptLine({
  call: "deno task fuzz",
  description:
    "Compares random code with the processor of this machine. Prints a minimised reproducer of each mismatch.",
  options: {
    minutes: value("N", "How long (1).", parseMinutes),
    seed: value("S", "Of everything random (1).", parseSeed),
    engine: choices(NAMES, "Which configurations (all)."),
    mode: choice(["64", "32", "both"], "64-bit code, 32-bit code in compatibility mode (both)."),
    kind: choices(["integer", "vector", "x87"], "Which instructions (all)."),
    only: value("MNEMONIC,MNEMONIC", "Only these instructions.", (text) => text.split(",")),
    longest: value("N", "Instructions in a sequence (20).", parsePositive),
    "keep-going": flag("Does not stop at the first mismatch."),
    coverage: flag("Tells which forms were reached."),
    out: value("FOLDER", "Where reproducers are written (the system's temporary folder).", String),
    replay: value("FILE", "Runs the case in such a file only.", String),
  },
});
const names = values.engine ?? NAMES;
const missing = await whyNotNative();
if (missing !== undefined) refuse(`Fuzzing needs ${missing}.`);
Deno.exit(values.replay === undefined ? await fuzz() : await replay(values.replay));

/** Fuzzes until the time is over; returns the exit code. */
async function fuzz(): Promise<number> {
  const { seed = 1, mode = "both", minutes = 1 } = values;
  const random = new Random(seed);
  const session = await Session.start(seed, names);
  const options = {
    ...(values.kind === undefined ? {} : { kinds: values.kind }),
    ...(values.only === undefined ? {} : { only: new Set(values.only) }),
    longest: values.longest ?? LONGEST,
  };
  const sizes: readonly CodeSize[] = mode === "both" ? [64, 32] : [mode === "32" ? 32 : 64];
  const generators = sizes.map((codeSize) => new Generator(random, { ...options, codeSize }));
  const coverages = generators.map((generator) => new Coverage(generator));
  const counts = { sequences: 0, mismatches: 0 };
  const start = performance.now(), end = start + minutes * 60_000;
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
