/** `causeway run`: runs a Linux program. */
import { statSync } from "node:fs";
import { posix } from "node:path";
import process from "node:process";
import { signalName } from "../linux/abi/signals.ts";
import { CannotRunError } from "../linux/exec.ts";
import { HostFileSystem } from "../linux/fs/host.ts";
import { ProgramTarget } from "../linux/debug_target.ts";
import { prepareProgram, type RunOptions, type RunResult } from "../linux/run_program.ts";
import type { ExitStatus, LinuxSystem } from "../linux/system.ts";
import type { Command } from "./command.ts";
import { openDump } from "./dump.ts";
import { ExitCode, inputError, usageError } from "./exit_codes.ts";
import { GDB, GdbServer } from "./gdb.ts";
import { ProcessIo } from "./host_io.ts";
import { reasonOf } from "./input.ts";
import { choice, flag, parseCommandLine, value, type Values, values } from "./options.ts";
import { report } from "./output.ts";
import { findProgram } from "./program_path.ts";
import {
  CYCLES,
  defined,
  DUMP,
  DUMP_FILE,
  ENGINE,
  HELP,
  MAX_INSTRUCTIONS,
  memoryOption,
  SEED,
  STATS,
  STATS_AS_JSON,
} from "./shared_options.ts";
import { reportStatistics, statisticsFormat } from "./statistics.ts";
import { parsePath } from "./values.ts";

/** RAM where `--memory` does not say. The host's memory is only used as the guest touches it. */
const DEFAULT_MEMORY = 1 << 30;

/** Instructions between two looks at what a debugger wants. */
const DEBUG_SLICE = 2_000_000;

/** Options of all commands that run a Linux program. */
export const PROGRAM_OPTIONS = {
  engine: ENGINE,
  gdb: GDB,
  memory: memoryOption("1G"),
  "max-instructions": MAX_INSTRUCTIONS,
  seed: SEED,
  cycles: CYCLES,
  clock: choice(
    ["virtual", "host"],
    "virtual (default): a nanosecond a cycle, from 2026-01-01; sleeping takes no time, and every run is the same. host: the " +
      "host's time, for programs that compare it with that of files (make), wait for somebody, or are to be timed.",
  ),
  strace: flag(
    "Prints each system call to stderr, as strace does. Makes system calls some ten times slower.",
  ),
  stats: STATS,
  json: STATS_AS_JSON,
  dump: DUMP,
  "dump-file": DUMP_FILE,
};

const OPTIONS = {
  root: value(
    "DIR",
    "The guest sees only this tree: PROGRAM, its interpreter and its libraries are found there. Without it the guest " +
      "sees the host's files, and may change them.",
    parsePath,
  ),
  cwd: value(
    "DIR",
    "Folder the guest starts in, in its own tree; relative to ours, or with --root to /, which are the defaults.",
    parsePath,
  ),
  env: values(
    "NAME=VALUE",
    "Sets a variable of the guest's environment, which without --root is ours and with it PATH, HOME and TERM.",
    parseVariable,
  ),
  ...PROGRAM_OPTIONS,
  help: HELP,
};

/** `causeway run`. */
export const run: Command = {
  name: "run",
  operands: "PROGRAM [ARGS…]",
  summary: "runs an x86-64 Linux program",
  description:
    "Runs an unmodified x86-64 Linux program: static, static-pie, or dynamic with its libraries. What it prints and its " +
    "exit code are passed on; Ctrl-C ends it. Time is virtual, a nanosecond an instruction (or a cycle, see --cycles), so " +
    "that every run is the same; --clock host takes the host's.",
  options: OPTIONS,
  guestArguments: true,
  examples: [
    "causeway run src/guests/hello/hello.elf Ada",
    "causeway run --stats /bin/busybox sha256sum /bin/busybox",
    "causeway run --root /srv/debian /bin/bash -c 'echo $((6 * 7))'",
  ],
  run(args) {
    const { values, rest } = parseCommandLine(OPTIONS, args, true);
    const [program, ...guestArguments] = rest;
    if (program === undefined || program === "") throw usageError("run takes a PROGRAM and its arguments");
    const fileSystem = openTree(values.root);
    const cwd = posix.resolve(values.root === undefined ? process.cwd() : "/", values.cwd ?? "");
    const env = {
      ...(values.root === undefined ? hostEnvironment() : ROOT_ENVIRONMENT),
      ...Object.fromEntries(values.env),
    };
    const path = findProgram(fileSystem, program, cwd, env.PATH ?? "");
    if (path === undefined) {
      throw inputError(
        `there is no program ${program}${values.root === undefined ? "" : ` under ${values.root}`}`,
      );
    }
    return runGuest({ program: path, name: program, args: guestArguments, fileSystem, cwd, env }, values);
  },
};

