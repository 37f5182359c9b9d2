/** World switches, counted by kind, and what they cost in the cycle model. */
import type { StateMemory } from "../guest_memory.ts";
import { BUDGET, SWITCH_COSTS, SWITCH_COUNTS } from "../state.ts";

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

/** Counts the world switches of one processor, in state cells, which translated code also counts in. */
export class WorldSwitches {
  /** Called after each switch, when the state is that of the new world. Set it before code is translated. */
  observer: ((kind: WorldSwitchKind) => void) | undefined;
  readonly #m: Int32Array;

  constructor({ i32 }: StateMemory) {
    this.#m = i32;
  }

  /** Called when a switch has happened: counts it, lets its cycles pass, tells the observer. */
  count(kind: WorldSwitchKind): void {
    const m = this.#m, cell = (SWITCH_COUNTS >> 2) + kind;
    m[cell] = (m[cell]! + 1) | 0;
    m[BUDGET >> 2] = m[BUDGET >> 2]! - m[(SWITCH_COSTS >> 2) + kind]!;
    this.observer?.(kind);
  }

  /** Switches of a kind so far, modulo 2^32. */
  counted(kind: WorldSwitchKind): number {
    return this.#m[(SWITCH_COUNTS >> 2) + kind]! >>> 0;
  }

  /** Sets what a switch of each kind costs, in cycles above the one of its instruction: whole numbers. */
  setCosts(costs: readonly number[]): void {
    this.#m.set(costs, SWITCH_COSTS >> 2);
  }

  /** Cycles that all switches so far have cost. */
  get cycles(): number {
    let sum = 0;
    for (let kind = 0; kind < WORLD_SWITCH_KINDS; kind++) {
      sum += (this.#m[(SWITCH_COUNTS >> 2) + kind]! >>> 0) * this.#m[(SWITCH_COSTS >> 2) + kind]!;
    }
    return sum;
  }
}
