/**
 * Random code buffers, page tables, descriptor tables, VMCS contents and worlds at CPL 0, in every engine:
 * `deno run -A tests/fuzz/kernel.ts --count 1000000 --seed 1`. Nothing of it may raise an exception in the host or hang it.
 */
import process from "node:process";
import { scriptLine } from "../../_tools/script.ts";
import { choice, value } from "../../src/cli/options.ts";
import { parseCount } from "../../src/cli/values.ts";
import type { ProcessorConfiguration } from "../../src/machine/engines.ts";
import { KernelMachine } from "./kernel_machine.ts";
import { runSeed } from "./kernel_run.ts";

/** The engines, and the share of runs that each gets. */
const ENGINES: Readonly<
  Record<string, { readonly share: number; readonly configuration: ProcessorConfiguration }>
> = {
  interpreter: { share: 96, configuration: { engine: "interpreter" } },
  auto: { share: 2, configuration: { engine: "auto", tiers: { threshold: 3, inSlices: false } } },
  js: { share: 1, configuration: { engine: "js", tiers: { threshold: 1 } } },
  wasm: { share: 1, configuration: { engine: "wasm" } },
};
const SHARES = Object.entries(ENGINES).flatMap(([name, { share }]) =>
  Array.from({ length: share }, () => name)
);
/** Runs after which the machines are made anew: code caches and clocks start from nothing. */
const LIFETIME = 20_000;
/** A run that takes longer than this hangs, for who waits for it: milliseconds of processor time. */
const TOO_LONG = 20_000;
const REPORT_EVERY = 10_000;

/** What came of a campaign. */
export interface Campaign {
  readonly runs: number;
  /** How they ended, and how many entered a guest. */
  readonly ends: Readonly<Record<string, number>>;
}

/**
 * Makes the runs.
 *
 * @param only the engine, instead of all
 * @throws {Error} that names the seed, if one throws or takes too long
 */
export function campaign(
  count: number,
  seed: number,
  { only, report }: { readonly only?: string; readonly report?: (campaign: Campaign) => void } = {},
): Campaign {
  const machines = new Map<string, KernelMachine>();
  const ends: Record<string, number> = { entered: 0 };
  for (let n = 0; n < count; n++) {
    if (n % LIFETIME === 0) machines.clear();
    const name = only ?? SHARES[(seed + n) % SHARES.length]!;
    const machine = machines.get(name) ?? new KernelMachine(ENGINES[name]!.configuration);
    machines.set(name, machine);
    const before = process.cpuUsage();
    try {
      const { stop, entered } = runSeed(machine, seed + n);
      ends[stop] = (ends[stop] ?? 0) + 1;
      if (entered) ends["entered"]!++;
    } catch (error) {
      throw new Error(`Run of seed ${seed + n} (${name})`, { cause: error });
    }
    const { user, system } = process.cpuUsage(before);
    if ((user + system) / 1000 > TOO_LONG) {
      throw new Error(`Run of seed ${seed + n} (${name}) takes too long`);
    }
    if ((n + 1) % REPORT_EVERY === 0) report?.({ runs: n + 1, ends: { ...ends } });
  }
  return { runs: count, ends };
}

if (import.meta.main) {
  const { values } = scriptLine({
    call: "deno run -A tests/fuzz/kernel.ts",
    description:
      "Runs random code at CPL 0 among random page tables, descriptor tables, VMCS contents and worlds.",
    options: {
      count: value(
        "N",
        "Runs (1000). Run n has the seed S + n, so that --seed repeats one alone.",
        parseCount,
      ),
      seed: value("S", "Of the first run (1).", parseCount),
      engine: choice(
        Object.keys(ENGINES),
        "Only this one. By default most runs are interpreted, which is fastest, some compiled.",
      ),
    },
  });
  const { count = 1000, seed = 1, engine } = values;
  const say = ({ runs, ends }: Campaign): void => console.log(`${runs} runs: ${JSON.stringify(ends)}`);
  say(campaign(count, seed, { report: say, ...(engine === undefined ? {} : { only: engine }) }));
}
