/** How the operations of a program lie in words. */

/** Words a value takes in the value file: enough for a v128. */
export const VALUE_WORDS = 4;

/** Words of an operation. */
export const OPERATION_WORDS = 8;
/** Fields of an operation, as offsets from its first word. Operands and results are word indices of the value file. */
export const Field = {
  /** What is to be done (operations.ts), EXITS, and the guest instruction above GUEST_SHIFT. */
  HEAD: 0,
  TO: 1,
  A: 2,
  B: 3,
  C: 4,
  IMM: 5,
  IMM2: 6,
  /** Of operations that call functions, in the place of IMM2: what they yield (`ResultKind`). */
  RESULT: 6,
  /** Where the operands' words are listed, one by one, their number first. */
  ARGS: 7,
} as const;

/** Bits of HEAD. */
export const OPERATION_MASK = 0x7fff, EXITS = 0x8000, GUEST_SHIFT = 16;

/** What a called function yields. */
export const ResultKind = { VOID: 0, I32: 1, I64: 2, V128: 3 } as const;
