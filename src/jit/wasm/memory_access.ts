/** Loads and stores: in line where the span in locals has the operand, else it is found (locate.ts), or a slow path called. */
import { type Inst, MemoryFlag } from "../../ir/types.ts";
import type { Emitter } from "./emitter.ts";
import { I32, I64, V128, VOID, W } from "./instructions.ts";
import { FIND_PARAMETERS, packAccess } from "./locate.ts";
import type { Lowering } from "./lowering.ts";
import { Place } from "./plan.ts";
import { copySpan, isWrite, type Span, splitAddress, takeFound } from "./region_spans.ts";

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

/** Flags of accesses whose alignment must be seen. */
const CHECKING = MemoryFlag.ALIGNED | MemoryFlag.CHECKED;

/** A linear address: a local, and a constant to add. */
interface Address {
  readonly base: number;
  readonly displacement: number;
}

function addressOf(e: Emitter, { args: [address] }: Inst): Address {
  // What is computed already may be all that is left of its parts.
  if (e.plan.place[address!.id] !== Place.INLINE) return { base: e.operand(address!), displacement: 0 };
  const { base, displacement } = splitAddress(address!);
  return { base: e.operand(base), displacement };
}

function pushAddress({ code }: Emitter, { base, displacement }: Address): void {
  code.get(base);
  if (displacement === 0) return;
  code.i64(displacement, displacement >> 31);
  code.op(W.i64_add);
}

/** Leaves on the stack whether an operand lies in a span. */
function pushFits(
  e: Emitter,
  { base, displacement }: Address,
  span: Span,
  size: number,
  inst: Inst,
): void {
  const { code } = e;
  code.get(base);
  span.pushStart(code);
  code.op(W.i64_sub);
  if (displacement !== 0) {
    code.i64(displacement, displacement >> 31);
    code.op(W.i64_add);
  }
  if ((inst.imm & CHECKING) !== 0 && size > 1) {
    // The bits that must be 0 make it too far.
    pushAddress(e, { base, displacement });
    code.i64(64 - Math.log2(size), 0);
    code.op(W.i64_shl);
    code.op(W.i64_or);
  }
  span.pushRoom(code, isWrite(inst));
  code.op(W.i64_lt_u);
}

/** Leaves the offset in the linear memory of an operand that lies in a span. */
function pushHost({ code }: Emitter, { base, displacement }: Address, span: Span): void {
  code.get(base);
  code.op(W.i32_wrap_i64);
  if (displacement !== 0) {
    code.i32(displacement);
    code.op(W.i32_add);
  }
  span.pushAddend(code);
  code.op(W.i32_add);
}

/** Calls what finds an operand, and its span; leaves its offset, or -1. */
function pushFound(
  e: Emitter,
  address: Address,
  { cells, isStack }: Span,
  size: number,
  inst: Inst,
  found: number,
): void {
  const { code } = e;
  const name = !isWrite(inst) ? "FIND" : inst.op.startsWith("load") ? "FIND_WRITABLE" : "PROBE_WRITE";
  pushAddress(e, address);
  code.i32(packAccess(size, inst.imm));
  code.i32(cells);
  e.callTyped(isStack ? `STACK_${name}` : name, FIND_PARAMETERS, true);
  code.tee(found);
  code.i32(-1);
  code.op(W.i32_eq);
}

/** An access that is being written. */
interface Access {
  readonly inst: Inst;
  readonly address: Address;
  readonly size: number;
  /** What it leaves on the stack. */
  readonly type: number;
  /** Writes it, with the operand's offset on the stack. */
  readonly perform: () => void;
}

/** Writes an access to where a span has the operand, which is `likely`; else as `otherwise` does, which leaves the same. */
function within(
  e: Emitter,
  { inst, address, size, type, perform }: Access,
  span: Span,
  likely: 0 | 1,
  otherwise: () => void,
): void {
  const { code } = e;
  pushFits(e, address, span, size, inst);
  code.openHinted(type, likely);
  pushHost(e, address, span);
  perform();
  code.else();
  otherwise();
  code.end();
}

/** The same for the access's own span, and then for the stack's: that is its own from then on. */
function withinSpans(e: Emitter, access: Access, span: Span, otherwise: () => void): void {
  const stack = e.spans.takes(access.inst) ? e.spans.stackBeside(span) : undefined;
  within(e, access, span, 1, () => {
    if (stack === undefined) return otherwise();
    const perform = (): void => {
      copySpan(e.code, stack, span);
      access.perform();
    };
    within(e, { ...access, perform }, stack, 0, otherwise);
  });
}

const load = (size: number, instruction: number, type: number): Lowering => (e, inst) => {
  const { code } = e, span = e.spans.find(inst);
  const address = addressOf(e, inst), found = e.scratch(I32);
  const perform = (): void => code.memory(instruction, 0);
  withinSpans(e, { inst, address, size, type, perform }, span, () => {
    pushFound(e, address, span, size, inst, found);
    code.openHinted(VOID, 0);
    e.leaveBefore(inst);
    code.end();
    if (e.spans.takes(inst)) takeFound(code, span);
    code.get(found);
    perform();
  });
};

const store = (size: number, instruction: number, type: number, name: string): Lowering => (e, inst) => {
  const { code } = e, span = e.spans.find(inst);
  const value = e.operand(inst.args[1]!), address = addressOf(e, inst), found = e.scratch(I32);
  const perform = (): void => {
    code.get(value);
    code.memory(instruction, 0);
  };
  withinSpans(e, { inst, address, size, type: VOID, perform }, span, () => {
    pushFound(e, address, span, size, inst, found);
    code.openHinted(VOID, 0);
    const linear = e.scratch(I64);
    pushAddress(e, address);
    code.set(linear);
    pushHalves(e, linear);
    pushWords(e, value, type);
    code.i32(inst.imm);
    e.call(name, type === I32 ? 4 : type === I64 ? 5 : 7, false);
    e.checkEvent(inst);
    code.else();
    if (e.spans.takes(inst)) takeFound(code, span);
    code.get(found);
    perform();
    code.end();
  });
};

function pushHalves({ code }: Emitter, local: number): void {
  code.get(local);
  code.op(W.i32_wrap_i64);
  code.get(local);
  code.i64(32, 0);
  code.op(W.i64_shr_u);
  code.op(W.i32_wrap_i64);
}

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
  load8: load(1, W.i32_load8_u, I32),
  load16: load(2, W.i32_load16_u, I32),
  load32: load(4, W.i32_load, I32),
  load64: load(8, W.i64_load, I64),
  loadv: load(16, W.v128_load, V128),
  store8: store(1, W.i32_store8, I32, "S8"),
  store16: store(2, W.i32_store16, I32, "S16"),
  store32: store(4, W.i32_store, I32, "S32"),
  store64: store(8, W.i64_store, I64, "S64"),
  storev: store(16, W.v128_store, V128, "SV"),
};
