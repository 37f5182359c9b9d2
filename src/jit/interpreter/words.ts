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

/** Kinds of ends. They are in the place of HEAD: what is to be done (operations.ts) has other numbers. */
export const EndKind = { JUMP: 0, BRANCH: 1, INDIRECT: 2, REDISPATCH: 3, VMFUNC: 4, EVENT: 5 } as const;

/** Words of the end of a program, which lies behind its operations: so it comes into the host's cache with them. */
export const END_WORDS = 7;
/** Fields of an end, as offsets from its first word. */
export const EndField = {
  KIND: 0,
  /** The condition or the target: a word index of the value file. Of events: which. */
  VALUE: 1,
  EVENT: 1,
  /** Where it goes on, in halves: of a branch, where the condition is 0; then where it is not. Of calls, where they return. */
  LO: 2,
  HI: 3,
  TAKEN_LO: 4,
  TAKEN_HI: 5,
  /** How many of these two are given; not of events. */
  KNOWN: 6,
  /** Of events; UNDO: instructions that have not been executed. */
  VECTOR: 4,
  ERROR: 5,
  UNDO: 6,
} as const;

/** What a called function yields. */
export const ResultKind = { VOID: 0, I32: 1, I64: 2, V128: 3 } as const;
