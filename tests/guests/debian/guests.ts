/**
 * Boots Debian's kernels with the initramfs and runs /exercise in them: `deno task guests [KERNEL…] [--cpus 1,2]
 * [--engine NAME,…] [--twice]`. Too long for every run of the tests.
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { initramfs } from "../../../_tools/debian/initramfs.ts";
import { debianKernel, KERNEL_NAMES, type KernelName } from "../../../_tools/debian/packages.ts";
import { ENGINE_NAMES, type EngineName } from "../../../src/machine/engines.ts";
import { bootMachine } from "../../../src/machine/machine.ts";

const MEMORY = 1 << 29;
const COMMAND_LINE = "console=ttyS0 script=exercise";
/** What /init says at the end. */
const ENDED = "init: exercise ended with ";
const MOST_INSTRUCTIONS = 3e10;

/** What a run showed. */
interface Result {
  readonly instructions: number;
  readonly seconds: number;
  readonly transcript: string;
  /** What /exercise found wrong; undefined: it did not come to its end. */
  readonly failures: readonly string[] | undefined;
  readonly stop: string;
}

function run(name: KernelName, processors: number, engine: EngineName): Result {
  const machine = bootMachine({
    kernel: readFileSync(debianKernel(name).image),
    modules: [{ bytes: initramfs(name) }],
    commandLine: COMMAND_LINE,
    memory: MEMORY,
    processors,
    engine,
  });
  const start = performance.now();
  const stop = machine.run({ instructions: MOST_INSTRUCTIONS });
  const transcript = machine.console.text;
  return {
    instructions: machine.instructions,
    seconds: (performance.now() - start) / 1000,
    transcript,
    failures: transcript.includes(ENDED) ? transcript.match(/^FAILED .*$/gm) ?? [] : undefined,
    stop: stop.kind,
  };
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    cpus: { type: "string", default: "1,2" },
    engine: { type: "string", default: "auto" },
    twice: { type: "boolean", default: false },
    print: { type: "boolean", default: false },
  },
});
const kernels = KERNEL_NAMES.filter((name) => positionals.length === 0 || positionals.includes(name));
const engines = ENGINE_NAMES.filter((name) => values.engine.split(",").includes(name));
let failed = false;
for (const kernel of kernels) {
  for (const processors of values.cpus.split(",").map(Number)) {
    let first: Result | undefined;
    for (const engine of values.twice ? engines.flatMap((name) => [name, name]) : engines) {
      const result = run(kernel, processors, engine);
      const { instructions, seconds, failures, stop } = result;
      const same = first === undefined || first.transcript === result.transcript &&
          first.instructions === instructions;
      first ??= result;
      const good = failures?.length === 0 && same;
      failed ||= !good;
      console.log(
        `${good ? "ok" : "FAILED"} ${kernel}, ${processors} processor(s), ${engine}: ${
          seconds.toFixed(1)
        } s, ` +
          `${instructions.toLocaleString("en-US")} instructions, ${stop}${
            same ? "" : "; not as the run before"
          }` +
          `${failures === undefined ? "; came to no end" : ""}`,
      );
      for (const failure of failures ?? []) console.log(`  ${failure}`);
      if (values.print || !good) console.log(result.transcript);
    }
  }
}
process.exit(failed ? 1 : 0);
