/** The table of `--stats`. */
import type { MachineStatistics, Statistics } from "../machine/api/statistics.ts";
import type { WorldSwitches } from "../machine/api/watched_processor.ts";
import { SWITCH_KIND_NAMES, type SwitchKindName } from "../machine/api/world_events.ts";
import { usageError } from "./exit_codes.ts";
import { report } from "./output.ts";

/** What tables call the kinds of world switches. */
export const SWITCH_LABELS: Readonly<Record<SwitchKindName, string>> = {
  vmfunc: "VMFUNC",
  worldCall: "world calls",
  vmEntry: "VM entries",
  vmExit: "VM exits",
  syscall: "SYSCALL",
  sysret: "SYSRET",
  interrupt: "interrupts and exceptions",
  iret: "IRET",
  cr3Write: "writes of CR3",
};

/** How the numbers are printed. */
export type StatisticsFormat = "table" | "json";

/** What `--stats` and `--json` ask for; undefined if they ask for nothing. */
export function statisticsFormat(
  { stats, json }: { readonly stats: boolean; readonly json: boolean },
): StatisticsFormat | undefined {
  if (json && !stats) throw usageError("--json needs --stats, which says what to print");
  return stats ? (json ? "json" : "table") : undefined;
}

/** Prints the numbers to stderr. `seconds` is the host's time for the run. */
export function reportStatistics(
  statistics:
    & Statistics
    & Partial<WorldSwitches>
    & Partial<Pick<MachineStatistics, "worldSwitches" | "vmExits">>,
  seconds: number,
  format: StatisticsFormat,
): void {
  const mips = seconds > 0 ? statistics.instructions / seconds / 1e6 : 0;
  if (format === "json") {
    report(JSON.stringify({ ...statistics, seconds, mips }));
    return;
  }
  const n = (count: number): string => count.toLocaleString("en-US");
  const share = (part: number): string => `${(part * 100).toFixed(1)} %`;
  const rows: readonly (readonly [string, string])[] = [
    ["instructions", n(statistics.instructions)],
    ["seconds", seconds.toFixed(3)],
    ["MIPS", mips.toFixed(1)],
    ["cycles of virtual time", n(statistics.cycles)],
    ["compiled code's share", share(1 - statistics.interpretedShare)],
    ["blocks translated", n(statistics.translatedBlocks)],
    ["  still in the code cache", n(statistics.cachedBlocks)],
    ["  evicted, dropped by stores", `${n(statistics.evictedBlocks)}, ${n(statistics.droppedBlocks)}`],
    ["regions compiled", n(statistics.compiledRegions)],
    ["  from so many runs on, evicted", `${n(statistics.threshold)}, ${n(statistics.evictedRegions)}`],
    ["  most blocks at first, later", `${n(statistics.firstRegionBlocks)}, ${n(statistics.regionBlocks)}`],
    ["  entered", n(statistics.regionEntries)],
    ["blocks interpreted", n(statistics.interpretedBlocks)],
    ["  through passes from run", n(statistics.optimizeThreshold)],
    ["instructions run alone", n(statistics.singleSteps)],
    ["TLB refills", n(statistics.tlbRefills)],
    ["  worlds, TLB entries of each", tlbSizes(statistics.tlbSizes)],
    ...switchRows(statistics).map(([name, count]) => [name, n(count)] as const),
    ...worldRows(statistics).map(([name, count]) => [name, n(count)] as const),
  ];
  for (const [name, text] of rows) report(`${name.padEnd(30)}${text.padStart(16)}`);
}

/** How many there are, and the range of their sizes. */
function tlbSizes(sizes: readonly number[]): string {
  if (sizes.length === 0) return "0";
  const least = Math.min(...sizes), most = Math.max(...sizes);
  return least === most ? `${sizes.length}, ${least}` : `${sizes.length}, ${least}-${most}`;
}

function switchRows(counts: Partial<WorldSwitches>): (readonly [string, number])[] {
  const rows = [
    ["system calls", counts.systemCalls],
    ["page faults", counts.pageFaults],
    ["other exceptions", counts.otherExceptions],
    ["address-space switches", counts.addressSpaceSwitches],
  ] as const;
  return rows.filter((row): row is readonly [typeof row[0], number] => row[1] !== undefined);
}

/** World switches, and behind the VM exits their reasons. */
function worldRows(
  { worldSwitches, vmExits = {} }: Partial<Pick<MachineStatistics, "worldSwitches" | "vmExits">>,
): (readonly [string, number])[] {
  if (worldSwitches === undefined) return [];
  const reasons = Object.entries(vmExits).map(([name, count]) => [`    ${name}`, count] as const);
  const rows = SWITCH_KIND_NAMES.flatMap((kind) => [
    [`  ${SWITCH_LABELS[kind]}`, worldSwitches[kind]] as const,
    ...(kind === "vmExit" ? reasons : []),
  ]);
  const total = SWITCH_KIND_NAMES.reduce((sum, kind) => sum + worldSwitches[kind], 0);
  return [["world switches", total], ...rows];
}
