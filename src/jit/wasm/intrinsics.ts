/** Helpers whose usual case needs no call: division by what fits in 64 bits, string instructions inside two pages. */
import { RepeatForm } from "../../cpu/helpers/repeat_form.ts";
import { HELPER_NAMES, type HelperName } from "../../cpu/helpers.ts";
import { DF, GPR, Gpr } from "../../cpu/state.ts";
import type { Inst } from "../../ir/types.ts";
import type { Emitter } from "./emitter.ts";
import type { Label } from "./encoder.ts";
import { I32, I64, VOID, W } from "./instructions.ts";
import { FIND_PARAMETERS, packAccess } from "./locate.ts";
import { joinHigh } from "./lowering_integer.ts";
import { PAGE_SIZE } from "../../memory/physical.ts";

/** Writes a helper's usual case; `call` writes the call, with everything that belongs to it. Both leave the result. */
export type Intrinsic = (e: Emitter, inst: Inst, call: () => void) => void;

const cell = (register: number): number => GPR + 8 * register;
const RCX = cell(Gpr.RCX), RSI = cell(Gpr.RSI), RDI = cell(Gpr.RDI), RAX = cell(Gpr.RAX);

/** (high << 32 | low) / divisor, in 64 bits. */
function pushDividend(e: Emitter, inst: Inst): void {
  e.push(inst.args[0]!);
  e.code.op(W.i64_extend_i32_u);
  e.push(inst.args[1]!);
  joinHigh(e.code);
}

const divide64: Intrinsic = (e, inst) => {
  pushDividend(e, inst);
  e.push(inst.args[2]!);
  e.code.op(W.i64_extend_i32_u);
  e.code.op(W.i64_div_u);
  e.code.op(W.i32_wrap_i64);
};
/** WebAssembly traps where the quotient does not fit, which is only by -1. */
const divideSigned64: Intrinsic = (e, inst) => {
  const { code } = e, divisor = e.operand(inst.args[2]!), dividend = e.scratch(I64);
  pushDividend(e, inst);
  code.set(dividend);
  code.get(divisor);
  code.i32(-1);
  code.op(W.i32_eq);
  code.openHinted(I64, 0);
  code.i64(0, 0);
  code.get(dividend);
  code.op(W.i64_sub);
  code.else();
  code.get(dividend);
  code.get(divisor);
  code.op(W.i64_extend_i32_s);
  code.op(W.i64_div_s);
  code.end();
};
const divide128: Intrinsic = (e, inst, call) => {
  const { code } = e;
  const [low, high, divisor] = inst.args.map((value) => e.operand(value)) as [number, number, number];
  code.get(high);
  code.op(W.i64_eqz);
  code.openHinted(I64, 1);
  code.get(low);
  code.get(divisor);
  code.op(W.i64_div_u);
  code.else();
  call();
  code.end();
};
/** In line where the dividend has 64 bits and the divisor is neither 0 nor -1. */
const divideSigned128: Intrinsic = (e, inst, call) => {
  const { code } = e;
  const [low, high, divisor] = inst.args.map((value) => e.operand(value)) as [number, number, number];
  code.get(high);
  code.get(low);
  code.i64(63, 0);
  code.op(W.i64_shr_s);
  code.op(W.i64_eq);
  code.get(divisor);
  code.i64(1, 0);
  code.op(W.i64_add);
  code.i64(1, 0);
  code.op(W.i64_gt_u);
  code.op(W.i32_and);
  code.openHinted(I64, 1);
  code.get(low);
  code.get(divisor);
  code.op(W.i64_div_s);
  code.else();
  call();
  code.end();
};

/** Whether a string instruction has 64-bit addresses and no segment bases. */
function isFlat({ args }: Inst, bases: number): boolean {
  const [form, ...others] = args;
  const isLong = form!.op === "const32" && (form!.imm & RepeatForm.ADDRESS) >> RepeatForm.ADDRESS_SHIFT === 8;
  return isLong &&
    others.slice(0, bases).every(({ op, imm, imm2 }) => op === "const64" && imm === 0 && imm2 === 0);
}

