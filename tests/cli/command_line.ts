/** Runs the command line in a process of its own, as a user does. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** The command line's module. */
export const MAIN: string = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

/** What a run of the command line came to. */
export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `causeway` with these arguments and, on stdin, this text. */
export function causeway(args: readonly string[], stdin = ""): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["run", "-A", MAIN, ...args], {
    input: stdin,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
    maxBuffer: 1 << 26,
  });
  return { code: status, stdout, stderr };
}

/** Calls `body` with the path of an empty folder that is removed afterwards. */
export function withFolder<T>(body: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "causeway-"));
  try {
    return body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
