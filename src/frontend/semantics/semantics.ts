/** What a semantics function is. */
import type { Operand } from "../instruction.ts";
import type { Translator } from "../translator.ts";

/**
 * Builds the IR of one instruction. Operands come in the row's order; a function names the ones it takes.
 * Order inside: read, compute, the write that may fault, then flags and other registers.
 */
export type Semantics = (t: Translator, ...operands: Operand[]) => void;
