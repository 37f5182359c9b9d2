/** All semantics functions by mnemonic. A mnemonic without one raises #UD (listed in DEVIATIONS.md). */
import type { Mnemonic } from "../opcodes/mnemonics.ts";
import type { Operand } from "../instruction.ts";
import type { Translator } from "../translator.ts";
import * as arithmetic from "./arithmetic.ts";
import { VECTOR_SEMANTICS } from "./vector/mod.ts";

/** Builds the IR of one instruction. */
// Operands come in the row's order; a function names the ones it takes.
export type Semantics = (t: Translator, ...operands: Operand[]) => void;

/** Semantics by mnemonic. */
export const SEMANTICS: Partial<Record<Mnemonic, Semantics>> = { ...arithmetic, ...VECTOR_SEMANTICS };
