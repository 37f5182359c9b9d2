/**
 * The initramfs that Debian's kernels boot with here: busybox, our /init and scripts, some modules, and QEMU, Linux's
 * selftests or Xen's tools where they are asked for. As a program:
 * `deno run -A _tools/debian/initramfs.ts [--qemu|--selftests|--xen] KERNEL OUTPUT`.
 */
import { Buffer } from "node:buffer";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { cpio, type CpioEntry, directory, EXECUTABLE, file, READABLE } from "./cpio.ts";
import { modulesDep, modulesWithDependencies } from "./modules.ts";
import { debianKernel, debianPackage, KERNEL_NAMES, type KernelName, KERNELS } from "./packages.ts";
import { foldersOf } from "./program_files.ts";
import { qemuFiles } from "./qemu.ts";
import { selftestFiles } from "./selftests.ts";
import { xenFiles, xenImage } from "./xen.ts";
import { flag } from "../../src/cli/options.ts";
import { oneOf, scriptLine } from "../script.ts";

const FILES = fileURLToPath(new URL("../../tests/guests/debian/files/", import.meta.url));
const DIRECTORIES = ["bin", "dev", "etc", "lib", "lib/modules", "mnt", "proc", "root", "sys", "tmp"];
/** For disks, network, random numbers, and virtual machines. */
const MODULES = [
  "virtio_pci",
  "virtio_mmio",
  "virtio_blk",
  "virtio_net",
  "virtio_rng",
  "virtio_console",
  "ext4",
  "crc32c_generic",
  "kvm_intel",
  // What Xen's tools talk to the hypervisor through.
  "xen_privcmd",
  "xen_evtchn",
  "xen_gntdev",
  "xen_gntalloc",
  "xenfs",
];
const CONSOLE = 0o600;

/** Builds what a kernel boots with, with more files if they are asked for. */
export function initramfs(name: KernelName, extra?: Extra): Uint8Array {
  const archive = new Uint8Array(gzipSync(ownFiles(name), { level: 9 }));
  if (extra === undefined) return archive;
  // Not compressed, for the guest would take longer over that; Linux wants such an archive at a multiple of four bytes.
  return new Uint8Array(Buffer.concat([cpio(EXTRA_FILES[extra](name)), archive]));
}

/** The archive of what is in each of them. */
function ownFiles(name: KernelName): Uint8Array {
  const kernel = debianKernel(name);
  const { architecture } = KERNELS[name];
  const busybox = join(debianPackage("busybox-static", architecture), "bin", "busybox");
  // This host may not be able to execute another architecture's, which has the same.
  const native = join(debianPackage("busybox-static"), "bin", "busybox");
  const applets = execFileSync(native, ["--list"], { encoding: "utf8" }).trim().split("\n");
  const modules = modulesWithDependencies(kernel.modules, MODULES);
  const base = `lib/modules/${kernel.release}`;
  const folders = new Set(modules.flatMap(({ path }) => foldersOf(`${base}/${path}`)));
  return cpio([
    ...DIRECTORIES.map(directory),
    ...[...folders].filter((path) => !DIRECTORIES.includes(path)).map(directory),
    { kind: "character device", path: "dev/console", mode: CONSOLE, major: 5, minor: 1 },
    file("bin/busybox", new Uint8Array(readFileSync(busybox)), EXECUTABLE),
    ...applets.filter((applet) => applet !== "busybox").map((applet): CpioEntry => ({
      kind: "link",
      path: `bin/${applet}`,
      target: "busybox",
    })),
    ...readdirSync(FILES).sort().map((path) =>
      file(path, new Uint8Array(readFileSync(join(FILES, path))), EXECUTABLE)
    ),
    ...modules.map(({ path, bytes }) => file(`${base}/${path}`, bytes, READABLE)),
    file(`${base}/modules.dep`, new TextEncoder().encode(modulesDep(modules)), READABLE),
  ]);
}

/** What can be in an initramfs besides. */
export type Extra = "qemu" | "selftests" | "xen";
const EXTRA_FILES: Readonly<Record<Extra, (name: KernelName) => CpioEntry[]>> = {
  /** QEMU finds the cloud kernel with an initramfs of its own in /boot. */
  qemu: () => qemuFiles(initramfs("cloud")),
  selftests: selftestFiles,
  /** Xen's tools find the same. */
  xen: () => xenFiles(initramfs("cloud")),
};
const EXTRAS = Object.keys(EXTRA_FILES) as Extra[];

/** The commands that boot a kernel with an initramfs in a file. */
function bootCommands(kernel: KernelName, file: string, extra: Extra | undefined): string[] {
  const { image } = debianKernel(kernel);
  if (extra === "xen") {
    const modules = `--initrd "${image} console=hvc0" --initrd ${file}`;
    return [
      `zcat ${xenImage()} >xen`,
      `causeway boot --kernel xen ${modules} --append "console=com1 altp2m=1 dom0_mem=640M" --memory 1G --vmx`,
    ];
  }
  const more = extra === undefined ? "" : " --memory 1G --vmx";
  return [`causeway boot --kernel ${image} --initrd ${file} --append console=ttyS0${more}`];
}

if (import.meta.main) {
  const { values, rest: [name, output] } = scriptLine({
    call: "deno run -A _tools/debian/initramfs.ts",
    description: `Builds the initramfs that a kernel of Debian's boots with here: ${
      KERNEL_NAMES.join(", ")
    }.`,
    operands: ["KERNEL", "OUTPUT"],
    options: {
      qemu: flag("With Debian's QEMU, and the cloud kernel for virtual machines: 80 MB more."),
      selftests: flag("With Linux's selftests of x86 and KVM, in /tests."),
      xen: flag("For domain 0: with Xen's tools, and the cloud kernel for other domains: 60 MB more."),
    },
  });
  const kernel = oneOf(KERNEL_NAMES, name!), extra = EXTRAS.find((extra) => values[extra]);
  writeFileSync(output!, initramfs(kernel, extra));
  for (const command of bootCommands(kernel, output!, extra)) console.log(command);
}
