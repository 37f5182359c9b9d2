/**
 * Checks the direction of imports (ARCHITECTURE.md, "Layout"): `deno run -A _tools/check_imports.ts`.
 *
 * Folders of `src/` import only what `import_rules.ts` allows; nothing in `src/` imports from npm or JSR; `node:` modules
 * are for the host-facing files, and nothing uses `Deno.*`; and no modules import one another in a circle at run time.
 */
import { readdir, readFile } from "node:fs/promises";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { ALLOWED, HOST_FACING, TOOLS } from "./import_rules.ts";
import { findImports, type ImportStatement, withoutComments } from "./imports.ts";
import { scriptLine } from "./script.ts";

/** Something that must not be imported where it is. */
export interface Violation {
  /** Path of the module, from the repository's root. */
  readonly file: string;
  readonly line: number;
  readonly reason: string;
}

/** Sources by their path from the repository's root, with `/` between names. */
export type Sources = ReadonlyMap<string, string>;

/** Checks all modules given. */
export function checkImports(sources: Sources): Violation[] {
  const violations: Violation[] = [];
  const graph = new Map<string, string[]>();
  for (const [file, source] of sources) {
    const targets: string[] = [];
    graph.set(file, targets);
    if (!inAny(file, TOOLS)) violations.push(...denoUses(file, source));
    for (const statement of findImports(source)) {
      const target = resolve(file, statement.specifier);
      if (target !== undefined && !statement.typeOnly) targets.push(target);
      const reason = judge(file, statement, target, sources);
      if (reason !== undefined) violations.push({ file, line: statement.line, reason });
    }
  }
  for (const circle of circles(graph)) {
    violations.push({
      file: circle[0]!,
      line: 1,
      reason: `imports itself in a circle: ${circle.join(" → ")}`,
    });
  }
  return violations;
}

/** Uses of Deno's own interface, which Node.js and browsers do not have. */
function denoUses(file: string, source: string): Violation[] {
  return withoutComments(source).split("\n").flatMap((text, index) =>
    /\bDeno\./.test(text)
      ? [{ file, line: index + 1, reason: "Deno.* is not there in Node.js and browsers" }]
      : []
  );
}

/** Path of a relative specifier, or undefined for packages. */
function resolve(file: string, specifier: string): string | undefined {
  return specifier.startsWith(".") ? posix.join(posix.dirname(file), specifier) : undefined;
}

function judge(
  file: string,
  { specifier }: ImportStatement,
  target: string | undefined,
  sources: Sources,
): string | undefined {
  if (inAny(file, TOOLS)) return undefined;
  if (target === undefined) {
    if (!specifier.startsWith("node:")) {
      return `${specifier} is a package: product code imports none`;
    }
    return inAny(file, HOST_FACING)
      ? undefined
      : `${specifier} is for host-facing files only (${HOST_FACING.join(", ")})`;
  }
  if (!target.startsWith("src/")) return `${specifier} leads out of src/`;
  if (!sources.has(target)) return `${specifier} does not exist`;
  const from = folder(file), to = folder(target);
  if (from === undefined || from === to) return undefined;
  const allowed = ALLOWED[from];
  if (allowed === undefined) return `src/${from} has no row in _tools/import_rules.ts`;
  if (allowed.includes(to ?? "") || allowed.includes(target.slice("src/".length))) return undefined;
  return `src/${from} must not import src/${to}: it may import ${allowed.join(", ") || "nothing"}`;
}

const inAny = (file: string, places: readonly string[]): boolean =>
  places.some((place) => place.endsWith("/") ? file.startsWith(place) : file === place);

/** Name of the folder of `src/` a module is in; undefined outside `src/` (mod.ts). */
function folder(file: string): string | undefined {
  return file.startsWith("src/") ? file.split("/")[1] : undefined;
}

/** Circles of run-time imports: each as the modules on it, the first one repeated at the end. */
function circles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const found: string[][] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): void => {
    const at = path.indexOf(file);
    if (at >= 0) found.push([...path.slice(at), file]);
    if (at >= 0 || done.has(file)) return;
    path.push(file);
    for (const target of graph.get(file) ?? []) visit(target);
    path.pop();
    done.add(file);
  };
  for (const file of graph.keys()) visit(file);
  return found;
}

/** Reads the TypeScript modules of the repository at `root`. */
export async function readSources(root: string): Promise<Sources> {
  const sources = new Map<string, string>();
  for (const top of ["mod.ts", "src", "_tools", "bench", "tests"]) {
    const names = top.endsWith(".ts")
      ? [""]
      : await readdir(join(root, top), { recursive: true }).catch((): string[] => []);
    for (const name of names) {
      const path = name === "" ? top : `${top}/${name.replaceAll("\\", "/")}`;
      if (!path.endsWith(".ts") || path.includes("node_modules/")) continue;
      sources.set(path, await readFile(join(root, path), "utf8"));
    }
  }
  return sources;
}

if (import.meta.main) {
  scriptLine({
    call: "deno run -A _tools/check_imports.ts",
    description: "Checks the direction of imports: ARCHITECTURE.md, Layout.",
  });
  const root = fileURLToPath(new URL("..", import.meta.url));
  const sources = await readSources(root);
  const violations = checkImports(sources);
  for (const { file, line, reason } of violations) console.error(`${file}:${line}: ${reason}`);
  if (violations.length > 0) Deno.exit(1);
  console.log(`Imports of ${sources.size} modules keep their direction.`);
}
