/** Comparisons, minimum and maximum in line: never of a NaN, nor of a denormal, which sets a flag. */
import type { Emitter } from "./emitter.ts";
import { accepting, never, operands, pushNumber, type Row } from "./float_row.ts";
import type { Width } from "./float_width.ts";
import { I32, W } from "./instructions.ts";

/** A comparison: what `fast` leaves if no operand is a denormal or a NaN, given locals of the numbers, and of whether x < y. */
function ordered(
  e: Emitter,
  [x, y]: readonly [number, number],
  slow: () => void,
  width: Width,
  type: number,
  fast: (x: number, y: number, isLess: number) => void,
): void {
  const { code } = e;
  const isLess = e.scratch(I32), numbers = [e.scratch(width.type), e.scratch(width.type)] as const;
  accepting(e, slow, width, [x, y], type, (_, accept) => {
    for (const [n, local] of [x, y].entries()) {
      pushNumber(e, width, local);
      code.set(numbers[n]!);
    }
    compare(e, width.lt, ...numbers);
    code.set(isLess);
    fast(...numbers, isLess);
    accept(() => {
      code.get(isLess);
      compare(e, width.ge, ...numbers);
      code.op(W.i32_or);
    });
  });
}
function compare({ code }: Emitter, comparison: number, x: number, y: number): void {
  code.get(x);
  code.get(y);
  code.op(comparison);
}

export const order = (width: Width): Row =>
  never((e, inst, slow) => {
    const { code } = e, [first, second] = operands(e, inst) as [number, number];
    ordered(e, [first, second], slow, width, I32, (x, y, isLess) => {
      // Equal: at least, but not greater.
      compare(e, width.ge, x, y);
      compare(e, width.gt, x, y);
      code.op(W.i32_xor);
      code.i32(6);
      code.op(W.i32_shl);
      code.get(isLess);
      code.op(W.i32_or);
    });
  });
export const choose = (width: Width, comparison: "lt" | "gt"): Row =>
  never((e, inst, slow) => {
    const { code } = e, [first, second] = operands(e, inst) as [number, number];
    ordered(e, [first, second], slow, width, width.bits, (x, y, isLess) => {
      code.get(first);
      code.get(second);
      if (comparison === "lt") code.get(isLess);
      else compare(e, width.gt, x, y);
      code.op(W.select);
    });
  });
/** CMPSD, CMPSS. Bits of a predicate: which relation, and that it shall not hold. */
export const holds = (width: Width): Row =>
  never((e, inst, slow) => {
    const { code } = e, predicate = inst.args[2]!;
    if (predicate.op !== "const32") return slow();
    const [first, second] = inst.args.slice(0, 2).map((value) => e.operand(value)) as [number, number];
    const relation = [width.eq, width.lt, width.le][predicate.imm & 3];
    ordered(e, [first, second], slow, width, I32, (x, y) => {
      code.i32(0);
      // Numbers are not unordered.
      if (relation === undefined) code.i32(0);
      else compare(e, relation, x, y);
      if ((predicate.imm & 4) !== 0) code.op(W.i32_eqz);
      code.op(W.i32_sub);
    });
  });
