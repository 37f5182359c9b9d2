import { assert, assertEquals } from "@std/assert";
import { BASH, BUSYBOX } from "./_support/commands.ts";
import { havePrograms } from "./_support/native.ts";
import { HostFileSystem } from "../../src/linux/fs/host.ts";
import { type RunOptions, runProgram, type RunResult } from "../../src/linux/run_program.ts";
import { forced } from "../_support/forced.ts";

const ignore = !havePrograms(BUSYBOX, BASH);
const suffix = ignore ? ` (needs ${BUSYBOX} and ${BASH})` : "";

function sh(script: string, options: Partial<RunOptions> = {}): RunResult {
  return runProgram({
    program: BASH,
    args: ["-c", script],
    env: { PATH: "/usr/bin:/bin" },
    fileSystem: new HostFileSystem("/"),
    memory: 1 << 27,
    ...options,
  });
}

const SCRIPT = "echo $RANDOM $$; for i in 1 2 3; do (for j in 1 2 3; do echo $i$j; done) & done; wait; " +
  `${BUSYBOX} head -c 8 /dev/urandom | ${BUSYBOX} od -x; ${BUSYBOX} date; ${BUSYBOX} mktemp -u`;

Deno.test({
  name: `two runs print the same and execute the same number of instructions${suffix}`,
  ignore,
  fn() {
    const first = sh(SCRIPT), second = sh(SCRIPT);
    assertEquals(first.stdout, second.stdout);
    assertEquals(first.statistics.instructions, second.statistics.instructions);
    assert(first.stdout.includes("33\n"));
  },
});

Deno.test({
  name: `the engines agree on output and number of instructions${suffix}`,
  ignore,
  fn() {
    const interpreted = sh(SCRIPT, { engine: "interpreter" }), compiled = sh(SCRIPT, forced("js"));
    assertEquals(compiled.stdout, interpreted.stdout);
    assertEquals(compiled.statistics.instructions, interpreted.statistics.instructions);
  },
});

Deno.test({
  name: `another seed gives other random numbers, and the same otherwise${suffix}`,
  ignore,
  fn() {
    const bytes = `${BUSYBOX} head -c 8 /dev/urandom | ${BUSYBOX} od -x; echo same`;
    const first = sh(bytes, { seed: 1 }), second = sh(bytes, { seed: 2 });
    assert(first.stdout !== second.stdout);
    assert(first.stdout.endsWith("same\n") && second.stdout.endsWith("same\n"));
  },
});

Deno.test({
  name: `sleeping takes virtual time only${suffix}`,
  ignore,
  fn() {
    const start = performance.now();
    const { stdout } = sh(`a=$EPOCHSECONDS; ${BUSYBOX} sleep 86400; echo $((EPOCHSECONDS - a))`);
    assertEquals(stdout, "86400\n");
    assert(performance.now() - start < 60_000);
  },
});

Deno.test({
  name: `what is left in the background goes on, but not for ever${suffix}`,
  ignore,
  fn() {
    const { stdout, exitCode } = sh(`(${BUSYBOX} sleep 1; echo late) & exit 4`);
    assertEquals([stdout, exitCode], ["late\n", 4]);
    const warnings: string[] = [];
    const endless = sh("while :; do :; done & exit 3", {
      warn: (line) => warnings.push(line),
      maxInstructions: 20_000_000,
    });
    assertEquals([endless.exitCode, endless.reason, warnings.length], [3, "exited", 1]);
  },
});
