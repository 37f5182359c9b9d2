/** Rules for comparisons and selections. */
import type { Opcode } from "../opcodes.ts";
import type { Inst } from "../types.ts";
import { possibleBits } from "./bits.ts";
import { type Folder, is32, is64, isConst, order, type Rule, type Rules } from "./folder.ts";
import { type Halves, lts64, ltu64 } from "./int64.ts";

/** The comparison that holds where another does not, and whether its operands change places. */
const INVERSE: { readonly [K in Opcode]?: readonly [Opcode, boolean] } = {
  eq32: ["ne32", false],
  ne32: ["eq32", false],
  ltu32: ["leu32", true],
  leu32: ["ltu32", true],
  lts32: ["les32", true],
  les32: ["lts32", true],
  eq64: ["ne64", false],
  ne64: ["eq64", false],
  ltu64: ["leu64", true],
  leu64: ["ltu64", true],
  lts64: ["les64", true],
  les64: ["lts64", true],
};

/** 1 - `comparison`, or undefined if the value is not one. */
export function inverted(fold: Folder, comparison: Inst): Inst | undefined {
  const inverse = INVERSE[comparison.op];
  if (inverse === undefined) return undefined;
  const x = comparison.args[0]!, y = comparison.args[1]!;
  return fold.make(inverse[0], "i32", inverse[1] ? [y, x] : [x, y]);
}

/** A value that is 0 exactly if `x` (i32) is: what tests for 0 need to look at. */
export function tested(x: Inst): Inst {
  return x.op === "ne32" && is32(x.args[1]!, 0) ? tested(x.args[0]!) : x;
}

function equality32(wanted: boolean): Rule {
  return (fold, inst) => {
    order(inst);
    const x = inst.args[0]!, y = inst.args[1]!;
    if (x === y) return fold.i32(wanted ? 1 : 0);
    if (y.op !== "const32") return undefined;
    if (x.op === "const32") return fold.i32((x.imm === y.imm) === wanted ? 1 : 0);
    const bits = possibleBits(x);
    if ((y.imm & ~bits) !== 0) return fold.i32(wanted ? 0 : 1);
    if (bits === 1) {
      if ((y.imm === 1) === wanted) return x;
      const inverse = inverted(fold, x);
      if (inverse !== undefined) return inverse;
    }
    return differences32(fold, inst, x, y);
  };
}

function differences32(fold: Folder, { op }: Inst, x: Inst, y: Inst): Inst | undefined {
  const a = x.args[0]!, b = x.args[1]!;
  if (x.op === "add32" && b.op === "const32") return fold.make(op, "i32", [a, fold.i32(y.imm - b.imm)]);
  if (x.op === "xor32" && b.op === "const32") return fold.make(op, "i32", [a, fold.i32(y.imm ^ b.imm)]);
  if (y.imm !== 0) return undefined;
  if (x.op === "sub32" || x.op === "xor32") return fold.make(op, "i32", [a, b]);
  if (x.op === "or32" && isHalves(a, b)) {
    return fold.make(op === "eq32" ? "eq64" : "ne64", "i32", [a.args[0]!, fold.i64(0, 0)]);
  }
  return undefined;
}

const isHalves = (x: Inst, y: Inst): boolean =>
  ((x.op === "lo" && y.op === "hi") || (x.op === "hi" && y.op === "lo")) && x.args[0] === y.args[0];

function equality64(wanted: boolean): Rule {
  return (fold, inst) => {
    order(inst);
    const x = inst.args[0]!, y = inst.args[1]!;
    if (x === y) return fold.i32(wanted ? 1 : 0);
    const narrow = wanted ? "eq32" : "ne32";
    if (x.op === "zext" && y.op === "zext") return fold.make(narrow, "i32", [x.args[0]!, y.args[0]!]);
    if (y.op !== "const64") return undefined;
    if (x.op === "const64") return fold.i32((x.imm === y.imm && x.imm2 === y.imm2) === wanted ? 1 : 0);
    if (x.op === "zext") {
      if (y.imm2 !== 0) return fold.i32(wanted ? 0 : 1);
      return fold.make(narrow, "i32", [x.args[0]!, fold.i32(y.imm)]);
    }
    const a = x.args[0]!, b = x.args[1]!;
    if (is64(y, 0, 0) && (x.op === "sub64" || x.op === "xor64")) return fold.make(inst.op, "i32", [a, b]);
    if (x.op === "add64" && b.op === "const64") {
      return fold.make(inst.op, "i32", [a, fold.make("sub64", "i64", [y, b])]);
    }
    return undefined;
  };
}

