/** The function that computed jumps look up in the current world's table of ways. */
import { TLB_BASE } from "../../cpu/state.ts";
import {
  REGION_ENTRIES,
  SLOT_REGIONS,
  SLOT_WAYS,
  WAY,
  WAY_ENTRY_BYTES,
  WAY_MODE,
  WAY_REGION,
} from "../../memory/physical.ts";
import { WAY_PAGES, WAYS_PER_PAGE } from "../../memory/tlb.ts";
import { FunctionCode } from "./encoder.ts";
import { I32, I64, W } from "./instructions.ts";

/** Linear address, the mode, and what to return where there is no way: else it returns the way. */
export const FIND_WAY_PARAMETERS: readonly number[] = [I64, I32, I32];
export type WayFinder = (pc: bigint, mode: number, otherwise: number) => number;

/** Logarithms: bytes of a page, ways of a page, bytes of a way's entry. */
const PAGE_BITS = 12, IN_PAGE_BITS = Math.log2(WAYS_PER_PAGE), ENTRY_BITS = Math.log2(WAY_ENTRY_BYTES);

/** Its code: looks at the entry `wayIndex` (memory/tlb.ts), and at the one beside it. */
export function findWayCode(): FunctionCode {
  const code = new FunctionCode(FIND_WAY_PARAMETERS), pc = 0, mode = 1, otherwise = 2;
  const lo = code.local(I32), slot = code.local(I32), entry = code.local(I32), region = code.local(I32);
  code.get(pc);
  code.op(W.i32_wrap_i64);
  code.tee(lo);
  code.opWith(W.i32_shr_u, PAGE_BITS - IN_PAGE_BITS - ENTRY_BITS);
  code.opWith(W.i32_and, (WAY_PAGES - 1) << (IN_PAGE_BITS + ENTRY_BITS));
  code.get(lo);
  code.get(lo);
  code.opWith(W.i32_shr_u, IN_PAGE_BITS);
  code.op(W.i32_xor);
  code.opWith(W.i32_and, WAYS_PER_PAGE - 1);
  code.opWith(W.i32_shl, ENTRY_BITS);
  code.op(W.i32_or);
  code.set(entry);
  code.load(W.i32_load, TLB_BASE);
  code.set(slot);
  const at = (): void => {
    code.get(slot);
    code.get(entry);
    code.op(W.i32_add);
  };
  const lookAt = (): void => {
    at();
    code.memory(W.i64_load, SLOT_WAYS);
    code.get(pc);
    code.op(W.i64_eq);
    at();
    code.memory(W.i32_load, SLOT_WAYS + WAY_MODE);
    code.get(mode);
    code.op(W.i32_eq);
    code.op(W.i32_and);
    at();
    code.memory(W.i32_load, SLOT_WAYS + WAY_REGION);
    code.tee(region);
    pushIsInPlace(code, region, slot);
    code.op(W.i32_and);
    code.openHinted(I32, 1);
    at();
    code.memory(W.i32_load, SLOT_WAYS + WAY);
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
