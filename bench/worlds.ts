/** What a switch between worlds costs: host time a switch, the loop around it subtracted, against Bochs. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import process from "node:process";
import type { EngineName } from "../src/machine/engines.ts";
import type { MachineOptions } from "../src/machine/machine.ts";
import { HAS_BOCHS, runOnBochs } from "../tests/referee/bochs.ts";
import { median } from "./measure.ts";
import { type Span, worldsImage } from "./worlds_run.ts";

/** A loop with switches, and the same loop without. */
export interface SwitchLoop {
  readonly name: string;
  /** Kernel of bench/worlds. */
  readonly kernel: string;
  /** The names under which it announces the two loops. */
  readonly spans: { readonly switching: string; readonly plain: string };
  readonly switchesPerTurn: number;
  /** What the machine needs. */
  readonly options: Partial<MachineOptions>;
  /** More of the command line. */
  readonly settings: string;
  readonly onBochs: boolean;
  /** Whether so few worlds are live that each keeps its TLB. */
  readonly keepsTlb: boolean;
  /** How many times fewer turns it makes: a switch takes so many times as long. Default: 1. */
  readonly slower?: number;
}

/** What was found in one place. */
export interface SwitchCost {
  readonly name: string;
  readonly place: EngineName | "bochs";
  /** Host nanoseconds a switch, the loop subtracted. Median. */
  readonly nanoseconds: number;
  /** Host nanoseconds a turn of the loop without switches. Median. */
  readonly turn: number;
  /** TLB refills and translations in all the rounds that count; undefined where nobody counts them. */
  readonly repeated?: { readonly tlbRefills: number; readonly translations: number };
}

/** The loops. */
export const SWITCH_LOOPS: readonly SwitchLoop[] = [
  {
    name: "VMFUNC, there and back",
    kernel: "vmfunc",
    spans: { switching: "vmfunc", plain: "plain" },
    switchesPerTurn: 2,
    options: {},
    settings: "",
    onBochs: true,
    keepsTlb: true,
  },
  ...[2, 64, 512].map((worlds): SwitchLoop => ({
    name: worlds === 2 ? "WORLD_CALL, there and back" : `WORLD_CALL, ${worlds} worlds in turn`,
    kernel: "calls",
    spans: { switching: "calls", plain: "plain" },
    switchesPerTurn: 2,
    options: { crossover: { worldCacheEntries: worlds, inverseWorldCacheEntries: worlds } },
    settings: `worlds=${worlds}`,
    onBochs: false,
    keepsTlb: worlds === 2,
  })),
  ...([["CPUID", 10, true], ["CPUID", 10, false], ["OUT", 30, true], ["VMCALL", 18, true]] as const).map((
    [instruction, reason, hasVpid],
  ): SwitchLoop => ({
    name: `VM exit by ${instruction}, ${hasVpid ? "and entry" : "no VPIDs"}`,
    kernel: "exits",
    spans: { switching: "exits", plain: "loop" },
    switchesPerTurn: 1,
    options: {},
    settings: `exit=${reason} vpid=${hasVpid ? 1 : 0}`,
    onBochs: true,
    keepsTlb: hasVpid,
    slower: 20,
  })),
];

/** Turns of the loop in a round. */
const TURNS: Readonly<Record<SwitchCost["place"], number>> = {
  interpreter: 5000,
  js: 1_000_000,
  wasm: 1_000_000,
  auto: 1_000_000,
  bochs: 100_000,
};
/** Rounds before those that count: until all code is compiled. Bochs compiles nothing. */
const WARM_UP = 3, WARM_UP_BOCHS = 1;
/** What a round may refill however long it is: the way into the guest and out of it. */
const REFILLS_PER_ROUND = 8;
/** How often in all rounds a region may be made again since it has been entered very often: not from switch to switch. */
const REGIONS_MADE_AGAIN = 4;

