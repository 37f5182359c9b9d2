/**
 * Compares the floating point with this machine's processor on many vectors:
 * `deno run -A tests/oracle/float/compare.ts sse|x87 [vectors per operation] [seed] [name pattern]`.
 */
import { scriptLine } from "../../../_tools/script.ts";
import { missing, Runner } from "./native.ts";
import * as sse from "./sse.ts";
import * as x87 from "./x87.ts";

const { rest: [unit = "sse", count = "20000", seed = "1", only = "."] } = scriptLine({
  call: "deno run -A tests/oracle/float/compare.ts",
  description:
    "Compares the floating point with this machine's processor: vectors per operation (20000), seed (1).",
  operands: ["[sse|x87]", "[VECTORS]", "[SEED]", "[NAME-PATTERN]"],
});
const reason = await missing();
if (reason !== undefined) {
  console.error(`Cannot compare with a processor here: ${reason}.`);
  Deno.exit(1);
}
const { compare, vectors, IN_BYTES } = unit === "x87" ? x87 : sse;
const runner = await Runner.build(`${unit}.c`);
const pattern = new RegExp(only);
let total = 0, wrong = 0;
for (let op = 0; op < runner.names.length; op++) {
  const name = runner.names[op]!;
  if (!pattern.test(name)) continue;
  for (let done = 0; done < Number(count); done += 100_000) {
    const part = Math.min(Number(count) - done, 100_000);
    const records = vectors([name], part, Number(seed) * 1000 + op + done);
    const view = new DataView(records.buffer);
    for (let at = 0; at < records.length; at += IN_BYTES) view.setUint32(at, op, true);
    const result = compare(runner.names, records, await runner.run(records), 4);
    total += part;
    wrong += result.mismatches;
    if (result.mismatches > 0) {
      console.log(`${name}: ${result.mismatches} mismatches of ${part}\n${result.lines.join("\n")}`);
    }
    if ("ulps" in result && name in result.ulps) console.log(name, "differs by ulps:", result.ulps[name]);
  }
}
console.log(`${total} vectors, ${wrong} mismatches`);
await runner.dispose();
Deno.exit(wrong === 0 ? 0 : 1);
