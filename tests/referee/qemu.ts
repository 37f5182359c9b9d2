/**
 * Runs multiboot kernels on QEMU's own translator (Debian package `qemu-system-x86`), without KVM. It has no VMX. Its
 * time counts instructions, so that a run is the same each time.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isInstalled } from "../../bench/native.ts";

/** What to run. */
export interface QemuRun {
  readonly kernel: Uint8Array;
  readonly module?: Uint8Array;
  /** What follows the kernel's name, which QEMU writes itself. */
  readonly commandLine?: string;
  /** An IDE disk, the primary master, and a CD-ROM, the secondary one. */
  readonly disk?: Uint8Array;
  readonly cdrom?: Uint8Array;
}

/** How it went. */
export interface QemuResult {
  /** What the kernel wrote to the first serial port. */
  readonly text: string;
  /** QEMU's exit code: (V << 1) | 1 after a write of V to port F4H, 0 after a triple fault; null when it was given up. */
  readonly code: number | null;
}

/** Name of the program. */
export const QEMU_SYSTEM = "qemu-system-x86_64";
/** Whether it is installed. */
export const HAS_QEMU: boolean = isInstalled(QEMU_SYSTEM);
/** What a test's name says where it is not. */
export const QEMU_MISSING = HAS_QEMU ? "" : ` [needs ${QEMU_SYSTEM}]`;

const TIMEOUT = 60_000;

// deno-fmt-ignore
const OPTIONS = [
  "-M", "pc", "-cpu", "max", "-accel", "tcg", "-m", "256", "-display", "none", "-vga", "none", "-nic", "none",
  "-icount", "shift=0,sleep=off", "-serial", "stdio", "-monitor", "none", "-no-reboot", "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
];

/** Runs a kernel until it ends the machine. */
export function runOnQemu({ kernel, module, commandLine = "", disk, cdrom }: QemuRun): QemuResult {
  const folder = mkdtempSync(join(tmpdir(), "causeway-qemu-"));
  try {
    const image = join(folder, "kernel"), initrd = join(folder, "module");
    writeFileSync(image, kernel);
    if (module !== undefined) writeFileSync(initrd, module);
    const drives = [[disk, "index=0"], [cdrom, "index=2,media=cdrom"]] as const;
    const images = drives.flatMap(([content, place], n) => {
      if (content === undefined) return [];
      const file = join(folder, `drive${n}`);
      writeFileSync(file, content);
      return ["-drive", `file=${file},if=ide,format=raw,${place}`];
    });
    const modules = module === undefined ? [] : ["-initrd", initrd];
    const result = spawnSync(
      QEMU_SYSTEM,
      [...OPTIONS, "-kernel", image, "-append", commandLine, ...modules, ...images],
      {
        stdio: ["ignore", "pipe", "inherit"],
        timeout: TIMEOUT,
        encoding: "latin1",
      },
    );
    return { text: result.stdout, code: result.status };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
