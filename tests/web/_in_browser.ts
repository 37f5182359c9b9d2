/** Tests of the npm package in a real browser, where this host has it: a file for each, so that they run side by side. */
import { assert, assertEquals } from "@std/assert";
import * as esbuild from "esbuild";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildNpm } from "../../_tools/build_npm.ts";
import * as library from "../../mod.ts";
import { FILES } from "../oracle/vectors.ts";
import { type Browser, commandOf, withBrowser } from "./_browsers.ts";
import { type Contents, openSite } from "./_site.ts";
import { resultsOf } from "./site/same.js";
import type { VectorResults } from "./site/vectors.ts";

/** How long a page may take: other tests run beside it. */
const PATIENCE = 300_000;
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The code blocks of a document that begin with a comment that names a file, by those names. */
function filesOf(markdown: string): Map<string, string> {
  const blocks = markdown.matchAll(
    /^```\w+\n(?:\/\/|<!--) ([\w.]+\.(?:js|html))(?: -->)?\n([\s\S]*?)^```$/gm,
  );
  return new Map([...blocks].map(([, name, text]) => [name!, text!]));
}

const read = (path: string): Uint8Array => readFileSync(join(ROOT, path));
const IMAGES: Record<string, Uint8Array> = {
  hello: read("src/guests/hello/hello.elf"),
  scene: read("src/guests/scene/scene.elf"),
  lab: read("src/guests/lab/lab.elf"),
};
const document = filesOf(new TextDecoder().decode(read("docs/browser.md")));

/** A computer with three processors, saved in this host. */
async function saveComputer(): Promise<Uint8Array> {
  const machine = library.bootMachine({ kernel: read("tests/machine/kernels/smp.elf"), processors: 3 });
  machine.run({ instructions: 900_000 });
  return await machine.snapshot();
}

/** The worker of site/vectors.ts, with all that it imports. */
async function bundleVectors(): Promise<string> {
  const { outputFiles } = await esbuild.build({
    entryPoints: [join(ROOT, "tests/web/site/vectors.ts")],
    bundle: true,
    write: false,
    format: "esm",
    platform: "neutral",
    target: "es2022",
  });
  return outputFiles[0]!.text;
}

/** What the site has: the package built in `npm`, images, the recorded vectors, and the document's page. */
function contents(npm: string, vectors: string): Contents {
  const fileIn = (folder: string, path: string): Uint8Array | undefined => {
    const file = join(folder, path);
    return existsSync(file) && statSync(file).isFile() ? readFileSync(file) : undefined;
  };
  return (path) => {
    const [folder, ...rest] = path.split("/"), name = rest.join("/");
    switch (folder) {
      case "npm":
        return fileIn(npm, name);
      case "site":
        return fileIn(join(ROOT, "tests/web/site"), name);
      case "images":
        return IMAGES[name];
      case "vectors":
        return fileIn(join(ROOT, "tests/oracle/vectors"), name);
      case "vectors.js":
        return vectors;
      case "document":
        if (name === "echo.elf") return fileIn(npm, "guests/echo/echo.elf");
        if (name.startsWith("node_modules/@causeway/x86/")) return fileIn(npm, name.slice(27));
        return document.get(name);
    }
    return undefined;
  };
}

/** Registers them for one browser. */
export function testIn(browser: Browser): void {
  const npm = mkdtempSync(join(tmpdir(), "browser-npm-"));
  let files: Contents;

  Deno.test.beforeAll(async () => {
    await buildNpm(npm);
    IMAGES.snapshot = await saveComputer();
    files = contents(npm, await bundleVectors());
  });

  Deno.test.afterAll(async () => {
    await esbuild.stop();
    rmSync(npm, { recursive: true });
  });

  const command = commandOf(browser);
  const resultOf = async (page: string, policy?: string): Promise<unknown> => {
    const site = await openSite(files, policy);
    try {
      const address = site.address(page);
      return await withBrowser({ browser, command: command!, address }, site.result(PATIENCE));
    } finally {
      await site.close();
    }
  };

  Deno.test({
    name: `${browser.name} runs the npm package${command ? "" : ` [needs ${browser.packages}]`}`,
    ignore: command === undefined,
    async fn(t) {
      await t.step("programs, processors, a hypervisor and a snapshot, as in this host", async () => {
        assertEquals(await resultOf("library"), await resultsOf(library, IMAGES));
      });

      await t.step("programs in the package's worker", async () => {
        assertEquals(await resultOf("worker"), ["Hello, Ada!\n", "done", 1]);
      });

      await t.step("where the page may not compile anything, code is interpreted", async () => {
        assertEquals(await resultOf("policy", "default-src 'self'"), [
          "Hello, Ada!\n",
          ["causeway: the host compiles nothing, so guest code is interpreted "],
        ]);
      });

      await t.step("the page of docs/browser.md", async () => {
        assertEquals([...document.keys()], ["computer.js", "index.html"]);
        assertEquals(
          await resultOf("document"),
          "Type lines; exit ends this.\n> hello\n> exit\n[the computer stopped: exit]\n",
        );
      });

      await t.step("recorded vectors of a real processor, in each engine", async () => {
        const results = await resultOf("vectors") as VectorResults;
        assertEquals(Object.keys(results), [...FILES]);
        for (const [file, replays] of Object.entries(results)) {
          for (const [engine, { run, mismatches }] of Object.entries(replays)) {
            assert(run > 300, `${file}, ${engine}: only ${run} vectors were run`);
            assertEquals(mismatches.slice(0, 3), [], `${file}, ${engine}: ${mismatches.length} differ`);
          }
        }
      });
    },
  });
}
