/** Binary integer arithmetic: ADD, ADC, SUB, SBB, CMP, INC, DEC, NEG, ADCX, ADOX. SDM vol. 2. */
import type { IntType, Value } from "../../ir/types.ts";
import { OF } from "../../cpu/state.ts";
import type { Operand } from "../instruction.ts";
import type { Translator } from "../translator.ts";
import { compare } from "./compare.ts";
import { sameRegister } from "./same_register.ts";
import {
  adcFlags,
  addFlags,
  boolToSignCell,
  carryOut,
  decFlags,
  incFlags,
  resultFlags,
  sbbFlags,
  subFlags,
} from "../flags.ts";

/** ADD: dst ← dst + src. SDM vol. 2A, "ADD". */
export function ADD(t: Translator, dst: Operand, src: Operand): void {
  const x = t.readForUpdate(dst), y = t.read(src);
  const sum = t.ir.add(x, y);
  t.write(dst, sum); // may fault: before any flag is written
  t.setFlags(addFlags(t.ir, x, y, sum));
  t.setResult(sum);
}

/** ADC: dst ← dst + src + CF. SDM vol. 2A, "ADC". */
export function ADC(t: Translator, dst: Operand, src: Operand): void {
  const x = t.readForUpdate(dst), y = t.read(src);
  const sum = t.ir.add(t.ir.add(x, y), carryAs(t, x.type as IntType));
  t.write(dst, sum);
  t.setFlags(adcFlags(t.ir, x, y, sum));
  t.setResult(sum);
}

/** SUB: dst ← dst - src. SDM vol. 2B, "SUB". */
export function SUB(t: Translator, dst: Operand, src: Operand): void {
  const x = t.readForUpdate(dst), y = t.read(src);
  const difference = t.ir.sub(x, y);
  t.write(dst, difference);
  t.setFlags(subFlags(t.ir, x, y, difference));
  t.setCompare(x, y);
}

/** SBB: dst ← dst - (src + CF). SDM vol. 2B, "SBB". */
export function SBB(t: Translator, dst: Operand, src: Operand): void {
  if (sameRegister(dst, src)) return spreadCarry(t, dst);
  const x = t.readForUpdate(dst), y = t.read(src);
  const difference = t.ir.sub(t.ir.sub(x, y), carryAs(t, x.type as IntType));
  t.write(dst, difference);
  t.setFlags(sbbFlags(t.ir, x, y, difference));
  t.setResult(difference);
}

/** SBB of a register and itself, the idiom for all bits CF: the result does not depend on the register. */
function spreadCarry(t: Translator, dst: Operand): void {
  const { ir } = t, carry = t.carry();
  const result = ir.neg(ir.zext(carry, t.operandType));
  t.write(dst, result);
  t.setFlags({ ...resultFlags(ir, result), cf: carry, af: ir.low(result), of: ir.i32(0) });
  t.setResult(result);
}

/** CMP: flags of first - second. SDM vol. 2A, "CMP". */
export function CMP(t: Translator, first: Operand, second: Operand): void {
  const x = t.read(first), y = t.read(second);
  compare(t, x, y);
}

/** INC: dst ← dst + 1; CF stays. SDM vol. 2A, "INC". */
export function INC(t: Translator, dst: Operand): void {
  const x = t.readForUpdate(dst);
  const sum = t.ir.add(x, t.ir.const(x.type as IntType, 1));
  t.write(dst, sum);
  t.setFlags(incFlags(t.ir, x, sum));
  t.setResult(sum);
}

/** DEC: dst ← dst - 1; CF stays. SDM vol. 2A, "DEC". */
export function DEC(t: Translator, dst: Operand): void {
  const x = t.readForUpdate(dst);
  const difference = t.ir.sub(x, t.ir.const(x.type as IntType, 1));
  t.write(dst, difference);
  t.setFlags(decFlags(t.ir, x, difference));
  t.setResult(difference);
}

/** NEG: dst ← 0 - dst. SDM vol. 2B, "NEG". */
export function NEG(t: Translator, dst: Operand): void {
  const x = t.readForUpdate(dst);
  const zero = t.ir.const(x.type as IntType, 0);
  const result = t.ir.neg(x);
  t.write(dst, result);
  t.setFlags(subFlags(t.ir, zero, x, result));
  t.setCompare(zero, x);
}

/** ADCX: addition with CF alone. SDM vol. 2A, "ADCX". */
export function ADCX(t: Translator, dst: Operand, src: Operand): void {
  const { ir } = t;
  const x = t.read(dst), y = t.read(src);
  const sum = ir.add(ir.add(x, y), carryAs(t, x.type as IntType));
  t.write(dst, sum);
  t.setFlags({ cf: carryOut(ir, x, y, sum) });
}

/** ADOX: addition with OF as its carry. SDM vol. 2A, "ADOX". */
export function ADOX(t: Translator, dst: Operand, src: Operand): void {
  const { ir } = t;
  const x = t.read(dst), y = t.read(src);
  const carry = ir.shr(ir.get(OF, "i32"), ir.i32(31));
  const sum = ir.add(ir.add(x, y), ir.zext(carry, x.type as IntType));
  t.write(dst, sum);
  t.setFlags({ of: boolToSignCell(ir, carryOut(ir, x, y, sum)) });
}

function carryAs(t: Translator, type: IntType): Value {
  return t.ir.zext(t.carry(), type);
}
