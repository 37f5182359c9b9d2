/** SSE conversions between integers, singles and doubles. SDM vol. 2A. */
import type { FloatOpcode } from "../../../ir/float_opcodes.ts";
import type { Value } from "../../../ir/types.ts";
import type { Operand } from "../../instruction.ts";
import type { Translator } from "../../translator.ts";
import type { Semantics } from "../semantics.ts";
import {
  enterMmx,
  lane32,
  lane64,
  lanes32,
  pair64,
  raisePending,
  readVector,
  type SemanticsTable,
  writeVector,
} from "./access.ts";
import { assemble, computing, float, scalar, writeScalar } from "./float.ts";

/** Whether an operand is eight bytes of integer. */
const wide = (operand: Operand): boolean => "size" in operand && operand.size === 8;

/** CVTSI2SD, CVTSI2SS. */
function fromInteger(op32: FloatOpcode, op64: FloatOpcode): Semantics {
  return (t, dst, src) => {
    const x = t.read(src);
    writeScalar(t, dst, computing(t, () => float(t, wide(src) ? op64 : op32, x)));
  };
}
/** CVTSD2SI and so on. */
function toInteger(bits: 32 | 64, op32: FloatOpcode, op64: FloatOpcode): Semantics {
  return (t, dst, src) => {
    const x = scalar(t, src, bits);
    t.write(dst, computing(t, () => float(t, wide(dst) ? op64 : op32, x)));
  };
}
/** CVTSD2SS, CVTSS2SD. */
function scalarConversion(bits: 32 | 64, op: FloatOpcode): Semantics {
  return (t, dst, src) => {
    const x = scalar(t, src, bits);
    writeScalar(t, dst, computing(t, () => float(t, op, x)));
  };
}

type Lane = (t: Translator, vector: Value, n: number) => Value;

/** Converts the lanes that `lane` takes out; what is left of the destination is cleared. */
function packed(op: FloatOpcode, lane: Lane, count: 2 | 4): Semantics {
  return (t, dst, src) => {
    const x = readAndEnter(t, dst, src);
    const lanes = computing(
      t,
      () => Array.from({ length: count }, (_, n) => float(t, op, lane(t, x, n))),
    );
    writeVector(t, dst, collect(t, lanes));
  };
}
/** Reads the source. With an MMX operand, the x87 state changes even if the conversion then raises an exception. */
function readAndEnter(t: Translator, dst: Operand, src: Operand): Value {
  const withMmx = dst.kind === "mmx" || src.kind === "mmx";
  if (withMmx) raisePending(t);
  const x = readVector(t, src);
  if (withMmx) enterMmx(t);
  return x;
}
/** Two or four results as v128, with zeros above. */
function collect(t: Translator, lanes: readonly Value[]): Value {
  if (lanes.length === 4 || lanes[0]!.type === "i64") return assemble(t, lanes);
  return pair64(t, t.ir.pair(lanes[0]!, lanes[1]!), t.ir.const("i64", 0));
}

/** CVTPI2PS: two integers to the low half, the upper half is kept. */
function integersToSingles(t: Translator, dst: Operand, src: Operand): void {
  const x = readAndEnter(t, dst, src);
  const low = computing(
    t,
    () => [0, 1].map((n) => float(t, "f32fromi32", lane32(t, x, n))),
  );
  const whole = readVector(t, dst);
  writeVector(t, dst, lanes32(t, [...low, lane32(t, whole, 2), lane32(t, whole, 3)]));
}

/** Conversions. */
export const CONVERSIONS: SemanticsTable = {
  CVTSI2SD: fromInteger("f64fromi32", "f64fromi64"),
  CVTSI2SS: fromInteger("f32fromi32", "f32fromi64"),
  CVTSD2SI: toInteger(64, "f64toi32", "f64toi64"),
  CVTTSD2SI: toInteger(64, "f64trunci32", "f64trunci64"),
  CVTSS2SI: toInteger(32, "f32toi32", "f32toi64"),
  CVTTSS2SI: toInteger(32, "f32trunci32", "f32trunci64"),
  CVTSD2SS: scalarConversion(64, "f64tof32"),
  CVTSS2SD: scalarConversion(32, "f32tof64"),
  CVTPS2PD: packed("f32tof64", lane32, 2),
  CVTPD2PS: packed("f64tof32", lane64, 2),
  CVTDQ2PS: packed("f32fromi32", lane32, 4),
  CVTDQ2PD: packed("f64fromi32", lane32, 2),
  CVTPS2DQ: packed("f32toi32", lane32, 4),
  CVTTPS2DQ: packed("f32trunci32", lane32, 4),
  CVTPD2DQ: packed("f64toi32", lane64, 2),
  CVTTPD2DQ: packed("f64trunci32", lane64, 2),
  CVTPI2PS: integersToSingles,
  CVTPI2PD: packed("f64fromi32", lane32, 2),
  CVTPS2PI: packed("f32toi32", lane32, 2),
  CVTTPS2PI: packed("f32trunci32", lane32, 2),
  CVTPD2PI: packed("f64toi32", lane64, 2),
  CVTTPD2PI: packed("f64trunci32", lane64, 2),
};
