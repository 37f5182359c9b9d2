/** Rules for 64-bit arithmetic, logic and shifts. Constants are pairs of halves. */
import type { Opcode } from "../opcodes.ts";
import type { Inst } from "../types.ts";
import { demand } from "./bits.ts";
import { type Folder, is64, order, type Rule, type Rules } from "./folder.ts";
import * as int64 from "./int64.ts";
import type { Halves } from "./int64.ts";

type Algebra = (fold: Folder, inst: Inst, x: Inst, y: Inst) => Inst | undefined;

const halves = (x: Inst): Halves => [x.imm, x.imm2];

function binary(compute: (x: Halves, y: Halves) => Halves, algebra: Algebra, commutes = false): Rule {
  return (fold, inst) => {
    if (commutes) order(inst);
    const x = inst.args[0]!, y = inst.args[1]!;
    if (x.op === "const64" && y.op === "const64") return fold.i64(...compute(halves(x), halves(y)));
    return algebra(fold, inst, x, y);
  };
}

/** (z op c1) op c2 for an associative operation: its constant part combined. */
function chained(fold: Folder, { op }: Inst, x: Inst, y: Inst): Inst | undefined {
  if (x.op !== op || x.args[1]!.op !== "const64") return undefined;
  return fold.make(op, "i64", [x.args[0]!, fold.make(op, "i64", [x.args[1]!, y])]);
}

const add64: Algebra = (fold, inst, x, y) => {
  if (y.op !== "const64") return undefined;
  return is64(y, 0, 0) ? x : chained(fold, inst, x, y);
};

const sub64: Algebra = (fold, _, x, y) => {
  if (x === y) return fold.i64(0, 0);
  if (y.op !== "const64") return undefined;
  return fold.make("add64", "i64", [x, fold.i64(...int64.sub64([0, 0], halves(y)))]);
};

const mul64: Algebra = (fold, _, x, y) => {
  if (x.op === "zext" && y.op === "zext") return fold.make("mulwideu32", "i64", [x.args[0]!, y.args[0]!]);
  if (x.op === "sext" && y.op === "sext") return fold.make("mulwides32", "i64", [x.args[0]!, y.args[0]!]);
  if (y.op !== "const64") return undefined;
  if (is64(y, 0, 0)) return y;
  if (is64(y, 1, 0)) return x;
  const [low, high] = halves(y);
  if (int64.popcnt32(low) + int64.popcnt32(high) !== 1) return undefined;
  const count = low !== 0 ? int64.ctz32(low) : 32 + int64.ctz32(high);
  return fold.make("shl64", "i64", [x, fold.i32(count)]);
};

const mulhu64: Algebra = (fold, _, __, y) => is64(y, 0, 0) || is64(y, 1, 0) ? fold.i64(0, 0) : undefined;
const mulhs64: Algebra = (_, __, ___, y) => is64(y, 0, 0) ? y : undefined;

/** Bitwise operations on two zero-extended words stay 32 bits wide. */
function narrowed(fold: Folder, op: Opcode, x: Inst, y: Inst): Inst | undefined {
  if (x.op !== "zext") return undefined;
  const word = y.op === "zext"
    ? y.args[0]!
    : y.op === "const64" && (y.imm2 === 0 || op === "and32")
    ? fold.i32(y.imm)
    : undefined;
  return word === undefined
    ? undefined
    : fold.make("zext", "i64", [fold.make(op, "i32", [x.args[0]!, word])]);
}

const and64: Algebra = (fold, inst, x, y) => {
  if (x === y || is64(y, -1, -1)) return x;
  if (is64(y, 0, 0)) return y;
  if (y.op === "const64" && y.imm2 === 0) {
    const word = fold.make("and32", "i32", [fold.make("lo", "i32", [x]), fold.i32(y.imm)]);
    return fold.make("zext", "i64", [word]);
  }
  return narrowed(fold, "and32", x, y) ?? (y.op === "const64" ? chained(fold, inst, x, y) : undefined);
};

const or64: Algebra = (fold, inst, x, y) => {
  if (x === y || is64(y, 0, 0)) return x;
  if (is64(y, -1, -1)) return y;
  return narrowed(fold, "or32", x, y) ?? (y.op === "const64" ? chained(fold, inst, x, y) : undefined);
};

