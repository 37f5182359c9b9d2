/**
 * `deno task bench`: the programs natively, in QEMU's user mode where it is installed, and in each engine.
 */
import process from "node:process";
import { parsePositive, scriptLine } from "../_tools/script.ts";
import { choices, flag, value } from "../src/cli/options.ts";
import { ENGINE_NAMES, type EngineName } from "../src/machine/engines.ts";
import { QEMU_SYSTEM } from "./bare_metal.ts";
import { type Kind, measure, type Measurement, type Place, QEMU } from "./measure.ts";
import { goalRows, suiteGoals } from "./goals.ts";
import { type Micro, microBenchmarks } from "./micro.ts";
import { CAN_RUN, isInstalled } from "./native.ts";
import { meanRows, means, microRows, programRows, tableHead } from "./report.ts";
import { invocationOf, NEEDS, type Size, SUITE } from "./suite.ts";
import { systemBenchmarks, type SystemRatio, systemRows } from "./systems.ts";
import { type SwitchCost, switchRows, worldBenchmarks } from "./worlds.ts";

async function main(): Promise<number> {
  const { values } = scriptLine({
    call: "deno task bench",
    description:
      "Runs eleven programs natively, in QEMU's user mode where it is installed, and in each engine, all on " +
      "the same core, and checks that all print the same. Each takes about a second natively; takes some ten minutes " +
      "in all. Then the same programs in ring 0 of a bare machine with paging on, next to QEMU's system emulation. " +
      "Then micro benchmarks, and what a switch between worlds costs, here and in Bochs where it is installed; and " +
      "four systems over the paths of causeway worlds.",
    options: {
      programs: choices(SUITE.map(({ name }) => name), "Only these."),
      engines: choices(ENGINE_NAMES, "Only these engines."),
      runs: value("N", "The median of N runs counts (5); the interpreter runs once.", parsePositive),
      full: flag("JavaScript alone does the full work too, not a quarter: four times longer."),
      "no-suite": flag("Without the programs."),
      "no-bare": flag("Without the same programs on a bare machine."),
      "no-micro": flag("Without the micro benchmarks."),
      "no-worlds": flag("Without the world switches."),
      "no-systems": flag("Without the four systems."),
      json: flag("Prints one JSON object."),
    },
  });
  const { engines = ENGINE_NAMES, programs: names = SUITE.map(({ name }) => name), runs = 5 } = values;
  const places: Place[] = [
    ...(CAN_RUN ? ["native" as const] : []),
    ...(CAN_RUN && isInstalled(QEMU) ? ["qemu" as const] : []),
    // The engines that compile first: the interpreter's share of the full work is known from them.
    ...engines.toSorted((a, b) => Number(a === "interpreter") - Number(b === "interpreter")),
  ];
  const size = (engine: EngineName): Size => {
    if (engine === "interpreter") return "small";
    return engine === "js" && !values.full ? "quarter" : "full";
  };
  const print = (text: string): void => {
    if (!values.json) console.log(text);
  };
  let micro: Micro[] = [];
  let worlds: SwitchCost[] = [];
  let systems: readonly SystemRatio[] = [];
  if (!CAN_RUN) console.error("This is no x86-64 Linux: there is nothing native to compare with.");
  else if (!places.includes("qemu")) console.error(`${QEMU} is not installed: nothing is compared with it.`);
  const programs = SUITE.filter((program) => {
    if (!names.includes(program.name)) return false;
    if (program.from === undefined || invocationOf(program, 1) !== undefined) return true;
    console.error(`${program.name} is left out: it needs ${NEEDS[program.from]}.`);
    return false;
  });
  const suite = async (kind: Kind, places: readonly Place[]): Promise<readonly Measurement[]> => {
    const all: Measurement[] = [];
    print(tableHead());
    for (const program of programs) {
      const measured = await measure(program, { kind, places, runs, size });
      all.push(...measured);
      print(programRows(measured));
    }
    print(meanRows(all));
    print(goalRows(suiteGoals(kind, all)));
    return all;
  };
  const user = values["no-suite"] ? [] : await suite("user", places);
  const bare = values["no-bare"]
    ? []
    : await suite("bare", places.filter((place) => place !== "qemu" || isInstalled(QEMU_SYSTEM)));
  if (!values["no-micro"]) {
    micro = await microBenchmarks(engines, runs);
    print(microRows(micro));
  }
  if (!values["no-worlds"]) {
    worlds = await worldBenchmarks(engines, runs);
    print(switchRows(worlds));
  }
  if (!values["no-systems"]) {
    const engine = engines.includes("auto") ? "auto" : engines.at(-1)!;
    systems = systemBenchmarks(engine, runs);
    print(systemRows(systems));
  }
  if (values.json) {
    console.log(
      JSON.stringify(
        { programs: user, means: means(user), bare, bareMeans: means(bare), micro, worlds, systems },
        null,
        2,
      ),
    );
  }
  return 0;
}

process.exitCode = await main();
