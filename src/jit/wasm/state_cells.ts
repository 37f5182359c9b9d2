/** Code for cells of the state in the linear memory. */
import { SWITCH_COSTS, SWITCH_COUNTS } from "../../cpu/state.ts";
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
