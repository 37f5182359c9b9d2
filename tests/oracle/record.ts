/**
 * Records vectors from the processor of this machine: `deno run -A tests/oracle/record.ts`. Run it again where opcode
 * rows are added, on an x86-64 Linux host with gcc.
 */
import { scriptLine } from "../../_tools/script.ts";
import { baseImage, type CodeSize } from "./case.ts";
import { ByteWriter } from "./bytes.ts";
import { type Form, formsOf, nameOf } from "./forms.ts";
import { Generator } from "./generate.ts";
import { CODE_OFFSET } from "./layout.ts";
import { NativeRunner, whyNotNative } from "./native.ts";
import { Random } from "./random.ts";
import { dataImage, fxImage, generalRegisters } from "./state.ts";
import { FOLDER, writePacked } from "./vector_files.ts";
import { type BaseState, encodeShared, encodeVector, FILES } from "./vectors.ts";

const SEED = 2;
const PER_FORM = 200;
const STATES = 256;
/** A vector with more changed memory is left out. */
const MOST_WORDS = 24;

scriptLine({
  call: "deno run -A tests/oracle/record.ts",
  description: "Records vectors from the processor of this machine anew.",
});
const missing = await whyNotNative();
if (missing !== undefined) {
  console.error(`Recording needs ${missing}.`);
  Deno.exit(2);
}
const random = new Random(SEED);
const image = baseImage(dataImage(random, CODE_OFFSET));
const native = await NativeRunner.start(image);
const states = Array.from({ length: STATES }, (_, n): BaseState => ({
  gpr: generalRegisters(random),
  rflags: 0x202 | (random.bits() & 0x8d5) | (random.oneIn(4) ? 0x400 : 0),
  fx: fxImage(random, n % 2 === 0),
}));
await Deno.mkdir(FOLDER, { recursive: true });
await writePacked("states", encodeShared({ image, states }));

const generators = new Map(([64, 32] as const).map((codeSize) => [codeSize, newGenerator(codeSize)]));
const rows64 = new Set(formsOf(64).map(({ row }) => row));
/** What exists in 32-bit code only, and a sample of everything else there. */
const legacy = formsOf(32).filter(({ row }, n) => !rows64.has(row) || n % 10 === 0);
for (const name of FILES) {
  const out = new ByteWriter();
  const forms = name === "compatibility" ? legacy : formsOf(64).filter(({ kind }) => kind === name);
  for (const form of forms) await record(out, form, name === "compatibility" ? 32 : 64);
  await writePacked(name, out.written);
  const { size } = await Deno.stat(new URL(`${name}.bin.gz`, FOLDER));
  console.log(`${name}: ${forms.length} forms, ${forms.length * PER_FORM} vectors, ${size} bytes`);
}
await native.stop();

function newGenerator(codeSize: CodeSize): Generator {
  return new Generator(random, { codeSize, states });
}

async function record(out: ByteWriter, form: Form, codeSize: CodeSize): Promise<void> {
  const generator = generators.get(codeSize)!;
  let left = PER_FORM;
  for (let attempt = 0; left > 0; attempt++) {
    if (attempt > 50) throw new Error(`No result of ${nameOf(form)} can be recorded`);
    const cases = Array.from({ length: left }, () => generator.single(form, false));
    for (const [n, expected] of (await native.run(cases)).entries()) {
      if (expected.end === "timeout" || expected.memory.size > MOST_WORDS || expected.vector === 17) continue;
      const one = cases[n]!, number = states.findIndex(({ fx }) => fx === one.fx);
      encodeVector(out, { one, expected }, number, states[number]!);
      left--;
    }
  }
}
