/**
 * Where the interpreter's values and programs lie in the linear memory, for its loop in WebAssembly. There is one such
 * interpreter for a memory.
 */
import { INTERPRETER_BYTES, interpreterSpace } from "../../memory/physical.ts";
import { CONSTANTS_WORDS } from "./constants.ts";
import { VALUE_WORDS } from "./words.ts";

/** Values that the value file holds: far more than a block of the longest kind has (frontend/translate.ts). */
export const MAX_VALUES = 0x4000;
/** Words of the value file: values, then constants. */
export const VALUE_FILE_WORDS: number = MAX_VALUES * VALUE_WORDS + CONSTANTS_WORDS;
/** Byte offset of the value file. */
export const VALUE_FILE: number = interpreterSpace;

/** Words of a page of programs: those of some fifty blocks. */
export const PROGRAM_PAGE_WORDS = 0x4000;
/** Word index of the first page. */
export const FIRST_PROGRAM_WORD: number = VALUE_FILE / 4 + VALUE_FILE_WORDS;
export const PROGRAM_PAGES: number = Math.floor(
  (INTERPRETER_BYTES / 4 - VALUE_FILE_WORDS) / PROGRAM_PAGE_WORDS,
);
