/** Helpers whose usual case needs no call: division by what fits in 64 bits, string instructions (string_intrinsics.ts). */
import type { HelperName } from "../../cpu/helpers.ts";
import type { Inst } from "../../ir/types.ts";
import type { Emitter } from "./emitter.ts";
import { I64, W } from "./instructions.ts";
import { joinHigh } from "./lowering_integer.ts";
import { repeatedMove, repeatedStore } from "./string_intrinsics.ts";

/** Writes a helper's usual case; `call` writes the call, with everything that belongs to it. Both leave the result. */
export type Intrinsic = (e: Emitter, inst: Inst, call: () => void) => void;

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

/** The intrinsics. */
export const INTRINSICS: { readonly [K in HelperName]?: Intrinsic } = {
  divide_64: divide64,
  divide_signed_64: divideSigned64,
  divide_128: divide128,
  divide_signed_128: divideSigned128,
  rep_movs: repeatedMove,
  rep_stos: repeatedStore,
};
