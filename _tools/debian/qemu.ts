/** Debian's QEMU, with its libraries and firmware, and the cloud kernel as what it boots: files for an initramfs. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { CpioEntry } from "./cpio.ts";
import { type PackagedFile, pathOf, sharedLibraries } from "./libraries.ts";
import { debianKernel } from "./packages.ts";

/** The one with all machines, and a small one for the machine `microvm`. */
const PROGRAMS = ["qemu-system-x86_64", "qemu-system-x86_64-microvm"].map((name): PackagedFile => ({
  package: "qemu-system-x86",
  path: `usr/bin/${name}`,
}));
const FIRMWARE: readonly PackagedFile[] = [
  { package: "seabios", path: "usr/share/seabios/bios-256k.bin" },
  ...["bios-microvm.bin", "kvmvapic.bin", "linuxboot_dma.bin"].map((name) => ({
    package: "qemu-system-data",
    path: `usr/share/qemu/${name}`,
  })),
];
const LIBRARIES = "lib/x86_64-linux-gnu", LOADER = "ld-linux-x86-64.so.2", LOADER_FOLDER = "lib64";
const EXECUTABLE = 0o755, READABLE = 0o644;

/**
 * The files, behind the folders that hold them.
 *
 * @param initramfs what the kernel boots with
 */
export function qemuFiles(initramfs: Uint8Array): CpioEntry[] {
  const file = (path: string, from: string, mode: number): CpioEntry => ({
    kind: "file",
    path,
    bytes: new Uint8Array(readFileSync(from)),
    mode,
  });
  const files = [
    ...PROGRAMS.map((program) => file(program.path, pathOf(program), EXECUTABLE)),
    ...FIRMWARE.map((firmware) => file(firmware.path, pathOf(firmware), READABLE)),
    ...[...sharedLibraries(PROGRAMS)].toSorted(([a], [b]) => a < b ? -1 : 1).map(([name, library]) =>
      file(join(name === LOADER ? LOADER_FOLDER : LIBRARIES, name), pathOf(library), EXECUTABLE)
    ),
    file("boot/vmlinuz", debianKernel("cloud").image, READABLE),
    { kind: "file", path: "boot/initrd.gz", bytes: initramfs, mode: READABLE } as const,
  ];
  const folders = new Set(files.flatMap(({ path }) => foldersOf(path)));
  return [...[...folders].map((path) => ({ kind: "directory", path, mode: EXECUTABLE }) as const), ...files];
}

/** The folders that a path lies in, outermost first. */
export function foldersOf(path: string): string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, n) => parts.slice(0, n + 1).join("/"));
}
