/** Loads and stores: the soft TLB's fast path in line, the slow path a call. Its entries: memory/physical.ts. */
import { type Inst, MemoryFlag } from "../../ir/types.ts";
import { TLB_ADDEND, TLB_READ, TLB_WRITE } from "../../memory/physical.ts";
import { TLB_SHIFT } from "../../memory/tlb.ts";
import {
  keepFound,
  keepNotFound,
  type Neighbour,
  NO_PAGE,
  pushIsNear,
  pushNear,
  type RegisterPage,
} from "./known_pages.ts";
import type { Emitter } from "./emitter.ts";
import { I32, I64, V128, VOID, W } from "./instructions.ts";
import type { Lowering } from "./lowering.ts";

/** Opcodes of loads and stores. */
export type MemoryOpcode =
  | "load8"
  | "load16"
  | "load32"
  | "load64"
  | "loadv"
  | "store8"
  | "store16"
  | "store32"
  | "store64"
  | "storev";

/** Flags of accesses whose alignment the fast path must see. */
const CHECKING = MemoryFlag.ALIGNED | MemoryFlag.CHECKED;

/**
 * Leaves on the stack whether the soft TLB has the page, and in local `entry` the entry's offset. The tag has no bit below
 * the page: an access that ends in the next page, or whose low bits must be 0 and are not, does not match.
 */
export function probe(
  e: Emitter,
  address: number,
  entry: number,
  tag: number,
  size: number,
  flags: number,
): void {
  const { code } = e;
  code.get(address);
  code.op(W.i32_wrap_i64);
  code.i32(TLB_SHIFT);
  code.op(W.i32_shr_u);
  code.get(e.mask);
  code.op(W.i32_and);
  code.get(e.slot);
  code.op(W.i32_add);
  code.tee(entry);
  code.memory(W.i64_load, tag);
  if ((flags & CHECKING) !== 0) {
    code.get(address);
    code.i64(-0x1000 | (size - 1), -1);
    code.op(W.i64_and);
  } else {
    pushLastPage(e, address, size);
  }
  code.op(W.i64_eq);
}

/** Leaves the page of an access's last byte on the stack. */
function pushLastPage({ code }: Emitter, address: number, size: number): void {
  code.get(address);
  if (size > 1) {
    code.i64(size - 1, 0);
    code.op(W.i64_add);
  }
  code.i64(-0x1000, -1);
  code.op(W.i64_and);
}

/** Leaves the offset of the operand in the linear memory on the stack. */
export function translated({ code }: Emitter, address: number, entry: number): void {
  code.get(address);
  code.op(W.i32_wrap_i64);
  code.get(entry);
  code.memory(W.i32_load, TLB_ADDEND);
  code.op(W.i32_add);
}

function pushHalves({ code }: Emitter, local: number): void {
  code.get(local);
  code.op(W.i32_wrap_i64);
  code.get(local);
  code.i64(32, 0);
  code.op(W.i64_shr_u);
  code.op(W.i32_wrap_i64);
}

/** What leaves the offset of an operand on the stack where it is near another: then `otherwise` is not executed. */
function withNeighbour(e: Emitter, near: Neighbour | undefined, size: number, otherwise: () => void): void {
  if (near === undefined) return otherwise();
  pushIsNear(e, near, size);
  e.code.openHinted(I32, 1);
  pushNear(e, near);
  e.code.else();
  otherwise();
  e.code.end();
}

/** The same where it is in the page that its base register pointed into last; local `page` holds that of its last byte. */
function withRegisterPage(
  e: Emitter,
  known: RegisterPage | undefined,
  address: number,
  write: boolean,
  size: number,
  page: number,
  type: number,
  found: () => void,
  otherwise: () => void,
): void {
  const { code } = e;
  if (known === undefined) return otherwise();
  pushLastPage(e, address, size);
  code.tee(page);
  code.get(write ? known.writable : known.page);
  code.op(W.i64_eq);
  code.openHinted(type, 1);
  code.get(address);
  code.op(W.i32_wrap_i64);
  code.get(known.addend);
  code.op(W.i32_add);
  found();
  code.else();
  otherwise();
  code.end();
}

/** Keeps the page of a register, with the TLB's entry in a local. */
function keepRegisterPage(
  e: Emitter,
  known: RegisterPage | undefined,
  page: number,
  entry: number,
  write: boolean,
): void {
  if (known === undefined) return;
  const { code } = e;
  code.get(page);
  code.set(known.page);
  if (write) code.get(page);
  else code.i64(NO_PAGE, 0);
  code.set(known.writable);
  code.get(entry);
  code.memory(W.i32_load, TLB_ADDEND);
  code.set(known.addend);
}

