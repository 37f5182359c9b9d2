/** The cells of a processor's registers, without what is derived or momentary in them. */
import { readRflags, writeRflags } from "../../cpu/rflags.ts";
import {
  ATTENTION,
  BUDGET,
  EPTP_LIST,
  EVENT,
  EVENT_ADDRESS,
  EVENT_ERROR,
  EVENT_VECTOR,
  FP_RAISED,
  INSTRUCTIONS,
  PROCESSOR_BYTES,
  RETURN_HI,
  RETURN_V128,
  TLB_BASE,
  WORLD_CALLS,
  WORLD_GENERATION,
} from "../../cpu/state.ts";

/** Words of cells that only hold something while an instruction is executed. */
const MOMENTARY: readonly number[] = [
  FP_RAISED,
  EVENT,
  EVENT_VECTOR,
  EVENT_ERROR,
  EVENT_ADDRESS,
  EVENT_ADDRESS + 4,
  RETURN_HI,
  RETURN_V128,
  RETURN_V128 + 4,
  RETURN_V128 + 8,
  RETURN_V128 + 12,
  ATTENTION,
].map((offset) => offset >> 2);
/** Words of cells that say where in the linear memory things lie, or that belong to the run. */
const DERIVED: readonly number[] = [
  TLB_BASE,
  EPTP_LIST,
  WORLD_CALLS,
  WORLD_GENERATION,
  BUDGET,
  INSTRUCTIONS,
  INSTRUCTIONS + 4,
].map((offset) => offset >> 2);

/** The cells as bytes: the same ones whatever engine has run the processor. */
export function saveCells(state: Int32Array): Uint8Array {
  const words = new Int32Array(PROCESSOR_BYTES / 4);
  words.set(state.subarray(0, words.length));
  for (const word of [...DERIVED, ...MOMENTARY]) words[word] = 0;
  // Flags have several encodings each.
  writeRflags(words, readRflags(words));
  return new Uint8Array(words.buffer);
}

/** Sets the cells of the processor whose state is in the linear memory. */
export function loadCells(i32: Int32Array, cells: Uint8Array): void {
  const kept = DERIVED.map((word) => i32[word]!);
  i32.set(new Int32Array(cells.slice().buffer));
  for (const [n, word] of DERIVED.entries()) i32[word] = kept[n]!;
}
