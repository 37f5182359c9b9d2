/** Addition to square root in line, and whether their results may have been rounded. */
import type { Emitter } from "./emitter.ts";
import { accepting, guarded, operands, outside, pushNumber, rounding, type Row } from "./float_row.ts";
import type { Width } from "./float_width.ts";
import { W } from "./instructions.ts";

type Operation = "add" | "sub" | "mul" | "div";
export const arithmetic = (width: Width, operation: Operation): Row =>
  rounding((e, inst, slow, exactly) => {
    const { code } = e;
    const [x, y] = operands(e, inst) as [number, number];
    const value = e.scratch(width.type), result = e.scratch(width.bits);
    accepting(e, slow, width, [x, y], width.type, (rejected, accept) => {
      for (const local of [x, y]) pushNumber(e, width, local);
      code.op(width[operation]);
      code.tee(value);
      code.op(width.toBits);
      code.set(result);
      if (exactly) {
        ROUNDED[operation](e, width, x, y, value, result);
        code.brIfRarely(rejected);
      }
      code.get(value);
      if (operation === "add" || operation === "sub") {
        return accept(() => width.between(e, result, 0, Infinity));
      }
      accept(() => width.between(e, result, width.safe, Infinity));
      // A small result is exact only where an operand is 0.
      width.between(e, result, 0, Infinity);
      code.op(W.i32_eqz);
      code.brIf(rejected);
      code.get(value);
      accept(() => {
        for (const local of [x, y]) width.zero(e, local);
        code.op(W.i32_or);
      });
    });
    // What uses it as a number finds it as one: the host takes the conversions there and back away.
    code.op(width.toBits);
  });

/** Leaves whether a result, in locals as a number and as bits, may have been rounded; floating-point.md, "Exactness without flags". */
type Rounded = (e: Emitter, width: Width, x: number, y: number, value: number, bits: number) => void;

/** TwoSum: what the result lacks is itself a number. */
const sumRounded = (operation: "add" | "sub"): Rounded => (e, width, x, y, result) => {
  const { code } = e, other = e.scratch(width.type);
  pushNumber(e, width, x);
  code.get(result);
  code.get(result);
  pushNumber(e, width, x);
  code.op(width.sub);
  code.tee(other);
  code.op(width.sub);
  code.op(width.sub);
  pushNumber(e, width, y);
  code.get(other);
  code.op(operation === "add" ? width.sub : width.add);
  code.op(width[operation]);
  width.constant(e, 0);
  code.op(width.ne);
};

/** Leaves whether two significands have too many digits for their product, or if only just not; never of a product that is 0. */
function productRounded(e: Emitter, width: Width, x: number, y: number, product: number): void {
  const { code } = e;
  for (const local of [x, y]) width.trailingZeros(e, local);
  code.op(W.i32_add);
  code.i32(width.precision);
  code.op(W.i32_lt_u);
  code.get(product);
  width.constant(e, 0);
  code.op(width.ne);
  code.op(W.i32_and);
}

const ROUNDED: Readonly<Record<Operation, Rounded>> = {
  add: sumRounded("add"),
  sub: sumRounded("sub"),
  mul: productRounded,
  div: (e, width, x, y, quotient, bits) => {
    const { code } = e;
    productRounded(e, width, bits, y, quotient);
    code.get(quotient);
    pushNumber(e, width, y);
    code.op(width.mul);
    pushNumber(e, width, x);
    code.op(width.ne);
    code.op(W.i32_or);
  },
};

export const root = (width: Width): Row =>
  rounding((e, inst, slow, exactly) => {
    const { code } = e;
    const [x] = operands(e, inst) as [number];
    const result = e.scratch(width.type);
    outside(e, width, () => pushNumber(e, width, x), width.maxDenormal, Infinity);
    pushNumber(e, width, x);
    code.op(width.sqrt);
    code.set(result);
    if (exactly) {
      const bits = e.scratch(width.bits);
      code.get(result);
      code.op(width.toBits);
      code.set(bits);
      productRounded(e, width, bits, bits, result);
      code.op(W.i32_or);
      code.get(result);
      code.get(result);
      code.op(width.mul);
      pushNumber(e, width, x);
      code.op(width.ne);
      code.op(W.i32_or);
    }
    guarded(e, width.bits, slow, () => {
      code.get(result);
      code.op(width.toBits);
    });
  });
