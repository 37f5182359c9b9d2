/** Decimal arithmetic: DAA, DAS, AAA, AAS, AAM, AAD. Not in 64-bit mode. SDM vol. 2. */
import { Vector } from "../../cpu/fault.ts";
import { Gpr } from "../../cpu/state.ts";
import type { Operand } from "../instruction.ts";
import type { Translator } from "../translator.ts";
import { addFlags, logicFlags } from "../flags.ts";

/** DAA. */
export function DAA(t: Translator): void {
  t.call("decimal_adjust", t.ir.i32(0));
}
/** DAS. */
export function DAS(t: Translator): void {
  t.call("decimal_adjust", t.ir.i32(1));
}
/** AAA. */
export function AAA(t: Translator): void {
  t.call("decimal_adjust", t.ir.i32(2));
}
/** AAS. */
export function AAS(t: Translator): void {
  t.call("decimal_adjust", t.ir.i32(3));
}

/** AAM: AH ← AL / base, AL ← AL mod base; #DE for base 0. */
export function AAM(t: Translator, base: Operand): void {
  if (base.kind !== "imm") throw new TypeError("AAM takes an immediate");
  if (base.lo === 0) return t.fault(Vector.DE);
  const { ir } = t, al = ir.low(t.readGpr(Gpr.RAX, 1)), divisor = ir.i32(base.lo);
  const quotient = t.call("divide_64", al, ir.i32(0), divisor);
  const remainder = ir.sub(al, ir.mul(quotient, divisor));
  t.writeGpr(Gpr.RAX, ir.zext(ir.or(remainder, ir.shl(quotient, ir.i32(8))), "i16"));
  t.setFlags(logicFlags(ir, ir.zext(remainder, "i8")));
}

/** AAD: AL ← AL + AH * base, AH ← 0. */
export function AAD(t: Translator, base: Operand): void {
  if (base.kind !== "imm") throw new TypeError("AAD takes an immediate");
  const { ir } = t, ax = ir.low(t.readGpr(Gpr.RAX, 2));
  const tens = ir.trunc(ir.mul(ir.shr(ax, ir.i32(8)), ir.i32(base.lo)), "i8");
  const ones = ir.trunc(ax, "i8"), al = ir.add(ones, tens);
  t.writeGpr(Gpr.RAX, ir.zext(al, "i16"));
  // CF, AF and OF are undefined: current processors leave those of the addition.
  t.setFlags(addFlags(ir, ones, tens, al));
}
