/** SYSCALL in a WebAssembly region: the call is made without leaving WebAssembly's frames. SDM vol. 2B, "SYSCALL". */
import { RIP } from "../../cpu/state.ts";
import type { Address } from "../address.ts";
import { CallOutcome } from "../system_calls.ts";
import type { Emitter } from "./emitter.ts";
import { FLAG_COUNT } from "./flags.ts";
import { I32, VOID, W } from "./instructions.ts";
import { leaveIfScarce, leaveUnlessInPlace, pushWayFromRip } from "./jumps.ts";
import { storeCell } from "./state_cells.ts";

/** What the emitter knows of the place. */
export interface SystemCallPlace {
  /** Behind the instruction. */
  readonly next: Address;
  /** Number of the exit that leaves the way on to the dispatcher. */
  readonly exit: number;
  /** The block behind it, if the region has it: what the budget must have left, and what writes code that goes on there. */
  readonly behind: { readonly demand: number; goOn(): void } | undefined;
}

/** What is left of the instruction when RCX and R11 have been written. It ends the block. */
export function emitSystemCall(e: Emitter, { next, exit, behind }: SystemCallPlace): void {
  const { code } = e, outcome = e.scratch(I32);
  e.settleFlags();
  // Who makes the call may change any of them.
  for (let flag = 0; flag < FLAG_COUNT; flag++) e.cells.flag(flag);
  e.storeState();
  storeCell(code, W.i64_store, RIP, () => code.i64(next.lo, next.hi));
  e.callTyped("SYSCALL", [], true);
  code.tee(outcome);
  code.op(W.i32_eqz);
  code.openHinted(VOID, 0);
  code.i32(exit);
  code.op(W.return);
  code.end();
  if (behind !== undefined) {
    const elsewhere = code.open(W.block, VOID);
    code.get(outcome);
    code.i32(CallOutcome.BEHIND);
    code.op(W.i32_ne);
    code.brIfRarely(elsewhere);
    e.loadState();
    leaveUnlessInPlace(e, elsewhere);
    leaveIfScarce(e, behind.demand, elsewhere);
    e.spans.settle(code);
    behind.goOn();
    code.end();
  }
  // All state has been stored.
  pushWayFromRip(e, exit);
  code.op(W.return);
}
