/** Runs programs on this machine's processor, directly or through QEMU's user mode, and measures their processor time. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import process from "node:process";
import { digestOf } from "./emulated.ts";
import { BUSYBOX, generatedText, imageOf, type Program } from "./suite.ts";

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
  const { name, busybox } = program;
  const command = busybox === undefined
    ? [fileURLToPath(imageOf(name)), String(argument)]
    : [BUSYBOX, ...busybox];
  const folder = mkdtempSync(join(tmpdir(), "causeway-bench-"));
  try {
    const input = join(folder, "input");
    writeFileSync(input, busybox === undefined ? "" : generatedText(argument));
    const result = spawnSync("/bin/sh", ["-c", TIMED, "sh", ...prefix, ...command], {
      env: { INPUT: input, PATH: process.env.PATH },
      maxBuffer: 1 << 28,
    });
    if (result.error !== undefined) throw result.error;
    const report = result.stderr.toString();
    if (result.status !== 0) throw new Error(`${[...prefix, ...command].join(" ")} failed: ${report}`);
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
