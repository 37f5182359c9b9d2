/** Rules for what changes widths: halves, extensions, partial register writes, wide products. */
import type { Opcode } from "../opcodes.ts";
import type { Inst } from "../types.ts";
import { demand, possibleBits } from "./bits.ts";
import { type Folder, is32, order, type Rule, type Rules } from "./folder.ts";
import { type Halves, mulwides32, mulwideu32 } from "./int64.ts";

/** 32-bit operations that compute one half of a 64-bit operation from the same halves of its operands. */
const BITWISE: { readonly [K in Opcode]?: Opcode } = { and64: "and32", or64: "or32", xor64: "xor32" };
/** The same for the low half only. */
const LOW: { readonly [K in Opcode]?: Opcode } = {
  ...BITWISE,
  add64: "add32",
  sub64: "sub32",
  mul64: "mul32",
};

/** An operation on halves instead of the 64-bit operation `x`, of which nothing else is used. */
function halved(fold: Folder, x: Inst, half: "lo" | "hi", op: Opcode | undefined): Inst | undefined {
  if (op === undefined || x.uses !== 1) return undefined;
  const a = x.args[0]!, b = x.args[1]!;
  return fold.make(op, "i32", [fold.make(half, "i32", [a]), fold.make(half, "i32", [b])]);
}

function halfOfSelect(fold: Folder, x: Inst, half: "lo" | "hi"): Inst | undefined {
  if (x.uses !== 1) return undefined;
  const condition = x.args[0]!, a = x.args[1]!, b = x.args[2]!;
  return fold.make("select32", "i32", [
    condition,
    fold.make(half, "i32", [a]),
    fold.make(half, "i32", [b]),
  ]);
}

/** A shift count that moves one half into the other, less 32; else -1. */
function crossing(x: Inst): number {
  const count = x.args[1]!;
  return count.op === "const32" && (count.imm & 32) !== 0 ? count.imm & 31 : -1;
}

/** The half of a constant shift by less than 32 that depends on the same half only. */
function halfOfShift(fold: Folder, x: Inst, half: "lo" | "hi", op: Opcode): Inst | undefined {
  const count = x.args[1]!;
  if (x.uses !== 1 || count.op !== "const32") return undefined;
  return fold.make(op, "i32", [fold.make(half, "i32", [x.args[0]!]), count]);
}

const lo: Rule = (fold, { args }) => {
  const x = args[0]!;
  switch (x.op) {
    case "const64":
      return fold.i32(x.imm);
    case "zext":
    case "sext":
    case "pair":
      return x.args[0];
    case "shl64":
      return crossing(x) >= 0 ? fold.i32(0) : halfOfShift(fold, x, "lo", "shl32");
    case "shr64":
    case "sar64": {
      const count = crossing(x);
      if (count < 0) return undefined;
      const high = fold.make("hi", "i32", [x.args[0]!]);
      return fold.make(x.op === "shr64" ? "shr32" : "sar32", "i32", [high, fold.i32(count)]);
    }
    case "mulwideu32":
    case "mulwides32":
      return x.uses === 1 ? fold.make("mul32", "i32", x.args.slice()) : undefined;
    case "select64":
      return halfOfSelect(fold, x, "lo");
    case "vextract64":
      return fold.make("vextract32", "i32", [x.args[0]!], 2 * x.imm);
    default:
      return halved(fold, x, "lo", LOW[x.op]);
  }
};

const hi: Rule = (fold, { args }) => {
  const x = args[0]!;
  switch (x.op) {
    case "const64":
      return fold.i32(x.imm2);
    case "zext":
      return fold.i32(0);
    case "sext":
      return fold.make("sar32", "i32", [x.args[0]!, fold.i32(31)]);
    case "pair":
      return x.args[1];
    case "insert8":
    case "insert8high":
    case "insert16":
      return fold.make("hi", "i32", [x.args[0]!]);
    case "shl64": {
      const count = crossing(x);
      if (count < 0) return undefined;
      return fold.make("shl32", "i32", [fold.make("lo", "i32", [x.args[0]!]), fold.i32(count)]);
    }
    case "shr64":
      return crossing(x) >= 0 ? fold.i32(0) : halfOfShift(fold, x, "hi", "shr32");
    case "sar64":
      return crossing(x) >= 0
        ? fold.make("sar32", "i32", [fold.make("hi", "i32", [x.args[0]!]), fold.i32(31)])
        : halfOfShift(fold, x, "hi", "sar32");
    case "select64":
      return halfOfSelect(fold, x, "hi");
    case "vextract64":
      return fold.make("vextract32", "i32", [x.args[0]!], 2 * x.imm + 1);
    default:
      return halved(fold, x, "hi", BITWISE[x.op]);
  }
};

const zext: Rule = (fold, { args }) => args[0]!.op === "const32" ? fold.i64(args[0]!.imm, 0) : undefined;

const sext: Rule = (fold, { args }) => {
  const x = args[0]!;
  if (x.op === "const32") return fold.i64(x.imm, x.imm >> 31);
  return possibleBits(x) >= 0 ? fold.make("zext", "i64", [x]) : undefined;
};

const pair: Rule = (fold, { args }) => {
  const low = args[0]!, high = args[1]!;
  if (is32(high, 0)) return fold.make("zext", "i64", [low]);
  if (low.op === "const32" && high.op === "const32") return fold.i64(low.imm, high.imm);
  if (low.op === "lo" && high.op === "hi" && low.args[0] === high.args[0]) return low.args[0];
  if (high.op === "sar32" && high.args[0] === low && is32(high.args[1]!, 31)) {
    return fold.make("sext", "i64", [low]);
  }
  return undefined;
};

/** A partial register write: `mask` and `shift` tell where the part goes; `covered` writes do not survive it. */
function insert(mask: number, shift: number, covered: readonly Opcode[]): Rule {
  return (fold, inst) => {
    const whole = inst.args[0]!, part = inst.args[1]!;
    if (whole.op === "const64" && part.op === "const32") {
      return fold.i64((whole.imm & ~mask) | ((part.imm << shift) & mask), whole.imm2);
    }
    if (covered.includes(whole.op)) return fold.make(inst.op, "i64", [whole.args[0]!, part]);
    const value = demand(fold, part, mask >>> shift);
    if (shift === 0 && value.op === "lo" && value.args[0] === whole) return whole;
    return value === part ? undefined : fold.make(inst.op, "i64", [whole, value]);
  };
}

function product(compute: (x: number, y: number) => Halves): Rule {
  return (fold, inst) => {
    order(inst);
    const x = inst.args[0]!, y = inst.args[1]!;
    if (y.op !== "const32") return undefined;
    if (y.imm === 0) return fold.i64(0, 0);
    return x.op === "const32" ? fold.i64(...compute(x.imm, y.imm)) : undefined;
  };
}

/** Whether a product fits its width; factors 0 and 1 always do. */
const overflow: Rule = (fold, inst) => {
  order(inst);
  const y = inst.args[1]!;
  return (y.op === "const32" || y.op === "const64" && y.imm2 === 0) && (y.imm & ~1) === 0
    ? fold.i32(0)
    : undefined;
};

/** Rules for what changes widths. */
export const WIDTH_RULES = {
  lo,
  hi,
  zext,
  sext,
  pair,
  insert8: insert(0xff, 0, ["insert8"]),
  insert8high: insert(0xff00, 8, ["insert8high"]),
  insert16: insert(0xffff, 0, ["insert8", "insert8high", "insert16"]),
  mulwideu32: product(mulwideu32),
  mulwides32: product(mulwides32),
  mulo32: overflow,
  mulo64: overflow,
} satisfies Rules;
