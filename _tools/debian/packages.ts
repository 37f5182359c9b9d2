/** Debian's packages that the guests are made of: fetched with apt, unpacked into a cache folder. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";

/** Where they are kept: `CAUSEWAY_GUESTS`, or a folder of the user's cache. */
export const CACHE: string = process.env["CAUSEWAY_GUESTS"] ??
  join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "causeway", "guests");

/** Packages that depend on the current version of Debian's two kernels. */
export const KERNEL_PACKAGES = {
  cloud: "linux-image-cloud-amd64",
  generic: "linux-image-amd64",
} as const;

/** Which of them. */
export type KernelName = keyof typeof KERNEL_PACKAGES;
export const KERNEL_NAMES = Object.keys(KERNEL_PACKAGES) as KernelName[];

/** A kernel of Debian's, unpacked. */
export interface DebianKernel {
  /** What `uname -r` says. */
  readonly release: string;
  /** The bzImage. */
  readonly image: string;
  /** The folder of its modules. */
  readonly modules: string;
}

/** Unpacks a package, and fetches it if it is not in the cache. Returns the folder. */
export function debianPackage(name: string): string {
  const folder = join(CACHE, name);
  if (existsSync(folder)) return folder;
  const download = join(CACHE, `${name}.download`);
  rmSync(download, { recursive: true, force: true });
  mkdirSync(download, { recursive: true });
  execFileSync("apt-get", ["download", "-q", name], { cwd: download, stdio: ["ignore", "ignore", "pipe"] });
  const [file] = readdirSync(download);
  execFileSync("dpkg-deb", ["-x", file!, "root"], { cwd: download });
  renameSync(join(download, "root"), folder);
  rmSync(download, { recursive: true });
  return folder;
}

/** A kernel of Debian's. */
export function debianKernel(name: KernelName): DebianKernel {
  const depends = execFileSync("apt-cache", ["depends", KERNEL_PACKAGES[name]], { encoding: "utf8" });
  const concrete = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
  if (concrete === undefined) {
    throw new Error(`${KERNEL_PACKAGES[name]} depends on no kernel; is apt up to date?`);
  }
  const root = debianPackage(concrete), release = concrete.slice("linux-image-".length);
  return {
    release,
    image: join(root, "boot", `vmlinuz-${release}`),
    modules: join(root, "lib", "modules", release),
  };
}
