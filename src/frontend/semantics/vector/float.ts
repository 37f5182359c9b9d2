/** SSE floating-point arithmetic, comparisons and rounding. SDM vol. 2; exceptions: vol. 1, section 11.5. */
import { FloatMode } from "../../../cpu/mode.ts";
import { FLOAT_OPCODES, type FloatOpcode } from "../../../ir/float_opcodes.ts";
import type { Value } from "../../../ir/types.ts";
import type { Operand } from "../../instruction.ts";
import type { Translator } from "../../translator.ts";
import type { Semantics } from "../semantics.ts";
import {
  immediate,
  insert32,
  insert64,
  lane32,
  lane64,
  lanes32,
  orderFlags,
  pair64,
  readVector,
  type SemanticsTable,
} from "./access.ts";

/** A floating-point operation, as the mode has it. Inside `computing` only. */
export function float(t: Translator, op: FloatOpcode, ...args: Value[]): Value {
  if (t.fpMode !== FloatMode.PLAIN && op !== "f64fromi32") return t.call(`exact_${op}`, ...args);
  const { signature } = FLOAT_OPCODES[op];
  return t.ir.emit(op, signature.endsWith(":q") ? "i64" : "i32", args);
}

/**
 * Does one step of an instruction that may raise SSE exceptions. While one is unmasked, the exceptions of all its
 * operations are gathered and #XM is raised at its end; so it must write nothing.
 */
export function computing<T>(t: Translator, step: () => T): T {
  if (t.fpMode === FloatMode.UNROUNDED) t.ir.usesFloat = true;
  if (t.fpMode !== FloatMode.UNMASKED) return step();
  t.call("float_begin");
  const result = step();
  t.call("float_check");
  return result;
}

/** Low single or double of an operand, as bits. */
export function scalar(t: Translator, operand: Operand, bits: 32 | 64): Value {
  if (operand.kind !== "xmm") return t.read(operand);
  return bits === 32 ? lane32(t, t.readXmm(operand.reg), 0) : lane64(t, t.readXmm(operand.reg), 0);
}
/** Replaces the low single or double of an XMM register. */
export function writeScalar(t: Translator, dst: Operand, value: Value): void {
  if (dst.kind !== "xmm") throw new TypeError(`The operand is ${dst.kind}, not an XMM register`);
  const whole = t.readXmm(dst.reg);
  t.writeXmm(
    dst.reg,
    value.type === "i64" ? insert64(t, whole, value, 0) : insert32(t, whole, value, 0),
  );
}
function writeXmm(t: Translator, dst: Operand, value: Value): void {
  if (dst.kind !== "xmm") throw new TypeError(`The operand is ${dst.kind}, not an XMM register`);
  t.writeXmm(dst.reg, value);
}

/** Result lanes as v128: four i32 or two i64. */
export function assemble(t: Translator, lanes: readonly Value[]): Value {
  return lanes.length === 4 ? lanes32(t, lanes) : pair64(t, lanes[0]!, lanes[1]!);
}
/** Lane `n` of a vector of singles or doubles. */
export function laneOf(t: Translator, bits: 32 | 64, vector: Value, n: number): Value {
  return bits === 32 ? lane32(t, vector, n) : lane64(t, vector, n);
}
const LANES = { 32: [0, 1, 2, 3], 64: [0, 1] } as const;

const widthOf = (op: FloatOpcode): 32 | 64 => op.startsWith("f32") ? 32 : 64;

/** dst ← op(dst, src) on the lowest lane. */
function scalarBinary(op: FloatOpcode): Semantics {
  const bits = widthOf(op);
  return (t, dst, src) => {
    const y = scalar(t, src, bits);
    writeScalar(t, dst, computing(t, () => float(t, op, scalar(t, dst, bits), y)));
  };
}
/** dst ← op(src) on the lowest lane. */
function scalarUnary(op: FloatOpcode): Semantics {
  const bits = widthOf(op);
  return (t, dst, src) => {
    const x = scalar(t, src, bits);
    writeScalar(t, dst, computing(t, () => float(t, op, x)));
  };
}
function packedBinary(op: FloatOpcode): Semantics {
  const bits = widthOf(op);
  return (t, dst, src) => {
    const y = readVector(t, src), x = readVector(t, dst);
    const lanes = computing(
      t,
      () => LANES[bits].map((n) => float(t, op, laneOf(t, bits, x, n), laneOf(t, bits, y, n))),
    );
    writeXmm(t, dst, assemble(t, lanes));
  };
}
function packedUnary(op: FloatOpcode): Semantics {
  const bits = widthOf(op);
  return (t, dst, src) => {
    const x = readVector(t, src);
    const lanes = computing(t, () => LANES[bits].map((n) => float(t, op, laneOf(t, bits, x, n))));
    writeXmm(t, dst, assemble(t, lanes));
  };
}

