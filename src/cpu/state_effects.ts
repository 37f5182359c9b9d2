/** The processor state and the helpers as the passes of the IR see them. */
import { CellKind, type StateEffects } from "../ir/passes/effects.ts";
import { helperInfo } from "./helpers.ts";
import {
  FDS,
  FP_RAISED,
  INSTRUCTIONS,
  MXCSR,
  RIP,
  SCRATCH,
  SCRATCH_BYTES,
  STATE_BYTES,
  X87,
} from "./state.ts";

function classify(): Uint8Array {
  const cells = new Uint8Array(STATE_BYTES >> 2);
  const mark = (from: number, to: number, kind: number): void => {
    cells.fill(kind, from >> 2, to >> 2);
  };
  mark(X87, FDS + 8, CellKind.FPU);
  // Floating-point operations set sticky flags.
  mark(MXCSR, FP_RAISED + 4, CellKind.VOLATILE);
  // Engines, the dispatcher and memory accesses keep their own cells: time, budget, events, returned values, tables.
  mark(RIP, RIP + 8, CellKind.VOLATILE);
  mark(INSTRUCTIONS, X87, CellKind.VOLATILE);
  // Operands of vector helpers, whatever their row says.
  mark(SCRATCH, SCRATCH + SCRATCH_BYTES, CellKind.VOLATILE);
  return cells;
}

/** The processor state and the helpers as the passes of the IR see them. */
export const STATE_EFFECTS: StateEffects = { cells: classify(), helper: (id) => helperInfo(id).state };
