/** Runs commands natively and here, to compare them. */
import { existsSync } from "node:fs";
import { Signal } from "../../../src/linux/abi/signals.ts";
import { HostFileSystem } from "../../../src/linux/fs/host.ts";
import { runProgram } from "../../../src/linux/run_program.ts";
import type { EngineName } from "../../../src/machine/engines.ts";
import type { Command } from "./commands.ts";
import { forced } from "../../_support/forced.ts";

/** What a command printed and how it ended, as a shell sees it. */
export interface Outcome {
  readonly stdout: string;
  readonly code: number;
}

const ENVIRONMENT = { PATH: "/usr/bin:/bin", HOME: "/root", LC_ALL: "C", TZ: "UTC" };

/** True where native execution can be compared with: this is x86-64 Linux. */
export const canRunNatively = Deno.build.os === "linux" && Deno.build.arch === "x86_64";

/** True if all of these programs are here. */
export function havePrograms(...paths: readonly string[]): boolean {
  return canRunNatively && paths.every((path) => existsSync(path));
}

/** Runs a command natively. */
export async function runNatively({ argv, stdin = "" }: Command, cwd: string): Promise<Outcome> {
  const child = new Deno.Command(argv[0]!, {
    args: argv.slice(1),
    cwd,
    env: ENVIRONMENT,
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(stdin)).catch(() => {}); // it may not read its input
  await writer.close().catch(() => {});
  const { stdout, code, signal } = await child.output();
  const number = signal === null
    ? 0
    : (Signal as Readonly<Record<string, number>>)[signal.replace("SIG", "")] ?? 0;
  return { stdout: new TextDecoder().decode(stdout), code: signal === null ? code : 128 + number };
}

/** Runs a command here. */
export function runEmulated(
  { argv, stdin = "" }: Command,
  cwd: string,
  engine: EngineName = "auto",
): Outcome {
  const { stdout, exitCode } = runProgram({
    program: argv[0]!,
    args: argv.slice(1),
    env: ENVIRONMENT,
    cwd,
    stdin,
    ...forced(engine),
    fileSystem: new HostFileSystem("/"),
    memory: 1 << 28,
    maxInstructions: 3e9,
  });
  return { stdout, code: exitCode };
}

/** Runs `use` in an empty folder, which is gone afterwards. */
export async function inFolder<T>(use: (path: string) => T | Promise<T>): Promise<T> {
  const path = Deno.makeTempDirSync({ prefix: "causeway-" });
  try {
    return await use(path);
  } finally {
    Deno.removeSync(path, { recursive: true });
  }
}
