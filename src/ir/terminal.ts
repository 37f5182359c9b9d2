/** How a block ends. Linear addresses are those of the world the block runs in. */
import type { Value } from "./types.ts";

/** How a block ends. */
export type Terminal =
  /** Goes on at a known address; for a call, `returnTo` follows it. */
  | { readonly kind: "jump"; readonly target: bigint; readonly returnTo?: bigint }
  /** Goes on at `taken` if `condition` (i32) is not 0, else at `next`. */
  | { readonly kind: "branch"; readonly condition: Value; readonly taken: bigint; readonly next: bigint }
  /** Goes on at a computed address (i64). `hint` tells what kind of transfer it is; for a call, `returnTo` follows it. */
  | {
    readonly kind: "indirect";
    readonly target: Value;
    readonly hint: "jump" | "call" | "return";
    readonly returnTo?: bigint;
  }
  /**
   * Leaves to the dispatcher with the EVENT cells set as given and RIP = `rip`.
   * `event` is an `Event` (cpu/fault.ts); FAULT and INTERRUPT take `vector`, FAULT takes `error` (-1: none).
   */
  | {
    readonly kind: "event";
    readonly event: number;
    readonly vector: number;
    readonly error: number;
    readonly rip: bigint;
    /** Whether the last instruction counts as executed (traps, SYSCALL, HLT) or not (faults). */
    readonly retired: boolean;
  }
  /** Goes on at `target`, looked up afresh: the mode of execution may have changed. */
  | { readonly kind: "redispatch"; readonly target: Value }
  /** VMFUNC, the last instruction: goes on in another world, at `next` or where a world call leads. */
  | { readonly kind: "vmfunc"; readonly next: bigint };
