/**
 * Differential fuzzing of control flow: random graphs of blocks with loops, calls, indirect jumps, faults and
 * self-modification, on the processor of this machine and in every engine. See USAGE.
 */
import { parseArgs } from "node:util";
import { disassembleAll } from "../../../src/frontend/disassemble.ts";
import { CODE } from "../../oracle/layout.ts";
import { Random } from "../../oracle/random.ts";
import { CONFIGURATIONS } from "./configurations.ts";
import { caseOf } from "./generate.ts";
import { whyNoProcessor } from "./native.ts";
import { ControlFlowSession, type Mismatch } from "./session.ts";

const USAGE = `deno task fuzz:control-flow [options]
  --minutes N      how long (1)
  --seed S         of everything random (1)
  --engines LIST   only configurations whose names begin so: wasm,js (all)
  --no-native      without the processor of this machine
  --keep-going     do not stop at the first mismatch`;
const BATCH = 50;
const REPORT_MILLISECONDS = 10_000;
const SHOWN = 12;

/** A mismatch in words. */
export function describeMismatch({ configuration, start, differences, history }: Mismatch): string {
  const { code, offset, gpr, rflags } = caseOf(start)!;
  const origin = CODE + BigInt(offset);
  const when = history === 0
    ? ""
    : history === undefined
    ? " (not when run again)"
    : ` (only after the ${history} programs before it)`;
  return [
    `Mismatch in ${configuration}${when}:`,
    ...[...disassembleAll(code, { address: origin, codeSize: 64 })].map(({ text }) => `    ${text}`),
    `  bytes at ${origin.toString(16)}: ${
      [...code].map((byte) => byte.toString(16).padStart(2, "0")).join("")
    }`,
    `  registers ${[...gpr].map((value) => value.toString(16)).join(" ")} rflags ${rflags.toString(16)}`,
    ...differences.slice(0, SHOWN).map((line) => `  ${line}`),
    ...(differences.length > SHOWN ? [`  and ${differences.length - SHOWN} more`] : []),
  ].join("\n");
}

async function fuzz(): Promise<number> {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "1" },
      seed: { type: "string", default: "1" },
      engines: { type: "string", default: "" },
      "no-native": { type: "boolean", default: false },
      "keep-going": { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const missing = await whyNoProcessor();
  const native = missing === undefined && !values["no-native"];
  if (missing !== undefined) console.error(`Without the processor of this machine: that needs ${missing}.`);
  const beginnings = values.engines.split(",");
  const names = [...CONFIGURATIONS.keys()].filter((name, n) =>
    n === 0 || beginnings.some((beginning) => name.startsWith(beginning))
  );
  const seed = Number(values.seed), random = new Random(seed);
  const session = await ControlFlowSession.start(seed, names, native);
  const begun = performance.now(), end = begun + Number(values.minutes) * 60_000;
  let mismatches = 0, nextReport = begun + REPORT_MILLISECONDS;
  const report = (): void => {
    const { programs, instructions, ends } = session.counts;
    console.log(
      `${programs} programs, ${instructions} instructions, in ${names.length} configurations` +
        `${native ? " and on the processor" : ""}, ${mismatches} mismatches; ends: ` +
        Object.entries(ends).map(([how, count]) => `${how} ${count}`).join(", "),
    );
  };
  while (performance.now() < end && (mismatches === 0 || values["keep-going"])) {
    await session.run(random, BATCH, (mismatch) => {
      mismatches++;
      console.log(`\n${describeMismatch(mismatch)}`);
    });
    if (performance.now() < nextReport) continue;
    nextReport += REPORT_MILLISECONDS;
    report();
  }
  report();
  await session.stop();
  return mismatches === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await fuzz());
