/** A whole Debian on a disk: systemd, udev and all that a minimal installation has, made by debootstrap. */
import { execFileSync } from "node:child_process";
import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { cachedFolder } from "./cache.ts";
import { KERNELS } from "./packages.ts";

const PACKAGES = ["systemd-sysv", "udev", "dbus", "login", "iproute2", "procps", KERNELS.cloud.package];
const SIZE = "1G";
/** Files that make it a machine of its own: its name, its disk, and its network card, which asks by DHCP. */
const FILES: Readonly<Record<string, string>> = {
  "etc/hostname": "causeway\n",
  "etc/fstab": "/dev/vda / ext4 defaults 0 1\n",
  "etc/systemd/network/80-card.network": "[Match]\nName=en*\n[Network]\nDHCP=yes\n",
};

/** Paths of what a Debian boots from. */
export interface RootDisk {
  readonly kernel: string;
  readonly initrd: string;
  /** An ext4 file system, for /dev/vda. `root` has no password. */
  readonly disk: string;
}

/** Makes one, if it is not in the cache; that takes minutes. Needs debootstrap, e2fsprogs and, as debootstrap does, root. */
export function debianRootDisk(): RootDisk {
  const folder = cachedFolder("debian-root", make);
  return {
    kernel: join(folder, "vmlinuz"),
    initrd: join(folder, "initrd.img"),
    disk: join(folder, "disk.img"),
  };
}

function make(folder: string): void {
  if (process.getuid?.() !== 0) {
    throw new Error(
      "Cannot make a Debian: debootstrap must be run by root, as it changes its root directory",
    );
  }
  const root = join(folder, "root");
  const run = (command: string, ...args: readonly string[]): void => {
    execFileSync(command, args, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
  };
  try {
    run("debootstrap", "--variant=minbase", `--include=${PACKAGES.join()}`, "bookworm", root);
    for (const [path, text] of Object.entries(FILES)) writeFileSync(join(root, path), text);
    run("chroot", root, "passwd", "--quiet", "--delete", "root");
    run("chroot", root, "systemctl", "--quiet", "enable", "systemd-networkd");
  } finally {
    // What debootstrap has mounted there and left: the folder is removed, and nothing of the host's shall be.
    const mounted = readFileSync("/proc/mounts", "utf8").split("\n")
      .flatMap((line) => line.split(" ")[1] ?? []);
    for (const path of mounted.filter((path) => path.startsWith(`${root}/`)).reverse()) run("umount", path);
  }
  run("mkfs.ext4", "-q", "-d", root, "disk.img", SIZE);
  const boot = readdirSync(join(root, "boot"));
  for (const name of ["vmlinuz", "initrd.img"]) {
    copyFileSync(join(root, "boot", boot.find((file) => file.startsWith(`${name}-`))!), join(folder, name));
  }
  rmSync(root, { recursive: true });
}
