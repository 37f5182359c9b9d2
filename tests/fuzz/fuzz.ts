/**
 * Live differential fuzzing against the processor of this machine:
 * `deno task fuzz --minutes 5 --seed 1 [--engine interpreter,js,…] [--kind integer,vector,x87] [--only ADD,SUB] [--keep-going]`.
 * Prints what it compares, and a minimised reproducer of each mismatch.
 */
import { parseArgs } from "node:util";
import { disassembleAll } from "../../src/frontend/disassemble.ts";
import { baseImage, type Case, type Result } from "../oracle/case.ts";
import { differences } from "../oracle/compare.ts";
import { type ConfigurationName, CONFIGURATIONS, Emulator } from "../oracle/emulator.ts";
import type { Kind } from "../oracle/forms.ts";
import { Generator } from "../oracle/generate.ts";
import { CODE, CODE_OFFSET } from "../oracle/layout.ts";
import { NativeRunner, whyNotNative } from "../oracle/native.ts";
import { Random } from "../oracle/random.ts";
import { shrink } from "../oracle/shrink.ts";
import { dataImage } from "../oracle/state.ts";

const BATCH = 500;
const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "1" },
    seed: { type: "string", default: "1" },
    engine: { type: "string", default: Object.keys(CONFIGURATIONS).join(",") },
    kind: { type: "string" },
    only: { type: "string" },
    longest: { type: "string", default: "20" },
    "keep-going": { type: "boolean", default: false },
  },
});

const missing = await whyNotNative();
if (missing !== undefined) {
  console.error(`Fuzzing needs ${missing}.`);
  Deno.exit(2);
}

const seed = Number(values.seed);
const image = baseImage(dataImage(new Random(seed), CODE_OFFSET));
const native = await NativeRunner.start(image);
const names = values.engine.split(",") as ConfigurationName[];
for (const name of names) {
  if (!(name in CONFIGURATIONS)) {
    console.error(
      `No configuration is called "${name}": there are ${Object.keys(CONFIGURATIONS).join(", ")}.`,
    );
    Deno.exit(2);
  }
}
const emulators = names.map((name) => new Emulator(name, image));
const generator = new Generator(new Random(seed), {
  ...(values.kind === undefined ? {} : { kinds: values.kind.split(",") as Kind[] }),
  ...(values.only === undefined ? {} : { only: new Set(values.only.split(",")) }),
  longest: Number(values.longest),
});

const counts = { sequences: 0, mismatches: 0 };
const instructionsBefore = (): number => emulators.reduce((sum, { instructions }) => sum + instructions, 0);
const start = performance.now();
const end = start + Number(values.minutes) * 60_000;
let nextReport = start + 10_000;

while (performance.now() < end) {
  const cases = Array.from({ length: BATCH }, () => generator.sequence());
  const expected = await native.run(cases);
  for (const emulator of emulators) {
    for (const [n, one] of cases.entries()) {
      if (!agrees(emulator, one, expected[n]!)) await report(emulator, one);
    }
  }
  counts.sequences += BATCH;
  if (performance.now() > nextReport) {
    nextReport += 10_000;
    printCounts();
  }
}
printCounts();
await native.stop();
Deno.exit(counts.mismatches === 0 ? 0 : 1);

function agrees(emulator: Emulator, one: Case, expected: Result): boolean {
  return differences(one, expected, emulator.run(one)).length === 0;
}

async function report(emulator: Emulator, one: Case): Promise<void> {
  counts.mismatches++;
  const differs = async (candidate: Case): Promise<boolean> => {
    const [expected] = await native.run([candidate]);
    // A fresh processor, so that nothing is left from earlier cases; then the one at hand.
    return !agrees(new Emulator(emulator.name, image), candidate, expected!);
  };
  const fresh = await differs(one);
  const smallest = fresh ? await shrink(one, differs) : one;
  const [expected] = await native.run([smallest]);
  const found = differences(smallest, expected!, new Emulator(emulator.name, image).run(smallest));
  console.log(`\nMismatch in ${emulator.name}${fresh ? "" : " (only after the cases before it)"}:`);
  for (
    const { text } of disassembleAll(smallest.code, { address: CODE + BigInt(smallest.offset), codeSize: 64 })
  ) {
    console.log(`    ${text}`);
  }
  console.log(`  bytes ${[...smallest.code].map((byte) => byte.toString(16).padStart(2, "0")).join(" ")}`);
  console.log(`  registers ${[...smallest.gpr].map((value) => value.toString(16)).join(" ")}`);
  const fx = new DataView(smallest.fx.buffer);
  console.log(
    `  rflags ${smallest.rflags.toString(16)} mxcsr ${
      fx.getUint32(24, true).toString(16)
    } offset ${smallest.offset}`,
  );
  for (const difference of found.slice(0, 12)) console.log(`  ${difference}`);
  if (!values["keep-going"]) {
    printCounts();
    Deno.exit(1);
  }
}

function printCounts(): void {
  const seconds = (performance.now() - start) / 1000;
  console.log(
    `${counts.sequences} sequences on ${names.length} configurations, ` +
      `${Math.round((counts.sequences * names.length) / seconds)} a second, ` +
      `${instructionsBefore()} instruction executions compared, ${counts.mismatches} mismatches`,
  );
}
