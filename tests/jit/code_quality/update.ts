/**
 * Counts anew what engines emit, and keeps it: `deno run -A tests/jit/code_quality/update.ts`. With the name of a sequence
 * and of an engine it prints what is emitted instead. Look at the difference before you commit it: more is slower.
 */
import { scriptLine } from "../../../_tools/script.ts";
import { ENGINE_NAMES } from "../../../src/machine/engines.ts";
import { emitted, measureAll } from "./measure.ts";
import { readSequences, writeCounts } from "./sequences.ts";

const { rest: [name, engineName] } = scriptLine({
  call: "deno run -A tests/jit/code_quality/update.ts",
  description:
    "Counts anew what engines emit, and keeps it; or prints what an engine emits for a sequence of sequences.txt.",
  operands: ["[SEQUENCE]", "[ENGINE]"],
});
if (name === undefined) writeCounts(measureAll());
else {
  const sequence = readSequences().find((one) => one.name === name);
  const engine = ENGINE_NAMES.find((one) => one === engineName);
  if (sequence === undefined || engine === undefined) {
    console.error("Give the name of a sequence in sequences.txt, and an engine");
    Deno.exit(2);
  }
  console.log(emitted(engine, sequence));
}
