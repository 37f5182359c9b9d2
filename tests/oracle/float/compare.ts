/**
 * Compares the floating point with this machine's processor on many vectors:
 * `deno run -A tests/oracle/float/compare.ts sse|x87 [vectors per operation] [seed] [name pattern]`.
 */
import { missing, Runner } from "./native.ts";
import * as sse from "./sse.ts";

const [unit = "sse", count = "20000", seed = "1", only = "."] = Deno.args;
const reason = await missing();
if (reason !== undefined) {
  console.error(`Cannot compare with a processor here: ${reason}.`);
  Deno.exit(1);
}
const { compare, vectors } = sse;
const runner = await Runner.build(`${unit}.c`);
const pattern = new RegExp(only);
let total = 0, wrong = 0;
for (let op = 0; op < runner.names.length; op++) {
  if (!pattern.test(runner.names[op]!)) continue;
  const records = vectors([runner.names[op]!], Number(count), Number(seed) * 1000 + op);
  for (let at = 0; at < records.length; at += sse.IN_BYTES) {
    new DataView(records.buffer).setUint32(at, op, true);
  }
  const { mismatches, lines } = compare(runner.names, records, await runner.run(records), 4);
  total += Number(count);
  wrong += mismatches;
  if (mismatches > 0) console.log(`${runner.names[op]}: ${mismatches} mismatches\n${lines.join("\n")}`);
}
console.log(`${total} vectors, ${wrong} mismatches`);
await runner.dispose();
Deno.exit(wrong === 0 ? 0 : 1);
