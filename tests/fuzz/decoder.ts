/**
 * Compares the decoder with iced-x86 on systematic and random bytes.
 *
 *     deno run -A tests/fuzz/decoder.ts --count 10000000 --seed 1
 */
import { scriptLine } from "../../_tools/script.ts";
import { value } from "../../src/cli/options.ts";
import { parseCount, parseSeed } from "../../src/cli/values.ts";
import type { CodeSize } from "../../src/frontend/instruction.ts";
import { Random, randomCases, systematicCases } from "../frontend/decode_cases.ts";
import { compareSlots, type Mismatch, type Tally } from "../frontend/decode_oracle.ts";

const CODE_SIZES: readonly CodeSize[] = [16, 32, 64];
const BATCH = 16384;

const { values: { count = 10_000_000, seed = Date.now() % 1_000_000 } } = scriptLine({
  call: "deno run -A tests/fuzz/decoder.ts",
  description: "Compares the decoder with iced-x86, on systematic and random bytes.",
  options: {
    count: value("N", "Instructions, systematic ones in any case (10000000).", parseCount),
    seed: value("S", "Of everything random (by the time of day).", parseSeed),
  },
});
const random = new Random(seed);
const tally: Tally = { compared: 0, decoded: 0, refused: 0 };
const found = new Map<string, Mismatch & { times: number }>();

function run(bytes: Uint8Array, codeSize: CodeSize): void {
  for (const mismatch of compareSlots(bytes, codeSize, tally)) {
    const key = `${codeSize} ${mismatch.reason.replace(/\d+/g, "#")}`;
    const seen = found.get(key);
    if (seen === undefined) found.set(key, { ...mismatch, times: 1 });
    else seen.times++;
  }
}

const start = performance.now();
for (const codeSize of CODE_SIZES) {
  for (const bytes of systematicCases(codeSize, random, count >= 10_000_000)) run(bytes, codeSize);
}
const systematic = tally.compared;
while (tally.compared < count) for (const codeSize of CODE_SIZES) run(randomCases(BATCH, random), codeSize);
const seconds = (performance.now() - start) / 1000;

for (const { bytes, codeSize, reason, times } of found.values()) {
  console.log(`${codeSize}-bit ${bytes}: ${reason}${times > 1 ? ` (${times} times)` : ""}`);
}
console.log(
  `seed ${seed}: ${tally.compared} compared (${systematic} systematic), ${tally.decoded} decoded alike, ` +
    `${tally.refused} refused alike, ${found.size} kinds of disagreement, ${seconds.toFixed(1)} s`,
);
if (found.size > 0) Deno.exit(1);
