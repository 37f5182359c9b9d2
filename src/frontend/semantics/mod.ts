/** All semantics functions by mnemonic. A mnemonic without one raises #UD (listed in DEVIATIONS.md). */
import type { Mnemonic } from "../opcodes/mnemonics.ts";
import { INTEGER } from "./integer.ts";
import type { Semantics } from "./semantics.ts";
import { VECTOR_SEMANTICS } from "./vector/mod.ts";

export type { Semantics };

/** Semantics by mnemonic. */
export const SEMANTICS: Partial<Record<Mnemonic, Semantics>> = { ...INTEGER, ...VECTOR_SEMANTICS };
