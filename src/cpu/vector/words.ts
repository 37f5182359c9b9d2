/** How the functions of vector opcodes take and return their values. */

/** Where a v128 result goes: four 32-bit words, low one first. */
export type Words = Int32Array;

/** One result word from operand words. Pure; takes and returns signed 32-bit numbers. */
export type WordFunction = (...words: number[]) => number;

/**
 * The whole result from all words of the operands (four numbers a v128, one an i32), then the immediate. A v128 result
 * goes to `out` (and nothing is returned), an i32 is returned. Otherwise pure.
 */
export type WholeFunction = (out: Words, ...words: number[]) => number | void;
