/** Xen, its tools for domain 0, and the cloud kernel as what they boot in other domains: files for an initramfs. */
import { Buffer } from "node:buffer";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cpio, type CpioEntry, EXECUTABLE, file } from "./cpio.ts";
import { type PackagedFile, pathOf } from "./libraries.ts";
import { debianPackage } from "./packages.ts";
import { bootFiles, programFiles, withFolders } from "./program_files.ts";

const VERSION = "4.17";
const TOOLS = `xen-utils-${VERSION}`,
  FOLDER = `usr/lib/xen-${VERSION}`,
  LIBRARIES = "usr/lib/x86_64-linux-gnu";
/** What is called by name, in domain 0. */
const COMMANDS = ["xl", "xenstored", "xen-init-dom0", "xenconsoled"].map((name): PackagedFile => ({
  package: TOOLS,
  path: `${FOLDER}/bin/${name}`,
}));
const PROGRAMS: readonly PackagedFile[] = [
  ...COMMANDS,
  { package: TOOLS, path: `${FOLDER}/bin/xenconsole` },
  // The devices of fully virtualized domains.
  { package: "qemu-system-xen", path: "usr/libexec/xen-qemu-system-i386" },
];
/** What is loaded when it is needed. */
const OTHERS: readonly PackagedFile[] = [
  { package: TOOLS, path: `${FOLDER}/boot/hvmloader` },
  // For the cancellation of threads.
  { package: "libgcc-s1", path: "lib/x86_64-linux-gnu/libgcc_s.so.1" },
  { package: "seabios", path: "usr/share/seabios/bios-256k.bin" },
  ...["kvmvapic.bin", "linuxboot.bin", "keymaps/en-us"].map((name) => ({
    package: "qemu-system-data",
    path: `usr/share/qemu/${name}`,
  })),
];

/** Where the hypervisor has been unpacked: an ELF image for multiboot, compressed with gzip. */
export const xenImage = (): string =>
  join(debianPackage(`xen-hypervisor-${VERSION}-amd64`), "boot", `xen-${VERSION}-amd64.gz`);

/** Sources of the programs that make views of a domain's memory, in domain 0, and switch between them, in that domain. */
const SOURCES = fileURLToPath(new URL("../../tests/guests/debian/xen/", import.meta.url));

/**
 * The files, behind the folders that hold them.
 *
 * @param initramfs what the kernel boots with
 */
export function xenFiles(initramfs: Uint8Array): CpioEntry[] {
  const library = pathOf({ package: `libxenmisc${VERSION}`, path: `${LIBRARIES}/libxenctrl.so.${VERSION}` });
  const headers = pathOf({ package: "libxen-dev", path: "usr/include" });
  const makeView = compiled("make_view", [`-I${headers}`, library, "-Wl,--allow-shlib-undefined"]);
  // Linux unpacks one archive after the other.
  const inDomain = Buffer.concat([cpio([compiled("switch_views", ["-static"])]), initramfs]);
  return withFolders([
    ...programFiles(PROGRAMS, OTHERS),
    ...COMMANDS.map(({ path }): CpioEntry => ({
      kind: "link",
      path: `bin/${basename(path)}`,
      target: `/${path}`,
    })),
    makeView,
    ...bootFiles(new Uint8Array(inDomain)),
  ]);
}

/** A program of ours, for the root folder. */
function compiled(name: string, options: readonly string[]): CpioEntry {
  const folder = mkdtempSync(join(tmpdir(), "causeway-")), path = join(folder, name);
  try {
    const sources = [join(SOURCES, `${name}.c`), ...options];
    execFileSync("gcc", ["-O2", "-Wall", "-Wextra", "-Werror", "-s", "-o", path, ...sources], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    return file(name, new Uint8Array(readFileSync(path)), EXECUTABLE);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
