/** What floating-point operations in line have in common: the host's operation, and a condition for the function instead. */
import type { Inst } from "../../ir/types.ts";
import type { Emitter } from "./emitter.ts";
import type { Label } from "./encoder.ts";
import type { Width } from "./float_width.ts";
import { VOID, W } from "./instructions.ts";

/** Leaves the result. */
export interface Row {
  /** Whether its result may have to be rounded. */
  readonly rounds: boolean;
  /** `slow` writes the call of the function; `exactly`: a result that is rounded comes from there too. */
  write(e: Emitter, inst: Inst, slow: () => void, exactly: boolean): void;
}
type Write = Row["write"];
export const rounding = (write: Write): Row => ({ rounds: true, write });
export const never = (write: Write): Row => ({ rounds: false, write });

/** With the condition for the function on the stack: that, or what `fast` leaves. */
export function guarded({ code }: Emitter, type: number, slow: () => void, fast: () => void): void {
  code.openHinted(type, 0);
  slow();
  code.else();
  fast();
  code.end();
}

/** Makes sure that operands are in locals, so that both paths can mention them. */
export const operands = (e: Emitter, { args }: Inst): number[] => args.map((value) => e.operand(value));

/** Leaves the number whose bits a local has. */
export function pushNumber({ code }: Emitter, width: Width, local: number): void {
  code.get(local);
  code.op(width.reinterpret);
}

/**
 * Leaves what `fast` has left when it accepts it, on a condition; else what the function leaves. So it is where an operand is
 * a denormal.
 */
export function accepting(
  e: Emitter,
  slow: () => void,
  width: Width,
  locals: readonly number[],
  type: number,
  fast: (rejected: Label, accept: (condition: () => void) => void) => void,
): void {
  const { code } = e;
  const done = code.open(W.block, type), rejected = code.open(W.block, VOID);
  for (const local of locals) {
    width.denormal(e, local);
    code.brIfRarely(rejected);
  }
  fast(rejected, (condition) => {
    condition();
    code.brIfMostly(done);
    code.op(W.drop);
  });
  code.end();
  slow();
  if (type === width.type) code.op(width.reinterpret);
  code.end();
}

/** Leaves whether a number is not between two bounds (exclusive), as a NaN is not. */
export function outside(e: Emitter, width: Width, push: () => void, low: number, high: number): void {
  const { code } = e;
  const value = e.scratch(width.type);
  push();
  code.tee(value);
  width.constant(e, low);
  code.op(width.gt);
  code.get(value);
  width.constant(e, high);
  code.op(width.lt);
  code.op(W.i32_and);
  code.op(W.i32_eqz);
}

/** With a condition on the stack: adds that a number in a local is another than that whose bits another local has. */
export function orOther(e: Emitter, width: Width, number: number, bits: number): void {
  e.code.get(number);
  pushNumber(e, width, bits);
  e.code.op(width.ne);
  e.code.op(W.i32_or);
}
