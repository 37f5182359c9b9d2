/**
 * Spans of groups of accesses: each group of a block has cells of its own, which blocks compiled later may come to share.
 * Supervisor mode and user mode have different ones, and so have guests and their hypervisor, as each is in other worlds.
 *
 * The cells hold in one slot. Where a region begins in another one, those that were found since are forgotten: by a list as
 * long as they are few. In a slot of the same kind shared ones hold too, so that a kernel keeps its own from process to process.
 */
import {
  FOUND_BYTES,
  FOUND_ROOM,
  FOUND_SHARED,
  GROUP_CLASSES,
  GROUP_COUNTS,
  GROUP_KINDS,
  GROUP_LIST_ENTRIES,
  GROUP_LISTS,
  GROUP_OWN_COUNTS,
  GROUP_OWN_LISTS,
  GROUP_SLOTS,
  GROUP_SPANS,
  GROUPS,
  TLB_BASE,
} from "../../cpu/state.ts";
import { Mode } from "../../cpu/mode.ts";
import { SLOT_KIND } from "../../memory/physical.ts";
import { FunctionCode } from "./encoder.ts";
import { I32, VOID, W } from "./instructions.ts";

/** Bytes of the cells, and of the list, of a class. */
const CLASS_BYTES = GROUPS * FOUND_BYTES, LIST_BYTES = 4 * GROUP_LIST_ENTRIES;

/** Hands out cells: in turn, so that those of code that is hot at one time are different ones. */
export class GroupCells {
  readonly #next = new Array<number>(GROUP_CLASSES).fill(0);

  /** Offset of the cells of a group of accesses of a class; those of the stack are the same for all. */
  take(group: number, isStack: boolean): number {
    const number = isStack ? 0 : 1 + this.#next[group]!++ % (GROUPS - 1);
    return GROUP_SPANS + group * CLASS_BYTES + number * FOUND_BYTES;
  }
}

/** The class of regions of a mode, of a guest's in VMX non-root operation or of others. */
export function groupClass(mode: number, isGuest: boolean): number {
  return ((mode & Mode.USER) === 0 ? 0 : 1) | (isGuest ? 2 : 0);
}

/** Writes code that forgets the spans of a class if they are not those of the current slot, whose offset a local has. */
export function writeForget(code: FunctionCode, group: number, slot: number, forget: number): void {
  code.load(W.i32_load, GROUP_SLOTS + 4 * group);
  code.get(slot);
  code.op(W.i32_ne);
  code.openHinted(VOID, 0);
  code.i32(group);
  code.call(forget);
  code.op(W.drop);
  code.end();
}

/**
 * Writes code that lists cells, before they are written, if they are of a group and know nothing, or nothing that is not shared.
 *
 * @param shared a local: not 0 if what they will know is shared
 */
export function noteGroup(code: FunctionCode, cells: number, shared: number): void {
  const list = code.local(I32), isNew = code.local(I32);
  const append = (counts: number, lists: number): void => {
    const count = code.local(I32);
    code.get(list);
    code.memory(W.i32_load, counts);
    code.tee(count);
    code.opWith(W.i32_lt_u, GROUP_LIST_ENTRIES);
    code.openHinted(VOID, 0);
    code.get(list);
    code.opWith(W.i32_shl, Math.log2(LIST_BYTES / 4));
    code.get(count);
    code.opWith(W.i32_shl, 2);
    code.op(W.i32_add);
    code.get(cells);
    code.memory(W.i32_store, lists);
    code.end();
    code.get(list);
    code.get(count);
    code.opWith(W.i32_add, 1);
    code.memory(W.i32_store, counts);
  };
  code.get(cells);
  code.opWith(W.i32_sub, GROUP_SPANS);
  code.opWith(W.i32_lt_u, GROUP_CLASSES * CLASS_BYTES);
  code.get(cells);
  code.memory(W.i64_load, FOUND_ROOM);
  code.op(W.i64_eqz);
  code.tee(isNew);
  code.get(cells);
  code.memory(W.i32_load, FOUND_SHARED);
  code.get(shared);
  code.op(W.i32_gt_u);
  code.op(W.i32_or);
  code.op(W.i32_and);
  code.openHinted(VOID, 0);
  code.get(cells);
  code.opWith(W.i32_sub, GROUP_SPANS);
  code.opWith(W.i32_shr_u, Math.log2(CLASS_BYTES));
  code.opWith(W.i32_shl, 2);
  code.set(list);
  code.get(isNew);
  code.openHinted(VOID, 1);
  append(GROUP_COUNTS, GROUP_LISTS);
  code.end();
  code.get(shared);
  code.op(W.i32_eqz);
  code.openHinted(VOID, 0);
  append(GROUP_OWN_COUNTS, GROUP_OWN_LISTS);
  code.end();
  code.end();
}

