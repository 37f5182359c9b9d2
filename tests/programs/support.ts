/** Runs the same program on this machine's processor and in Causeway, in the same folder made anew. */
import { assertEquals } from "@std/assert";
import { spawnSync } from "node:child_process";
import { accessSync, constants, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { constants as os, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import process from "node:process";
import { HostFileSystem } from "../../src/linux/fs/host.ts";
import type { EngineName } from "../../src/machine/engines.ts";
import { runProgram } from "../../src/linux/run_program.ts";
import { forced } from "../_support/forced.ts";

/** Debian's static programs: packages `busybox-static` and `bash-static`. */
export const BUSYBOX = "/usr/bin/busybox";
export const BASH = "/bin/bash-static";

/** What to run. */
export interface Invocation {
  /** Path of the program on this machine. */
  readonly program: string;
  readonly args?: readonly string[];
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Folder it starts in. */
  readonly cwd: string;
}

/** What a run is compared by. */
export interface Outcome {
  /** As a shell has it: 128 + N for death of signal N. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Instructions after which a run is taken to hang: some minutes. */
const ENDLESS = 2e9;
const NATIVE_TIMEOUT = 60_000;
/** Output is compared as text of one character a byte, so that no byte is lost. */
const BYTES = "latin1";

/** What all programs find in their environment: nothing of the machine's. */
const ENVIRONMENT: Readonly<Record<string, string>> = { HOME: "/", LANG: "C", LC_ALL: "C", TZ: "UTC0" };

/** Runs it on this machine's processor. `env` empties the environment: Deno would add its own. */
export function runNative({ program, args = [], stdin = "", env, cwd }: Invocation): Outcome {
  const variables = Object.entries({ ...ENVIRONMENT, ...env }).map(([key, value]) => `${key}=${value}`);
  const result = spawnSync("env", ["-i", ...variables, program, ...args], {
    cwd,
    input: stdin,
    encoding: BYTES,
    timeout: NATIVE_TIMEOUT,
    maxBuffer: 1 << 26,
  });
  if (result.error !== undefined) throw result.error;
  const exitCode = result.signal === null ? result.status! : 128 + os.signals[result.signal];
  return { exitCode, stdout: result.stdout, stderr: result.stderr };
}

/** Runs it in Causeway, on one engine. */
export function runEmulated(invocation: Invocation, engine: EngineName): Outcome {
  const { program, args = [], stdin = "", env, cwd } = invocation;
  const warnings: string[] = [];
  const result = runProgram({
    program,
    args,
    env: { ...ENVIRONMENT, ...env },
    cwd,
    stdin,
    ...forced(engine),
    fileSystem: new HostFileSystem("/"),
    maxInstructions: ENDLESS,
    warn: (line) => warnings.push(line),
  });
  if (result.reason === "limit" || result.reason === "deadlock") {
    throw new Error(
      `${program} ended by ${result.reason}: ${result.stdout.slice(-500)}${result.stderr.slice(-500)}`,
    );
  }
  return {
    exitCode: result.exitCode,
    stdout: Buffer.from(result.stdoutBytes).toString(BYTES),
    stderr: Buffer.from(result.stderrBytes).toString(BYTES) +
      warnings.map((line) => `warning: ${line}\n`).join(""),
  };
}

/** Compares output and exit code; standard error is shown where they differ. */
export function assertSame(actual: Outcome, expected: Outcome, what: string): void {
  if (actual.exitCode === expected.exitCode && actual.stdout === expected.stdout) return;
  const { exitCode, stdout } = expected;
  assertEquals(
    { exitCode: actual.exitCode, stdout: actual.stdout },
    { exitCode, stdout },
    `${what}: standard error here:\n${actual.stderr}natively:\n${expected.stderr}`,
  );
}

/** A folder of its own for a test file, away when the file is done. */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `causeway-${name}-`));
  globalThis.addEventListener("unload", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The folder, empty. */
export function emptied(folder: string): string {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** A folder with a link to busybox for each of its commands, to be the only entry of PATH. */
export function busyboxCommands(folder: string): string {
  mkdirSync(folder, { recursive: true });
  const list = spawnSync(BUSYBOX, ["--list"], { encoding: "utf8" }).stdout.trim().split("\n");
  for (const name of list) symlinkSync(BUSYBOX, join(folder, name));
  return folder;
}

/** Names of those tools that are not here; on a machine that is no x86-64 Linux, also that. */
export function missingTools(...tools: readonly string[]): string[] {
  const missing = process.platform === "linux" && process.arch === "x64" ? [] : ["x86-64 Linux"];
  return [...missing, ...tools.filter((tool) => !isHere(tool))];
}

/** What a test's name ends with: the tools it misses. */
export function needs(missing: readonly string[]): string {
  return missing.length === 0 ? "" : ` [needs ${missing.join(", ")}]`;
}

function isHere(tool: string): boolean {
  const folders = tool.includes("/") ? [""] : (process.env.PATH ?? "").split(delimiter);
  return folders.some((folder) => {
    try {
      accessSync(join(folder, tool), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