/** ADDSUBPS, ADDSUBPD: even lanes are subtracted, odd ones added. */
function addSubtract(bits: 32 | 64): Semantics {
  return (t, dst, src) => {
    const y = readVector(t, src), x = readVector(t, dst);
    const lanes = computing(t, () =>
      LANES[bits].map((n) => {
        const op: FloatOpcode = (n & 1) === 0 ? `f${bits}sub` : `f${bits}add`;
        return float(t, op, laneOf(t, bits, x, n), laneOf(t, bits, y, n));
      }));
    writeXmm(t, dst, assemble(t, lanes));
  };
}
/** HADDPS and so on: neighbouring lanes, the destination's below. */
function horizontal(op: FloatOpcode): Semantics {
  const bits = widthOf(op);
  return (t, dst, src) => {
    const y = readVector(t, src), x = readVector(t, dst);
    const sources = bits === 32 ? [x, x, y, y] : [x, y];
    const lanes = computing(t, () =>
      sources.map((from, n) => {
        const first = bits === 32 ? 2 * (n & 1) : 0;
        return float(t, op, laneOf(t, bits, from, first), laneOf(t, bits, from, first + 1));
      }));
    writeXmm(t, dst, assemble(t, lanes));
  };
}

/** A mask of 32 or 64 ones or zeros from -1 or 0. */
const widenMask = (t: Translator, bits: 32 | 64, mask: Value): Value =>
  bits === 32 ? mask : t.ir.pair(mask, mask);

function compareScalar(bits: 32 | 64): Semantics {
  return (t, dst, src, imm) => {
    const y = scalar(t, src, bits), predicate = t.ir.i32(immediate(imm) & 7);
    const mask = computing(t, () => float(t, `f${bits}compare`, scalar(t, dst, bits), y, predicate));
    writeScalar(t, dst, widenMask(t, bits, mask));
  };
}
function comparePacked(bits: 32 | 64): Semantics {
  return (t, dst, src, imm) => {
    const y = readVector(t, src), x = readVector(t, dst), predicate = t.ir.i32(immediate(imm) & 7);
    const masks = computing(
      t,
      () =>
        LANES[bits].map((n) =>
          float(t, `f${bits}compare`, laneOf(t, bits, x, n), laneOf(t, bits, y, n), predicate)
        ),
    );
    writeXmm(t, dst, assemble(t, masks.map((mask) => widenMask(t, bits, mask))));
  };
}

/** COMISD and so on: CF, PF, ZF from the relation. */
function order(op: FloatOpcode): Semantics {
  const bits = widthOf(op);
  return (t, first, second) => {
    const y = scalar(t, second, bits);
    t.setFlags(orderFlags(t, computing(t, () => float(t, op, scalar(t, first, bits), y))));
  };
}

function roundScalar(bits: 32 | 64): Semantics {
  return (t, dst, src, imm) => {
    const x = scalar(t, src, bits), control = t.ir.i32(immediate(imm) & 15);
    writeScalar(t, dst, computing(t, () => float(t, `f${bits}round`, x, control)));
  };
}
function roundPacked(bits: 32 | 64): Semantics {
  return (t, dst, src, imm) => {
    const x = readVector(t, src), control = t.ir.i32(immediate(imm) & 15);
    const lanes = computing(
      t,
      () => LANES[bits].map((n) => float(t, `f${bits}round`, laneOf(t, bits, x, n), control)),
    );
    writeXmm(t, dst, assemble(t, lanes));
  };
}

/**
 * DPPS, DPPD: products of the lanes that bits 7:4 name (0 for the others), their sum, put in the lanes that bits 3:0
 * name. Unmasked exceptions are looked for after the products and after each sum. SDM vol. 2A, "DPPS", which leaves
 * open which of several NaNs counts: every lane adds for itself, in an order of its own.
 */
