/**
 * Builds the npm package into `npm/`: `deno task npm [FOLDER]`.
 *
 * esbuild bundles the library and the command line for Node and browsers; the compiler writes the types beside them.
 */
import * as esbuild from "esbuild";
import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { scriptLine } from "./script.ts";
import { GUESTS } from "../src/guests/guests.ts";
import { WORLD_IMAGES } from "../src/guests/worlds.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** The modules that users import. */
const PUBLIC = ["mod.ts", "src/cli/host.ts", "src/web/worker.ts"] as const;

const BIN = `#!/usr/bin/env node
import { main } from "../esm/cli.js";

process.exit(await main(process.argv.slice(2)));
`;

/** What the README leads to, and itself. */
const DOCUMENTS = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "DEVIATIONS.md", "docs"];
/** Kernels that the README's examples boot, by their folders. */
const KERNELS = ["echo", "lab"];

/** Builds the package into a folder, which is emptied before. */
export async function buildNpm(folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, "bin"), { recursive: true });
  await bundle(join(folder, "esm"));
  emitTypes(join(folder, "types"));
  writeFileSync(join(folder, "bin/causeway.js"), BIN);
  chmodSync(join(folder, "bin/causeway.js"), 0o755);
  const guests = [...GUESTS.flatMap(({ image, source }) => [image, source]), ...Object.values(WORLD_IMAGES)];
  for (const file of guests) {
    cpSync(fileURLToPath(file), join(folder, "guests", ...file.pathname.split("/").slice(-2)));
  }
  for (const kernel of KERNELS) {
    cpSync(join(ROOT, "src/guests", kernel), join(folder, "guests", kernel), { recursive: true });
  }
  for (const name of ["LICENSE", ...DOCUMENTS]) {
    cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  }
  writeFileSync(join(folder, "package.json"), JSON.stringify(packageJson(), null, 2) + "\n");
}

/** Name of a module without folders and extension. */
const nameOf = (path: string): string => path.replace(/^.*\//, "").replace(/\.ts$/, "");

function packageJson(): Record<string, unknown> {
  const { name, version, license } = JSON.parse(readFileSync(join(ROOT, "deno.json"), "utf8")) as {
    name: string;
    version: string;
    license: string;
  };
  return {
    name,
    version,
    description: "An x86-64 emulator that runs unmodified Linux programs and bare machine code",
    license,
    type: "module",
    engines: { node: ">=20" },
    sideEffects: false,
    bin: { causeway: "./bin/causeway.js" },
    exports: {
      ...Object.fromEntries(PUBLIC.map((path) => [
        path === "mod.ts" ? "." : `./${nameOf(path)}`,
        { types: `./types/${path.replace(/\.ts$/, ".d.ts")}`, default: `./esm/${nameOf(path)}.js` },
      ])),
    },
    files: ["bin", "esm", "guests", "types", ...DOCUMENTS],
  };
}

async function bundle(outdir: string): Promise<void> {
  try {
    await esbuild.build({
      entryPoints: {
        cli: join(ROOT, "src/cli/main.ts"),
        ...Object.fromEntries(PUBLIC.map((path) => [nameOf(path), join(ROOT, path)])),
      },
      outdir,
      bundle: true,
      splitting: true,
      format: "esm",
      platform: "neutral",
      target: "es2022",
      external: ["node:*"],
      legalComments: "none",
      logLevel: "warning",
    });
  } finally {
    await esbuild.stop();
  }
}

function emitTypes(outDir: string): void {
  const program = ts.createProgram(PUBLIC.map((path) => join(ROOT, path)), {
    outDir,
    rootDir: ROOT,
    declaration: true,
    stripInternal: true,
    emitDeclarationOnly: true,
    rewriteRelativeImportExtensions: true,
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: true,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    target: ts.ScriptTarget.ES2022,
    lib: ["lib.esnext.d.ts", "lib.dom.d.ts", "lib.webworker.d.ts"],
    types: [],
  });
  const { diagnostics } = program.emit();
  // Only what concerns declarations: `deno check` checks the rest, and knows Node's modules.
  const problems = [...program.getDeclarationDiagnostics(), ...diagnostics]
    .filter(({ category }) => category === ts.DiagnosticCategory.Error);
  if (problems.length > 0) {
    throw new Error(ts.formatDiagnostics(problems, {
      getCanonicalFileName: (name) => name,
      getCurrentDirectory: () => ROOT,
      getNewLine: () => "\n",
    }));
  }
}

if (import.meta.main) {
  const { rest: [folder = join(ROOT, "npm")] } = scriptLine({
    call: "deno task npm",
    description: "Builds the npm package in a folder (npm).",
    operands: ["[FOLDER]"],
  });
  await buildNpm(folder);
  console.log(`Built the npm package in ${folder}`);
}
