/**
 * Functions that regions call for an operand that is not in the span known to have had it: they look it up in the soft TLB, and
 * note the span around it, and where the run that it begins lies.
 */
import {
  FOUND_ADDEND,
  FOUND_ROOM,
  FOUND_RUN,
  FOUND_SHARED,
  FOUND_START,
  FOUND_WRITE_ROOM,
  TLB_BASE,
} from "../../cpu/state.ts";
import {
  PAGE_SIZE,
  SLOT_SPANS,
  SLOT_TLB_MASK,
  SPAN_BYTES,
  SPAN_FLAGS,
  SPAN_MARGIN,
  SPAN_ROOM,
  SPAN_START,
  TLB_ADDEND,
  TLB_FLAGS,
  TLB_READ,
  TLB_SPAN_SHIFT,
  TLB_WRITE,
  TlbFlag,
} from "../../memory/physical.ts";
import { TLB_SHIFT } from "../../memory/tlb.ts";
import { FunctionCode, type Imports } from "./encoder.ts";
import { noteGroup } from "./group_spans.ts";
import { pushHalves } from "./host_words.ts";
import { I32, I64, VOID, W } from "./instructions.ts";
import { CHECKING } from "./memory_opcodes.ts";
import { storeCell } from "./state_cells.ts";

/** Linear address, what `packAccess` says of the access, and where to note the span (FOUND_START and so on). */
export const FIND_PARAMETERS: readonly number[] = [I64, I32, I32];
/** They leave the offset in the linear memory, or -1. */
export type Finder = (address: bigint, access: number, cells: number) => number;

/** The functions, by what regions call them. */
export const FINDERS = {
  /** For reads. -1 after raising an event; then nothing is known. */
  FIND: { tag: TLB_READ, refills: true },
  /** The same where the operand is written afterwards. */
  FIND_WRITABLE: { tag: TLB_WRITE, refills: true },
  /** -1 where the access needs the slow path. */
  PROBE_READ: { tag: TLB_READ, refills: false },
  PROBE_WRITE: { tag: TLB_WRITE, refills: false },
} as const;
export type FinderName = keyof typeof FINDERS;

const FLAGS_SHIFT = 8, BACK_SHIFT = 16, RUN_WRITES_SHIFT = 24;

/** The run that an access begins: how far before it the first byte is, and whether any of it is written. */
export interface RunAround {
  readonly back: number;
  readonly writes: boolean;
}

/** Size in bytes and flags (MemoryFlag) of an access in one word, with the run that it begins, if any. */
export const packAccess = (size: number, flags: number, run?: RunAround): number =>
  size | (flags << FLAGS_SHIFT) |
  (run === undefined ? 0 : (run.back << BACK_SHIFT) | (Number(run.writes) << RUN_WRITES_SHIFT));

/** The parameters of a function that finds, by their meaning. */
export interface FinderLocals {
  readonly address: number;
  readonly access: number;
  readonly cells: number;
}

/** Leaves a field of the packed word of an access. */
function pushField(code: FunctionCode, access: number, shift: number, bits: number): void {
  code.get(access);
  if (shift !== 0) code.opWith(W.i32_shr_u, shift);
  code.opWith(W.i32_and, (1 << bits) - 1);
}

/** Leaves the flags of an access. */
export function pushFlags(code: FunctionCode, access: number): void {
  pushField(code, access, FLAGS_SHIFT, BACK_SHIFT - FLAGS_SHIFT);
}

/** The code of a finder. */
export function finderCode(name: FinderName, imports: Imports): FunctionCode {
  const { tag, refills } = FINDERS[name];
  const code = new FunctionCode(FIND_PARAMETERS), locals: FinderLocals = { address: 0, access: 1, cells: 2 };
  pushPlace(code, locals, tag, () => {
    if (!refills) return code.i32(-1);
    for (const cell of [FOUND_ROOM, FOUND_WRITE_ROOM]) {
      code.get(locals.cells);
      code.i64(0, 0);
      code.memory(W.i64_store, cell);
    }
    pushHalves(code, locals.address);
    pushField(code, locals.access, 0, FLAGS_SHIFT);
    pushFlags(code, locals.access);
    code.call(imports.index("LOCATE", [I32, I32, I32, I32], true));
  });
  return code;
}

/**
 * Leaves the offset in the linear memory of an operand that the soft TLB has, with its span noted; else what `otherwise` leaves.
 *
 * @param tag what must match: TLB_READ or TLB_WRITE
 */
export function pushPlace(
  code: FunctionCode,
  { address, access, cells }: FinderLocals,
  tag: number,
  otherwise: () => void,
): void {
  const found = tlbLocals(code), { slot, entry, page } = found;
  const low = (): void => {
    code.get(address);
    code.op(W.i32_wrap_i64);
  };
  const size = (): void => pushField(code, access, 0, FLAGS_SHIFT);

  pushIsInTlb(code, address, tag, found);
  // An access must not go on in the next page.
  low();
  code.opWith(W.i32_and, PAGE_SIZE - 1);
  size();
  code.op(W.i32_add);
  code.opWith(W.i32_le_u, PAGE_SIZE);
  code.op(W.i32_and);
  // Bits of the address that must be 0.
  low();
  size();
  code.opWith(W.i32_sub, 1);
  code.op(W.i32_and);
  code.op(W.i32_eqz);
  code.get(access);
  code.opWith(W.i32_and, CHECKING << FLAGS_SHIFT);
  code.op(W.i32_eqz);
  code.op(W.i32_or);
  code.op(W.i32_and);
  code.openHinted(I32, 1);
  noteFound(code, { address, access, slot, entry, page, tag, cells });
  code.else();
  storeCell(code, W.i32_store, FOUND_RUN, () => code.i32(0));
  otherwise();
  code.end();
}

