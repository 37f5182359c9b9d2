/** Code for cells of the state in the linear memory. */
import { Flag } from "../../cpu/rflags.ts";
import { ATTENTION, Attention, RFLAGS_SYSTEM, SWITCH_COSTS, SWITCH_COUNTS } from "../../cpu/state.ts";
import type { WorldSwitchKind } from "../../cpu/system/world_switches.ts";
import type { FunctionCode } from "./encoder.ts";
import { W } from "./instructions.ts";

/** Stores to a cell what `push` leaves on the stack. */
export function storeCell(code: FunctionCode, store: number, cell: number, push: () => void): void {
  code.i32(0);
  push();
  code.memory(store, cell);
}

/** Leaves some bits of a cell. */
export function pushMasked(code: FunctionCode, cell: number, bits: number): void {
  code.load(W.i32_load, cell);
  code.opWith(W.i32_and, bits);
}

/** Distance of RFLAGS.IF from the bit of what waits for it. */
const FLAG_SHIFT = Math.log2(Flag.IF / Attention.INTERRUPT);

/** Leaves whether there is something that can be attended to now: `isAttentive` (jit/attention.ts). Not 0: there is. */
export function pushIsAttentive(code: FunctionCode): void {
  code.load(W.i32_load, ATTENTION);
  code.load(W.i32_load, RFLAGS_SYSTEM);
  code.opWith(W.i32_shr_u, FLAG_SHIFT);
  code.opWith(W.i32_and, Attention.INTERRUPT);
  code.opWith(W.i32_or, Attention.NOW);
  code.op(W.i32_and);
}

/** Counts a switch of worlds. */
export function countSwitch(code: FunctionCode, kind: WorldSwitchKind): void {
  const count = SWITCH_COUNTS + 4 * kind;
  storeCell(code, W.i32_store, count, () => {
    code.load(W.i32_load, count);
    code.opWith(W.i32_add, 1);
  });
}

/** Takes off the budget on the stack what a switch of worlds costs. */
export function payForSwitch(code: FunctionCode, kind: WorldSwitchKind): void {
  code.load(W.i32_load, SWITCH_COSTS + 4 * kind);
  code.op(W.i32_sub);
}
