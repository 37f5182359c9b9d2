/**
 * Differential fuzzing of control flow: random graphs of blocks with loops, calls, indirect jumps, faults and
 * self-modification, on the processor of this machine and in every engine.
 */
import { parseMinutes, scriptLine } from "../../../_tools/script.ts";
import { flag, value } from "../../../src/cli/options.ts";
import { parseSeed } from "../../../src/cli/values.ts";
import { disassembleAll } from "../../../src/frontend/disassemble.ts";
import { CODE } from "../../oracle/layout.ts";
import { Random } from "../../oracle/random.ts";
import { CONFIGURATIONS } from "./configurations.ts";
import { caseOf } from "./generate.ts";
import { whyNoProcessor } from "./native.ts";
import { ControlFlowSession, type Mismatch } from "./session.ts";

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

/** Beginnings of configurations' names. */
function engineList(text: string): string[] {
  const beginnings = text.split(","), names = [...CONFIGURATIONS.keys()];
  if (beginnings.every((beginning) => names.some((name) => name.startsWith(beginning)))) return beginnings;
  throw new RangeError(`must be a list of beginnings of ${names.join(", ")}`);
}

async function fuzz(): Promise<number> {
  const { values } = scriptLine({
    call: "deno task fuzz:control-flow",
    description: "Runs random graphs of blocks on the processor of this machine and in every engine.",
    options: {
      minutes: value("N", "How long (1).", parseMinutes),
      seed: value("S", "Of everything random (1).", parseSeed),
      engines: value("LIST", "Only configurations whose names begin so: wasm,js (all).", engineList),
      "no-native": flag("Without the processor of this machine."),
      "keep-going": flag("Does not stop at the first mismatch."),
    },
  });
  const missing = await whyNoProcessor();
  const native = missing === undefined && !values["no-native"];
  if (missing !== undefined) console.error(`Without the processor of this machine: that needs ${missing}.`);
  const beginnings = values.engines ?? [""];
  const names = [...CONFIGURATIONS.keys()].filter((name, n) =>
    n === 0 || beginnings.some((beginning) => name.startsWith(beginning))
  );
  const { seed = 1, minutes = 1 } = values, random = new Random(seed);
  const session = await ControlFlowSession.start(seed, names, native);
  const begun = performance.now(), end = begun + minutes * 60_000;
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
