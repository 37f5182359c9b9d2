/** Proxos, Hyper-Shell, Tahoma and ShadowContext: the same results over three paths, with the hops that theory counts. */
import { assert, assertEquals } from "@std/assert";
import { BOCHS_MISSING, HAS_BOCHS } from "../../referee/bochs.ts";
import {
  hopsOf,
  linesOf,
  type Path,
  PATHS,
  type Run,
  runWorlds,
  runWorldsOnBochs,
  type System,
  SYSTEMS,
  WORKLOADS,
} from "./_worlds.ts";
import { forced } from "../../_support/forced.ts";

const ITERATIONS = 10, UTILITY_SHARE = 10;

/** Ring and VMX transitions of one redirected system call: docs/crossover.md. */
const HOPS: Readonly<Record<System, Readonly<Record<Path, number>>>> = {
  proxos: { original: 10, vmfunc: 4, crossover: 2 },
  hypershell: { original: 6, vmfunc: 4, crossover: 2 },
  tahoma: { original: 8, vmfunc: 6, crossover: 2 },
  shadowcontext: { original: 8, vmfunc: 4, crossover: 2 },
};
/** System calls in the workloads that are not utilities. */
const CALLS = { getpid: 1, read1: 1, write1: 1, stat: 1, openclose: 2, pipe: 2 } as const;
const UTILITIES = ["ps", "ls", "uptime", "grep"] as const;

const runs = new Map<string, Run>();
function run(system: System, path: Path): Run {
  const commandLine = `system=${system} path=${path} iterations=${ITERATIONS}`;
  const made = runs.get(commandLine) ?? runWorlds(commandLine);
  runs.set(commandLine, made);
  return made;
}

for (const system of SYSTEMS) {
  Deno.test(`${system} gives the same results over all paths, and its server refuses a stranger`, () => {
    const expected = linesOf(run(system, "original").text, "result");
    assertEquals(expected.length, Object.keys(WORKLOADS).length, expected.join("\n"));
    for (const path of PATHS) {
      const { stop, text } = run(system, path);
      assertEquals(stop, { kind: "exit", code: 1 }, `${path}: ${text}`);
      assertEquals(linesOf(text, "result"), expected, path);
      assertEquals(linesOf(text, "refused"), ["refused stranger EPERM"], path);
      assert(text.endsWith("\ndone\n"), path);
    }
  });

  for (const path of PATHS) {
    Deno.test(`${system} makes ${HOPS[system][path]} hops a call over the path ${path}`, () => {
      const { measured } = run(system, path);
      for (const [name, calls] of Object.entries(CALLS)) {
        const { switches, iterations } = measured.get(WORKLOADS[name as keyof typeof CALLS])!;
        assertEquals(iterations, ITERATIONS);
        assertEquals(hopsOf(switches), calls * HOPS[system][path] * iterations, name);
      }
    });
  }

  Deno.test(`${system}'s utilities make the same number of calls over all paths`, () => {
    for (const name of UTILITIES) {
      const calls = PATHS.map((path) => {
        const { switches, iterations } = run(system, path).measured.get(WORKLOADS[name])!;
        assertEquals(iterations, ITERATIONS / UTILITY_SHARE);
        return hopsOf(switches) / HOPS[system][path];
      });
      assertEquals(calls, calls.map(() => calls[0]!), name);
      assert(calls[0]! >= 5 && Number.isInteger(calls[0]), `${name}: ${calls[0]} calls`);
    }
  });
}

for (const system of SYSTEMS) {
  Deno.test({
    name:
      `Bochs prints what Causeway prints of ${system} over the paths that need no world calls${BOCHS_MISSING}`,
    ignore: !HAS_BOCHS,
    async fn() {
      for (const path of ["original", "vmfunc"] as const) {
        const { text, end } = await runWorldsOnBochs(
          `system=${system} path=${path} iterations=${ITERATIONS}`,
        );
        assertEquals([text, end], [run(system, path).text, "halt"], path);
      }
    },
  });
}

for (
  const [system, path] of [["proxos", "original"], ["tahoma", "vmfunc"], ["hypershell", "crossover"]] as const
) {
  Deno.test(`${system} over the path ${path} executes the same on every engine, and again`, () => {
    const commandLine = `system=${system} path=${path} iterations=3`;
    const [first, ...others] = [
      runWorlds(commandLine),
      runWorlds(commandLine),
      runWorlds(commandLine, { engine: "interpreter" }),
      runWorlds(commandLine, forced("js")),
    ] as const;
    for (const other of others) assertEquals(other, first);
  });
}

// With one entry no call could ever succeed: what fills a cache goes into both, and would throw the other party out.
Deno.test("proxos works with world caches of two entries: the stranger's world makes room for the client's", () => {
  const { stop, text } = runWorlds(`system=proxos path=crossover iterations=2`, {
    crossover: { worldCacheEntries: 2, inverseWorldCacheEntries: 2 },
  });
  assertEquals(stop, { kind: "exit", code: 1 }, text);
});

Deno.test("without world calls the other two paths work, and the third is refused", () => {
  for (const path of ["original", "vmfunc"] as const) {
    const { stop, text } = runWorlds(`system=tahoma path=${path} iterations=2`, { crossover: false });
    assertEquals(stop, { kind: "exit", code: 1 }, text);
  }
  const { stop, text } = runWorlds(`system=tahoma path=crossover iterations=2`, { crossover: false });
  assertEquals(stop.kind, "exit");
  assert(text.includes("-38"), text); // ENOSYS
});
