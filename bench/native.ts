/** Runs programs on this machine's processor, directly or through QEMU's user mode, and measures their processor time. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { digestOf } from "./emulated.ts";
import { invocationOf, type Program } from "./suite.ts";

/** What a run took and printed. */
export interface NativeRun {
  /** Processor time: user and system. */
  readonly seconds: number;
  readonly digest: string;
}

/** Whether programs run here without an emulator. */
export const CAN_RUN: boolean = process.platform === "linux" && process.arch === "x64";

/** Whether a command is installed. */
export function isInstalled(command: string, argument = "--version"): boolean {
  return spawnSync(command, [argument], { stdio: "ignore" }).error === undefined;
}

/** Linux's command that chooses the cores; in Debian's package `util-linux`, which is essential. */
const TASKSET = "taskset";
/** The core that everything runs on, the same for all that are compared: the last that this process may use. */
const CORE: string | undefined = CAN_RUN && isInstalled(TASKSET) ? lastCore() : undefined;

function lastCore(): string | undefined {
  return /^Cpus_allowed_list:.*?(\d+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
}

/** A command that runs on the one core of the measurements; the command itself where cores cannot be chosen. */
export function pinned(command: readonly string[]): readonly string[] {
  return CORE === undefined ? command : [TASKSET, "-c", CORE, ...command];
}

/**
 * The shell reports what its children took: POSIX `times`, whose second line is theirs. Input comes from a file, as
 * Deno's `spawnSync` writes all input before it reads any output.
 */
const TIMED = '"$@" < "$INPUT"; code=$?; times >&2; exit $code';

/** Runs a program with its argument, behind a prefix such as `qemu-x86_64`. */
export async function runNative(
  program: Program,
  argument: number,
  prefix: readonly string[] = [],
): Promise<NativeRun> {
  const invocation = invocationOf(program, argument);
  if (invocation === undefined) throw new Error(`${program.name} is not installed`);
  const command = [...prefix, invocation.image, ...invocation.args];
  const folder = mkdtempSync(join(tmpdir(), "causeway-bench-"));
  try {
    const input = join(folder, "input");
    writeFileSync(input, invocation.stdin);
    const [shell, ...args] = pinned(["/bin/sh", "-c", TIMED, "sh", ...command]);
    const result = spawnSync(shell!, args, {
      env: { INPUT: input, PATH: process.env.PATH },
      maxBuffer: 1 << 28,
    });
    if (result.error !== undefined) throw result.error;
    const report = result.stderr.toString();
    if (result.status !== 0) throw new Error(`${command.join(" ")} failed: ${report}`);
    return { seconds: childTime(report), digest: await digestOf(result.stdout) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Seconds of user and system time in the output of `times`: `0m1.02s 0m0.00s` on each of two lines. */
export function childTime(report: string): number {
  const line = report.trim().split("\n").at(-1) ?? "";
  const times = [...line.matchAll(/(\d+)m([\d.]+)s/g)].map(([, minutes, seconds]) =>
    60 * Number(minutes) + Number(seconds)
  );
  if (times.length !== 2) throw new Error(`Cannot read the shell's times in "${line}"`);
  return times[0]! + times[1]!;
}
