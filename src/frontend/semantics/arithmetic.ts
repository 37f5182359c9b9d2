/** Binary integer arithmetic: ADD, SUB, CMP. SDM vol. 2. */
import type { Operand } from "../instruction.ts";
import type { Translator } from "../translator.ts";
import { addFlags, subFlags } from "../flags.ts";

/** ADD: dst ← dst + src. SDM vol. 2A, "ADD". */
export function ADD(t: Translator, dst: Operand, src: Operand): void {
  const x = t.read(dst), y = t.read(src);
  const sum = t.ir.add(x, y);
  t.write(dst, sum); // may fault: before any flag is written
  t.setFlags(addFlags(t.ir, x, y, sum));
}

/** SUB: dst ← dst - src. SDM vol. 2B, "SUB". */
export function SUB(t: Translator, dst: Operand, src: Operand): void {
  const x = t.read(dst), y = t.read(src);
  const difference = t.ir.sub(x, y);
  t.write(dst, difference);
  t.setFlags(subFlags(t.ir, x, y, difference));
  t.setCompare(x, y);
}

/** CMP: flags of first - second. SDM vol. 2A, "CMP". */
export function CMP(t: Translator, first: Operand, second: Operand): void {
  const x = t.read(first), y = t.read(second);
  t.setFlags(subFlags(t.ir, x, y, t.ir.sub(x, y)));
  t.setCompare(x, y);
}
