/**
 * The cycle model: what world switches cost on real processors, by published measurements.
 *
 * An instruction takes one cycle. A switch takes what its profile says, the cycle of its instruction included. All
 * figures are means from tight loops with warm caches and TLBs; a program that works between its switches pays more.
 */
import { WORLD_SWITCH_KINDS, WorldSwitch, type WorldSwitchKind } from "../cpu/system/world_switches.ts";
import { requireOneOf } from "./api/choice.ts";

/** A published figure, in cycles. */
export interface Figure {
  readonly cycles: number;
  readonly source: string;
}

/** What is measured: single switches, and round trips, of which nobody tells the directions apart. */
export interface CycleProfile {
  readonly processor: string;
  /** VMFUNC function 0. */
  readonly vmfunc: Figure;
  /** SYSCALL and SYSRET. */
  readonly systemCall: Figure;
  /** VM exit and VM entry. */
  readonly exitAndEntry: Figure;
  /** MOV to CR3, with PCIDs; one figure for root and non-root operation. */
  readonly cr3Write: Figure;
  /** Delivery of an interrupt or exception; one figure for root and non-root operation. */
  readonly interrupt: Figure;
  /** VMFUNC function 1. No processor has it. */
  readonly worldCall: Figure;
}

const LVDS = "Narayanan et al., LVDs, VEE 2020: Xeon E5-2660 v3";
const SKYBRIDGE = "Mi et al., SkyBridge, EuroSys 2019, as quoted by others";
const BORROWED = "borrowed from haswell: nothing published";
const DERIVED = "VMFUNC and CR3 write together: no processor has world calls; try 100 to 600";

/** The profiles. */
export const CYCLE_PROFILES = {
  haswell: {
    processor: "Intel Xeon E5-2660 v3",
    vmfunc: { cycles: 169, source: LVDS },
    systemCall: { cycles: 140, source: LVDS },
    exitAndEntry: { cycles: 1200, source: `${LVDS}; 1171 to 1240` },
    cr3Write: { cycles: 143, source: `${LVDS}; virtualized, 130 native` },
    interrupt: { cycles: 620, source: `${LVDS}; virtualized, 607 native` },
    worldCall: { cycles: 310, source: DERIVED },
  },
  skylake: {
    processor: "Intel Skylake",
    vmfunc: { cycles: 134, source: SKYBRIDGE },
    systemCall: { cycles: 181, source: SKYBRIDGE },
    exitAndEntry: { cycles: 1200, source: BORROWED },
    cr3Write: { cycles: 186, source: SKYBRIDGE },
    interrupt: { cycles: 620, source: BORROWED },
    worldCall: { cycles: 320, source: DERIVED },
  },
} as const satisfies Readonly<Record<string, CycleProfile>>;

/** Name of a profile. */
export type CycleProfileName = keyof typeof CYCLE_PROFILES;
/** Names of the profiles. */
export const CYCLE_PROFILE_NAMES: readonly CycleProfileName[] = ["haswell", "skylake"];

/** A profile, with another cost of world calls if that is given, in cycles. */
export interface CycleModel {
  readonly profile: CycleProfileName;
  readonly worldCall?: number;
}

/** Which cycle model: none, a profile, or a profile with another cost of world calls. */
export type CycleChoice = "off" | CycleProfileName | CycleModel;

/** Kinds of switches that no instruction of their own makes: their instruction's cycle is not in the figure. */
const WITHOUT_INSTRUCTION: readonly WorldSwitchKind[] = [WorldSwitch.VM_EXIT, WorldSwitch.INTERRUPT];

/**
 * What a switch of each kind costs in a model, in cycles, its instruction included.
 *
 * Round trips are split in halves between their directions, the odd cycle to the way in; that is our choice. IRET takes
 * the one cycle of its instruction: the published figures for interrupts say nothing of the way back.
 */
export function switchCycles(choice: CycleChoice): readonly number[] {
  const costs = new Array<number>(WORLD_SWITCH_KINDS).fill(1);
  for (const kind of WITHOUT_INSTRUCTION) costs[kind] = 0;
  if (choice === "off") return costs;
  const { profile, worldCall } = typeof choice === "string" ? { profile: choice } as CycleModel : choice;
  requireOneOf("cycle model", CYCLE_PROFILE_NAMES, profile);
  const figures: CycleProfile = CYCLE_PROFILES[profile];
  const split = (there: WorldSwitchKind, back: WorldSwitchKind, { cycles }: Figure): void => {
    costs[there] = Math.ceil(cycles / 2);
    costs[back] = Math.floor(cycles / 2);
  };
  costs[WorldSwitch.VMFUNC] = figures.vmfunc.cycles;
  costs[WorldSwitch.WORLD_CALL] = worldCall ?? figures.worldCall.cycles;
  costs[WorldSwitch.CR3_WRITE] = figures.cr3Write.cycles;
  costs[WorldSwitch.INTERRUPT] = figures.interrupt.cycles;
  split(WorldSwitch.SYSCALL, WorldSwitch.SYSRET, figures.systemCall);
  split(WorldSwitch.VM_EXIT, WorldSwitch.VM_ENTRY, figures.exitAndEntry);
  return costs;
}

/** The same above the cycle that an instruction takes anyhow, as `WorldSwitches.setCosts` has it. */
export function extraCycles(choice: CycleChoice): readonly number[] {
  return switchCycles(choice).map((cycles, kind) =>
    WITHOUT_INSTRUCTION.includes(kind as WorldSwitchKind) ? cycles : cycles - 1
  );
}
