/** Rules for 32-bit arithmetic, logic and shifts. */
import type { Inst } from "../types.ts";
import { demand, possibleBits } from "./bits.ts";
import { inverted } from "./fold_compare.ts";
import { type Folder, is32, order, type Rule, type Rules } from "./folder.ts";
import { bswap32, ctz32, popcnt32 } from "./int64.ts";

type Algebra = (fold: Folder, inst: Inst, x: Inst, y: Inst) => Inst | undefined;

/** A rule for two operands: computed if both are constant, else as `algebra` says. */
function binary(compute: (x: number, y: number) => number, algebra: Algebra, commutes = false): Rule {
  return (fold, inst) => {
    if (commutes) order(inst);
    const x = inst.args[0]!, y = inst.args[1]!;
    if (x.op === "const32" && y.op === "const32") return fold.i32(compute(x.imm, y.imm));
    return algebra(fold, inst, x, y);
  };
}

function unary(
  compute: (x: number) => number,
  algebra?: (fold: Folder, inst: Inst) => Inst | undefined,
): Rule {
  return (fold, inst) => {
    const x = inst.args[0]!;
    if (x.op === "const32") return fold.i32(compute(x.imm));
    return algebra?.(fold, inst);
  };
}

/** (z op c1) op c2 for an associative operation: its constant part combined. */
function chained(fold: Folder, inst: Inst, x: Inst, combined: (c1: number) => number): Inst | undefined {
  const c1 = x.op === inst.op ? x.args[1]! : undefined;
  if (c1?.op !== "const32") return undefined;
  return fold.make(inst.op, inst.type, [x.args[0]!, fold.i32(combined(c1.imm))]);
}

const add32: Algebra = (fold, inst, x, y) => {
  if (y.op !== "const32") return undefined;
  return y.imm === 0 ? x : chained(fold, inst, x, (c) => c + y.imm);
};

const sub32: Algebra = (fold, inst, x, y) => {
  if (x === y) return fold.i32(0);
  return y.op === "const32" ? fold.make("add32", inst.type, [x, fold.i32(-y.imm)]) : undefined;
};

const mul32: Algebra = (fold, _, x, y) => {
  if (y.op !== "const32") return undefined;
  if (y.imm === 0) return y;
  if (y.imm === 1) return x;
  return (y.imm & (y.imm - 1)) === 0 ? fold.make("shl32", "i32", [x, fold.i32(ctz32(y.imm))]) : undefined;
};

const and32: Algebra = (fold, inst, x, y) => {
  if (x === y) return x;
  if (y.op !== "const32") return undefined;
  const mask = y.imm;
  const value = demand(fold, x, mask);
  const bits = possibleBits(value);
  if ((bits & ~mask) === 0) return value;
  if ((bits & mask) === 0) return fold.i32(0);
  const combined = chained(fold, inst, value, (c) => c & mask);
  if (combined !== undefined || value === x) return combined;
  return fold.make("and32", inst.type, [value, y]);
};

const or32: Algebra = (fold, inst, x, y) => {
  if (x === y) return x;
  if (y.op !== "const32") return undefined;
  if (y.imm === 0) return x;
  return y.imm === -1 ? y : chained(fold, inst, x, (c) => c | y.imm);
};

const xor32: Algebra = (fold, inst, x, y) => {
  if (x === y) return fold.i32(0);
  if (y.op !== "const32") return undefined;
  if (y.imm === 0) return x;
  if (y.imm === 1) {
    const inverse = inverted(fold, x);
    if (inverse !== undefined) return inverse;
  }
  return chained(fold, inst, x, (c) => c ^ y.imm);
};

/** Counts are taken modulo 32: what else is in the count does not matter. */
function counted(algebra: (fold: Folder, inst: Inst, x: Inst, count: number) => Inst | undefined): Algebra {
  return (fold, inst, x, y) => {
    if (y.op === "const32") return (y.imm & 31) === 0 ? x : algebra(fold, inst, x, y.imm & 31);
    if (is32(x, 0)) return x;
    const count = demand(fold, y, 31);
    return count === y ? undefined : fold.make(inst.op, inst.type, [x, count]);
  };
}

