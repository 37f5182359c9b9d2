/** C programs of ours, built when the tests run, in every way a compiler here can build them. */
import { assertEquals } from "@std/assert";
import { spawnSync } from "node:child_process";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { EngineName } from "../../src/machine/engines.ts";
import {
  assertSame,
  emptied,
  type Invocation,
  missingTools,
  needs,
  runEmulated,
  runNative,
  temporaryFolder,
} from "./support.ts";

/** A way to build. */
export interface Build {
  readonly compiler: "gcc" | "musl-gcc";
  readonly flags: readonly string[];
  readonly engines: readonly EngineName[];
}

interface Program {
  readonly source: string;
  readonly args?: readonly string[];
  readonly stdin?: string;
  /** Runs the shell, which is a program of the machine. */
  readonly shell?: boolean;
  /** Needs a dynamic linker. */
  readonly dynamic?: boolean;
  /** More than some ten million instructions: not for the interpreter. */
  readonly heavy?: boolean;
}

/** All programs: `c/SOURCE.c`. */
export const PROGRAMS: readonly Program[] = [
  { source: "printf_float" },
  { source: "round_trips" },
  { source: "jumps" },
  { source: "threads" },
  { source: "fault_signals" },
  { source: "float_traps" },
  { source: "sort_search" },
  { source: "malloc_stress", heavy: true },
  { source: "self_modifying" },
  { source: "dynamic_loading", args: ["./library.so"], dynamic: true },
  { source: "fork_exec" },
  { source: "alternate_stack" },
  { source: "memory_maps" },
  { source: "directories" },
  { source: "poll_select" },
  { source: "timers" },
  { source: "strings" },
  { source: "long_double" },
  { source: "doubles" },
  { source: "environment", args: ["one", "", "three words here", "\xfcber"] },
  { source: "signals" },
  { source: "integers" },
  { source: "atomics", heavy: true },
  { source: "standard_io", stdin: "first line\nsecond\n" },
  { source: "vectors" },
  { source: "recursion" },
  { source: "regular_expressions" },
  { source: "system_shell", shell: true },
];

const FOLDER = fileURLToPath(new URL("c/", import.meta.url));

/** Makes a test of each program and build: as natively on each engine. */
export function testPrograms(builds: readonly Build[]): void {
  const compilers = [...new Set(builds.map(({ compiler }) => compiler))];
  const present = missingTools(...compilers).length === 0;
  const folder = present ? temporaryFolder("c") : "";
  for (const build of builds) {
    for (const program of PROGRAMS) {
      const isDynamic = !build.flags.some((flag) => flag.startsWith("-static"));
      if (program.dynamic && !isDynamic) continue;
      const missing = missingTools(build.compiler, ...(program.shell ? ["/bin/sh"] : []));
      const engines = build.engines.filter((engine) => !program.heavy || engine !== "interpreter");
      const way = [build.compiler, ...build.flags].join(" ");
      Deno.test({
        name: `${program.source}.c by ${way} is as native on ${engines.join(", ")}${needs(missing)}`,
        ignore: missing.length > 0,
        fn: () => compare(program, build, folder, engines),
      });
    }
  }
}

function compare(program: Program, build: Build, folder: string, engines: readonly EngineName[]): void {
  const path = join(folder, program.source);
  compile(build, program.source, path);
  const work = join(folder, "work");
  if (program.dynamic) {
    compile(
      { ...build, flags: [...build.flags, "-shared", "-fPIC"] },
      `${program.source}_library`,
      join(folder, "library.so"),
    );
  }
  const invocation: Invocation = {
    program: path,
    args: program.args ?? [],
    stdin: program.stdin ?? "",
    env: { PATH: "/usr/bin:/bin" },
    cwd: work,
  };
  const fresh = (): void => {
    emptied(work);
    if (program.dynamic) copyFileSync(join(folder, "library.so"), join(work, "library.so"));
  };
  fresh();
  const expected = runNative(invocation);
  for (const engine of engines) {
    fresh();
    assertSame(runEmulated(invocation, engine), expected, `${program.source} on ${engine}`);
  }
}

function compile({ compiler, flags }: Build, source: string, output: string): void {
  const args = [
    "-std=gnu11",
    "-w",
    ...flags,
    "-o",
    output,
    join(FOLDER, `${source}.c`),
    "-lm",
    "-lpthread",
    "-ldl",
  ];
  const { status, stderr } = spawnSync(compiler, args, { encoding: "utf8" });
  assertEquals(status, 0, `${compiler} ${args.join(" ")}:\n${stderr}`);
}
