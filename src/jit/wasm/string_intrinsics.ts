/** REP MOVS and REP STOS in line, as far as they stay in the pages where they begin. */
import { RepeatForm } from "../../cpu/helpers/repeat_form.ts";
import { HELPER_NAMES } from "../../cpu/helpers.ts";
import { DF, GPR, Gpr } from "../../cpu/state.ts";
import type { Inst } from "../../ir/types.ts";
import { PAGE_SIZE } from "../../memory/physical.ts";
import { COPY_PARAMETERS, FILL_PARAMETERS, pushPattern } from "./bulk_memory.ts";
import type { Emitter } from "./emitter.ts";
import type { Label } from "./encoder.ts";
import { I32, VOID, W } from "./instructions.ts";
import type { Intrinsic } from "./intrinsics.ts";
import { FIND_PARAMETERS, packAccess } from "./locate.ts";

const cell = (register: number): number => GPR + 8 * register;
const RCX = cell(Gpr.RCX), RSI = cell(Gpr.RSI), RDI = cell(Gpr.RDI), RAX = cell(Gpr.RAX);
/** Registers that intrinsics work on. */
const OF_MOVS = [RCX, RSI, RDI, DF], OF_STOS = [RCX, RAX, RDI, DF], NONE: readonly number[] = [];

/** Whether a string instruction has 64-bit addresses and no segment bases. */
function isFlat({ args }: Inst, bases: number): boolean {
  const [form, ...others] = args;
  const isLong = form!.op === "const32" && (form!.imm & RepeatForm.ADDRESS) >> RepeatForm.ADDRESS_SHIFT === 8;
  return isLong &&
    others.slice(0, bases).every(({ op, imm, imm2 }) => op === "const64" && imm === 0 && imm2 === 0);
}

/** Registers that the intrinsic of a call works on in their locals, if it has one. */
export function intrinsicRegisters(inst: Inst): readonly number[] {
  if (inst.op !== "call") return NONE;
  const name = HELPER_NAMES[inst.imm];
  if (name === "rep_movs" && isFlat(inst, 2)) return OF_MOVS;
  if (name === "rep_stos" && isFlat(inst, 1)) return OF_STOS;
  return NONE;
}

/** Leaves whether all iterations stay in the pages that pointers are in, upwards. `bytes` gets how many they are. */
function pushIsInPages(e: Emitter, size: number, bytes: number, pointers: readonly number[]): void {
  const { code } = e, shift = Math.log2(size);
  const register = (offset: number): number => e.cells.register(offset)!;
  code.get(register(RCX));
  code.i64(PAGE_SIZE / size, 0);
  code.op(W.i64_le_u);
  code.get(register(DF));
  code.op(W.i32_eqz);
  code.op(W.i32_and);
  code.get(register(RCX));
  code.op(W.i32_wrap_i64);
  if (shift > 0) {
    code.i32(shift);
    code.op(W.i32_shl);
  }
  code.set(bytes);
  for (const pointer of pointers) {
    code.get(register(pointer));
    code.op(W.i32_wrap_i64);
    code.i32(PAGE_SIZE - 1);
    code.op(W.i32_and);
    code.get(bytes);
    code.op(W.i32_add);
    code.i32(PAGE_SIZE);
    code.op(W.i32_le_u);
    code.op(W.i32_and);
  }
}

/** Adds to a pointer, and takes the count to 0. */
function finish(e: Emitter, bytes: number, pointers: readonly number[]): void {
  const { code } = e;
  for (const pointer of pointers) {
    const local = e.cells.register(pointer)!;
    code.get(local);
    code.get(bytes);
    code.op(W.i64_extend_i32_u);
    code.op(W.i64_add);
    code.set(local);
  }
  code.i64(0, 0);
  code.set(e.cells.register(RCX)!);
}

/** What `write` does in line, where it does not branch to the label that it is given: there is the call. Both leave a word. */
function inLineOr(e: Emitter, call: () => void, write: (slow: Label) => void): void {
  const { code } = e, left = e.scratch(I32);
  const end = code.open(W.block, VOID);
  const slow = code.open(W.block, VOID);
  write(slow);
  code.i32(0);
  code.set(left);
  code.br(end);
  code.end();
  call();
  code.set(left);
  code.end();
  code.get(left);
}

/**
 * Local with the offset in the linear memory of what a pointer points to; branches where the soft TLB does not know. Most
 * string instructions are in functions that copy from and to many places, of which the stack is one.
 */
function locate(e: Emitter, pointer: number, write: boolean, slow: Label): number {
  const { code } = e, host = e.scratch(I32), local = e.cells.register(pointer)!;
  const span = e.spans.ofRegister(pointer), spans = [span, e.spans.ofRegister(cell(Gpr.RSP))];
  for (const span of spans) {
    code.get(local);
    span.pushStart(code);
    code.op(W.i64_sub);
    span.pushRoom(code, write);
    code.op(W.i64_lt_u);
    code.openHinted(I32, 1);
    code.get(local);
    code.op(W.i32_wrap_i64);
    span.pushAddend(code);
    code.op(W.i32_add);
    code.else();
  }
  code.get(local);
  code.i32(packAccess(1, 0));
  span.pushCells(code);
  e.callTyped(write ? "PROBE_WRITE" : "PROBE_READ", FIND_PARAMETERS, true);
  code.tee(host);
  code.i32(-1);
  code.op(W.i32_eq);
  code.brIf(slow);
  code.get(host);
  for (const _ of spans) code.end();
  code.set(host);
  return host;
}

export const repeatedMove: Intrinsic = (e, inst, call) => {
  if (!isFlat(inst, 2)) return call();
  const { code } = e, size = inst.args[0]!.imm & RepeatForm.ELEMENT, bytes = e.scratch(I32);
  inLineOr(e, call, (slow) => {
    pushIsInPages(e, size, bytes, [RSI, RDI]);
    code.op(W.i32_eqz);
    code.brIf(slow);
    const from = locate(e, RSI, false, slow), to = locate(e, RDI, true, slow);
    for (const local of [to, from, bytes]) code.get(local);
    code.i32(size);
    e.callTyped("COPY", COPY_PARAMETERS, true);
    code.op(W.drop);
    finish(e, bytes, [RSI, RDI]);
  });
};

export const repeatedStore: Intrinsic = (e, inst, call) => {
  if (!isFlat(inst, 1)) return call();
  const { code } = e, size = inst.args[0]!.imm & RepeatForm.ELEMENT, bytes = e.scratch(I32);
  inLineOr(e, call, (slow) => {
    pushIsInPages(e, size, bytes, [RDI]);
    code.op(W.i32_eqz);
    code.brIf(slow);
    const to = locate(e, RDI, true, slow);
    code.get(to);
    code.get(bytes);
    pushPattern(code, e.cells.register(RAX)!, size);
    e.callTyped("FILL", FILL_PARAMETERS, true);
    code.op(W.drop);
    finish(e, bytes, [RDI]);
  });
};