/** Registers that the intrinsic of a call works on in their locals, if it has one. */
export function intrinsicRegisters(inst: Inst): readonly number[] {
  if (inst.op !== "call") return [];
  const name = HELPER_NAMES[inst.imm];
  if (name === "rep_movs" && isFlat(inst, 2)) return [RCX, RSI, RDI, DF];
  if (name === "rep_stos" && isFlat(inst, 1)) return [RCX, RAX, RDI, DF];
  return [];
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

/** Bytes above which one instruction for all is faster than one for each element. */
const BULK = 64;

/** Executes `element` for each element. `offset` counts up to `bytes`. */
function forEach(e: Emitter, size: number, offset: number, bytes: number, element: () => void): void {
  const { code } = e;
  code.i32(0);
  code.set(offset);
  const done = code.open(W.block, VOID);
  const again = code.open(W.loop, VOID);
  code.get(offset);
  code.get(bytes);
  code.op(W.i32_ge_u);
  code.brIf(done);
  element();
  code.get(offset);
  code.i32(size);
  code.op(W.i32_add);
  code.set(offset);
  code.br(again);
  code.end();
  code.end();
}

const ACCESSES: Readonly<Record<number, [load: number, store: number]>> = {
  1: [W.i32_load8_u, W.i32_store8],
  2: [W.i32_load16_u, W.i32_store16],
  4: [W.i32_load, W.i32_store],
  8: [W.i64_load, W.i64_store],
};

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

const repeatedMove: Intrinsic = (e, inst, call) => {
  if (!isFlat(inst, 2)) return call();
  const { code } = e, size = inst.args[0]!.imm & RepeatForm.ELEMENT;
  const bytes = e.scratch(I32), offset = e.scratch(I32);
  inLineOr(e, call, (slow) => {
    pushIsInPages(e, size, bytes, [RSI, RDI]);
    code.op(W.i32_eqz);
    code.brIf(slow);
    const from = locate(e, RSI, false, slow), to = locate(e, RDI, true, slow);
    // Where an element would be read after an earlier iteration wrote it, the pattern spreads: element by element.
    code.get(bytes);
    code.i32(BULK);
    code.op(W.i32_gt_u);
    code.get(to);
    code.get(from);
    code.op(W.i32_sub);
    code.get(bytes);
    code.op(W.i32_ge_u);
    code.op(W.i32_and);
    code.open(W.if, VOID);
    for (const local of [to, from, bytes]) code.get(local);
    code.op(W.memory_copy);
    code.u8(0);
    code.u8(0);
    code.else();
    const [load, store] = ACCESSES[size]!;
    forEach(e, size, offset, bytes, () => {
      for (const base of [to, from]) {
        code.get(base);
        code.get(offset);
        code.op(W.i32_add);
      }
      code.memory(load, 0);
      code.memory(store, 0);
    });
    code.end();
    finish(e, bytes, [RSI, RDI]);
  });
};

const repeatedStore: Intrinsic = (e, inst, call) => {
  if (!isFlat(inst, 1)) return call();
  const { code } = e, size = inst.args[0]!.imm & RepeatForm.ELEMENT;
  const bytes = e.scratch(I32), offset = e.scratch(I32), value = e.cells.register(RAX)!;
  inLineOr(e, call, (slow) => {
    pushIsInPages(e, size, bytes, [RDI]);
    code.op(W.i32_eqz);
    code.brIf(slow);
    const to = locate(e, RDI, true, slow);
    // Zeros are what memory is filled with mostly.
    code.get(bytes);
    code.i32(BULK);
    code.op(W.i32_gt_u);
    code.get(value);
    code.op(W.i64_eqz);
    code.op(W.i32_and);
    code.open(W.if, VOID);
    code.get(to);
    code.i32(0);
    code.get(bytes);
    code.op(W.memory_fill);
    code.u8(0);
    code.else();
    forEach(e, size, offset, bytes, () => {
      code.get(to);
      code.get(offset);
      code.op(W.i32_add);
      code.get(value);
      if (size < 8) code.op(W.i32_wrap_i64);
      code.memory(ACCESSES[size]![1], 0);
    });
    code.end();
    finish(e, bytes, [RDI]);
  });
};

/** The intrinsics. */
export const INTRINSICS: { readonly [K in HelperName]?: Intrinsic } = {
  divide_64: divide64,
  divide_signed_64: divideSigned64,
  divide_128: divide128,
  divide_signed_128: divideSigned128,
  rep_movs: repeatedMove,
  rep_stos: repeatedStore,
};