type Compare32 = (x: number, y: number) => boolean;

function order32(holds: Compare32, unsigned: boolean, orEqual: boolean): Rule {
  return (fold, inst) => {
    const x = inst.args[0]!, y = inst.args[1]!;
    if (x === y) return fold.i32(orEqual ? 1 : 0);
    if (x.op === "const32" && y.op === "const32") return fold.i32(holds(x.imm, y.imm) ? 1 : 0);
    if (!unsigned) {
      return !orEqual && is32(y, 0) ? fold.make("shr32", "i32", [x, fold.i32(31)]) : undefined;
    }
    if (orEqual) {
      if (is32(x, 0) || is32(y, -1)) return fold.i32(1);
      return is32(y, 0) ? fold.make("eq32", "i32", [x, y]) : undefined;
    }
    if (is32(y, 0) || is32(x, -1)) return fold.i32(0);
    if (is32(x, 0)) return fold.make("ne32", "i32", [y, x]);
    if (is32(y, 1)) return fold.make("eq32", "i32", [x, fold.i32(0)]);
    if (y.op === "const32" && possibleBits(x) >>> 0 < y.imm >>> 0) return fold.i32(1);
    return undefined;
  };
}

type Compare64 = (x: Halves, y: Halves) => boolean;

function order64(holds: Compare64, unsigned: boolean, orEqual: boolean): Rule {
  return (fold, inst) => {
    const x = inst.args[0]!, y = inst.args[1]!;
    if (x === y) return fold.i32(orEqual ? 1 : 0);
    if (isConst(x) && isConst(y)) return fold.i32(holds([x.imm, x.imm2], [y.imm, y.imm2]) ? 1 : 0);
    if (!unsigned) {
      if (orEqual || !is64(y, 0, 0)) return undefined;
      return fold.make("shr32", "i32", [fold.make("hi", "i32", [x]), fold.i32(31)]);
    }
    if (x.op === "zext" && y.op === "zext") {
      return fold.make(orEqual ? "leu32" : "ltu32", "i32", [x.args[0]!, y.args[0]!]);
    }
    if (orEqual) {
      if (is64(x, 0, 0) || is64(y, -1, -1)) return fold.i32(1);
      return is64(y, 0, 0) ? fold.make("eq64", "i32", [x, y]) : undefined;
    }
    if (is64(y, 0, 0) || is64(x, -1, -1)) return fold.i32(0);
    return is64(x, 0, 0) ? fold.make("ne64", "i32", [y, x]) : undefined;
  };
}

const select: Rule = (fold, inst) => {
  const condition = inst.args[0]!, x = inst.args[1]!, y = inst.args[2]!;
  if (condition.op === "const32") return condition.imm !== 0 ? x : y;
  if (x === y) return x;
  if (condition.op === "ne32" && is32(condition.args[1]!, 0)) {
    return fold.make(inst.op, inst.type, [condition.args[0]!, x, y]);
  }
  if (condition.op === "eq32" && is32(condition.args[1]!, 0)) {
    return fold.make(inst.op, inst.type, [condition.args[0]!, y, x]);
  }
  if (is32(x, 1) && is32(y, 0)) {
    return possibleBits(condition) === 1 ? condition : fold.make("ne32", "i32", [condition, y]);
  }
  if (is32(x, 0) && is32(y, 1)) {
    return inverted(fold, condition) ?? fold.make("eq32", "i32", [condition, x]);
  }
  return undefined;
};

/** Rules for comparisons and selections. */
export const COMPARE_RULES = {
  eq32: equality32(true),
  ne32: equality32(false),
  ltu32: order32((x, y) => x >>> 0 < y >>> 0, true, false),
  leu32: order32((x, y) => x >>> 0 <= y >>> 0, true, true),
  lts32: order32((x, y) => x < y, false, false),
  les32: order32((x, y) => x <= y, false, true),
  eq64: equality64(true),
  ne64: equality64(false),
  ltu64: order64(ltu64, true, false),
  leu64: order64((x, y) => !ltu64(y, x), true, true),
  lts64: order64(lts64, false, false),
  les64: order64((x, y) => !lts64(y, x), false, true),
  select32: select,
  select64: select,
} satisfies Rules;