/** Measures a loop in one place; `turns` and `rounds` for those who are in a hurry. */
export async function measureSwitches(
  loop: SwitchLoop,
  place: SwitchCost["place"],
  { turns = TURNS[place] / (loop.slower ?? 1), rounds = 7 }: {
    readonly turns?: number;
    readonly rounds?: number;
  } = {},
): Promise<SwitchCost> {
  const warmUp = place === "bochs" ? WARM_UP_BOCHS : WARM_UP;
  const commandLine = `${loop.kernel} turns=${turns} rounds=${warmUp + rounds} ${loop.settings}`;
  const spans = place === "bochs"
    ? await bochsSpans(loop.kernel, commandLine)
    : machineSpans(place, loop, commandLine);
  const those = (name: string): readonly Span[] => {
    const found = spans.filter((span) => span.name === name);
    if (found.length !== warmUp + rounds) throw new Error(`${loop.name}: ${found.length} rounds of ${name}`);
    return found.slice(warmUp);
  };
  const switching = those(loop.spans.switching), plain = those(loop.spans.plain);
  const difference = switching.map((span, n) => span.nanoseconds - plain[n]!.nanoseconds);
  const cost: SwitchCost = {
    name: loop.name,
    place,
    nanoseconds: median(difference) / turns / loop.switchesPerTurn,
    turn: median(plain.map((span) => span.nanoseconds)) / turns,
  };
  if (place === "bochs") return cost;
  const repeated = { tlbRefills: 0, translations: 0 };
  for (const { work } of switching) {
    repeated.tlbRefills += work!.tlbRefills;
    repeated.translations += work!.translatedBlocks + work!.compiledRegions;
  }
  return { ...cost, repeated };
}

/** Whether nothing is looked up or made again from switch to switch; says what is. */
export function repeatedWork(
  { repeated, name, place }: SwitchCost,
  { keepsTlb }: SwitchLoop,
  rounds: number,
): string | undefined {
  if (repeated === undefined) return undefined;
  const { tlbRefills, translations } = repeated;
  if (translations <= REGIONS_MADE_AGAIN && (!keepsTlb || tlbRefills <= REFILLS_PER_ROUND * rounds)) {
    return undefined;
  }
  return `${name} (${place}): ${tlbRefills} TLB refills and ${translations} translations after the warm-up`;
}

/** Measures all loops in the engines and in Bochs, where it is installed. */
export async function worldBenchmarks(engines: readonly EngineName[], rounds: number): Promise<SwitchCost[]> {
  const found: SwitchCost[] = [];
  for (const loop of SWITCH_LOOPS) {
    const places: SwitchCost["place"][] = [...engines];
    if (loop.onBochs && HAS_BOCHS) places.push("bochs");
    for (const place of places) {
      const cost = await measureSwitches(loop, place, { rounds });
      const wrong = repeatedWork(cost, loop, rounds);
      if (wrong !== undefined) throw new Error(wrong);
      found.push(cost);
    }
  }
  return found;
}

function machineSpans(engine: EngineName, { kernel, options }: SwitchLoop, commandLine: string): Span[] {
  const script = fileURLToPath(new URL("worlds_run.ts", import.meta.url));
  const given = ["run", "-A", "--no-check", script, engine, kernel, JSON.stringify(options), commandLine];
  const output = execFileSync(process.execPath, given, {
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 1 << 20,
  });
  return JSON.parse(output.toString()) as Span[];
}

/** The processor time of Bochs at which a line is complete. */
async function bochsSpans(kernel: string, commandLine: string): Promise<Span[]> {
  const spans: Span[] = [];
  const decoder = new TextDecoder();
  let line = "", begun = 0;
  const onOutput = (bytes: Uint8Array, now: number): void => {
    const lines = (line + decoder.decode(bytes)).split("\n");
    line = lines.pop()!;
    for (const [what, name, ...result] of lines.map((text) => text.split(" "))) {
      if (what === "begin") begun = now;
      if (what === "end") {
        spans.push({ name: name!, result: result.join(" "), nanoseconds: now - begun });
      }
    }
  };
  const image = readFileSync(worldsImage(kernel));
  const { end, log } = await runOnBochs({ kernel: image, commandLine, onOutput, timeout: 600_000 });
  if (end !== "off") throw new Error(`Bochs ended ${kernel} by ${end}:\n${log}`);
  return spans;
}

/** The results as a table. */
export function switchRows(costs: readonly SwitchCost[]): string {
  const rows = costs.map((cost) => {
    const bochs = costs.find((one) => one.name === cost.name && one.place === "bochs");
    const ratio = bochs === undefined || cost === bochs
      ? ""
      : `${(bochs.nanoseconds / cost.nanoseconds).toFixed(1)}x as fast as Bochs`;
    const switching = cost.nanoseconds.toFixed(cost.nanoseconds < 100 ? 1 : 0).padStart(9);
    return `${cost.name.padEnd(36)}${cost.place.padEnd(13)}${switching} ns a switch, ` +
      `${cost.turn.toFixed(1).padStart(7)} ns a turn of the loop without  ${ratio}`.trimEnd();
  });
  return rows.join("\n");
}
