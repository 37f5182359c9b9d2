/** The exact family: any rounding, DAZ, FTZ, all six exceptions, masked or not. */
import { FP_RAISED, MXCSR, RETURN_HI } from "../state.ts";
import { FLAGS, OUT_HI, w } from "./significand.ts";
import { Mxcsr, Op } from "./soft.ts";
import { binary64, compare64, minMax64, unary64 } from "./float64.ts";
import { binary32, compare32, minMax32, unary32 } from "./float32.ts";
import {
  doubleToSingle,
  int64ToDouble,
  int64ToSingle,
  operand32,
  operand64,
  round32,
  round64,
  singleToDouble,
  toInt32,
  toInt64,
} from "./convert.ts"; // deno-fmt-ignore
import { Rounding } from "./round.ts";
import { ORDER_RFLAGS, predicateHolds, predicateSignals, type SseFloat } from "./sse.ts";

/** The exact family over the state cells in `state`. */
export function createExact(state: Int32Array): SseFloat {
  /** Accounts for the exceptions of one lane. While some are unmasked MXCSR waits for {@linkcode createCheck}. */
  const raise = (): void => {
    const flags = w[FLAGS]!;
    if (flags === 0) return;
    state[FP_RAISED >> 2] = state[FP_RAISED >> 2]! | flags;
    const mxcsr = state[MXCSR >> 2]!;
    if ((mxcsr & Mxcsr.MASKS) === Mxcsr.MASKS) state[MXCSR >> 2] = mxcsr | flags;
  };
  const narrow = (result: number): number => {
    raise();
    return result;
  };
  const wide = (lo: number): number => {
    state[RETURN_HI >> 2] = w[OUT_HI]!;
    raise();
    return lo;
  };
  const mxcsr = (): number => state[MXCSR >> 2]!;
  const rc = (): number => (state[MXCSR >> 2]! >>> Mxcsr.RC_SHIFT) & 3;

  return {
    ADDSD: (alo, ahi, blo, bhi) => wide(binary64(Op.ADD, alo, ahi, blo, bhi, mxcsr())),
    SUBSD: (alo, ahi, blo, bhi) => wide(binary64(Op.SUB, alo, ahi, blo, bhi, mxcsr())),
    MULSD: (alo, ahi, blo, bhi) => wide(binary64(Op.MUL, alo, ahi, blo, bhi, mxcsr())),
    DIVSD: (alo, ahi, blo, bhi) => wide(binary64(Op.DIV, alo, ahi, blo, bhi, mxcsr())),
    MINSD: (alo, ahi, blo, bhi) => wide(minMax64(false, alo, ahi, blo, bhi, mxcsr())),
    MAXSD: (alo, ahi, blo, bhi) => wide(minMax64(true, alo, ahi, blo, bhi, mxcsr())),
    SQRTSD: (lo, hi) => wide(unary64(Op.SQRT, lo, hi, mxcsr())),
    ROUNDSD: (lo, hi, immediate) => wide(round64(lo, hi, immediate, mxcsr())),
    ADDSS: (a, b) => narrow(binary32(Op.ADD, a, b, mxcsr())),
    SUBSS: (a, b) => narrow(binary32(Op.SUB, a, b, mxcsr())),
    MULSS: (a, b) => narrow(binary32(Op.MUL, a, b, mxcsr())),
    DIVSS: (a, b) => narrow(binary32(Op.DIV, a, b, mxcsr())),
    MINSS: (a, b) => narrow(minMax32(false, a, b, mxcsr())),
    MAXSS: (a, b) => narrow(minMax32(true, a, b, mxcsr())),
    SQRTSS: (a) => narrow(unary32(Op.SQRT, a, mxcsr())),
    ROUNDSS: (a, immediate) => narrow(round32(a, immediate, mxcsr())),
    UCOMISD: (alo, ahi, blo, bhi) => narrow(ORDER_RFLAGS[compare64(alo, ahi, blo, bhi, false, mxcsr())]!),
    COMISD: (alo, ahi, blo, bhi) => narrow(ORDER_RFLAGS[compare64(alo, ahi, blo, bhi, true, mxcsr())]!),
    UCOMISS: (a, b) => narrow(ORDER_RFLAGS[compare32(a, b, false, mxcsr())]!),
    COMISS: (a, b) => narrow(ORDER_RFLAGS[compare32(a, b, true, mxcsr())]!),
    CMPSD: (alo, ahi, blo, bhi, n) =>
      narrow(predicateHolds(n, compare64(alo, ahi, blo, bhi, predicateSignals(n), mxcsr()))),
    CMPSS: (a, b, n) => narrow(predicateHolds(n, compare32(a, b, predicateSignals(n), mxcsr()))),
    CVTSD2SS: (lo, hi) => narrow(doubleToSingle(lo, hi, mxcsr())),
    CVTSS2SD: (a) => wide(singleToDouble(a, mxcsr())),
    CVTSD2SI32: (lo, hi) => {
      operand64(lo, hi, mxcsr());
      return narrow(toInt32(rc()));
    },
    CVTSD2SI64: (lo, hi) => {
      operand64(lo, hi, mxcsr());
      return wide(toInt64(rc()));
    },
    CVTTSD2SI32: (lo, hi) => {
      operand64(lo, hi, mxcsr());
      return narrow(toInt32(Rounding.ZERO));
    },
    CVTTSD2SI64: (lo, hi) => {
      operand64(lo, hi, mxcsr());
      return wide(toInt64(Rounding.ZERO));
    },
    CVTSS2SI32: (a) => {
      operand32(a, mxcsr());
      return narrow(toInt32(rc()));
    },
    CVTSS2SI64: (a) => {
      operand32(a, mxcsr());
      return wide(toInt64(rc()));
    },
    CVTTSS2SI32: (a) => {
      operand32(a, mxcsr());
      return narrow(toInt32(Rounding.ZERO));
    },
    CVTTSS2SI64: (a) => {
      operand32(a, mxcsr());
      return wide(toInt64(Rounding.ZERO));
    },
    CVTSI2SD32: (x) => wide(int64ToDouble(x, x >> 31, mxcsr())),
    CVTSI2SD64: (lo, hi) => wide(int64ToDouble(lo, hi, mxcsr())),
    CVTSI2SS32: (x) => narrow(int64ToSingle(x, x >> 31, mxcsr())),
    CVTSI2SS64: (lo, hi) => narrow(int64ToSingle(lo, hi, mxcsr())),
  };
}

/** IE, DE and ZE are found before an operation is computed, OE, UE and PE afterwards. SDM vol. 1, section 4.9.2. */
const PRE_COMPUTATION = 7;

/**
 * What follows the last lane of an instruction while exceptions are unmasked: settles MXCSR from FP_RAISED and
 * returns whether #XM is due; then the instruction writes nothing else. An unmasked exception found before
 * computing suppresses those of computing, in all lanes.
 */
export function createCheck(state: Int32Array): () => boolean {
  return () => {
    const mxcsr = state[MXCSR >> 2]!;
    let raised = state[FP_RAISED >> 2]!;
    const unmasked = raised & ~(mxcsr >>> Mxcsr.MASK_SHIFT);
    if ((unmasked & PRE_COMPUTATION) !== 0) raised &= PRE_COMPUTATION;
    state[MXCSR >> 2] = mxcsr | raised;
    return unmasked !== 0;
  };
}
