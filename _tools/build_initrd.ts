/**
 * Builds the RAM file system of the worlds' kernel: its programs and files, as a ustar archive:
 * `deno run -A _tools/build_initrd.ts`. The same compiler gives the same bytes, which a test checks.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildUserProgram } from "./build_kernels.ts";
import { scriptLine } from "./script.ts";
import { type ArchiveEntry, ustar } from "./ustar.ts";

const worlds = (path: string): URL => new URL(`../src/guests/worlds/${path}`, import.meta.url);

/** The archive. */
export const INITRD = worlds("initrd.tar");

/** What every program is linked with; what it does not use is left out. */
const LIBRARY = ["user/lib/start.S", "user/lib/output.c", "lib/string.c", "lib/format.c"];
const CALLS = ["user/lib/local_calls.c", "user/lib/utilities.c"];
const WORLD = ["world/world.S", "world/world.c"];
/** The two sides of the four systems. */
const CLIENT = ["systems/client.c", "systems/remote.c", "systems/workloads.c", ...CALLS, ...WORLD];
const SERVER = ["systems/serve.c"];
const FILE_SYSTEM = ["fs/node.c", "fs/file.c", "fs/ram.c", "fs/pipe.c", "fs/proc.c"];

/** The programs in /bin, with their sources. */
const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  cat: ["user/bin/cat.c"],
  crash: ["user/bin/crash.c"],
  echo: ["user/bin/echo.c"],
  grep: ["user/bin/grep.c", ...CALLS],
  ls: ["user/bin/ls.c", ...CALLS],
  ps: ["user/bin/ps.c", ...CALLS],
  sh: ["user/bin/sh.c"],
  sleep: ["user/bin/sleep.c"],
  test: ["user/bin/test.c"],
  uptime: ["user/bin/uptime.c", ...CALLS],
  "proxos-app": ["systems/proxos/app.c", ...CLIENT],
  "proxos-proxy": ["systems/proxos/proxy.c", ...SERVER],
  "hypershell": ["systems/hypershell/shell.c", ...CLIENT],
  "hypershell-helper": ["systems/hypershell/helper.c", ...SERVER],
  "tahoma-browser": ["systems/tahoma/browser.c", ...CLIENT],
  // deno-fmt-ignore
  "tahoma-os": [
    "systems/tahoma/os.c", "systems/tahoma/memory.c", "systems/tahoma/files.c", "systems/tahoma/calls.c",
    ...SERVER, ...WORLD, ...FILE_SYSTEM,
  ],
  "shadow-tool": ["systems/shadowcontext/tool.c", ...CLIENT],
  "shadow-dummy": ["systems/shadowcontext/dummy.c", ...SERVER],
  hostile: ["systems/hostile.c", "systems/remote.c", "systems/workloads.c", ...CALLS, ...WORLD],
  adder: ["world/example/adder.c", ...WORLD],
  "adder-caller": ["world/example/caller.c", ...WORLD],
  awkward: ["systems/awkward.c", ...SERVER, ...WORLD],
  probe: ["systems/probe.c", "systems/remote.c", ...WORLD],
  stranger: ["systems/stranger.c", "systems/remote.c", ...WORLD],
};

/** Directories that are there, empty, before anything is put into them. */
const DIRECTORIES = ["bin", "etc", "tmp"];
const FILES = "files";
const PROGRAM_MODE = 0o755, FILE_MODE = 0o644;

/** Builds the programs and packs the archive. */
export function buildInitrd(): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "initrd-"));
  try {
    const directories = DIRECTORIES.map((path): ArchiveEntry => ({ path, mode: PROGRAM_MODE }));
    const programs = Object.entries(PROGRAMS).map(([name, sources]): ArchiveEntry => {
      const output = join(folder, name);
      buildUserProgram(name, [...LIBRARY, ...sources].map(worlds), output);
      return { path: `bin/${name}`, bytes: readFileSync(output), mode: PROGRAM_MODE };
    });
    return ustar([...directories, ...programs, ...files("")]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The files below a folder of `files/`, by name. */
function files(folder: string): ArchiveEntry[] {
  const root = fileURLToPath(worlds(FILES));
  return readdirSync(join(root, folder)).sort().flatMap((name) => {
    const path = folder === "" ? name : `${folder}/${name}`;
    if (statSync(join(root, path)).isDirectory()) return files(path);
    return [{ path, bytes: readFileSync(join(root, path)), mode: FILE_MODE }];
  });
}

if (import.meta.main) {
  scriptLine({
    call: "deno run -A _tools/build_initrd.ts",
    description: "Builds the RAM file system of the worlds' kernel.",
  });
  writeFileSync(INITRD, buildInitrd());
  console.log("Built initrd.tar.");
}
