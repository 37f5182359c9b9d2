/** Loads and stores: in line where a span has the operand, else it is found (locate.ts), or a slow path called. */
import type { Inst } from "../../ir/types.ts";
import { type AccessRun, isWrite, splitAddress } from "./access_runs.ts";
import type { Emitter } from "./emitter.ts";
import { I32, I64, VOID, W } from "./instructions.ts";
import { FIND_PARAMETERS, packAccess } from "./locate.ts";
import type { Lowering } from "./lowering.ts";
import { CHECKING, LOADS, type MemoryAccess, type MemoryOpcode, STORES } from "./memory_opcodes.ts";
import { Place } from "./plan.ts";
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

/** Calls what finds an operand, and its span; leaves its offset, or -1. */
function pushFound(
  e: Emitter,
  { inst, address, size }: Access,
  found: number,
): void {
  const { code } = e;
  const name = !isWrite(inst) ? "FIND" : inst.op.startsWith("load") ? "FIND_WRITABLE" : "PROBE_WRITE";
  pushAddress(e, address);
  code.i32(packAccess(size, inst.imm));
  e.spans.find(inst).pushCells(code);
  e.callTyped(name, FIND_PARAMETERS, true);
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
  /** Writes it, with the place on the stack that it is at with an offset. */
  readonly perform: (offset: number) => void;
  /** Writes what is done where no place is found; undefined: the region is left. */
  readonly refused?: () => void;
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
    return withinSpan(e, what, address, isWrite(inst), inside, () => writeFound(e, what, {}));
  }
  const place = spans.runLocal(run), { displacement } = splitAddress(inst.args[0]!);
  if (run.leader !== inst) {
    code.get(place);
    code.openHinted(type, 1);
    code.get(place);
    perform(displacement - run.start);
    code.else();
    writeFound(e, what, {});
    return code.end();
  }
  const back = run.start - displacement;
  const first = { base: address.base, displacement: address.displacement + back };
  const inside = (span: Span): void => {
    pushHost(e, first, span);
    code.tee(place);
    perform(-back);
  };
  withinSpan(e, what, first, run.writes, inside, () =>
    writeFound(e, what, {
      note: (found) => notePlace(e, what, run, first, found),
      clear: () => {
        code.i32(0);
        code.set(place);
      },
    }));
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

/** What is written besides an access whose place is searched: where it was found (in a local), and where not. */
interface Besides {
  readonly note?: (found: number) => void;
  readonly clear?: () => void;
}

/** Writes an access whose place is searched. */
function writeFound(e: Emitter, what: Access, { note, clear }: Besides): void {
  const { inst, perform, refused } = what, { code } = e;
  const found = e.scratch(I32);
  pushFound(e, what, found);
  code.openHinted(VOID, 0);
  if (refused === undefined) {
    e.leaveBefore(inst);
    code.end();
  } else {
    refused();
    clear?.();
    code.else();
  }
  note?.(found);
  code.get(found);
  perform(0);
  if (refused !== undefined) code.end();
}

/** Notes the place where a run, whose first access that is, starts if the span that was found has all of it, or that it is not known. */
function notePlace(
  e: Emitter,
  { inst, address, size }: Access,
  run: AccessRun,
  first: Address,
  found: number,
): void {
  const { code, spans } = e;
  code.get(found);
  code.i32(first.displacement - address.displacement);
  code.op(W.i32_add);
  code.i32(0);
  pushFits(e, first, spans.find(inst), { size, inst, writes: run.writes });
  code.op(W.select);
  code.set(spans.runLocal(run));
}

const load = ({ size, type, instruction }: MemoryAccess): Lowering => (e, inst) => {
  access(e, {
    inst,
    address: addressOf(e, inst),
    size,
    type,
    perform: (offset) => e.code.memory(instruction, offset),
  });
};

const store = ({ size, type, instruction }: MemoryAccess, name: string): Lowering => (e, inst) => {
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
    refused: () => {
      const linear = e.scratch(I64);
      pushAddress(e, address);
      code.set(linear);
      pushHalves(e, linear);
      pushWords(e, value, type);
      code.i32(inst.imm);
      e.call(name, type === I32 ? 4 : type === I64 ? 5 : 7, false);
      e.checkEvent(inst);
    },
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
export const MEMORY_LOWERING: Readonly<Record<MemoryOpcode, Lowering>> = {
  load8: load(LOADS.load8),
  load16: load(LOADS.load16),
  load32: load(LOADS.load32),
  load64: load(LOADS.load64),
  loadv: load(LOADS.loadv),
  store8: store(STORES.store8, "S8"),
  store16: store(STORES.store16, "S16"),
  store32: store(STORES.store32, "S32"),
  store64: store(STORES.store64, "S64"),
  storev: store(STORES.storev, "SV"),
};
