import { assert, assertEquals } from "@std/assert";
import { havePrograms, inFolder, runEmulated, runNatively } from "./_support/native.ts";
import type { EngineName } from "../../src/machine/engines.ts";

const FOLDER = new URL("./programs/", import.meta.url).pathname;
const GCC = "/usr/bin/gcc", MUSL = "/usr/bin/musl-gcc";

/** Programs in `programs/`; each says what it checks by what it prints. */
const PROGRAMS = [
  "print_floats",
  "jumps",
  "threads",
  "memory",
  "self_modifying",
  "signals",
  "signal_state",
  "files",
  "sockets",
  "processes",
  "terminals",
  "ipc",
  "interfaces",
  "watches",
  "roots",
  "owners",
];

/** Each program once with each of these. */
const BUILDS: readonly (readonly [string, readonly string[], EngineName])[] = [
  [GCC, ["-O0"], "auto"],
  [GCC, ["-O2"], "js"],
  [GCC, ["-O3", "-static-pie"], "interpreter"],
  [GCC, ["-O2", "-static"], "auto"],
  [MUSL, ["-O2", "-static"], "auto"],
];

for (const [compiler, flags, engine] of BUILDS) {
  const missing = !havePrograms(compiler);
  for (const program of PROGRAMS) {
    const built = `${compiler.replace("/usr/bin/", "")} ${flags.join(" ")}`;
    Deno.test({
      name: `${program}.c built by ${built} runs as natively (${engine})${
        missing ? ` (needs ${compiler})` : ""
      }`,
      ignore: missing,
      fn: () =>
        inFolder(async (folder) => {
          await build(compiler, [
            ...flags,
            `${FOLDER}${program}.c`,
            "-o",
            `${folder}/${program}`,
            "-lm",
            "-pthread",
            "-lutil",
          ]);
          const command = { argv: [`${folder}/${program}`] };
          const native = await runNatively(command, folder);
          assertEquals(runEmulated(command, folder, engine), native);
        }),
    });
  }
}

Deno.test({
  name: `dynamic.c loads a library of its own with dlopen${havePrograms(GCC) ? "" : ` (needs ${GCC})`}`,
  ignore: !havePrograms(GCC),
  fn: () =>
    inFolder(async (folder) => {
      await build(GCC, ["-shared", "-fPIC", `${FOLDER}twice.c`, "-o", `${folder}/libtwice.so`]);
      await build(GCC, ["-O2", `${FOLDER}dynamic.c`, "-o", `${folder}/dynamic`, "-ldl"]);
      const command = { argv: [`${folder}/dynamic`, `${folder}/libtwice.so`] };
      const native = await runNatively(command, folder);
      assertEquals(native.code, 0);
      assertEquals(runEmulated(command, folder), native);
    }),
});

async function build(compiler: string, args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(compiler, { args: ["-w", ...args] }).output();
  assert(success, new TextDecoder().decode(stderr));
}
