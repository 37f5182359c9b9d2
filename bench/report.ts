/** The measurements as tables. */
import { geometricMean, type Measurement, type Place } from "./measure.ts";
import type { Micro } from "./micro.ts";

/** A mean over programs, of one place. */
export interface Mean {
  readonly place: Place;
  readonly programs: "integer" | "all";
  readonly toNative?: number;
  readonly toQemu?: number;
  readonly mips?: number;
}

/** Geometric means of each place, over the integer programs and over all. */
export function means(measurements: readonly Measurement[]): Mean[] {
  const places = [...new Set(measurements.map(({ place }) => place))];
  return places.flatMap((place) =>
    (["integer", "all"] as const).map((programs) => {
      const those = measurements.filter((one) => one.place === place && (programs === "all" || one.integer));
      const mean = (pick: (one: Measurement) => number | undefined): number | undefined => {
        const values = those.map(pick).filter((value) => value !== undefined);
        return values.length === those.length && values.length > 0 ? geometricMean(values) : undefined;
      };
      const toNative = mean((one) => one.toNative),
        toQemu = mean((one) => one.toQemu),
        mips = mean((one) => one.mips);
      return {
        place,
        programs,
        ...(toNative === undefined ? {} : { toNative }),
        ...(toQemu === undefined ? {} : { toQemu }),
        ...(mips === undefined ? {} : { mips }),
      };
    })
  );
}

const HEAD = ["program", "where", "seconds", "MIPS", "of native", "of QEMU", "MB", "pause, ms", "no core"];
const WIDTHS = [12, 13, 10, 10, 11, 10, 8, 11, 10];

function row(cells: readonly string[]): string {
  return cells.map((cell, n) => n < 2 ? cell.padEnd(WIDTHS[n]!) : cell.padStart(WIDTHS[n]!)).join("")
    .trimEnd();
}

function number(value: number | undefined, digits: number, suffix = ""): string {
  return value === undefined ? "" : value.toFixed(digits) + suffix;
}

/** The head of the table of programs. */
export function tableHead(): string {
  return row(HEAD);
}

/** A program's rows. */
export function programRows(measurements: readonly Measurement[]): string {
  return measurements.map((one, n) =>
    row([
      n === 0 ? one.program : "",
      one.place,
      number(one.seconds, 2, one.size === "full" ? "" : "*"),
      number(one.mips, 1),
      number(one.toNative, 1, "x"),
      number(one.toQemu, 1, "x"),
      one.memory === undefined ? "" : number(one.memory / 2 ** 20, 0),
      number(one.pause, 1),
      number(one.withoutCore, 1),
    ])
  ).join("\n");
}

/** The means' rows, and what the star means. */
export function meanRows(measurements: readonly Measurement[]): string {
  const rows = means(measurements).filter(({ mips, toNative }) => (mips ?? toNative) !== undefined).map((
    { place, programs, toNative, toQemu, mips },
  ) =>
    row([
      programs === "all" ? "mean of all" : "mean, integer",
      ` ${place}`,
      "",
      number(mips, 1),
      number(toNative, 1, "x"),
      number(toQemu, 1, "x"),
    ])
  );
  return [
    ...rows,
    "Seconds of processor time; * in proportion, from a smaller run. Means are geometric. A pause is the longest",
    "wait for the compiler, in milliseconds, and what of it other threads, mostly V8's own, had the core.",
  ].join("\n");
}

/** The micro benchmarks' rows. */
export function microRows(found: readonly Micro[]): string {
  return found.map(({ name, place, value, unit }) =>
    `${name.padEnd(26)}${place.padEnd(13)}${value.toFixed(value < 100 ? 2 : 0).padStart(10)} ${unit}`
  ).join("\n");
}
