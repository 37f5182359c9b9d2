/** Operations that often follow each other become one: the interpreter's loops then go once through what they do for each. */
import { Do } from "./operations.ts";
import { Field, OPERATION_MASK, OPERATION_WORDS } from "./words.ts";

/** V8 knows the values of a module's own constants, and reads imported ones, and what objects have, each time. */
const { HEAD, TO, A, B, C, IMM, IMM2, ARGS } = Field;
const WORDS = OPERATION_WORDS, MASK = OPERATION_MASK;
const SET32 = Do.SET32,
  SET32_TWICE = Do.SET32_TWICE,
  SET32_THRICE = Do.SET32_THRICE,
  SET32_SIX = Do.SET32_SIX;
const XOR32 = Do.XOR32,
  XOR32_TWICE = Do.XOR32_TWICE,
  GET64 = Do.GET64,
  ADD64 = Do.ADD64,
  GET64_ADD64 = Do.GET64_ADD64;
const SET64 = Do.SET64,
  SET64_GET64 = Do.SET64_GET64,
  ZEXT = Do.ZEXT,
  ZEXT_SET64 = Do.ZEXT_SET64,
  ADD64_SET64 = Do.ADD64_SET64;

/**
 * Makes the operation at `at` part of the one before it, if they often follow each other and neither can leave the block.
 * Returns where the next operation belongs.
 */
export function join(words: Int32Array, at: number): number {
  const before = at - WORDS;
  if (before < 0) return at + WORDS;
  const done = words[at + HEAD]! & MASK, to = words[at + TO]!, a = words[at + A]!, b = words[at + B]!;
  const cell = words[at + IMM]!;
  switch (words[before + HEAD]! & MASK) {
    case SET32:
      if (done !== SET32) break;
      words[before + HEAD]! += SET32_TWICE - SET32;
      words[before + B] = a;
      words[before + IMM2] = cell;
      return at;
    case SET32_TWICE:
      if (done !== SET32) break;
      words[before + HEAD]! += SET32_THRICE - SET32_TWICE;
      words[before + C] = a;
      words[before + TO] = cell;
      return joinSix(words, before);
    case XOR32:
      if (done !== XOR32) break;
      words[before + HEAD]! += XOR32_TWICE - XOR32;
      words[before + C] = to;
      words[before + IMM] = a;
      words[before + IMM2] = b;
      return at;
    case GET64:
      if (done !== ADD64) break;
      words[before + HEAD]! += GET64_ADD64 - GET64;
      words[before + C] = words[before + TO]!;
      words[before + TO] = to;
      words[before + A] = a;
      words[before + B] = b;
      return at;
    case SET64:
      if (done !== GET64) break;
      words[before + HEAD]! += SET64_GET64 - SET64;
      words[before + TO] = to;
      words[before + IMM2] = cell;
      return at;
    case ZEXT:
      if (done !== SET64) break;
      words[before + HEAD]! += ZEXT_SET64 - ZEXT;
      words[before + B] = a;
      words[before + IMM] = cell;
      return at;
    case ADD64:
      if (done !== SET64) break;
      words[before + HEAD]! += ADD64_SET64 - ADD64;
      words[before + C] = a;
      words[before + IMM] = cell;
      return at;
  }
  return at + WORDS;
}

/** Joins three sets with three before them, if the cells lie in a row, as those of the status flags do. */
function joinSix(words: Int32Array, at: number): number {
  const before = at - WORDS;
  if (before < 0 || (words[before + HEAD]! & MASK) !== SET32_THRICE) return at + WORDS;
  const cell = words[before + IMM]!;
  const inRow = words[before + IMM2] === cell + 4 && words[before + TO] === cell + 8 &&
    words[at + IMM] === cell + 12 && words[at + IMM2] === cell + 16 && words[at + TO] === cell + 20;
  if (!inRow) return at + WORDS;
  words[before + HEAD]! += SET32_SIX - SET32_THRICE;
  words[before + TO] = words[at + A]!;
  words[before + IMM2] = words[at + B]!;
  words[before + ARGS] = words[at + C]!;
  return at;
}