/** Constant count of the shift `x`, if it is one of kind `op`; else 0. */
const countOf = (x: Inst, op: string): number =>
  x.op === op && x.args[1]!.op === "const32" ? x.args[1]!.imm & 31 : 0;

const shl32 = counted((fold, inst, x, count) => {
  const inner = countOf(x, "shl32");
  if (inner > 0) {
    return inner + count > 31
      ? fold.i32(0)
      : fold.make("shl32", inst.type, [x.args[0]!, fold.i32(inner + count)]);
  }
  if (countOf(x, "shr32") === count || countOf(x, "sar32") === count) {
    return fold.make("and32", inst.type, [x.args[0]!, fold.i32(-1 << count)]);
  }
  const value = demand(fold, x, -1 >>> count);
  return value === x ? undefined : fold.make("shl32", inst.type, [value, inst.args[1]!]);
});

const shr32 = counted((fold, inst, x, count) => {
  if (possibleBits(x) >>> count === 0) return fold.i32(0);
  const inner = countOf(x, "shr32");
  if (inner > 0) return fold.make("shr32", inst.type, [x.args[0]!, fold.i32(Math.min(inner + count, 31))]);
  if (countOf(x, "shl32") === count) {
    return fold.make("and32", inst.type, [x.args[0]!, fold.i32(-1 >>> count)]);
  }
  const value = demand(fold, x, -1 << count);
  return value === x ? undefined : fold.make("shr32", inst.type, [value, inst.args[1]!]);
});

const sar32 = counted((fold, inst, x, count) => {
  const inner = countOf(x, "sar32");
  if (inner > 0) return fold.make("sar32", inst.type, [x.args[0]!, fold.i32(Math.min(inner + count, 31))]);
  if (countOf(x, "shl32") === count && (count === 24 || count === 16)) {
    return fold.make(count === 24 ? "sext8" : "sext16", "i32", [x.args[0]!]);
  }
  if (possibleBits(x) >= 0) return fold.make("shr32", inst.type, [x, inst.args[1]!]);
  const value = demand(fold, x, -1 << count);
  return value === x ? undefined : fold.make("sar32", inst.type, [value, inst.args[1]!]);
});

const rotate = counted(() => undefined);

function signExtension(mask: number): (fold: Folder, inst: Inst) => Inst | undefined {
  return (fold, inst) => {
    const x = inst.args[0]!;
    if ((possibleBits(x) & ~(mask >>> 1)) === 0) return x;
    if (x.op === "sext8") return x;
    const value = demand(fold, x, mask);
    return value === x ? undefined : fold.make(inst.op, inst.type, [value]);
  };
}

/** Rules for 32-bit arithmetic, logic and shifts. */
export const INT32_RULES = {
  add32: binary((x, y) => x + y, add32, true),
  sub32: binary((x, y) => x - y, sub32),
  mul32: binary(Math.imul, mul32, true),
  and32: binary((x, y) => x & y, and32, true),
  or32: binary((x, y) => x | y, or32, true),
  xor32: binary((x, y) => x ^ y, xor32, true),
  shl32: binary((x, y) => x << y, shl32),
  shr32: binary((x, y) => x >>> y, shr32),
  sar32: binary((x, y) => x >> y, sar32),
  rotl32: binary((x, y) => (x << y) | (x >>> (32 - (y & 31))), rotate),
  rotr32: binary((x, y) => (x >>> y) | (x << (32 - (y & 31))), rotate),
  clz32: unary(Math.clz32),
  ctz32: unary(ctz32),
  popcnt32: unary(popcnt32),
  bswap32: unary(bswap32, (_, { args }) => args[0]!.op === "bswap32" ? args[0]!.args[0] : undefined),
  sext8: unary((x) => (x << 24) >> 24, signExtension(0xff)),
  sext16: unary((x) => (x << 16) >> 16, signExtension(0xffff)),
} satisfies Rules;
