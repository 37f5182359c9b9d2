/** Files of Debian's packages for an initramfs: programs with the libraries that they need, and kernels that they boot. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type CpioEntry, directory, EXECUTABLE, file, READABLE } from "./cpio.ts";
import { type PackagedFile, pathOf, sharedLibraries } from "./libraries.ts";
import { debianKernel } from "./packages.ts";

const LIBRARIES = "lib/x86_64-linux-gnu", LOADER = "ld-linux-x86-64.so.2", LOADER_FOLDER = "lib64";

/** A file like one of the host's. */
const copy = (path: string, from: string, mode: number): CpioEntry =>
  file(path, new Uint8Array(readFileSync(from)), mode);

/** Programs, where their packages have them, with their libraries; and what they read. */
export function programFiles(
  programs: readonly PackagedFile[],
  others: readonly PackagedFile[],
): CpioEntry[] {
  const libraries = [...sharedLibraries(programs)].toSorted(([a], [b]) => a < b ? -1 : 1);
  return [
    ...programs.map((program) => copy(program.path, pathOf(program), EXECUTABLE)),
    ...others.map((other) => copy(other.path, pathOf(other), READABLE)),
    ...libraries.map(([name, library]) =>
      copy(join(name === LOADER ? LOADER_FOLDER : LIBRARIES, name), pathOf(library), EXECUTABLE)
    ),
  ];
}

/** The cloud kernel in /boot, for virtual machines, and an initramfs that it boots with. */
export function bootFiles(initramfs: Uint8Array): CpioEntry[] {
  return [
    copy("boot/vmlinuz", debianKernel("cloud").image, READABLE),
    file("boot/initrd.gz", initramfs, READABLE),
  ];
}

/** Files behind the folders that hold them. */
export function withFolders(files: readonly CpioEntry[]): CpioEntry[] {
  const folders = new Set(files.flatMap(({ path }) => foldersOf(path)));
  return [...[...folders].map(directory), ...files];
}

/** The folders that a path lies in, outermost first. */
export function foldersOf(path: string): string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, n) => parts.slice(0, n + 1).join("/"));
}
