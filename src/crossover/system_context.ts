/**
 * The system context of a world: what it needs to take exceptions and system calls of its own. 128 bytes in memory: one
 * quadword for each field of `SystemContext` in its order, then zeros. docs/crossover.md, "The system context".
 */
import { SYSTEM_CONTEXT_FIELDS, SYSTEM_CONTEXT_WORDS } from "../cpu/system/system_context_words.ts";
import { isCanonical } from "./canonical.ts";

/** Bytes that it takes in memory, and what its address is a multiple of. */
export const SYSTEM_CONTEXT_BYTES = 128, SYSTEM_CONTEXT_ALIGNMENT = 16;

/** A busy 64-bit TSS, present: what VM exits load into TR as well. SDM vol. 3C, section 28.5.2. */
const BUSY_TSS = 0x8b;
const TABLE_INDICATOR = 4n;

type Check = (typeof SYSTEM_CONTEXT_FIELDS)[number]["check"];

/** A system context as the cache holds it: a value for each of SYSTEM_CONTEXT_WORDS. Loading it cannot fail. */
export type SystemContext = readonly number[];

/** Takes a system context from the 128 bytes at `offset`; undefined if it is malformed. */
export function parseSystemContext(view: DataView, offset: number): SystemContext | undefined {
  const words: number[] = [BUSY_TSS];
  for (let at = 0; at < SYSTEM_CONTEXT_BYTES; at += 8) {
    const value = view.getBigUint64(offset + at, true), field = SYSTEM_CONTEXT_FIELDS[at / 8];
    if (field === undefined) {
      if (value !== 0n) return undefined;
      continue;
    }
    if (!accepts(field.check, value)) return undefined;
    words.push(view.getInt32(offset + at, true));
    if (field.wide) words.push(view.getInt32(offset + at + 4, true));
  }
  return words;
}

/** Makes it the processor's. */
export function loadSystemContext(m: Int32Array, context: SystemContext): void {
  for (const [n, word] of SYSTEM_CONTEXT_WORDS.entries()) m[word] = context[n]!;
}

function accepts(check: Check, value: bigint): boolean {
  switch (check) {
    case "canonical":
      return isCanonical(value);
    case "16 bits":
      return value >> 16n === 0n;
    case "32 bits":
      return value >> 32n === 0n;
    case "TR selector":
      return value !== 0n && value >> 16n === 0n && (value & TABLE_INDICATOR) === 0n;
    case "any":
      return true;
  }
}
