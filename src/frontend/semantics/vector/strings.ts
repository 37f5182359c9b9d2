/** SSE4.2 string comparison. SDM vol. 2B, section 4.1 "Imm8 control byte operation". */
import type { Value } from "../../../ir/types.ts";
import { Gpr } from "../../../cpu/state.ts";
import type { Translator } from "../../translator.ts";
import type { Semantics } from "../semantics.ts";
import { immediate, readVector, type SemanticsTable, vector } from "./access.ts";

/** Bits of the value of `vstringcompare` above IntRes2. */
const SECOND_ENDED = 0x1_0000, FIRST_ENDED = 0x2_0000;
/** Bit 6 of the immediate: the last index instead of the first (xxxI), or whole elements instead of bits (xxxM). */
const MOST_OR_MASK = 0x40;

/** Length in elements from RAX or RDX: its absolute value, at most a vector; REX.W says how much of the register counts. */
function explicitLength(t: Translator, reg: number): Value {
  const { ir } = t;
  const value = t.readGpr(reg, t.instruction.operandSize === 8 ? 8 : 4);
  const zero = ir.const(value.type as "i32" | "i64", 0), limit = ir.const(value.type as "i32" | "i64", 16);
  const size = ir.select(ir.lts(value, zero), ir.neg(value), value);
  return ir.low(ir.select(ir.ltu(size, limit), size, limit));
}

/** Compares, and yields the index or the mask. */
function compare(explicit: boolean, result: "index" | "mask"): Semantics {
  return (t, first, second, imm) => {
    const { ir } = t;
    const control = immediate(imm);
    const y = readVector(t, second), x = readVector(t, first);
    const lengths = explicit
      ? [explicitLength(t, Gpr.RAX), explicitLength(t, Gpr.RDX)]
      : [ir.i32(-1), ir.i32(-1)];
    const compared = ir.emit("vstringcompare", "i32", [x, y, ...lengths], control & 0x3f);
    const bits = ir.and(compared, ir.i32(0xffff));
    if (result === "index") t.writeGpr(Gpr.RCX, index(t, bits, control));
    else t.writeXmm(0, mask(t, bits, control));
    setFlags(t, compared, bits);
  };
}

/** Index of the first or last bit set, or the number of elements. */
function index(t: Translator, bits: Value, control: number): Value {
  const { ir } = t;
  const count = (control & 1) === 0 ? 16 : 8;
  if ((control & MOST_OR_MASK) === 0) {
    return ir.emit("ctz32", "i32", [ir.or(bits, ir.i32(1 << count))]);
  }
  const last = ir.sub(ir.i32(31), ir.emit("clz32", "i32", [bits]));
  return ir.select(bits, last, ir.i32(count));
}
function mask(t: Translator, bits: Value, control: number): Value {
  if ((control & MOST_OR_MASK) === 0) {
    return t.ir.emit("vpair", "v128", [t.ir.zext(bits, "i64"), t.ir.const("i64", 0)]);
  }
  return vector(t, (control & 1) === 0 ? "vspread8" : "vspread16", [bits]);
}
function setFlags(t: Translator, compared: Value, bits: Value): void {
  const { ir } = t;
  const zero = ir.i32(0);
  t.setFlags({
    cf: ir.ne(bits, zero),
    zf: ir.xor(ir.and(compared, ir.i32(SECOND_ENDED)), ir.i32(SECOND_ENDED)),
    sf: ir.shl(ir.and(compared, ir.i32(FIRST_ENDED)), ir.i32(14)),
    of: ir.shl(bits, ir.i32(31)),
    af: zero,
    pf: ir.i32(1),
  });
}

/** String comparisons. */
export const STRINGS: SemanticsTable = {
  PCMPESTRI: compare(true, "index"),
  PCMPESTRM: compare(true, "mask"),
  PCMPISTRI: compare(false, "index"),
  PCMPISTRM: compare(false, "mask"),
};