/** Runs a program with the options of the command line; its streams are ours. Answers the exit code. */
export async function runGuest(options: RunOptions, given: Values<typeof PROGRAM_OPTIONS>): Promise<number> {
  const format = statisticsFormat(given);
  const dump = openDump(given.dump, given["dump-file"]);
  const start = performance.now();
  let result: RunResult;
  try {
    const prepared = prepareProgram({
      ...options,
      io: new ProcessIo(),
      warn: (line) => report(`causeway: ${line}`),
      ...defined({
        engine: given.engine,
        memory: given.memory ?? DEFAULT_MEMORY,
        maxInstructions: given["max-instructions"],
        seed: given.seed,
        cycles: given.cycles,
        clock: given.clock,
        strace: given.strace ? report : undefined,
        observer: dump?.observer,
      }),
    });
    const { system } = prepared;
    result = prepared.resultOf(given.gdb === undefined ? system.run() : await debug(system, given.gdb));
  } catch (error) {
    if (error instanceof CannotRunError) throw inputError(error.message);
    throw error;
  } finally {
    dump?.close();
  }
  if (format !== undefined) {
    reportStatistics(result.statistics, (performance.now() - start) / 1000, format);
  }
  return conclude(result);
}

/** Runs a system as a debugger wants it. */
async function debug(system: LinuxSystem, port: number): Promise<ExitStatus> {
  const gdb = await GdbServer.open(port, new ProgramTarget(system), "x86-64");
  try {
    for (;;) {
      const outcome = await gdb.run(DEBUG_SLICE);
      if (outcome.kind !== "ran") return outcome.end;
    }
  } finally {
    await gdb.close();
  }
}

function conclude({ reason, exitCode, signal, fault, missing }: RunResult): number {
  if (missing !== undefined) {
    report(`causeway: the program needs an instruction that is not implemented: ${missing}`);
    return ExitCode.NOT_IMPLEMENTED;
  }
  if (signal !== undefined) {
    const where = fault === undefined ? "" : ` ${fault}`;
    report(`causeway: the program died of ${signalName(signal)}${where}`);
  }
  if (reason === "limit") {
    report("causeway: stopped by --max-instructions");
    return ExitCode.BUDGET;
  }
  if (reason === "deadlock") {
    report("causeway: stopped: every task waits for something that cannot happen");
    return ExitCode.BAD_INPUT;
  }
  return exitCode;
}

const ROOT_ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  HOME: "/root",
  TERM: process.env.TERM ?? "dumb",
};

/** Our environment, by name: Deno gives it in another order each time. */
function hostEnvironment(): Record<string, string> {
  const entries = Object.entries(process.env)
    .filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(entries.toSorted(([a], [b]) => a < b ? -1 : 1));
}

function openTree(root = "/"): HostFileSystem {
  let problem = "it is no directory";
  try {
    if (statSync(root).isDirectory()) return new HostFileSystem(root);
  } catch (error) {
    problem = reasonOf(error);
  }
  throw inputError(`cannot take ${root} as root: ${problem}`);
}

function parseVariable(text: string): readonly [string, string] {
  const at = text.indexOf("=");
  if (at < 1) throw new RangeError("must be NAME=VALUE");
  return [text.slice(0, at), text.slice(at + 1)];
}
