/**
 * Floating point as the processor does it: results and exceptions, on a host that shows neither exceptions nor other
 * roundings. Plain functions over 32-bit halves and the cells of the processor state; nothing here knows of
 * instructions' operands or engines.
 *
 * ```ts ignore
 * const float = createFloat(memory);             // once per linear memory
 * const lo = float.plain.ADDSD(alo, ahi, blo, bhi), hi = state[RETURN_HI >> 2];
 * ```
 *
 * - `plain` and `exact` ({@linkcode SseFloat}) have the same functions. `plain` may be called only where MXCSR rounds to
 *   nearest, has PE set, masks everything and has DAZ and FTZ clear: {@linkcode isPlain} of mxcsr. Each function is one
 *   lane; exceptions of a lane go to the MXCSR and FP_RAISED cells.
 * - While any exception is unmasked ({@linkcode hasUnmasked}): clear the FP_RAISED cell, call `exact` for all lanes, then
 *   `check()`: it settles MXCSR, and if it returns true the instruction raises #XM and writes nothing.
 * - `RCPSS` and `RSQRTSS` are the same in every mode.
 * - `x87` is the x87 unit: one method per mnemonic; see x87/unit.ts.
 */
import { createCheck, createExact } from "./exact.ts";
import { createPlain } from "./plain.ts";
import { createPlainWasm } from "./plain_wasm.ts";
import { Mxcsr } from "./soft.ts";
import type { SseFloat } from "./sse.ts";
import { X87 } from "./x87/unit.ts";

export type { SseFloat } from "./sse.ts";
export { RCPSS, RSQRTSS } from "./approximate.ts";
export { X87 } from "./x87/unit.ts";
export { environmentBytes, type EnvironmentForm } from "./x87/images.ts";
export { FpException } from "./significand.ts";
export { Mxcsr } from "./soft.ts";

/** Floating point over one linear memory. */
export interface Float {
  /** For plain modes only. */
  readonly plain: SseFloat;
  /** For every mode. */
  readonly exact: SseFloat;
  /** After the last lane of an instruction while exceptions are unmasked: true if #XM is due. */
  check(): boolean;
  /** The x87 unit. */
  readonly x87: X87;
}

/** Whether MXCSR allows the plain family: to nearest, PE set, all masked, no DAZ, no FTZ. */
export function isPlain(mxcsr: number): boolean {
  return (mxcsr & 0xffe0) === 0x1fa0;
}

/** Whether MXCSR unmasks an exception. */
export function hasUnmasked(mxcsr: number): boolean {
  return (mxcsr & Mxcsr.MASKS) !== Mxcsr.MASKS;
}

/**
 * Creates the functions over the state at the start of `memory`. With a WebAssembly.Memory the common functions of
 * the plain family are WebAssembly, which is twice as fast; with only its bytes everything is JavaScript.
 */
export function createFloat(memory: WebAssembly.Memory | ArrayBufferLike): Float {
  const isMemory = memory instanceof WebAssembly.Memory;
  const state = new Int32Array(isMemory ? memory.buffer : memory, 0, 0x800);
  const exact = createExact(state);
  const script = createPlain(state, exact);
  const plain = isMemory ? { ...script, ...createPlainWasm(memory, exact) } : script;
  return { plain, exact, check: createCheck(state), x87: new X87(state) };
}
