/** Debian's packages that the guests are made of: fetched with apt, unpacked into a cache folder. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { CACHE, cachedFolder } from "./cache.ts";

/** Architectures of packages: this host's, and the one of 32-bit systems. */
export type Architecture = "amd64" | "i386";

/** Debian's kernels, by the packages that depend on their current versions. */
export const KERNELS = {
  cloud: { package: "linux-image-cloud-amd64", architecture: "amd64" },
  generic: { package: "linux-image-amd64", architecture: "amd64" },
  "686-pae": { package: "linux-image-686-pae", architecture: "i386" },
} as const satisfies Record<string, { readonly package: string; readonly architecture: Architecture }>;

/** Which of them. */
export type KernelName = keyof typeof KERNELS;
export const KERNEL_NAMES = Object.keys(KERNELS) as KernelName[];
/** Those of 64 bits. */
export const KERNEL_NAMES_64: readonly KernelName[] = KERNEL_NAMES.filter((name) =>
  KERNELS[name].architecture === "amd64"
);

/** apt's lists of the other architecture's packages: the host's own knows nothing of those. */
const FOREIGN_LISTS = join(CACHE, "apt-i386");
/** apt's options for an architecture. */
const APT_OPTIONS: Readonly<Record<Architecture, readonly string[]>> = {
  amd64: [],
  i386: [
    `Dir::State=${FOREIGN_LISTS}`,
    `Dir::Cache=${FOREIGN_LISTS}/cache`,
    "Dir::State::status=/dev/null",
    "APT::Architecture=i386",
    "APT::Architectures=i386",
    // Its own user could not write there.
    "APT::Sandbox::User=root",
  ].flatMap((option) => ["-o", option]),
};

/** Architectures whose lists have been fetched by this process. */
const updated = new Set<Architecture>();

/** Fetches the lists of the other architecture. apt tells which it cannot; packages that are then unknown say so themselves. */
function updateLists(architecture: Architecture): void {
  if (architecture === "amd64" || updated.has(architecture)) return;
  updated.add(architecture);
  mkdirSync(join(FOREIGN_LISTS, "lists", "partial"), { recursive: true });
  mkdirSync(join(FOREIGN_LISTS, "cache", "archives", "partial"), { recursive: true });
  spawnSync("apt-get", [...APT_OPTIONS[architecture], "update", "-qq"], {
    stdio: ["ignore", "ignore", "inherit"],
  });
}

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
export function debianPackage(name: string, architecture: Architecture = "amd64"): string {
  return cachedFolder(architecture === "amd64" ? name : `${name}.${architecture}`, (folder) => {
    updateLists(architecture);
    const download = join(folder, ".download");
    mkdirSync(download);
    execFileSync("apt-get", [...APT_OPTIONS[architecture], "download", "-q", name], {
      cwd: download,
      stdio: ["ignore", "ignore", "pipe"],
    });
    const [file] = readdirSync(download);
    execFileSync("dpkg-deb", ["-x", join(download, file!), folder]);
    rmSync(download, { recursive: true });
  });
}

/** A kernel of Debian's. */
export function debianKernel(name: KernelName): DebianKernel {
  const { package: current, architecture } = KERNELS[name];
  if (architecture !== "amd64" && !existsSync(FOREIGN_LISTS)) updateLists(architecture);
  const depends = execFileSync("apt-cache", [...APT_OPTIONS[architecture], "depends", current], {
    encoding: "utf8",
  });
  const concrete = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
  if (concrete === undefined) {
    throw new Error(`${current} depends on no kernel; is apt up to date?`);
  }
  const root = debianPackage(concrete, architecture), release = concrete.slice("linux-image-".length);
  return {
    release,
    image: join(root, "boot", `vmlinuz-${release}`),
    modules: join(root, "lib", "modules", release),
  };
}
