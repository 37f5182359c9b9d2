/** Rules for 128-bit values: lanes taken from what was put together, and logic with itself. */
import type { Inst } from "../types.ts";
import type { Rule, Rules } from "./folder.ts";

const vextract32: Rule = (fold, inst) => {
  const x = inst.args[0]!, lane = inst.imm;
  switch (x.op) {
    case "vconst":
      return fold.i32(x.imm);
    case "vinsert32":
      return x.imm === lane ? x.args[1] : fold.make("vextract32", "i32", [x.args[0]!], lane);
    case "vinsert64":
      if (x.imm !== lane >> 1) return fold.make("vextract32", "i32", [x.args[0]!], lane);
      return fold.make((lane & 1) === 0 ? "lo" : "hi", "i32", [x.args[1]!]);
    case "vpair":
      return fold.make((lane & 1) === 0 ? "lo" : "hi", "i32", [x.args[lane >> 1]!]);
    default:
      return undefined;
  }
};

const vextract64: Rule = (fold, inst) => {
  const x = inst.args[0]!, lane = inst.imm;
  switch (x.op) {
    case "vconst":
      return fold.i64(x.imm, x.imm);
    case "vinsert32":
      return x.imm >> 1 === lane ? undefined : fold.make("vextract64", "i64", [x.args[0]!], lane);
    case "vinsert64":
      return x.imm === lane ? x.args[1] : fold.make("vextract64", "i64", [x.args[0]!], lane);
    case "vpair":
      return x.args[lane];
    default:
      return undefined;
  }
};

const vinsert32: Rule = (fold, inst) => {
  const x = inst.args[0]!, part = inst.args[1]!;
  if (part.op === "vextract32" && part.imm === inst.imm && part.args[0] === x) return x;
  if (x.op === "vinsert32" && x.imm === inst.imm) {
    return fold.make("vinsert32", "v128", [x.args[0]!, part], inst.imm);
  }
  return undefined;
};

const vinsert64: Rule = (fold, inst) => {
  const x = inst.args[0]!, part = inst.args[1]!;
  if (part.op === "vextract64" && part.imm === inst.imm && part.args[0] === x) return x;
  if ((x.op === "vinsert64" && x.imm === inst.imm) || (x.op === "vinsert32" && x.imm >> 1 === inst.imm)) {
    return fold.make("vinsert64", "v128", [x.args[0]!, part], inst.imm);
  }
  return undefined;
};

const vpair: Rule = (_, { args }) => {
  const low = args[0]!, high = args[1]!;
  const whole = low.op === "vextract64" && low.imm === 0 ? low.args[0] : undefined;
  return high.op === "vextract64" && high.imm === 1 && high.args[0] === whole ? whole : undefined;
};

const zero = (x: Inst): boolean => x.op === "vconst" && x.imm === 0;

/** A bitwise operation: what it comes to for equal operands and for an operand that is 0. */
function bitwise(equal: "same" | "zero", withZero: "other" | "zero"): Rule {
  return (fold, { args }) => {
    const x = args[0]!, y = args[1]!;
    if (x === y) return equal === "same" ? x : fold.make("vconst", "v128", []);
    if (zero(x)) return withZero === "other" ? y : x;
    if (zero(y)) return withZero === "other" ? x : y;
    return undefined;
  };
}

/** ~x & y. */
const vandn: Rule = (fold, { args }) => {
  const x = args[0]!, y = args[1]!;
  if (x === y) return fold.make("vconst", "v128", []);
  return zero(x) || zero(y) ? y : undefined;
};

/** Rules for 128-bit values. */
export const VECTOR_RULES = {
  vextract32,
  vextract64,
  vinsert32,
  vinsert64,
  vpair,
  vand: bitwise("same", "zero"),
  vor: bitwise("same", "other"),
  vxor: bitwise("zero", "other"),
  vandn,
} satisfies Rules;
