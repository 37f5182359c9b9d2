/** Semantics of the MMX, SSE and x87 instructions. */
import { CONVERSIONS } from "./convert.ts";
import { FLOAT } from "./float.ts";
import { INTEGER } from "./integer.ts";
import { MOVES } from "./moves.ts";
import { SHUFFLES } from "./shuffles.ts";
import { STATE } from "./state.ts";
import { STRINGS } from "./strings.ts";
import { X87_SEMANTICS } from "./x87.ts";
import type { SemanticsTable } from "./access.ts";

/** Semantics by mnemonic. */
export const VECTOR_SEMANTICS: SemanticsTable = {
  ...MOVES,
  ...INTEGER,
  ...SHUFFLES,
  ...FLOAT,
  ...CONVERSIONS,
  ...STRINGS,
  ...STATE,
  ...X87_SEMANTICS,
};