/** An access that the fast path can serve whatever its alignment is may use, and add to, what is known of pages. */
const isPlain = ({ imm }: Inst): boolean => (imm & CHECKING) === 0;

const load = (size: number, instruction: number): Lowering => (e, inst) => {
  const { code } = e, { imm } = inst;
  const plain = isPlain(inst);
  const known = plain ? e.registerPages.find(inst) : undefined;
  const intent = (imm & MemoryFlag.WRITE_INTENT) !== 0;
  const near = plain && known === undefined ? e.pages.find(inst, intent) : undefined;
  const write = intent || (plain && e.pages.isStoreAhead(inst));
  const address = e.operand(inst.args[0]!), page = e.scratch(I64);
  withNeighbour(e, near, size, () => {
    withRegisterPage(e, known, address, write, size, page, I32, () => {}, () => {
      const kept = plain && known === undefined && near === undefined
        ? e.pages.note(e, inst, write)
        : undefined;
      const entry = e.scratch(I32), found = e.scratch(I32);
      probe(e, address, entry, write ? TLB_WRITE : TLB_READ, size, imm);
      code.openHinted(I32, 1);
      keepRegisterPage(e, known, page, entry, write);
      translated(e, address, entry);
      keepFound(e, kept, address);
      code.else();
      keepNotFound(e, kept);
      pushHalves(e, address);
      code.i32(size);
      code.i32(imm);
      e.call("LOCATE", 4, true);
      code.tee(found);
      code.i32(-1);
      code.op(W.i32_eq);
      code.openHinted(VOID, 0);
      e.leaveBefore(inst);
      code.end();
      code.get(found);
      code.end();
    });
  });
  code.memory(instruction, 0);
};

const store = (size: number, instruction: number, type: number, name: string): Lowering => (e, inst) => {
  const { code } = e, { imm } = inst;
  const plain = isPlain(inst);
  const known = plain ? e.registerPages.find(inst) : undefined;
  const near = plain ? e.pages.find(inst, true) : undefined;
  const neighbour = known === undefined ? near : undefined;
  const value = e.operand(inst.args[1]!), address = e.operand(inst.args[0]!), page = e.scratch(I64);
  const write = (): void => {
    code.get(value);
    code.memory(instruction, 0);
  };
  if (neighbour !== undefined) {
    pushIsNear(e, neighbour, size);
    code.openHinted(VOID, 1);
    pushNear(e, neighbour);
    write();
    code.else();
  }
  withRegisterPage(e, known, address, true, size, page, VOID, write, () => {
    const kept = plain && known === undefined && neighbour === undefined
      ? e.pages.note(e, inst, true)
      : undefined;
    const entry = e.scratch(I32);
    probe(e, address, entry, TLB_WRITE, size, imm);
    code.openHinted(VOID, 1);
    keepRegisterPage(e, known, page, entry, true);
    translated(e, address, entry);
    keepFound(e, kept, address);
    write();
    code.else();
    keepNotFound(e, kept);
    pushHalves(e, address);
    pushWords(e, value, type);
    code.i32(imm);
    e.call(name, type === I32 ? 4 : type === I64 ? 5 : 7, false);
    e.checkEvent(inst);
    code.end();
  });
  if (neighbour !== undefined) code.end();
};

function pushWords(e: Emitter, value: number, type: number): void {
  const { code } = e;
  if (type === I32) return code.get(value);
  if (type === I64) return pushHalves(e, value);
  for (let word = 0; word < 4; word++) {
    code.get(value);
    code.lane(W.i32x4_extract_lane, word);
  }
}

/** The rows. */
export const MEMORY_LOWERING: Readonly<Record<MemoryOpcode, (e: Emitter, inst: Inst) => void>> = {
  load8: load(1, W.i32_load8_u),
  load16: load(2, W.i32_load16_u),
  load32: load(4, W.i32_load),
  load64: load(8, W.i64_load),
  loadv: load(16, W.v128_load),
  store8: store(1, W.i32_store8, I32, "S8"),
  store16: store(2, W.i32_store16, I32, "S16"),
  store32: store(4, W.i32_store, I32, "S32"),
  store64: store(8, W.i64_store, I64, "S64"),
  storev: store(16, W.v128_store, V128, "SV"),
};
