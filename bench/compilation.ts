/**
 * What compiling costs a program: `deno task bench:compilation PROGRAM [SIZE]`. How long its guest code waits, how much of that
 * is the host's part (V8 validates modules when they are made, and compiles their functions later: in baseline code at the
 * first call, optimized in threads of its own), and which waits were the longest. On Linux also how long other threads had
 * the core meanwhile: with `taskset -c 1`, as in the suite, V8's threads take turns with the guest's.
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { oneOf, scriptLine } from "../_tools/script.ts";
import { runProgram } from "../src/linux/run_program.ts";
import { type Wait, WaitRecorder } from "./core_wait.ts";
import { invocationOf, SIZES, SUITE } from "./suite.ts";

const LONGEST = 5;

/** Calls, and the milliseconds that they took. */
class Stopwatch {
  readonly times: number[] = [];

  time<T>(work: () => T): T {
    const begun = performance.now(), result = work();
    this.times.push(performance.now() - begun);
    return result;
  }
  get sum(): number {
    return this.times.reduce((sum, one) => sum + one, 0);
  }
}

/** Times a constructor of WebAssembly's from now on. Returns the times. */
function timed(name: "Module" | "Instance", note: (argument: unknown) => void = () => {}): Stopwatch {
  const stopwatch = new Stopwatch();
  WebAssembly[name] = new Proxy<new (...args: never[]) => object>(WebAssembly[name], {
    construct(target, args: never[]) {
      note(args[0]);
      return stopwatch.time(() => Reflect.construct(target, args));
    },
  }) as never;
  return stopwatch;
}

const { rest: [name, size = "full"] } = scriptLine({
  call: "deno task bench:compilation",
  description:
    "Runs a program of the benchmarks once, and prints how long it waited for compilations and for what of them.",
  operands: ["PROGRAM", `[${SIZES.join("|")}]`],
});
const known = oneOf(SUITE.map((one) => one.name), name!), program = SUITE.find((one) => one.name === known)!;
const invocation = invocationOf(program, program.sizes[oneOf(SIZES, size)]);
if (invocation === undefined) throw new Error(`${program.name} is not installed`);

let bytes = 0;
const modules = timed("Module", (source) => bytes += (source as Uint8Array).byteLength);
const instances = timed("Instance"), recorder = new WaitRecorder();
const before = process.cpuUsage(), image = readFileSync(invocation.image);
const begun = performance.now();
runProgram({ ...invocation, program: image, observer: recorder });
const elapsed = performance.now() - begun, { user, system } = process.cpuUsage(before);

const milliseconds = (value: number): string => `${value.toFixed(1)} ms`;
const { waits } = recorder;
const sumOf = (value: (wait: Wait) => number): number => waits.reduce((sum, wait) => sum + value(wait), 0);
const tellsCores = waits.some(({ withoutCore }) => withoutCore !== undefined);
const withoutCore = ({ withoutCore: time }: Wait): string =>
  time === undefined ? "" : ` (${time.toFixed(1)} without a core)`;
const rows: readonly (readonly [string, string])[] = [
  ["time", milliseconds(elapsed)],
  ["processor time, all threads", milliseconds((user + system) / 1000)],
  ["waiting for regions", milliseconds(sumOf((wait) => wait.milliseconds))],
  [
    "  without a core",
    tellsCores ? milliseconds(sumOf((wait) => wait.withoutCore ?? 0)) : "this host does not tell",
  ],
  ["  making modules", `${milliseconds(modules.sum)}, ${modules.times.length} of them with ${bytes} bytes`],
  ["  making instances", milliseconds(instances.sum)],
  [
    "longest waits",
    recorder.longest.slice(0, LONGEST)
      .map((wait) => milliseconds(wait.milliseconds) + withoutCore(wait)).join(", "),
  ],
];
for (const [what, value] of rows) console.log(what.padEnd(30) + value);
