/** Events of world switches and VM exits, and the counts of switches, as users of the library see them. */
import { Vector } from "../../cpu/fault.ts";
import { CPL, CR3, EPTP, VMX_MODE, VmxMode, VPID } from "../../cpu/state.ts";
import {
  SwitchCause,
  type SwitchObserver,
  WorldSwitch,
  type WorldSwitches,
  type WorldSwitchKind,
} from "../../cpu/system/world_switches.ts";
import { reasonName } from "../../vmx/exit_reasons.ts";
import type { ObservedExit } from "../../vmx/vmx_state.ts";

/** Kinds of world switches by the names that events and statistics have. */
const KINDS = {
  vmfunc: WorldSwitch.VMFUNC,
  worldCall: WorldSwitch.WORLD_CALL,
  vmEntry: WorldSwitch.VM_ENTRY,
  vmExit: WorldSwitch.VM_EXIT,
  syscall: WorldSwitch.SYSCALL,
  sysret: WorldSwitch.SYSRET,
  interrupt: WorldSwitch.INTERRUPT,
  iret: WorldSwitch.IRET,
  cr3Write: WorldSwitch.CR3_WRITE,
} as const satisfies Readonly<Record<string, WorldSwitchKind>>;

/**
 * A kind of world switch: VMFUNC function 0, VMFUNC function 1, VM entry and exit, SYSCALL or SYSENTER, SYSRET or
 * SYSEXIT, delivery of an interrupt or exception, IRET, MOV to CR3.
 */
export type SwitchKindName = keyof typeof KINDS;
/** All kinds, in the order of their numbers. */
export const SWITCH_KIND_NAMES: readonly SwitchKindName[] = (Object.keys(KINDS) as SwitchKindName[])
  .toSorted((a, b) => KINDS[a] - KINDS[b]);

/** How many switches of each kind there were, modulo 2^32. */
export type SwitchCounts = Readonly<Record<SwitchKindName, number>>;

/** Reads the counts. */
export function switchCounts(switches: WorldSwitches): SwitchCounts {
  return Object.fromEntries(SWITCH_KIND_NAMES.map((name) => [name, switches.counted(KINDS[name])])) as {
    [K in SwitchKindName]: number;
  };
}

/** What tells a world from others. */
export interface WorldDescription {
  /** VMX operation. */
  readonly vmx: "off" | "root" | "non-root";
  /** Current privilege level. */
  readonly cpl: number;
  /** EPT pointer in force; 0 without EPT. */
  readonly eptp: bigint;
  readonly cr3: bigint;
  /** 0 in root operation, and in guests without VPID. */
  readonly vpid: number;
}

/** When something happened. */
export interface Moment {
  /** The processor's APIC ID. */
  readonly processor: number;
  /** Instructions executed by then, by all processors. */
  readonly instructions: number;
  /** Virtual time in cycles, the cost of the switch in the cycle model included. */
  readonly cycle: number;
}

/** The processor has gone from one world to another. */
export interface WorldSwitchEvent extends Moment {
  readonly kind: SwitchKindName;
  readonly from: WorldDescription;
  readonly to: WorldDescription;
  /**
   * The instruction (`SYSCALL`, `VMRESUME`, `MOV CR3` …), or `#PF`, `INT 128`, `interrupt 32`; of a VM exit the name of
   * its reason.
   */
  readonly cause: string;
}

/** A VM exit has happened, or a VM entry has failed in the guest's state; the host goes on. */
export interface VmExitEvent extends Moment, ObservedExit {
  /** The basic exit reason's name, as `EPT_VIOLATION`. */
  readonly name: string;
}

const MODES = { [VmxMode.OUTSIDE]: "off", [VmxMode.ROOT]: "root", [VmxMode.GUEST]: "non-root" } as const;

/** The world that a processor's state describes. */
export function describeWorld(m: Int32Array): WorldDescription {
  const quad = (cell: number): bigint =>
    (BigInt(m[(cell >> 2) + 1]! >>> 0) << 32n) | BigInt(m[cell >> 2]! >>> 0);
  return {
    vmx: MODES[m[VMX_MODE >> 2] as keyof typeof MODES],
    cpl: m[CPL >> 2]!,
    eptp: quad(EPTP),
    cr3: quad(CR3),
    vpid: m[VPID >> 2]!,
  };
}

/** The instructions of each kind that has some: the usual one, and the other. */
const INSTRUCTIONS: Readonly<Partial<Record<SwitchKindName, readonly [string, string]>>> = {
  vmEntry: ["VMRESUME", "VMLAUNCH"],
  syscall: ["SYSCALL", "SYSENTER"],
  sysret: ["SYSRET", "SYSEXIT"],
};
const SINGLE: Readonly<Partial<Record<SwitchKindName, string>>> = {
  vmfunc: "VMFUNC",
  worldCall: "WORLD_CALL",
  iret: "IRET",
  cr3Write: "MOV CR3",
};
const EXCEPTIONS = new Map(Object.entries(Vector).map(([name, vector]) => [vector as number, `#${name}`]));

function causeOf(kind: SwitchKindName, cause: number): string {
  if (kind === "vmExit") return reasonName(cause);
  if (kind !== "interrupt") return SINGLE[kind] ?? INSTRUCTIONS[kind]![cause === SwitchCause.SECOND ? 1 : 0];
  const vector = cause & 0xff;
  if ((cause & SwitchCause.SOFTWARE) !== 0) return `INT ${vector}`;
  if ((cause & SwitchCause.EXTERNAL) !== 0) return vector === Vector.NMI ? "NMI" : `interrupt ${vector}`;
  return EXCEPTIONS.get(vector) ?? `exception ${vector}`;
}

/** Follows one processor from world to world. */
export class WorldWatcher implements SwitchObserver {
  #world: WorldDescription;

  /**
   * @param m the state that the processor works on
   * @param world where it is now
   */
  constructor(
    readonly m: Int32Array,
    world: WorldDescription,
    readonly now: () => Moment,
    readonly tell: (event: WorldSwitchEvent) => void,
  ) {
    this.#world = world;
  }

  switched(kind: WorldSwitchKind, cause: number): void {
    const from = this.#world, name = SWITCH_KIND_NAMES[kind]!;
    this.moved();
    this.tell({ kind: name, from, to: this.#world, cause: causeOf(name, cause), ...this.now() });
  }

  moved(): void {
    this.#world = describeWorld(this.m);
  }
}
