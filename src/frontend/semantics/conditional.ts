/** Jcc, SETcc and CMOVcc: one definition each, the condition is the instruction's. SDM vol. 2; conditions: vol. 1, appendix B. */
import type { Operand } from "../instruction.ts";
import type { Mnemonic } from "../opcodes/mnemonics.ts";
import type { Translator } from "../translator.ts";
import type { Semantics } from "./semantics.ts";
import { branch } from "./branch.ts";

/** Jcc: branches if the condition holds. */
function jump(t: Translator, target: Operand): void {
  branch(t, t.condition(t.instruction.condition), target);
}

/** SETcc: a byte, 0 or 1. */
function set(t: Translator, dst: Operand): void {
  t.write(dst, t.ir.zext(t.condition(t.instruction.condition), "i8"));
}

/** CMOVcc: memory is read, and a 32-bit destination zero-extended, whether the condition holds or not. */
function move(t: Translator, dst: Operand, src: Operand): void {
  const value = t.read(src);
  t.write(dst, t.ir.select(t.condition(t.instruction.condition), value, t.read(dst)));
}

// deno-fmt-ignore
const CONDITIONS = [
  "O", "NO", "B", "AE", "E", "NE", "BE", "A", "S", "NS", "P", "NP", "L", "GE", "LE", "G",
] as const;
type Condition = (typeof CONDITIONS)[number];

function forAll<P extends "J" | "SET" | "CMOV">(
  prefix: P,
  semantics: Semantics,
): Record<`${P}${Condition}` & Mnemonic, Semantics> {
  const entries = CONDITIONS.map((condition) => [prefix + condition, semantics] as const);
  return Object.fromEntries(entries) as Record<`${P}${Condition}` & Mnemonic, Semantics>;
}

/** The conditional instructions by mnemonic. */
export const CONDITIONAL: Partial<Record<Mnemonic, Semantics>> = {
  ...forAll("J", jump),
  ...forAll("SET", set),
  ...forAll("CMOV", move),
};
