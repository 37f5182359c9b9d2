/** The hypervisor with its machines, and what its console and its marks tell. */
import { readFileSync } from "node:fs";
import type { SwitchCounts } from "../../../src/machine/api/world_events.ts";
import type { BootModule } from "../../../src/machine/loaders/boot_request.ts";
import { type BochsResult, runOnBochs } from "../../referee/bochs.ts";
import { bootMachine, type MachineOptions, type MachineStop } from "../../../src/machine/machine.ts";

const WORLDS = new URL("../../../src/guests/worlds/", import.meta.url);
const image = (name: string): Uint8Array => readFileSync(new URL(name, WORLDS));
const kernel = image("hypervisor.elf");
const modules: readonly BootModule[] = [{ bytes: image("kernel.elf") }, { bytes: image("initrd.tar") }];
const LIMIT = 1e8;

/** The systems, and the paths of each. */
export const SYSTEMS = ["proxos", "hypershell", "tahoma", "shadowcontext"] as const;
export const PATHS = ["original", "vmfunc", "crossover"] as const;
export type System = (typeof SYSTEMS)[number];
export type Path = (typeof PATHS)[number];

/** Ids of the workloads: src/guests/worlds/abi.h. */
export const WORKLOADS = {
  getpid: 1,
  read1: 2,
  write1: 3,
  stat: 4,
  openclose: 5,
  pipe: 6,
  ps: 7,
  ls: 8,
  uptime: 9,
  grep: 10,
} as const;

/** What was measured between the two marks of a workload. */
export interface Measured {
  readonly iterations: number;
  readonly instructions: number;
  readonly switches: SwitchCounts;
}

export interface Run {
  readonly stop: MachineStop;
  readonly text: string;
  readonly instructions: number;
  /** By the workload's id. */
  readonly measured: ReadonlyMap<number, Measured>;
}

/** Boots the hypervisor and runs it to its end. */
export function runWorlds(commandLine: string, options: Partial<MachineOptions> = {}): Run {
  const machine = bootMachine({
    kernel,
    modules,
    commandLine,
    vmx: true,
    crossover: true,
    marks: true,
    ...options,
  });
  const measured = new Map<number, Measured>();
  const begun = new Map<number, Measured>();
  machine.on("mark", ({ value, instructions, switches }) => {
    const id = value >>> 16, iterations = value & 0xffff, before = begun.get(id);
    if (before === undefined) begun.set(id, { iterations, instructions, switches });
    else {
      measured.set(id, {
        iterations: before.iterations,
        instructions: instructions - before.instructions,
        switches: difference(switches, before.switches),
      });
    }
  });
  const stop = machine.run({ instructions: LIMIT });
  return { stop, text: machine.console.text, instructions: machine.instructions, measured };
}

/** The same on Bochs, which has VMX and VMFUNC, but no world calls. */
export function runWorldsOnBochs(commandLine: string): Promise<BochsResult> {
  return runOnBochs({ kernel, modules, commandLine });
}

function difference(after: SwitchCounts, before: SwitchCounts): SwitchCounts {
  const counts = Object.entries(after).map((
    [kind, count],
  ) => [kind, count - before[kind as keyof SwitchCounts]]);
  return Object.fromEntries(counts) as SwitchCounts;
}

/** The lines of a console that begin with a word. */
export const linesOf = (text: string, word: string): string[] =>
  text.split("\n").filter((line) => line.startsWith(`${word} `));

/**
 * Hops: ring and VMX transitions. A timer interrupt adds four transitions to whatever it hits: a VM exit, the entry that
 * injects it, its delivery, and an IRET; the first two are hops as well, and are taken off here.
 */
export function hopsOf(
  { vmfunc, worldCall, vmEntry, vmExit, syscall, sysret, interrupt }: SwitchCounts,
): number {
  return vmfunc + worldCall + vmEntry + vmExit + syscall + sysret - 2 * interrupt;
}
