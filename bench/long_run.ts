/**
 * How fast programs are once they are warm: `deno task bench:long-run [PROGRAM…]`. Each runs here and in QEMU's user mode, on
 * one core, with the suite's full work and with twice that or a little more. The difference is what the full work takes in
 * the long run; the rest of the first run is what warming up costs.
 */
import { oneOf, parsePositive, refuse, scriptLine } from "../_tools/script.ts";
import { value } from "../src/cli/options.ts";
import { geometricMean, median, QEMU, runEmulated } from "./measure.ts";
import { CAN_RUN, isInstalled, runNative } from "./native.ts";
import { invocationOf, type Program, SUITE } from "./suite.ts";

/** Seconds of processor time of a program somewhere. */
interface Split {
  /** For the full work, in a run of its own. */
  readonly first: number;
  /** For as much work again. */
  readonly again: number;
}

/** The least argument that makes a program do twice the full work, and how much more than the full work that is. */
export function doubled({ sizes, work }: Program): { readonly argument: number; readonly more: number } {
  if (work === undefined) return { argument: 2 * sizes.full, more: 1 };
  let argument = sizes.full;
  while (work(argument) < 2 * work(sizes.full)) argument++;
  return { argument, more: work(argument) / work(sizes.full) - 1 };
}

/** How long a program takes somewhere with an argument, in seconds. */
type Seconds = (argument: number) => number | Promise<number>;

/** The medians of some runs with either amount of work, which take turns. */
async function split(program: Program, runs: number, seconds: Seconds): Promise<Split> {
  const { argument, more } = doubled(program), firsts: number[] = [], doubles: number[] = [];
  for (let n = 0; n < runs; n++) {
    firsts.push(await seconds(program.sizes.full));
    doubles.push(await seconds(argument));
  }
  const first = median(firsts);
  return { first, again: (median(doubles) - first) / more };
}

async function main(names: readonly string[], runs: number): Promise<void> {
  const known = SUITE.map(({ name }) => name), wanted = names.map((name) => oneOf(known, name));
  if (!CAN_RUN || !isInstalled(QEMU)) {
    refuse(`deno task bench:long-run: ${QEMU} is not installed (Debian package qemu-user)`);
  }
  console.log("program     full work: QEMU      auto   once more: QEMU      auto   of QEMU   warming up");
  const ratios: number[] = [];
  for (const program of SUITE) {
    if (wanted.length > 0 && !wanted.some((name) => name === program.name)) continue;
    if (invocationOf(program, program.sizes.full) === undefined) {
      console.log(`${program.name} is left out: it is not installed`);
      continue;
    }
    const qemu = await split(
      program,
      runs,
      async (argument) => (await runNative(program, argument, [QEMU])).seconds,
    );
    const auto = await split(program, runs, (argument) => runEmulated("auto", program, argument).seconds);
    ratios.push(auto.again / qemu.again);
    console.log(
      program.name.padEnd(15) + qemu.first.toFixed(2).padStart(12) + auto.first.toFixed(2).padStart(10) +
        qemu.again.toFixed(2).padStart(18) + auto.again.toFixed(2).padStart(10) +
        `${(auto.again / qemu.again).toFixed(2)}x`.padStart(10) +
        (auto.first - auto.again).toFixed(2).padStart(13),
    );
  }
  console.log(
    `In the long run, as fast as QEMU ${(1 / geometricMean(ratios)).toFixed(2)} times: ` +
      `geometric mean of ${ratios.length} programs.`,
  );
}

if (import.meta.main) {
  const { rest, values } = scriptLine({
    call: "deno task bench:long-run",
    description:
      "Runs these programs of the suite (all) with the full work and with twice that, here and in QEMU's user mode, and prints what the second half takes, in seconds of processor time.",
    options: { runs: value("N", "The median of N runs of each counts (3).", parsePositive) },
    operands: ["[PROGRAM…]"],
  });
  await main(rest, values.runs ?? 3);
}
