/** What the passes must know of the state and of the helpers, which the IR itself does not define. */

/** What a 32-bit word of the state is to the passes. */
export const CellKind = {
  /** Changes by `set` only, or in helpers that may change everything. */
  ORDINARY: 0,
  /** Also changes in helpers of the floating-point unit. */
  FPU: 1,
  /** Changes or is read behind the IR's back: never forwarded, and no set of it is removed. */
  VOLATILE: 2,
} as const;

/** State a helper reads or writes that `get` and `set` also reach. */
export type HelperState = "none" | "fpu" | "all";

/** State a helper touches, by the helper's id. */
export type HelperEffects = (helperId: number) => HelperState;

/** What the passes must know of the state and the helpers. */
export interface StateEffects {
  /** A `CellKind` for each 32-bit word of the state. */
  readonly cells: Uint8Array;
  readonly helper: HelperEffects;
}
