/** Conversions in line: between the widths, from and to integers, and to integral numbers. */
import { guarded, never, operands, orOther, outside, pushNumber, rounding, type Row } from "./float_row.ts";
import { DOUBLE, SINGLE, type Width } from "./float_width.ts";
import { F64, I32, I64, W } from "./instructions.ts";

/** Bits of ROUNDSD's immediate beside the rounding: that MXCSR says that; that PE is not set. */
const ROUND_BY_MXCSR = 4, ROUND_QUIETLY = 8;
/** To an integral number. MXCSR says nearest in the modes where this stands. */
export const toIntegral = (width: Width): Row =>
  rounding((e, inst, slow, exactly) => {
    const { code } = e, { op, imm } = inst.args[1]!;
    if (op !== "const32") return slow();
    const x = e.operand(inst.args[0]!), rounded = e.scratch(width.type);
    pushNumber(e, width, x);
    code.op(width.roundings[(imm & ROUND_BY_MXCSR) !== 0 ? 0 : imm & 3]!);
    code.set(rounded);
    for (let n = 0; n < 2; n++) pushNumber(e, width, x);
    code.op(width.ne);
    if (exactly && (imm & ROUND_QUIETLY) === 0) orOther(e, width, rounded, x);
    guarded(e, width.bits, slow, () => {
      code.get(rounded);
      code.op(width.toBits);
    });
  });

type Nearest = "nearest" | "truncate";
/** To an integer. Bounds are those of what is converted. */
export const toInteger = (
  width: Width,
  how: Nearest,
  convert: number,
  type: number,
  low: number,
  high: number,
): Row =>
  rounding((e, inst, slow, exactly) => {
    const { code } = e;
    const [x] = operands(e, inst) as [number];
    const rounded = e.scratch(width.type), [nearest, , , truncate] = width.roundings;
    outside(
      e,
      width,
      () => {
        pushNumber(e, width, x);
        // The conversion truncates itself.
        if (how === "nearest") code.op(nearest!);
        else if (exactly) code.op(truncate!);
        code.tee(rounded);
      },
      low,
      high,
    );
    // A denormal operand sets nothing but PE in a conversion to an integer.
    if (exactly) orOther(e, width, rounded, x);
    guarded(e, type, slow, () => {
      code.get(rounded);
      code.op(convert);
    });
  });

/** From an integer, of which all up to `most` need no rounding. */
export const fromInteger = (width: Width, convert: number, type: number, most: number): Row =>
  rounding((e, inst, slow, exactly) => {
    const { code } = e;
    const [x] = operands(e, inst) as [number];
    const fast = (): void => {
      code.get(x);
      code.op(convert);
      code.op(width.toBits);
    };
    if (!exactly) return fast();
    const isLong = type === I64;
    const constant = (value: number): void => {
      if (isLong) code.i64(value | 0, Math.floor(value / 0x1_0000_0000));
      else code.i32(value);
    };
    code.get(x);
    constant(most);
    code.op(isLong ? W.i64_add : W.i32_add);
    constant(2 * most);
    code.op(isLong ? W.i64_gt_u : W.i32_gt_u);
    guarded(e, width.bits, slow, fast);
  });
export const always = (width: Width, convert: number): Row =>
  never((e, { args: [x] }) => {
    e.push(x!);
    e.code.op(convert);
    e.code.op(width.toBits);
  });

/** CVTSS2SD. */
export const WIDENING: Row = never((e, inst, slow) => {
  const { code } = e, value = e.scratch(F64);
  const [x] = operands(e, inst) as [number];
  SINGLE.denormal(e, x);
  pushNumber(e, SINGLE, x);
  code.op(W.f64_promote_f32);
  code.tee(value);
  code.op(W.f64_abs);
  code.f64(SINGLE.max);
  code.op(W.f64_le);
  code.op(W.i32_eqz);
  code.op(W.i32_or);
  guarded(e, I64, slow, () => {
    code.get(value);
    code.op(W.i64_reinterpret_f64);
  });
});

/** CVTSD2SS. */
export const NARROWING: Row = rounding((e, inst, slow, exactly) => {
  const { code } = e, value = e.scratch(F64);
  const [x] = operands(e, inst) as [number];
  outside(
    e,
    DOUBLE,
    () => {
      pushNumber(e, DOUBLE, x);
      code.tee(value);
      code.op(W.f64_abs);
    },
    SINGLE.safe,
    SINGLE.max,
  );
  if (exactly) {
    code.get(value);
    code.op(W.f32_demote_f64);
    code.op(W.f64_promote_f32);
    code.get(value);
    code.op(W.f64_ne);
    code.op(W.i32_or);
  }
  guarded(e, I32, slow, () => {
    code.get(value);
    code.op(W.f32_demote_f64);
    code.op(W.i32_reinterpret_f32);
  });
});