function dotProduct(bits: 32 | 64): Semantics {
  const add: FloatOpcode = `f${bits}add`, used = bits === 32 ? 15 : 3;
  return (t, dst, src, imm) => {
    const y = readVector(t, src), x = readVector(t, dst), control = immediate(imm);
    const zero = bits === 32 ? t.ir.i32(0) : t.ir.const("i64", 0);
    const products = computing(
      t,
      () =>
        LANES[bits].map((n) =>
          ((control >> (4 + n)) & 1) === 0
            ? zero
            : float(t, `f${bits}mul`, laneOf(t, bits, x, n), laneOf(t, bits, y, n))
        ),
    );
    // Where no lane is wanted the sum is made for its exceptions.
    const wanted = (n: number): boolean => ((control >> n) & 1) !== 0 || (n === 0 && (control & used) === 0);
    const pairs = bits === 64
      ? products
      : computing(t, () =>
        LANES[32].map((n) =>
          wanted(n) || wanted(n ^ 2) ? float(t, add, products[n ^ 1]!, products[n]!) : zero
        ));
    const distance = bits === 32 ? 2 : 1;
    const sums = computing(
      t,
      () => LANES[bits].map((n) => wanted(n) ? float(t, add, pairs[n]!, pairs[n ^ distance]!) : zero),
    );
    writeXmm(t, dst, assemble(t, sums.map((sum, n) => ((control >> n) & 1) === 0 ? zero : sum)));
  };
}

/** RCPPS, RSQRTPS and their scalar forms raise nothing and ignore MXCSR. */
function approximateScalar(helper: "rcpss" | "rsqrtss"): Semantics {
  return (t, dst, src) => writeScalar(t, dst, t.call(helper, scalar(t, src, 32)));
}
function approximatePacked(helper: "rcpss" | "rsqrtss"): Semantics {
  return (t, dst, src) => {
    const x = readVector(t, src);
    writeXmm(t, dst, lanes32(t, LANES[32].map((n) => t.call(helper, lane32(t, x, n)))));
  };
}

/** Floating-point arithmetic, comparisons and rounding. */
export const FLOAT: SemanticsTable = {
  ADDSD: scalarBinary("f64add"),
  SUBSD: scalarBinary("f64sub"),
  MULSD: scalarBinary("f64mul"),
  DIVSD: scalarBinary("f64div"),
  MINSD: scalarBinary("f64min"),
  MAXSD: scalarBinary("f64max"),
  SQRTSD: scalarUnary("f64sqrt"),
  ADDSS: scalarBinary("f32add"),
  SUBSS: scalarBinary("f32sub"),
  MULSS: scalarBinary("f32mul"),
  DIVSS: scalarBinary("f32div"),
  MINSS: scalarBinary("f32min"),
  MAXSS: scalarBinary("f32max"),
  SQRTSS: scalarUnary("f32sqrt"),
  ADDPD: packedBinary("f64add"),
  SUBPD: packedBinary("f64sub"),
  MULPD: packedBinary("f64mul"),
  DIVPD: packedBinary("f64div"),
  MINPD: packedBinary("f64min"),
  MAXPD: packedBinary("f64max"),
  SQRTPD: packedUnary("f64sqrt"),
  ADDPS: packedBinary("f32add"),
  SUBPS: packedBinary("f32sub"),
  MULPS: packedBinary("f32mul"),
  DIVPS: packedBinary("f32div"),
  MINPS: packedBinary("f32min"),
  MAXPS: packedBinary("f32max"),
  SQRTPS: packedUnary("f32sqrt"),
  ADDSUBPD: addSubtract(64),
  ADDSUBPS: addSubtract(32),
  HADDPD: horizontal("f64add"),
  HADDPS: horizontal("f32add"),
  HSUBPD: horizontal("f64sub"),
  HSUBPS: horizontal("f32sub"),
  CMPSD: compareScalar(64),
  CMPSS: compareScalar(32),
  CMPPD: comparePacked(64),
  CMPPS: comparePacked(32),
  COMISD: order("f64ordersignal"),
  COMISS: order("f32ordersignal"),
  UCOMISD: order("f64order"),
  UCOMISS: order("f32order"),
  ROUNDSD: roundScalar(64),
  ROUNDSS: roundScalar(32),
  ROUNDPD: roundPacked(64),
  ROUNDPS: roundPacked(32),
  DPPD: dotProduct(64),
  DPPS: dotProduct(32),
  RCPSS: approximateScalar("rcpss"),
  RCPPS: approximatePacked("rcpss"),
  RSQRTSS: approximateScalar("rsqrtss"),
  RSQRTPS: approximatePacked("rsqrtss"),
};
