/**
 * Builds the benchmark programs' images from their sources: `deno run -A bench/build.ts`.
 *
 * The images are committed, so nobody needs the compiler to run them. The flags leave out whatever changes from one
 * build to the next.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { scriptLine } from "../_tools/script.ts";
import { imageOf, LOOP, sourceOf, SUITE } from "./suite.ts";

/** The compiler: Debian package `musl-tools`. */
const COMPILER = "musl-gcc";

// deno-fmt-ignore
const FLAGS = [
  "-std=gnu11", "-O2", "-static", "-s", "-Wall", "-Wextra", "-Werror",
  "-fno-ident", "-fno-asynchronous-unwind-tables", "-Wl,--build-id=none",
];

/** Builds a program of ours into the file `output`. */
export function buildProgram(name: string, output: string): void {
  const args = [...FLAGS, "-o", output, fileURLToPath(sourceOf(name)), "-lm"];
  const result = spawnSync(COMPILER, args, { encoding: "utf8" });
  if (result.error !== undefined) throw new Error(`Cannot build ${name}: ${result.error.message}`);
  if (result.status !== 0) throw new Error(`Cannot build ${name}:\n${result.stderr}`);
}

if (import.meta.main) {
  scriptLine({
    call: "deno run -A bench/build.ts",
    description: "Builds the images of the benchmark programs from their sources.",
  });
  for (const { name, from } of [...SUITE, LOOP]) {
    if (from !== undefined) continue;
    buildProgram(name, fileURLToPath(imageOf(name)));
    console.log(`Built ${name}.`);
  }
}
