/** What the engines are to reach, and whether they do. */
import { ENGINE_NAMES, type EngineName } from "../src/machine/engines.ts";
import { geometricMean, type Kind, type Measurement } from "./measure.ts";

/** A goal and what was measured for it. */
export interface Goal {
  readonly what: string;
  readonly goal: string;
  readonly measured: string;
  readonly met: boolean;
}

/** How much faster than QEMU's user mode, and how much slower than native execution it may be, in geometric mean. */
const FASTER_THAN_QEMU: Readonly<Record<Kind, number>> = { user: 1.5, bare: 2 };
const SLOWER_THAN_NATIVE = 3;
/** How much slower than QEMU any one program may be. */
const WORST_TO_QEMU = 1.25;
const PAUSE_MILLISECONDS = 20, MEMORY_MEGABYTES = 300;

/** The goals of the suite, for the engine that users get: `auto` where it was measured. Those that nothing is known of are left out. */
export function suiteGoals(kind: Kind, measurements: readonly Measurement[]): Goal[] {
  const engine = judged(measurements.map(({ place }) => place));
  const those = measurements.filter(({ place }) => place === engine);
  const goals: Goal[] = [];
  const toQemu = those.flatMap(({ toQemu: ratio }) => ratio === undefined ? [] : [ratio]);
  const toNative = those.flatMap(({ toNative: ratio }) => ratio === undefined ? [] : [ratio]);
  if (toQemu.length > 0) {
    const faster = 1 / geometricMean(toQemu), worst = Math.max(...toQemu);
    const name = those.find((one) => one.toQemu === worst)!.program;
    const goal = FASTER_THAN_QEMU[kind],
      qemu = kind === "user" ? "QEMU's user mode" : "QEMU's system emulation";
    goals.push({
      what: `${engine} against ${qemu}, geometric mean of ${toQemu.length} programs`,
      goal: `at least ${goal}x as fast`,
      measured: `${faster.toFixed(2)}x as fast`,
      met: faster >= goal,
    });
    if (kind === "user") {
      goals.push({
        what: `${engine} against ${qemu}, worst program`,
        goal: `at most ${WORST_TO_QEMU}x as long`,
        measured: `${worst.toFixed(2)}x as long: ${name}`,
        met: worst <= WORST_TO_QEMU,
      });
    }
  }
  if (kind === "user" && toNative.length > 0) {
    const slower = geometricMean(toNative);
    goals.push({
      what: `${engine} against native, geometric mean of ${toNative.length} programs`,
      goal: `at most ${SLOWER_THAN_NATIVE}x as long`,
      measured: `${slower.toFixed(2)}x as long`,
      met: slower <= SLOWER_THAN_NATIVE,
    });
  }
  const most = (
    what: string,
    unit: string,
    goal: number,
    value: (one: Measurement) => number | undefined,
  ): void => {
    const found = those.flatMap((one) => {
      const found = value(one);
      return found === undefined ? [] : [{ value: found, program: one.program }];
    }).toSorted((a, b) => b.value - a.value)[0];
    if (found === undefined) return;
    goals.push({
      what: `${engine}: ${what}`,
      goal: `at most ${goal} ${unit}`,
      measured: `${found.value.toFixed(found.value < 100 ? 1 : 0)} ${unit}: ${found.program}`,
      met: found.value <= goal,
    });
  };
  most("longest pause for a compilation", "ms", PAUSE_MILLISECONDS, ({ pause }) => pause);
  most("memory, guest RAM included", "MB", MEMORY_MEGABYTES, ({ memory }) => memory && memory / 2 ** 20);
  return goals;
}

/** The engine that goals are about. */
export function judged(places: readonly string[]): EngineName {
  return ENGINE_NAMES.toReversed().find((engine) => places.includes(engine)) ?? "auto";
}

/** The goals as a table. */
export function goalRows(goals: readonly Goal[]): string {
  return goals.map(({ what, goal, measured, met }) =>
    `${met ? "met   " : "MISSED"} ${what.padEnd(62)} ${goal.padEnd(24)} ${measured}`
  ).join("\n");
}
