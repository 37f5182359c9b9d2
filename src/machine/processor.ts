/** The bare processor: what runs code until something stops it. The Linux personality and the machine drive it. */
import type { LinearMemory } from "../memory/physical.ts";
import type { WorldSwitchKind } from "../cpu/system/world_switches.ts";
import type { Mmu } from "../memory/mmu.ts";

/** Why `Processor.run` returned. RIP and all other state are exact. */
export type Stop =
  /** The instruction budget is used up, or a debugger's point was met (`mmu.breakpoints.outside.hit`). */
  | { readonly kind: "budget" }
  /**
   * An exception. RIP is at the instruction (faults) or behind it (traps). `error` is -1 where the vector has none;
   * `address` is the linear address of a page fault (0n otherwise).
   */
  | { readonly kind: "fault"; readonly vector: number; readonly error: number; readonly address: bigint }
  /**
   * SYSCALL. RIP is behind it; RCX and R11 are already RIP and RFLAGS, as the instruction leaves them. Where there is
   * `onSystemCall`, that has made the system call.
   */
  | { readonly kind: "syscall" }
  /** INT n, INT3, INTO, INT1. RIP is behind it. */
  | { readonly kind: "interrupt"; readonly vector: number }
  /** HLT. RIP is behind it. */
  | { readonly kind: "halt" };

/** A processor whose exceptions and system calls the host handles. */
export interface Processor {
  readonly memory: LinearMemory;
  readonly mmu: Mmu;
  /** Executes exactly `instructions` guest instructions unless something stops it before. */
  run(instructions: number): Stop;
  /**
   * Makes system calls in the middle of runs, from the state at SYSCALL's end. It returns whether the run goes on: then it
   * has called `goOn`.
   */
  onSystemCall: (() => boolean) | undefined;
  /**
   * Gives the current run so many instructions from now on, instead of what is left to it: for `onSystemCall`. The address
   * space must be the same.
   *
   * @param executed instructions executed so far
   */
  goOn(instructions: number, executed: number): void;
  /** Guest instructions executed so far. */
  readonly instructions: number;
  /** Virtual time: a cycle for each instruction, and what world switches cost in the cycle model. */
  readonly cycles: number;
  /** Counts a world switch that the host makes in the place of the guest's kernel. */
  count(kind: WorldSwitchKind): void;
}
