/**
 * Builds the guests' images from their sources: `deno run -A _tools/build_guests.ts`.
 *
 * The images are committed, so nobody needs the compiler to run them. The flags leave out whatever changes from one build
 * to the next; the same compiler and C library give the same bytes, which a test checks.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { scriptLine } from "./script.ts";
import { type Guest, GUESTS } from "../src/guests/guests.ts";

/** The compiler: Debian package `musl-tools`. */
export const COMPILER = "musl-gcc";
/** Version of GCC that built the committed images. */
export const COMPILER_VERSION = "12.2.0";

// deno-fmt-ignore
const FLAGS = [
  "-std=gnu11", "-Os", "-static", "-s", "-Wall", "-Wextra", "-Werror",
  "-fno-ident", "-fno-asynchronous-unwind-tables", "-Wl,--build-id=none",
];

/** Version of the compiler here, or undefined where there is none. */
export function compilerVersion(): string | undefined {
  const result = spawnSync(COMPILER, ["-dumpfullversion"], { encoding: "utf8" });
  return result.status === 0 ? result.stdout.trim() : undefined;
}

/** Builds a guest into the file `output`. */
export function buildGuest(guest: Guest, output: string): void {
  const args = [...FLAGS, "-o", output, fileURLToPath(guest.source), "-lm"];
  const result = spawnSync(COMPILER, args, { encoding: "utf8" });
  if (result.error !== undefined) throw new Error(`Cannot build ${guest.name}: ${result.error.message}`);
  if (result.status !== 0) throw new Error(`Cannot build ${guest.name}:\n${result.stderr}`);
}

if (import.meta.main) {
  scriptLine({
    call: "deno run -A _tools/build_guests.ts",
    description: "Builds the guests' images from their sources.",
  });
  for (const guest of GUESTS) {
    buildGuest(guest, fileURLToPath(guest.image));
    console.log(`Built ${guest.name}.`);
  }
}
