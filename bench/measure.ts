/** Measures a program everywhere: natively, in QEMU, in each engine. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import process from "node:process";
import type { EngineName } from "../src/machine/engines.ts";
import type { EmulatedRun } from "./emulated.ts";
import { type NativeRun, runNative } from "./native.ts";
import { type Program, type Size, workOf } from "./suite.ts";

/** Where a program ran. */
export type Place = "native" | "qemu" | EngineName;

/** What is measured of a program in one place. Seconds are for the work of the size `full`. */
export interface Measurement {
  readonly program: string;
  readonly place: Place;
  readonly integer: boolean;
  /** Processor time for the full work; from a smaller run in proportion where `size` is not `full`. */
  readonly seconds: number;
  /** The size that ran. */
  readonly size: Size;
  /** Millions of guest instructions a second; undefined where nobody counted. */
  readonly mips?: number;
  /** Time against native execution and QEMU; undefined where these are missing. */
  readonly toNative?: number;
  readonly toQemu?: number;
  /** Memory taken, guest RAM that was touched included, in bytes; only of the engines. */
  readonly memory?: number;
}

/** How to measure. */
export interface Settings {
  readonly places: readonly Place[];
  /** Size that the engines that compile run. */
  readonly size: Size;
  /** Repetitions; the median counts. The interpreter runs once. */
  readonly runs: number;
}

/** QEMU's user mode: Debian package `qemu-user`. */
export const QEMU = "qemu-x86_64";

/** The middle one, or the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Runs a program in the engine, in a process of its own. */
export function runEmulated(engine: EngineName, program: Program, argument: number): EmulatedRun {
  const script = fileURLToPath(new URL("emulated.ts", import.meta.url));
  const output = execFileSync(process.execPath, [
    "run",
    "-A",
    "--no-check",
    script,
    engine,
    program.name,
    String(argument),
  ], {
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 1 << 20,
  });
  return JSON.parse(output.toString()) as EmulatedRun;
}

/** Measures a program in all the places; throws where two of them print different things. */
export async function measure(program: Program, { places, size, runs }: Settings): Promise<Measurement[]> {
  const found: Measurement[] = [];
  const digests = new Map<Size, string>();
  const check = (place: Place, at: Size, digest: string): void => {
    const expected = digests.get(at);
    if (expected !== undefined && expected !== digest) {
      throw new Error(`${program.name} at size ${at} prints something else in ${place} than elsewhere`);
    }
    digests.set(at, digest);
  };
  const base = { program: program.name, integer: program.integer };
  const seconds: Partial<Record<"native" | "qemu", number>> = {};
  for (const place of ["native", "qemu"] as const) {
    if (!places.includes(place)) continue;
    const results: NativeRun[] = [];
    for (let n = 0; n < runs; n++) {
      results.push(await runNative(program, program.sizes.full, place === "qemu" ? [QEMU] : []));
      check(place, "full", results[n]!.digest);
    }
    seconds[place] = median(results.map((run) => run.seconds));
  }
  const ratios = (time: number): Pick<Measurement, "toNative" | "toQemu"> => ({
    ...(seconds.native === undefined ? {} : { toNative: time / seconds.native }),
    ...(seconds.qemu === undefined ? {} : { toQemu: time / seconds.qemu }),
  });
  let instructions: number | undefined;
  for (const place of places) {
    if (place === "native" || place === "qemu") continue;
    const at = place === "interpreter" ? "small" : size;
    if (seconds.native !== undefined && !digests.has(at)) {
      check("native", at, (await runNative(program, program.sizes[at])).digest);
    }
    const times: number[] = [];
    let run: EmulatedRun;
    do {
      run = runEmulated(place, program, program.sizes[at]);
      if (run.exitCode !== 0) throw new Error(`${program.name} ended with ${run.exitCode} in ${place}`);
      check(place, at, run.digest);
      times.push(run.seconds);
    } while (times.length < runs && place !== "interpreter");
    const factor = workOf(program, "full") / workOf(program, at);
    const time = median(times);
    // The largest run says best what the full work would be.
    if (instructions === undefined || place !== "interpreter") instructions = run.instructions * factor;
    const mips = run.instructions / time / 1e6;
    const full = place === "interpreter" ? instructions / mips / 1e6 : time * factor;
    found.push({ ...base, place, seconds: full, size: at, mips, ...ratios(full), memory: run.memory });
  }
  const outside = (["native", "qemu"] as const).filter((place) => seconds[place] !== undefined).map(
    (place) => {
      const time = seconds[place]!;
      const mips = instructions === undefined ? {} : { mips: instructions / time / 1e6 };
      return { ...base, place, seconds: time, size: "full" as const, ...mips, ...ratios(time) };
    },
  );
  return [...outside, ...found];
}

/** Geometric mean; NaN of nothing. */
export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}
