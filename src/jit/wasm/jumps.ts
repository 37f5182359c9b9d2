/** Leaves a region for other code: by links to known addresses, by the world's table of ways to computed ones. */
import type { Value } from "../../ir/types.ts";
import { RIP } from "../../cpu/state.ts";
import { type Address, halves } from "../address.ts";
import { REGION_ENTRIES, SLOT_REGIONS } from "../../memory/physical.ts";
import type { Slices } from "../slices.ts";
import type { Emitter } from "./emitter.ts";
import type { Label } from "./encoder.ts";
import { FIND_WAY_PARAMETERS, pushIsInPlace } from "./find_way.ts";
import { I32, VOID, W } from "./instructions.ts";
import { storeCell } from "./state_cells.ts";
import { hashOf } from "./target_hash.ts";

/** Known targets of a computed jump that are compared with one by one. */
const FEW = 4;

/** Leaves to a known address. */
export function leaveTo(e: Emitter, { lo, hi }: Address): void {
  const { code } = e;
  const exit = e.exit({ kind: "jump", lo, hi, next: undefined });
  e.noteEnd([]);
  code.i32(exit);
  code.set(e.result);
  code.i32(e.surroundings.takeLink(exit));
  code.set(e.link);
  code.br(e.linkLabel);
}

/** What all exits to known addresses have in common: straight into the region there, where the link says so. */
export function followLink(e: Emitter): void {
  const { code } = e, region = e.scratch(I32);
  code.get(e.link);
  code.memory(W.i32_load, 0);
  code.get(e.result);
  code.get(e.link);
  code.memory(W.i32_load, 4);
  code.tee(region);
  pushIsInPlace(code, region, e.slot);
  code.op(W.select);
  code.set(e.result);
}

/** Goes on at a computed address: in the region if it is known there, else where the world's table of ways says. */
export function* jumpTo(e: Emitter, target: Value, goTo: (block: number) => Slices<void>): Slices<void> {
  const { code } = e, { mode } = e.block;
  const pc = e.operand(target);
  const { computed } = e.shape.edges[e.number]!;
  e.noteEnd(computed);
  if (computed.length > 0) yield* writeKnownTargets(e, pc, computed, goTo);
  setRip(e, pc);
  code.get(pc);
  code.i32(mode);
  code.i32(e.exit({ kind: "indirect", redispatch: false, block: e.original, next: undefined }));
  e.callTyped("FIND_WAY", FIND_WAY_PARAMETERS, true);
  code.set(e.result);
  code.br(e.exitLabel);
}

/**
 * Goes on at RIP, which has been stored, where mode and world may have changed. The flags are as they are noted.
 *
 * @param exit number of the exit to take where there is no way
 */
export function redispatch(e: Emitter, exit: number): void {
  pushWayFromRip(e, exit);
  e.code.set(e.result);
  e.code.br(e.exitLabel);
}

/** Leaves the way on from what the state says on the stack, or an exit. */
export function pushWayFromRip(e: Emitter, exit: number): void {
  const { code } = e;
  code.load(W.i64_load, RIP);
  e.callTyped("FIND_MODE", [], true);
  code.i32(exit);
  e.callTyped("FIND_WAY", FIND_WAY_PARAMETERS, true);
}

/** Stays in the region if the address in a local is that of one of some blocks: compares with few, finds one of many. */
function* writeKnownTargets(
  e: Emitter,
  pc: number,
  numbers: readonly number[],
  goTo: (block: number) => Slices<void>,
): Slices<void> {
  const { code } = e;
  if (numbers.length <= FEW) {
    for (const number of numbers) yield* writeKnownTarget(e, pc, number, goTo);
    return;
  }
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
    yield* writeKnownTarget(e, pc, number, goTo);
    code.br(miss);
  }
  code.end();
}

/**
 * Stays in the region if the address in a local is that of a block. No closure in `writeKnownTargets`: V8 gives each closure of
 * a generator function a hidden class, among what it collects seldom, which would keep alive all that the emitter has.
 */
function* writeKnownTarget(
  e: Emitter,
  pc: number,
  number: number,
  goTo: (block: number) => Slices<void>,
): Slices<void> {
  const { code } = e, { lo, hi } = halves(e.blocks[number]!.pc);
  code.get(pc);
  code.i64(lo, hi);
  code.op(W.i64_eq);
  code.open(W.if, VOID);
  yield* goTo(number);
  code.end();
}

/** Branches out unless the region lies in place in the world that is current now. */
export function leaveUnlessInPlace({ code, slot, surroundings: { id } }: Emitter, elsewhere: Label): void {
  code.get(slot);
  code.memory(W.i32_load, SLOT_REGIONS + 4 * (id & (REGION_ENTRIES - 1)));
  code.i32(id);
  code.op(W.i32_ne);
  code.brIfRarely(elsewhere);
}

/** Branches out if the budget does not cover what comes; `demand` is 0 where that looks at it itself. */
export function leaveIfScarce({ code, budget }: Emitter, demand: number, elsewhere: Label): void {
  if (demand === 0) return;
  code.get(budget);
  code.i32(demand);
  code.op(W.i32_lt_s);
  code.brIfRarely(elsewhere);
}

/** Stores RIP from a local. */
export function setRip({ code }: Emitter, local: number): void {
  storeCell(code, W.i64_store, RIP, () => code.get(local));
}
