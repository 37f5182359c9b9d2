/** What single things cost: the hot loop, calls, a start, memory. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import process from "node:process";
import type { EngineName } from "../src/machine/engines.ts";
import { median, QEMU, runEmulated } from "./measure.ts";
import { CAN_RUN, isInstalled, runNative } from "./native.ts";
import { LOOP, type Program, SUITE } from "./suite.ts";

/** One number. */
export interface Micro {
  readonly name: string;
  readonly place: string;
  readonly value: number;
  readonly unit: "ns" | "ms" | "MB";
}

const STARTS = 7;
const LOOP_TURNS: Readonly<Record<string, number>> = {
  native: 800_000_000,
  qemu: 100_000_000,
  interpreter: 1_000_000,
};
const LOOP_TURNS_COMPILED = 100_000_000;
const FIB = 36;

/** Measures them all in the engines given. */
export async function microBenchmarks(engines: readonly EngineName[], runs: number): Promise<Micro[]> {
  const calls = SUITE.find(({ name }) => name === "calls")!;
  const places = [
    ...(CAN_RUN ? ["native"] : []),
    ...(CAN_RUN && isInstalled(QEMU) ? ["qemu"] : []),
    ...engines,
  ];
  const found: Micro[] = [];
  for (const place of places) {
    const turns = LOOP_TURNS[place] ?? LOOP_TURNS_COMPILED;
    const seconds = await medianSeconds(place, LOOP, turns, runs);
    found.push({ name: "a turn of the hot loop", place, value: (seconds / turns) * 1e9, unit: "ns" });
  }
  for (const place of places.filter((name) => name !== "interpreter")) {
    found.push({
      name: `fib(${FIB})`,
      place,
      value: (await medianSeconds(place, calls, FIB, runs)) * 1e3,
      unit: "ms",
    });
  }
  found.push(startTime(), ...engines.filter((engine) => engine !== "interpreter").map(memoryTaken));
  return found;
}

async function medianSeconds(
  place: string,
  program: Program,
  argument: number,
  runs: number,
): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < runs; n++) {
    const run = place === "native" || place === "qemu"
      ? await runNative(program, argument, place === "qemu" ? [QEMU] : [])
      : runEmulated(place as EngineName, program, argument);
    times.push(run.seconds);
  }
  return median(times);
}

/** Wall-clock time of a hello-world from command to exit, the runtime's own start included. */
function startTime(): Micro {
  const [command, guest] = ["../src/cli/main.ts", "../src/guests/hello/hello.elf"].map((path) =>
    fileURLToPath(new URL(path, import.meta.url))
  );
  const times = Array.from({ length: STARTS }, () => {
    const start = performance.now();
    const { status } = spawnSync(process.execPath, ["run", "-A", command!, "run", guest!], {
      stdio: "ignore",
    });
    if (status === null) throw new Error("hello did not end");
    return performance.now() - start;
  });
  return { name: "hello, command to exit", place: "auto", value: median(times.slice(1)), unit: "ms" };
}

/** What the host's process takes for about a second of guest time, guest RAM that was touched included. */
function memoryTaken(engine: EngineName): Micro {
  const program = SUITE.find(({ name }) => name === "sort")!;
  const { memory } = runEmulated(engine, program, program.sizes.quarter);
  return { name: "memory taken by sort", place: engine, value: memory / 2 ** 20, unit: "MB" };
}
