/** What programs of Debian's packages need to run: their shared libraries, out of the packages that theirs depend on. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { debianPackage } from "./packages.ts";

/** A file in a package. */
export interface PackagedFile {
  readonly package: string;
  /** Below the package's root. */
  readonly path: string;
}

/** Where libraries lie in packages. */
const FOLDERS = ["lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu", "lib64", "usr/lib64"];

/** The shared libraries that programs need, and what those need, by the name that they are asked for. */
export function sharedLibraries(programs: readonly PackagedFile[]): Map<string, PackagedFile> {
  const found = new Map<string, PackagedFile>();
  const open = [...programs];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    for (const name of neededLibraries(pathOf(file))) {
      if (found.has(name)) continue;
      const library = findLibrary(name, file.package);
      found.set(name, library);
      open.push(library);
    }
  }
  return found;
}

/** Where a file has been unpacked. */
export const pathOf = (file: PackagedFile): string => join(debianPackage(file.package), file.path);

/** The library of this name in a package, or in one that it depends on. */
function findLibrary(name: string, user: string): PackagedFile {
  for (const candidate of [user, ...dependencies(user)]) {
    const folder = FOLDERS.find((folder) => existsSync(join(debianPackage(candidate), folder, name)));
    if (folder !== undefined) return { package: candidate, path: join(folder, name) };
  }
  throw new Error(`${name}, which ${user} needs, is in no package that it depends on.`);
}

/** The names in the entries NEEDED of an ELF file's dynamic section. */
function neededLibraries(path: string): string[] {
  const section = execFileSync("readelf", ["-d", "-W", path], { encoding: "utf8" });
  return [...section.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, name]) => name!);
}

const dependenciesOf = new Map<string, readonly string[]>();

/** The libraries' packages that a package depends on directly. */
function dependencies(name: string): readonly string[] {
  const known = dependenciesOf.get(name);
  if (known !== undefined) return known;
  const text = execFileSync("apt-cache", ["depends", name], { encoding: "utf8" });
  const names = [...text.matchAll(/^ *\|?(?:Pre)?Depends: ((?:lib|zlib)[^\s]*)$/gm)].map(([, other]) =>
    other!
  );
  dependenciesOf.set(name, names);
  return names;
}
