/** Modules of a Linux kernel, and what they need: read from the modules themselves. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

/** A module. */
export interface KernelModule {
  /** Relative to the folder of modules. */
  readonly path: string;
  readonly bytes: Uint8Array;
  /** Names of the modules that must be loaded before. */
  readonly depends: readonly string[];
}

const EXTENSION = ".ko";

/** Names of modules with `_` and `-` made the same, as modprobe does. */
const normal = (name: string): string => name.replaceAll("-", "_");

/** The named modules and all that they need, each behind what it needs. Names the kernel has built in are left out. */
export function modulesWithDependencies(folder: string, names: readonly string[]): KernelModule[] {
  const paths = new Map(
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(EXTENSION))
      .map((path) => [normal(basename(path, EXTENSION)), path] as const),
  );
  const found = new Map<string, KernelModule>();
  const add = (name: string): void => {
    const path = paths.get(normal(name));
    if (path === undefined || found.has(path)) return;
    const bytes = new Uint8Array(readFileSync(join(folder, path)));
    const depends = dependencies(bytes);
    for (const other of depends) add(other);
    found.set(path, { path, bytes, depends });
  };
  for (const name of names) add(name);
  return [...found.values()];
}

/** The file `modules.dep`: each module with what it needs, which is loaded from the last to the first. */
export function modulesDep(modules: readonly KernelModule[]): string {
  const pathOf = (name: string): string | undefined =>
    modules.find(({ path }) => normal(basename(path, EXTENSION)) === normal(name))?.path;
  const needed = (depends: readonly string[]): string[] =>
    depends.flatMap((name) => {
      const path = pathOf(name);
      const module = modules.find((other) => other.path === path);
      return module === undefined ? [] : [module.path, ...needed(module.depends)];
    });
  // What several need comes behind the last of them.
  const inOrder = (paths: readonly string[]): string[] => [...new Set(paths.toReversed())].toReversed();
  return modules.map(({ path, depends }) => `${path}: ${inOrder(needed(depends)).join(" ")}`.trim() + "\n")
    .join("");
}

/** The entry `depends` of a module's section .modinfo, whose entries are strings with a zero behind each. */
function dependencies(module: Uint8Array): string[] {
  const text = new TextDecoder("latin1").decode(module);
  const list = /\0depends=([^\0]*)\0/.exec(text)?.[1] ?? "";
  return list.split(",").filter((name) => name !== "");
}
