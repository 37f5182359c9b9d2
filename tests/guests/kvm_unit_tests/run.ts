/**
 * Runs the images of kvm-unit-tests that somebody has built, as upstream's `x86/unittests.cfg` says:
 * `deno task kvm-unit-tests --images DIR`. docs/kvm_unit_tests.md tells how to build them.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { parsePositive, refuse, scriptLine } from "../../../_tools/script.ts";
import { choice, flag, value } from "../../../src/cli/options.ts";
import { ENGINE_NAMES, type EngineName } from "../../../src/machine/engines.ts";
import { bootMachine } from "../../../src/machine/machine.ts";
import { MAX_RAM } from "../../../src/memory/physical.ts";
import { EXPECTED, type Outcome } from "./expected.ts";
import { parseUnitTests, type UnitTest } from "./unittests_cfg.ts";

/** Exit codes, as QEMU's isa-debug-exit makes them of what a test returns: 0, and 77 >> 1. */
const PASSED = 1, SKIPPED = 77;
const MEGABYTE = 1 << 20;
/** The list's timeouts are for hardware. */
const PATIENCE = 5;
/** Instructions between two looks at the clock. */
const SLICE = 5e7;

interface Result {
  readonly outcome: Outcome;
  /** How it ended. */
  readonly end: string;
  readonly transcript: string;
}

function run(test: UnitTest, image: Uint8Array, seconds: number, engine: EngineName): Result {
  const machine = bootMachine({
    kernel: image,
    commandLine: `${test.file} ${test.commandLine}`.trimEnd(),
    memory: Math.min(test.megabytes * MEGABYTE, MAX_RAM),
    processors: test.processors,
    vmx: test.vmx,
    testDevice: true,
    engine,
  });
  const end = performance.now() + 1000 * seconds;
  let stop = machine.run({ instructions: SLICE });
  while (stop.kind === "budget" && performance.now() < end) stop = machine.run({ instructions: SLICE });
  const code = stop.kind === "exit" ? stop.code : undefined;
  return {
    outcome: code === PASSED ? "pass" : code === SKIPPED ? "skip" : "fail",
    end: code !== undefined ? `exit code ${code}` : stop.kind === "budget" ? `${seconds} s` : stop.kind,
    transcript: machine.console.text,
  };
}

const { values, rest } = scriptLine({
  call: "deno task kvm-unit-tests",
  description:
    "Runs images of kvm-unit-tests as their unittests.cfg says, and compares with what is expected of them.",
  operands: ["[TEST…]"],
  options: {
    images: value("DIR", "Where the .flat files are.", (path) => path),
    config: value("FILE", "The list of tests. Default: unittests.cfg beside the images.", (path) => path),
    timeout: value(
      "SECONDS",
      "How long a test may take. Default: five times what the list says, or 450.",
      parsePositive,
    ),
    engine: choice(ENGINE_NAMES, "Default: auto."),
    print: flag("Prints what tests that came out otherwise than expected print."),
  },
});
const folder = values.images ?? refuse("deno task kvm-unit-tests: --images DIR is missing");
const config = values.config ?? join(folder, "unittests.cfg");
if (!existsSync(config)) {
  refuse(`deno task kvm-unit-tests: there is no ${config}; --config FILE names another`);
}

const tests = parseUnitTests(readFileSync(config, "utf8"))
  .filter(({ name, file }) => existsSync(join(folder, file)) && (rest.length === 0 || rest.includes(name)));
let surprises = 0;
for (const test of tests) {
  const seconds = values.timeout ?? PATIENCE * test.timeout,
    image = new Uint8Array(readFileSync(join(folder, test.file)));
  const { outcome, end, transcript } = run(test, image, seconds, values.engine ?? "auto");
  const expected = EXPECTED[test.name], isExpected = outcome === (expected?.outcome ?? "pass");
  if (!isExpected) surprises++;
  const summary = /^SUMMARY: (.*)$/m.exec(transcript)?.[1]?.trim() ?? "no summary";
  const reason = isExpected && expected !== undefined ? `; expected: ${expected.because}` : "";
  console.log(`${isExpected ? "ok" : "UNEXPECTED"} ${test.name}: ${outcome} (${end}), ${summary}${reason}`);
  if (test.ignored.length > 0) console.log(`   without ${test.ignored.join(" ")}`);
  if (values.print && !isExpected) console.log(transcript);
}
console.log(`${tests.length} tests, ${surprises} otherwise than expected`);
process.exit(tests.length === 0 || surprises > 0 ? 1 : 0);
