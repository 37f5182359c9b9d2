import { assert, assertEquals } from "@std/assert";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { buildNpm } from "../../_tools/build_npm.ts";
import { findLinks } from "../../_tools/docs.ts";
import { causeway } from "../cli/command_line.ts";

const node = spawnSync("node", ["--version"], { encoding: "utf8" });
const version = node.status === 0 ? node.stdout.trim() : "none";
const missing = Number(/^v(\d+)/.exec(version)?.[1] ?? 0) >= 20
  ? ""
  : ` [needs Node.js 20; here: ${version}]`;
const GUESTS = new URL("../guests/", import.meta.url);
const expected = (name: string): string => readFileSync(new URL(name, GUESTS), "utf8");

/** What a user of the library writes: types are checked, and it runs. */
const CONSUMER = `
import { createProcessor, runProgram, type RunResult } from "@causeway/x86";
import { HostFileSystem } from "@causeway/x86/host";
import { readFileSync } from "node:fs";

const program: Uint8Array = new Uint8Array(readFileSync(process.argv[2]!));
const result: RunResult = runProgram({ program, args: process.argv.slice(3) });
const host: RunResult = runProgram({ program: process.argv[2]!, fileSystem: new HostFileSystem() });
const cpu = createProcessor();
cpu.load(new Uint8Array([0x48, 0x01, 0xd8, 0xf4]));
cpu.set("rax", 40n);
cpu.set("rbx", 2n);
const stop = cpu.run();
console.log(JSON.stringify([result.exitCode, result.stdout, host.stdout, stop.kind, String(cpu.get("rax"))]));
`;

Deno.test({
  name: `the npm package runs guests in Node.js, as a library and as a command${missing}`,
  ignore: missing !== "",
  async fn(t) {
    const folder = mkdtempSync(join(tmpdir(), "npm-"));
    try {
      const home = join(folder, "node_modules/@causeway/x86");
      await buildNpm(home);
      const run = (...args: string[]) => spawnSync("node", args, { cwd: folder, encoding: "utf8" });
      const bin = join(home, "bin/causeway.js");

      await t.step("its types suit a strict consumer", () => {
        writeFileSync(join(folder, "consumer.ts"), CONSUMER);
        writeFileSync(join(folder, "node.d.ts"), NODE_TYPES);
        for (const moduleResolution of [ts.ModuleResolutionKind.NodeNext, ts.ModuleResolutionKind.Bundler]) {
          const program = ts.createProgram([join(folder, "consumer.ts"), join(folder, "node.d.ts")], {
            strict: true,
            module: moduleResolution === ts.ModuleResolutionKind.NodeNext
              ? ts.ModuleKind.NodeNext
              : ts.ModuleKind.ESNext,
            moduleResolution,
            target: ts.ScriptTarget.ES2022,
            lib: ["lib.es2022.d.ts"], // without the DOM
            types: [],
            outDir: folder,
          });
          const problems = ts.getPreEmitDiagnostics(program).map(({ messageText }) =>
            ts.flattenDiagnosticMessageText(messageText, "\n")
          );
          assertEquals(problems, []);
          program.emit();
        }
      });

      await t.step("a program that imports it runs a guest", () => {
        writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
        const { stdout, stderr } = run("consumer.js", join(home, "guests/hello/hello.elf"), "Ada", "Grace");
        assertEquals(stderr, "");
        assertEquals(JSON.parse(stdout), [2, expected("hello.txt"), "Hello, world!\n", "halt", "42"]);
      });

      await t.step("causeway run and causeway demo print what the guests print", () => {
        const hello = run(bin, "run", join(home, "guests/hello/hello.elf"), "Ada", "Grace");
        assertEquals([hello.status, hello.stdout, hello.stderr], [2, expected("hello.txt"), ""]);
        const echo = ["boot", "--kernel", join(home, "guests/echo/echo.elf"), "--max-instructions", "100"];
        assertEquals(run(bin, ...echo).status, 124);
        const demo = run(bin, "demo");
        assertEquals([demo.status, demo.stdout, demo.stderr], [0, expected("scene.txt"), ""]);
      });

      await t.step("a snapshot that Deno saved goes on in Node.js as in Deno", () => {
        const kernel = fileURLToPath(new URL("../machine/kernels/smp.elf", import.meta.url));
        const saved = join(folder, "saved");
        const boot = ["boot", "--kernel", kernel, "--cpus", "3", "--save", saved];
        const whole = causeway([...boot, "--save-at", "900000"]);
        const resumed = run(bin, "boot", "--load", saved);
        assertEquals([resumed.status, resumed.stderr], [whole.code, ""]);
        assert(whole.stdout.endsWith(resumed.stdout) && resumed.stdout.length > 0);
        // And a little later every byte of both machines is the same.
        const later = ["boot", "--load", saved, "--save-at", "1500000", "--save-exit", "--save"];
        assertEquals(causeway([...later, join(folder, "by-deno")]).code, 0);
        assertEquals(run(bin, ...later, join(folder, "by-node")).status, 0);
        assertEquals(readFileSync(join(folder, "by-node")), readFileSync(join(folder, "by-deno")));
      });

      await t.step("causeway worlds finds its images", () => {
        const args = ["--system", "proxos", "--path", "crossover", "--iterations", "1"];
        const { status, stdout, stderr } = run(bin, "worlds", ...args);
        assertEquals([status, stderr], [0, ""]);
        assert(stdout.includes("10 results"), stdout);
      });

      await t.step("the library has no import of Node.js, so that browsers load it", () => {
        for (const name of ["mod.js", "worker.js"]) {
          for (const chunk of modulesOf(join(home, "esm"), name)) {
            assert(
              !/\bfrom\s*"node:|import\s*"node:/.test(readFileSync(join(home, "esm", chunk), "utf8")),
              chunk,
            );
          }
        }
      });

      await t.step("package.json names files that exist, and no dependencies", () => {
        const json = JSON.parse(readFileSync(join(home, "package.json"), "utf8"));
        for (const { types, default: code } of Object.values<Record<string, string>>(json.exports)) {
          for (const path of [types, code]) readFileSync(join(home, path!));
        }
        assertEquals([json.dependencies, json.version], [undefined, readVersion()]);
        for (const path of json.files) assert(existsSync(join(home, path)), path);
        const links = findLinks(readFileSync(join(home, "README.md"), "utf8"));
        assertEquals(links.filter(({ path }) => !existsSync(join(home, path))), []);
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
});

/** What the consumer and our types use of those that Node.js has. */
const NODE_TYPES = `
interface AbortSignal {}
interface ReadableStream<R = any> { readonly chunk: R }
interface WritableStream<W = any> { readonly chunk: W }
declare module "node:fs" { export function readFileSync(path: string): Uint8Array; }
declare const process: { argv: string[] };
declare const console: { log(text: string): void };
`;

/** A bundled module and all that it imports. */
function modulesOf(folder: string, name: string, seen = new Set<string>()): Set<string> {
  if (seen.has(name)) return seen;
  seen.add(name);
  for (const [, next] of readFileSync(join(folder, name), "utf8").matchAll(/from\s*"\.\/([^"]+)"/g)) {
    modulesOf(folder, next!, seen);
  }
  return seen;
}

function readVersion(): string {
  return JSON.parse(readFileSync(fileURLToPath(new URL("../../deno.json", import.meta.url)), "utf8")).version;
}
