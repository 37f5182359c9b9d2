/** Measures a program everywhere: natively, in QEMU, in each engine. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import process from "node:process";
import type { EngineName } from "../src/machine/engines.ts";
import { runInMachine, runInQemuSystem } from "./bare_metal.ts";
import type { EmulatedRun } from "./emulated.ts";
import { pinned, runNative } from "./native.ts";
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
  /** The most memory held, the runtime and guest RAM that was touched included, in bytes; only of the engines. */
  readonly memory?: number;
  /** Milliseconds of the longest compilation that guest execution waited for; only of the engines that compile. */
  readonly pause?: number;
  /** Milliseconds of those in which other threads had the core: mostly V8's own, as all are on one. */
  readonly withoutCore?: number;
}

/** How to measure. */
export interface Settings {
  readonly kind: Kind;
  readonly places: readonly Place[];
  /** Size that an engine runs. */
  readonly size: (engine: EngineName) => Size;
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
  const [command, ...args] = pinned([
    ...[process.execPath, "run", "-A", "--no-check", script],
    ...[engine, program.name, String(argument)],
  ]);
  const output = execFileSync(command!, args, {
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 1 << 20,
  });
  return JSON.parse(output.toString()) as EmulatedRun;
}

/** A run of a program, wherever it was. */
type Run = { readonly seconds: number; readonly digest: string } & Partial<EmulatedRun>;

/** As a program of Linux, or in ring 0 of a bare machine; QEMU is its user mode or its system emulation accordingly. */
export type Kind = "user" | "bare";

async function runIn(kind: Kind, place: Place, program: Program, argument: number): Promise<Run> {
  if (place === "native") return await runNative(program, argument);
  if (place === "qemu" && kind === "bare") return await runInQemuSystem(program, argument);
  if (place === "qemu") return await runNative(program, argument, [QEMU]);
  if (kind === "bare") return runInMachine(place, program, argument);
  const run = runEmulated(place, program, argument);
  if (run.exitCode !== 0) throw new Error(`${program.name} ended with ${run.exitCode} in ${place}`);
  return run;
}

/**
 * Measures a program in all the places; throws where two of them print different things. Each repetition goes through all
 * places, so that what else the host does meets them alike.
 */
export async function measure(
  program: Program,
  { kind, places, size, runs }: Settings,
): Promise<Measurement[]> {
  const sizeIn = (place: Place): Size => place === "native" || place === "qemu" ? "full" : size(place);
  const digests = new Map<Size, string>();
  const check = (place: Place, at: Size, digest: string): void => {
    const expected = digests.get(at);
    if (expected !== undefined && expected !== digest) {
      throw new Error(`${program.name} at size ${at} prints something else in ${place} than elsewhere`);
    }
    digests.set(at, digest);
  };
  const all = new Map<Place, Run[]>(places.map((place) => [place, []]));
  for (let n = 0; n < runs; n++) {
    for (const place of places) {
      if (place === "interpreter" && n > 0) continue;
      const at = sizeIn(place);
      if (!digests.has(at) && at !== "full" && places.includes("native")) {
        check("native", at, (await runNative(program, program.sizes[at])).digest);
      }
      const run = await runIn(kind, place, program, program.sizes[at]);
      check(place, at, run.digest);
      all.get(place)!.push(run);
    }
  }
  const work = workOf(program, "full");
  const secondsIn = (place: Place): number | undefined => {
    const found = all.get(place);
    if (found === undefined) return undefined;
    return median(found.map(({ seconds }) => seconds)) * work / workOf(program, sizeIn(place));
  };
  const native = secondsIn("native"), qemu = secondsIn("qemu");
  // The largest run says best how many instructions the full work is.
  const counted = places.filter((place) => all.get(place)![0]!.instructions !== undefined)
    .map((place) => ({ done: workOf(program, sizeIn(place)), run: all.get(place)![0]! }))
    .toSorted((a, b) => b.done - a.done)[0];
  const instructions = counted && counted.run.instructions! * work / counted.done;
  return places.map((place): Measurement => {
    const seconds = secondsIn(place)!, those = all.get(place)!;
    const held = those.map(({ memory }) => memory).filter((memory) => memory !== undefined);
    const pauses = those.map(({ longestWait }) => longestWait).filter((wait) => wait !== undefined);
    const withoutCore = pauses.map((wait) => wait.withoutCore).filter((one) => one !== undefined);
    return {
      program: program.name,
      integer: program.integer,
      place,
      seconds,
      size: sizeIn(place),
      ...(instructions === undefined ? {} : { mips: instructions / seconds / 1e6 }),
      ...(native === undefined ? {} : { toNative: seconds / native }),
      ...(qemu === undefined ? {} : { toQemu: seconds / qemu }),
      ...(held.length === 0 ? {} : { memory: Math.max(...held) }),
      ...(pauses.length === 0 ? {} : { pause: median(pauses.map(({ milliseconds }) => milliseconds)) }),
      ...(withoutCore.length === 0 ? {} : { withoutCore: median(withoutCore) }),
    };
  });
}

/** Geometric mean; NaN of nothing. */
export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}