const xor64: Algebra = (fold, inst, x, y) => {
  if (x === y) return fold.i64(0, 0);
  if (is64(y, 0, 0)) return x;
  return narrowed(fold, "xor32", x, y) ?? (y.op === "const64" ? chained(fold, inst, x, y) : undefined);
};

/** A rule for a shift or rotate, whose count is taken modulo 64. */
function shift(
  compute: (x: Halves, count: number) => Halves,
  algebra?: (fold: Folder, inst: Inst, x: Inst, count: number) => Inst | undefined,
): Rule {
  return (fold, inst) => {
    const x = inst.args[0]!, y = inst.args[1]!;
    if (y.op === "const32") {
      if (x.op === "const64") return fold.i64(...compute(halves(x), y.imm));
      return (y.imm & 63) === 0 ? x : algebra?.(fold, inst, x, y.imm & 63);
    }
    if (is64(x, 0, 0)) return x;
    const count = demand(fold, y, 63);
    return count === y ? undefined : fold.make(inst.op, "i64", [x, count]);
  };
}

/** Constant count of the shift `x`, if it is one of kind `op`; else 0. */
const countOf = (x: Inst, op: Opcode): number =>
  x.op === op && x.args[1]!.op === "const32" ? x.args[1]!.imm & 63 : 0;

function combined(fold: Folder, inst: Inst, x: Inst, count: number, tooFar?: number): Inst | undefined {
  const inner = countOf(x, inst.op);
  if (inner === 0) return undefined;
  const total = inner + count;
  if (total > 63 && tooFar === undefined) return fold.i64(0, 0);
  return fold.make(inst.op, "i64", [x.args[0]!, fold.i32(Math.min(total, tooFar ?? 63))]);
}

const shr64 = (fold: Folder, inst: Inst, x: Inst, count: number): Inst | undefined => {
  if (x.op === "zext") {
    if (count >= 32) return fold.i64(0, 0);
    return fold.make("zext", "i64", [fold.make("shr32", "i32", [x.args[0]!, fold.i32(count)])]);
  }
  return combined(fold, inst, x, count);
};

const sar64 = (fold: Folder, inst: Inst, x: Inst, count: number): Inst | undefined =>
  x.op === "zext" ? fold.make("shr64", "i64", [x, inst.args[1]!]) : combined(fold, inst, x, count, 63);

function counting(compute: (lo: number, hi: number) => number): Rule {
  return (fold, { args }) => {
    const x = args[0]!;
    return x.op === "const64" ? fold.i32(compute(x.imm, x.imm2)) : undefined;
  };
}

const bswap64: Rule = (fold, { args }) => {
  const x = args[0]!;
  if (x.op === "const64") return fold.i64(int64.bswap32(x.imm2), int64.bswap32(x.imm));
  return x.op === "bswap64" ? x.args[0] : undefined;
};

/** Rules for 64-bit arithmetic, logic and shifts. */
export const INT64_RULES = {
  add64: binary(int64.add64, add64, true),
  sub64: binary(int64.sub64, sub64),
  mul64: binary(int64.mul64, mul64, true),
  mulhu64: binary(int64.mulhu64, mulhu64, true),
  mulhs64: binary(int64.mulhs64, mulhs64, true),
  and64: binary(([a, b], [c, d]) => [a & c, b & d], and64, true),
  or64: binary(([a, b], [c, d]) => [a | c, b | d], or64, true),
  xor64: binary(([a, b], [c, d]) => [a ^ c, b ^ d], xor64, true),
  shl64: shift(int64.shl64, (fold, inst, x, count) => combined(fold, inst, x, count)),
  shr64: shift(int64.shr64, shr64),
  sar64: shift(int64.sar64, sar64),
  rotl64: shift(int64.rotl64),
  rotr64: shift(int64.rotr64),
  clz64: counting((lo, hi) => hi === 0 ? 32 + Math.clz32(lo) : Math.clz32(hi)),
  ctz64: counting((lo, hi) => lo === 0 ? 32 + int64.ctz32(hi) : int64.ctz32(lo)),
  popcnt64: counting((lo, hi) => int64.popcnt32(lo) + int64.popcnt32(hi)),
  bswap64,
} satisfies Rules;