/**
 * The code that makes the cells of a class (its parameter) those of the current slot, so that they know none of other slots'
 * spans, or shared ones only of its kind's. Returns 0, as there must be something.
 */
export function forgetGroupsCode(): FunctionCode {
  const code = new FunctionCode([I32]), group = 0;
  const word = code.local(I32), slot = code.local(I32), kind = code.local(I32);
  const load = (cell: number): void => {
    code.get(word);
    code.memory(W.i32_load, cell);
  };
  const store = (cell: number, push: () => void): void => {
    code.get(word);
    push();
    code.memory(W.i32_store, cell);
  };
  code.get(group);
  code.opWith(W.i32_shl, 2);
  code.set(word);
  code.load(W.i32_load, TLB_BASE);
  code.tee(slot);
  code.memory(W.i32_load, SLOT_KIND);
  code.tee(kind);
  load(GROUP_KINDS);
  code.op(W.i32_eq);
  code.get(kind);
  code.opWith(W.i32_ne, 0);
  code.op(W.i32_and);
  code.openHinted(VOID, 1);
  forgetListed(code, { group, word, counts: GROUP_OWN_COUNTS, lists: GROUP_OWN_LISTS });
  code.else();
  forgetListed(code, { group, word, counts: GROUP_COUNTS, lists: GROUP_LISTS });
  store(GROUP_COUNTS, () => code.i32(0));
  store(GROUP_KINDS, () => code.get(kind));
  code.end();
  store(GROUP_OWN_COUNTS, () => code.i32(0));
  store(GROUP_SLOTS, () => code.get(slot));
  code.i32(0);
  return code;
}

/** A list of cells: of the class in a local, whose words in tables of all classes are at the offset in another. */
interface CellList {
  readonly group: number;
  readonly word: number;
  readonly counts: number;
  readonly lists: number;
}

/** Writes code that makes the listed cells know nothing, or all of the class if there are more. */
function forgetListed(code: FunctionCode, { group, word, counts, lists }: CellList): void {
  const count = code.local(I32), at = code.local(I32), end = code.local(I32);
  /** Goes through words or cells from `at` to `end`. */
  const each = (step: number, pushCells: () => void): void => {
    code.get(at);
    code.get(end);
    code.op(W.i32_lt_u);
    code.openHinted(VOID, 1);
    const again = code.open(W.loop, VOID);
    pushCells();
    // Both rooms.
    code.i64(0, 0);
    code.op(W.i64x2_splat);
    code.memory(W.v128_store, FOUND_ROOM);
    code.get(at);
    code.opWith(W.i32_add, step);
    code.tee(at);
    code.get(end);
    code.op(W.i32_lt_u);
    code.brIf(again);
    code.end();
    code.end();
  };
  code.get(word);
  code.memory(W.i32_load, counts);
  code.tee(count);
  code.opWith(W.i32_le_u, GROUP_LIST_ENTRIES);
  code.open(W.if, VOID);
  code.get(group);
  code.opWith(W.i32_mul, LIST_BYTES);
  code.tee(at);
  code.get(count);
  code.opWith(W.i32_shl, 2);
  code.op(W.i32_add);
  code.set(end);
  each(4, () => {
    code.get(at);
    code.memory(W.i32_load, lists);
  });
  code.else();
  code.get(group);
  code.opWith(W.i32_mul, CLASS_BYTES);
  code.opWith(W.i32_add, GROUP_SPANS);
  code.tee(at);
  code.opWith(W.i32_add, CLASS_BYTES);
  code.set(end);
  each(FOUND_BYTES, () => code.get(at));
  code.end();
}
