/**
 * Helpers: large behaviour that translated code calls. The frontend emits a helper's name, its owner implements it,
 * the machine binds it.
 *
 * Calling convention: an i32 is one number, an i64 two (low, high), a v128 four (low word first). An i32 result is
 * returned; of an i64 the low half is returned and the high half stored in RETURN_HI; a v128 is stored in
 * RETURN_V128. A helper that raises an event sets the EVENT cells (state.ts) and returns anything.
 */
import { INTEGER_HELPERS } from "./helpers/integer.ts";
import { SYSTEM_HELPERS } from "./helpers/system.ts";
import { VECTOR_HELPERS } from "./helpers/vector.ts";
import { X87_HELPERS } from "./helpers/x87.ts";

/** What translated code must know of a helper. */
export interface HelperInfo {
  /** Operand and result types with the letters of ir/opcodes.ts: "wq:q". */
  readonly signature: string;
  /**
   * State it reads or writes that `get` and `set` also reach: none; the x87 and MMX registers with their control
   * words and MXCSR (`fpu`); or any of it (`all`).
   */
  readonly state: "none" | "fpu" | "all";
  /** It can raise an event (or accesses guest memory, which can). */
  readonly exits?: true;
}

/** All helpers. */
export const HELPERS = {
  ...INTEGER_HELPERS,
  ...SYSTEM_HELPERS,
  ...VECTOR_HELPERS,
  ...X87_HELPERS,
} as const satisfies Record<string, HelperInfo>;

/** Name of a helper. */
export type HelperName = keyof typeof HELPERS;

/** Helpers by id: the order of the table. */
export const HELPER_NAMES = Object.keys(HELPERS) as HelperName[];

const IDS = new Map<HelperName, number>(HELPER_NAMES.map((name, id) => [name, id]));

/** Number of a helper, as `call` carries it. */
export function helperId(name: HelperName): number {
  return IDS.get(name)!;
}

/** What the table says of helper number `id`. */
export function helperInfo(id: number): HelperInfo {
  return HELPERS[HELPER_NAMES[id]!];
}

/** An implementation of a helper, in the calling convention above. */
export type HelperFunction = (...args: number[]) => number | void;

/** Implementations of some helpers. */
export type HelperImplementations<T> = { readonly [K in keyof T]: HelperFunction };
