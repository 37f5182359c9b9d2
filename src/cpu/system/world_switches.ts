/** World switches, counted by kind, and what they cost in the cycle model. */
import type { StateMemory } from "../guest_memory.ts";
import { BUDGET, SWITCH_COSTS, SWITCH_COUNTS, SWITCHES_OBSERVED } from "../state.ts";

/** Kinds of world switches: transitions between rings, address spaces, EPTs, and VMX root and non-root operation. */
export const WorldSwitch = {
  /** VMFUNC function 0: another EPTP. */
  VMFUNC: 0,
  /** VMFUNC function 1. */
  WORLD_CALL: 1,
  VM_ENTRY: 2,
  VM_EXIT: 3,
  /** SYSCALL and SYSENTER. */
  SYSCALL: 4,
  /** SYSRET and SYSEXIT. */
  SYSRET: 5,
  /** An exception or interrupt has been delivered. */
  INTERRUPT: 6,
  /** IRET. */
  IRET: 7,
  /** MOV to CR3. */
  CR3_WRITE: 8,
} as const;
/** A kind of world switch. */
export type WorldSwitchKind = (typeof WorldSwitch)[keyof typeof WorldSwitch];
/** How many kinds there are. */
export const WORLD_SWITCH_KINDS: number = Object.keys(WorldSwitch).length;

/**
 * What caused a switch, where its kind does not tell. INTERRUPT: the vector, and one of the bits here. VM_EXIT: the basic
 * exit reason. Kinds with two instructions: 0 for the first that the kind names, 1 for the other; VM_ENTRY: 0 for
 * VMRESUME, 1 for VMLAUNCH.
 */
export const SwitchCause = {
  /** INT n, INT3 or INTO. */
  SOFTWARE: 0x100,
  /** An external interrupt or NMI. */
  EXTERNAL: 0x200,
  SECOND: 1,
  VMLAUNCH: 1,
} as const;

/** Who is told of each switch. */
export interface SwitchObserver {
  /** A switch has happened: the state is that of the new world. */
  switched(kind: WorldSwitchKind, cause: number): void;
  /** The processor has come to another world without a switch that is counted: VMXON, VMXOFF, a far transfer. */
  moved(): void;
}

/** Counts the world switches of one processor, in state cells, which translated code also counts in. */
export class WorldSwitches {
  readonly #m: Int32Array;
  #observer: SwitchObserver | undefined;

  constructor({ i32 }: StateMemory) {
    this.#m = i32;
  }

  /** Is told of each switch. SWITCHES_OBSERVED tells translated code that there is somebody. */
  get observer(): SwitchObserver | undefined {
    return this.#observer;
  }
  set observer(observer: SwitchObserver | undefined) {
    this.#observer = observer;
    this.#m[SWITCHES_OBSERVED >> 2] = observer === undefined ? 0 : 1;
  }

  /** Called when a switch has happened: counts it, lets its cycles pass, tells the observer. */
  count(kind: WorldSwitchKind, cause = 0): void {
    const m = this.#m, cell = (SWITCH_COUNTS >> 2) + kind;
    m[cell] = (m[cell]! + 1) | 0;
    m[BUDGET >> 2] = m[BUDGET >> 2]! - m[(SWITCH_COSTS >> 2) + kind]!;
    this.#observer?.switched(kind, cause);
  }

  /** Called when the world has changed otherwise. */
  moved(): void {
    this.#observer?.moved();
  }

  /** Switches of a kind so far, modulo 2^32. */
  counted(kind: WorldSwitchKind): number {
    return this.#m[(SWITCH_COUNTS >> 2) + kind]! >>> 0;
  }

  /** Sets how many switches of each kind there have been, modulo 2^32. */
  setCounts(counts: readonly number[]): void {
    this.#m.set(counts.map((count) => count | 0), SWITCH_COUNTS >> 2);
  }

  /** Sets what a switch of each kind costs, in cycles above the one of its instruction: whole numbers. */
  setCosts(costs: readonly number[]): void {
    this.#m.set(costs, SWITCH_COSTS >> 2);
  }

  /** What a switch of a kind costs above its instruction, in cycles. */
  costOf(kind: WorldSwitchKind): number {
    return this.#m[(SWITCH_COSTS >> 2) + kind]!;
  }

  /** Cycles that all switches so far have cost. Others over the same memory, and snapshots, may have set the costs. */
  get cycles(): number {
    let sum = 0;
    for (let kind = 0; kind < WORLD_SWITCH_KINDS; kind++) {
      sum += (this.#m[(SWITCH_COUNTS >> 2) + kind]! >>> 0) * this.#m[(SWITCH_COSTS >> 2) + kind]!;
    }
    return sum;
  }
}
