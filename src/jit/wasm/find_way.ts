/** The table of ways: what computed jumps are looked up in by a function of WebAssembly, and what is noted there. */
import { RIP, TLB_BASE } from "../../cpu/state.ts";
import {
  REGION_ENTRIES,
  SLOT_REGIONS,
  WAY,
  WAY_ENTRIES,
  WAY_ENTRY_BYTES,
  WAY_MODE,
  WAY_REGION,
  ways,
} from "../../memory/physical.ts";
import { FunctionCode } from "./encoder.ts";
import { I32, I64, W } from "./instructions.ts";

/** Linear address, the mode, and what to return where there is no way: else it returns the way. */
export const FIND_WAY_PARAMETERS: readonly number[] = [I64, I32, I32];
export type WayFinder = (pc: bigint, mode: number, otherwise: number) => number;

const ENTRY_WORDS = WAY_ENTRY_BYTES / 4, FIRST_WORD = ways / 4;
/** Bits of an index; from a slot's offset to a number of which the low bits differ from slot to slot. */
const INDEX_BITS = Math.log2(WAY_ENTRIES), SLOT_SHIFT = 6;

/**
 * Index of the entry of a linear PC in the world whose slot has an offset; it may be in the one beside it (index ^ 1) as well.
 * What lies in the upper half of the address space, mostly an operating system, lies there in many worlds.
 */
function wayIndex(lo: number, hi: number, slot: number): number {
  return (lo ^ (lo >>> INDEX_BITS) ^ ((slot >>> SLOT_SHIFT) & ~(hi >> 31))) & (WAY_ENTRIES - 1);
}

/** Notes the way that a computed jump of the current world to RIP has been found to lead. What was there goes to the entry beside. */
export function noteWay(m: Int32Array, mode: number, way: number, region: number): void {
  const lo = m[RIP >> 2]!, hi = m[(RIP >> 2) + 1]!, index = wayIndex(lo, hi, m[TLB_BASE >> 2]!);
  const entry = FIRST_WORD + index * ENTRY_WORDS, beside = FIRST_WORD + (index ^ 1) * ENTRY_WORDS;
  if (m[entry + (WAY_REGION >> 2)] !== 0) m.copyWithin(beside, entry, entry + ENTRY_WORDS);
  m[entry] = lo;
  m[entry + 1] = hi;
  m[entry + (WAY_MODE >> 2)] = mode;
  m[entry + (WAY >> 2)] = way;
  m[entry + (WAY_REGION >> 2)] = region;
}

/** The code of the function: looks at the entry `wayIndex`, and at the one beside it. */
export function findWayCode(): FunctionCode {
  const code = new FunctionCode(FIND_WAY_PARAMETERS), pc = 0, mode = 1, otherwise = 2;
  const lo = code.local(I32), slot = code.local(I32), entry = code.local(I32), region = code.local(I32);
  code.get(pc);
  code.op(W.i32_wrap_i64);
  code.tee(lo);
  code.get(lo);
  code.opWith(W.i32_shr_u, INDEX_BITS);
  code.op(W.i32_xor);
  code.load(W.i32_load, TLB_BASE);
  code.tee(slot);
  code.opWith(W.i32_shr_u, SLOT_SHIFT);
  code.get(pc);
  code.i64(63, 0);
  code.op(W.i64_shr_s);
  code.op(W.i32_wrap_i64);
  code.opWith(W.i32_xor, -1);
  code.op(W.i32_and);
  code.op(W.i32_xor);
  code.opWith(W.i32_and, WAY_ENTRIES - 1);
  code.opWith(W.i32_shl, Math.log2(WAY_ENTRY_BYTES));
  code.set(entry);
  const load = (op: number, field: number): void => {
    code.get(entry);
    code.memory(op, ways + field);
  };
  const lookAt = (): void => {
    load(W.i64_load, 0);
    code.get(pc);
    code.op(W.i64_eq);
    load(W.i32_load, WAY_MODE);
    code.get(mode);
    code.op(W.i32_eq);
    code.op(W.i32_and);
    load(W.i32_load, WAY_REGION);
    code.tee(region);
    pushIsInPlace(code, region, slot);
    code.op(W.i32_and);
    code.openHinted(I32, 1);
    load(W.i32_load, WAY);
    code.else();
  };
  lookAt();
  code.get(entry);
  code.opWith(W.i32_xor, WAY_ENTRY_BYTES);
  code.set(entry);
  lookAt();
  code.get(otherwise);
  code.end();
  code.end();
  return code;
}

/** With a region's number on the stack and in a local: whether it lies in place in the world whose slot a local has. */
export function pushIsInPlace(code: FunctionCode, region: number, slot: number): void {
  code.get(region);
  code.opWith(W.i32_shl, 2);
  code.opWith(W.i32_and, (REGION_ENTRIES - 1) << 2);
  code.get(slot);
  code.op(W.i32_add);
  code.memory(W.i32_load, SLOT_REGIONS);
  code.op(W.i32_eq);
}
