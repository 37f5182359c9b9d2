/** Leaves a region for other code: by links to known addresses, by the world's table of ways to computed ones. */
import type { Value } from "../../ir/types.ts";
import { RIP } from "../../cpu/state.ts";
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
import { type Address, halves } from "../interpreter/program.ts";
import type { Emitter } from "./emitter.ts";
import { I32, VOID, W } from "./instructions.ts";
import { hashOf } from "./target_hash.ts";

/** Known targets of a computed jump that are compared with one by one. */
const FEW = 4;
/** Logarithms: bytes of a page, ways of a page, bytes of a way's entry. */
const PAGE_BITS = 12, IN_PAGE_BITS = Math.log2(WAYS_PER_PAGE), ENTRY_BITS = Math.log2(WAY_ENTRY_BYTES);

/** Leaves to a known address: straight into the region there, where the link says so. */
export function leaveTo(e: Emitter, { lo, hi }: Address): void {
  const { code } = e;
  const exit = e.exit({ kind: "jump", lo, hi, next: undefined });
  const link = e.surroundings.takeLink(exit);
  const region = e.scratch(I32);
  e.noteEnd([]);
  code.load(W.i32_load, link);
  code.i32(exit);
  code.load(W.i32_load, link + 4);
  code.tee(region);
  pushIsInPlace(e, region);
  code.op(W.select);
  code.set(e.result);
  code.br(e.exitLabel);
}

/** With a region's number on the stack and in a local: whether it lies in place in the current world. */
export function pushIsInPlace({ code, slot }: Emitter, region: number): void {
  code.get(region);
  code.i32(2);
  code.op(W.i32_shl);
  code.i32((REGION_ENTRIES - 1) << 2);
  code.op(W.i32_and);
  code.get(slot);
  code.op(W.i32_add);
  code.memory(W.i32_load, SLOT_REGIONS);
  code.op(W.i32_eq);
}

/** Goes on at a computed address: in the region if it is known there, else where the world's table of ways says. */
export function jumpTo(e: Emitter, target: Value, goTo: (block: number) => void): void {
  const { code } = e, { mode } = e.block;
  const pc = e.operand(target);
  const { computed } = e.shape.edges[e.number]!;
  e.noteEnd(computed);
  if (computed.length > 0) writeKnownTargets(e, pc, computed, goTo);
  setRip(e, pc);
  const entry = e.scratch(I32), region = e.scratch(I32);
  findWay(e, pc, entry);
  code.get(entry);
  code.memory(W.i32_load, SLOT_WAYS + WAY);
  code.i32(e.exit({ kind: "indirect", redispatch: false, block: e.number, next: undefined }));
  code.get(entry);
  code.memory(W.i64_load, SLOT_WAYS);
  code.get(pc);
  code.op(W.i64_eq);
  code.get(entry);
  code.memory(W.i32_load, SLOT_WAYS + WAY_MODE);
  code.i32(mode);
  code.op(W.i32_eq);
  code.op(W.i32_and);
  code.get(entry);
  code.memory(W.i32_load, SLOT_WAYS + WAY_REGION);
  code.tee(region);
  pushIsInPlace(e, region);
  code.op(W.i32_and);
  code.op(W.select);
  code.set(e.result);
  code.br(e.exitLabel);
}

/** Stays in the region if the address in a local is that of one of some blocks: compares with few, finds one of many. */
function writeKnownTargets(
  e: Emitter,
  pc: number,
  numbers: readonly number[],
  goTo: (block: number) => void,
): void {
  const { code } = e;
  const compare = (number: number): void => {
    const { lo, hi } = halves(e.blocks[number]!.pc);
    code.get(pc);
    code.i64(lo, hi);
    code.op(W.i64_eq);
    code.open(W.if, VOID);
    goTo(number);
    code.end();
  };
  if (numbers.length <= FEW) return numbers.forEach(compare);
  const { multiplier, shift, table } = hashOf(numbers.map((number) => halves(e.blocks[number]!.pc).lo));
  const miss = code.open(W.block, VOID);
  const cases = numbers.map(() => code.open(W.block, VOID)).reverse();
  code.get(pc);
  code.op(W.i32_wrap_i64);
  code.i32(multiplier);
  code.op(W.i32_mul);
  code.i32(shift);
  code.op(W.i32_shr_u);
  code.brTable(table.map((n) => n < 0 ? miss : cases[n]!), miss);
  for (const number of numbers) {
    code.end();
    compare(number);
    code.br(miss);
  }
  code.end();
}

/** Sets a local to the offset of the way of an address, less SLOT_WAYS: as `wayIndex` (memory/tlb.ts) has it. */
function findWay(e: Emitter, pc: number, entry: number): void {
  const { code } = e, lo = e.scratch(I32);
  code.get(pc);
  code.op(W.i32_wrap_i64);
  code.tee(lo);
  code.i32(PAGE_BITS - IN_PAGE_BITS - ENTRY_BITS);
  code.op(W.i32_shr_u);
  code.i32((WAY_PAGES - 1) << (IN_PAGE_BITS + ENTRY_BITS));
  code.op(W.i32_and);
  code.get(lo);
  code.get(lo);
  code.i32(IN_PAGE_BITS);
  code.op(W.i32_shr_u);
  code.op(W.i32_xor);
  code.i32(WAYS_PER_PAGE - 1);
  code.op(W.i32_and);
  code.i32(ENTRY_BITS);
  code.op(W.i32_shl);
  code.op(W.i32_or);
  code.get(e.slot);
  code.op(W.i32_add);
  code.set(entry);
}

/** Stores RIP from a local. */
export function setRip({ code }: Emitter, local: number): void {
  code.i32(0);
  code.get(local);
  code.memory(W.i64_store, RIP);
}
