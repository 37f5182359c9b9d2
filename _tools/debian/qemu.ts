/** Debian's QEMU, with its libraries and firmware, and the cloud kernel as what it boots: files for an initramfs. */
import type { CpioEntry } from "./cpio.ts";
import type { PackagedFile } from "./libraries.ts";
import { bootFiles, programFiles, withFolders } from "./program_files.ts";

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

/**
 * The files, behind the folders that hold them.
 *
 * @param initramfs what the kernel boots with
 */
export function qemuFiles(initramfs: Uint8Array): CpioEntry[] {
  return withFolders([...programFiles(PROGRAMS, FIRMWARE), ...bootFiles(initramfs)]);
}