/** Locals that a look-up in the soft TLB sets: the slot, the entry's offset, the page's address. */
export interface TlbLocals {
  readonly slot: number;
  readonly entry: number;
  readonly page: number;
}

/** New ones. */
export const tlbLocals = (code: FunctionCode): TlbLocals => ({
  slot: code.local(I32),
  entry: code.local(I32),
  page: code.local(I64),
});

/** Leaves whether the soft TLB has the page of an address in a local, for accesses of a kind (TLB_READ, TLB_WRITE). */
export function pushIsInTlb(
  code: FunctionCode,
  address: number,
  tag: number,
  { slot, entry, page }: TlbLocals,
): void {
  code.load(W.i32_load, TLB_BASE);
  code.tee(slot);
  code.memory(W.i32_load, SLOT_TLB_MASK);
  code.get(address);
  code.op(W.i32_wrap_i64);
  code.opWith(W.i32_shr_u, TLB_SHIFT);
  code.op(W.i32_and);
  code.get(slot);
  code.op(W.i32_add);
  code.tee(entry);
  code.memory(W.i64_load, tag);
  code.get(address);
  code.i64(-PAGE_SIZE, -1);
  code.op(W.i64_and);
  code.tee(page);
  code.op(W.i64_eq);
}

/** What an entry of the soft TLB was found with. */
interface Found extends FinderLocals, TlbLocals {
  readonly tag: number;
}

/**
 * Notes the span of the entry if the address lies in it: spans become smaller, and other ones. Else the page. Leaves the place
 * of the operand, with that of its run noted.
 */
function noteFound(code: FunctionCode, { address, access, slot, entry, page, tag, cells }: Found): void {
  const span = code.local(I32), room = code.local(I64);
  const writable = code.local(I32),
    addend = code.local(I32),
    writeRoom = code.local(I64),
    place = code.local(I32),
    shared = code.local(I32);
  code.get(slot);
  code.get(entry);
  code.memory(W.i32_load, TLB_FLAGS);
  code.tee(shared);
  code.opWith(W.i32_shr_u, TLB_SPAN_SHIFT);
  code.opWith(W.i32_mul, SPAN_BYTES);
  code.op(W.i32_add);
  code.tee(span);
  code.memory(W.i64_load, SLOT_SPANS + SPAN_ROOM);
  code.set(room);
  code.get(span);
  code.memory(W.i32_load, SLOT_SPANS + SPAN_FLAGS);
  code.opWith(W.i32_and, TlbFlag.WRITABLE);
  code.set(writable);
  code.get(address);
  code.get(span);
  code.memory(W.i64_load, SLOT_SPANS + SPAN_START);
  code.op(W.i64_sub);
  code.get(room);
  code.op(W.i64_lt_u);
  if (tag === TLB_WRITE) {
    code.get(writable);
    code.opWith(W.i32_ne, 0);
    code.op(W.i32_and);
  }
  code.openHinted(VOID, 1);
  code.get(span);
  code.memory(W.i64_load, SLOT_SPANS + SPAN_START);
  code.set(page);
  code.get(span);
  code.memory(W.i32_load, SLOT_SPANS + SPAN_FLAGS);
  code.set(shared);
  code.else();
  code.i64(PAGE_SIZE - SPAN_MARGIN + 1, 0);
  code.set(room);
  code.get(entry);
  code.memory(W.i64_load, TLB_WRITE);
  code.get(page);
  code.op(W.i64_eq);
  code.set(writable);
  code.end();
  code.get(room);
  code.i64(0, 0);
  code.get(writable);
  code.op(W.select);
  code.set(writeRoom);
  code.get(entry);
  code.memory(W.i32_load, TLB_ADDEND);
  code.set(addend);
  code.get(shared);
  code.opWith(W.i32_and, TlbFlag.SHARED);
  code.set(shared);
  noteGroup(code, cells, shared);
  const store = (local: number, instruction: number, cell: number): void => {
    code.get(cells);
    code.get(local);
    code.memory(instruction, cell);
  };
  store(page, W.i64_store, FOUND_START);
  store(room, W.i64_store, FOUND_ROOM);
  store(writeRoom, W.i64_store, FOUND_WRITE_ROOM);
  store(addend, W.i32_store, FOUND_ADDEND);
  store(shared, W.i32_store, FOUND_SHARED);

  storeCell(code, W.i32_store, FOUND_RUN, () => {
    const back = (): void => pushField(code, access, BACK_SHIFT, RUN_WRITES_SHIFT - BACK_SHIFT);
    code.get(address);
    code.op(W.i32_wrap_i64);
    code.get(addend);
    code.op(W.i32_add);
    code.tee(place);
    back();
    code.op(W.i32_sub);
    code.i32(0);
    code.get(address);
    back();
    code.op(W.i64_extend_i32_u);
    code.op(W.i64_sub);
    code.get(page);
    code.op(W.i64_sub);
    code.get(writeRoom);
    code.get(room);
    pushField(code, access, RUN_WRITES_SHIFT, 1);
    code.op(W.select);
    code.op(W.i64_lt_u);
    code.op(W.select);
  });
  code.get(place);
}
