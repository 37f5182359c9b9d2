/** Loads and stores: in line where a span has the operand, else it is found (locate.ts), or a slow path called. */
import type { Inst } from "../../ir/types.ts";
import { type AccessRun, isWrite, splitAddress } from "./access_runs.ts";
import { FOUND_RUN } from "../../cpu/state.ts";
import type { Emitter } from "./emitter.ts";
import { I32, VOID, W } from "./instructions.ts";
import { FIND_PARAMETERS, packAccess } from "./locate.ts";
import type { Lowering } from "./lowering.ts";
import { CHECKING, LOADS, type MemoryAccess, type MemoryOpcode, STORES } from "./memory_opcodes.ts";
import { Place } from "./plan.ts";
import { type SlowStoreName, slowStoreParameters } from "./slow_stores.ts";
import type { Span } from "./region_spans.ts";

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
  { size, inst, writes }: { readonly size: number; readonly inst: Inst; readonly writes: boolean },
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
  span.pushRoom(code, writes);
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

/** An access that is being written. */
interface Access {
  readonly inst: Inst;
  readonly address: Address;
  readonly size: number;
  /** What it leaves on the stack. */
  readonly type: number;
  /** Writes it, with the place on the stack that it is at with an offset. */
  readonly perform: (offset: number) => void;
  /**
   * Writes a call of what finds the operand, with what `FIND_PARAMETERS` are on the stack, and how the region is left where that
   * raises an event. Then calls `noted`, and writes what it leaves.
   */
  readonly find: (noted: () => void) => void;
}

/** Writes an access: in line where its run knows the place, or a span has it. */
function access(e: Emitter, what: Access): void {
  const { inst, address, type, perform } = what, { code, spans } = e;
  const run = spans.runOf(inst);
  if (run === undefined) {
    const inside = (span: Span): void => {
      pushHost(e, address, span);
      perform(0);
    };
    return withinSpan(e, what, address, isWrite(inst), inside, () => writeFound(e, what));
  }
  const place = spans.runLocal(run), { displacement } = splitAddress(inst.args[0]!);
  if (run.leader !== inst) {
    code.get(place);
    code.openHinted(type, 1);
    code.get(place);
    perform(displacement - run.start);
    code.else();
    writeFound(e, what);
    return code.end();
  }
  const back = displacement - run.start;
  const first = { base: address.base, displacement: address.displacement - back };
  const inside = (span: Span): void => {
    pushHost(e, first, span);
    code.tee(place);
    perform(back);
  };
  withinSpan(e, what, first, run.writes, inside, () => writeFound(e, what, run, back));
}

/**
 * Writes what a span may have.
 *
 * @param first where what is accessed starts
 * @param writes whether any of it is written
 * @param inside writes it for where the span has it all
 * @param otherwise writes it for where not
 */
function withinSpan(
  e: Emitter,
  { inst, size, type }: Access,
  first: Address,
  writes: boolean,
  inside: (span: Span) => void,
  otherwise: () => void,
): void {
  const { code } = e, span = e.spans.find(inst);
  pushFits(e, first, span, { size, inst, writes });
  code.openHinted(type, 1);
  inside(span);
  code.else();
  otherwise();
  code.end();
}

/** Writes an access whose place is searched; that of the run that it begins, so many bytes before it, is noted. */
function writeFound(e: Emitter, { inst, address, size, find }: Access, run?: AccessRun, back = 0): void {
  const { code, spans } = e;
  pushAddress(e, address);
  code.i32(packAccess(size, inst.imm, run && { back, writes: run.writes }));
  spans.find(inst).pushCells(code);
  find(() => {
    if (run === undefined) return;
    code.load(W.i32_load, FOUND_RUN);
    code.set(spans.runLocal(run));
  });
}

const load = ({ size, type, instruction }: MemoryAccess): Lowering => (e, inst) => {
  const { code } = e;
  const perform = (offset: number): void => code.memory(instruction, offset);
  access(e, {
    inst,
    address: addressOf(e, inst),
    size,
    type,
    perform,
    find: (noted) => {
      const found = e.scratch(I32);
      e.callTyped(isWrite(inst) ? "FIND_WRITABLE" : "FIND", FIND_PARAMETERS, true);
      code.tee(found);
      code.i32(-1);
      code.op(W.i32_eq);
      e.leaveIf(inst);
      noted();
      code.get(found);
      perform(0);
    },
  });
};

const store = ({ size, type, instruction }: MemoryAccess, slow: SlowStoreName): Lowering => (e, inst) => {
  const { code } = e;
  const value = e.operand(inst.args[1]!), address = addressOf(e, inst);
  access(e, {
    inst,
    address,
    size,
    type: VOID,
    perform: (offset) => {
      code.get(value);
      code.memory(instruction, offset);
    },
    find: (noted) => {
      code.get(value);
      e.callTyped(slow, slowStoreParameters(type), true);
      e.leaveIf(inst);
      noted();
    },
  });
};

/** The rows. */
export const MEMORY_LOWERING: Readonly<Record<MemoryOpcode, Lowering>> = {
  load8: load(LOADS.load8),
  load16: load(LOADS.load16),
  load32: load(LOADS.load32),
  load64: load(LOADS.load64),
  loadv: load(LOADS.loadv),
  store8: store(STORES.store8, "STORE8"),
  store16: store(STORES.store16, "STORE16"),
  store32: store(STORES.store32, "STORE32"),
  store64: store(STORES.store64, "STORE64"),
  storev: store(STORES.storev, "STOREV"),
};
