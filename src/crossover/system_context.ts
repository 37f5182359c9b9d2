/**
 * The system context of a world: what it needs to take exceptions and system calls of its own. 128 bytes in memory: one
 * quadword for each field of `SystemContext` in its order, then zeros. docs/crossover.md, "The system context".
 */
import {
  GDTR_BASE,
  GDTR_LIMIT,
  IDTR_BASE,
  IDTR_LIMIT,
  MSR_FMASK,
  MSR_KERNEL_GS_BASE,
  MSR_LSTAR,
  MSR_STAR,
  SEG_ATTRIBUTES,
  SEG_BASE,
  SEG_LIMIT,
  SEG_SELECTOR,
  Segment,
  segmentBase,
  TR,
} from "../cpu/state.ts";
import { isCanonical } from "./canonical.ts";

/** Bytes that it takes in memory, and what its address is a multiple of. */
export const SYSTEM_CONTEXT_BYTES = 128, SYSTEM_CONTEXT_ALIGNMENT = 16;

/** A busy 64-bit TSS, present: what VM exits load into TR as well. SDM vol. 3C, section 28.5.2. */
const BUSY_TSS = 0x8b;
const TABLE_INDICATOR = 4n;

type Check = "canonical" | "16 bits" | "32 bits" | "TR selector" | "any";

/** A field: where its low half goes, where its upper half goes (if it has one), and what it may be. */
interface Row {
  readonly cell: number;
  readonly wide: boolean;
  readonly check: Check;
}

// deno-fmt-ignore
/** Fields in their order, one quadword each. */
const FIELDS: readonly Row[] = [
  { cell: GDTR_BASE,               wide: true,  check: "canonical" },
  { cell: GDTR_LIMIT,              wide: false, check: "16 bits" },
  { cell: IDTR_BASE,               wide: true,  check: "canonical" },
  { cell: IDTR_LIMIT,              wide: false, check: "16 bits" },
  { cell: TR + SEG_SELECTOR,       wide: false, check: "TR selector" },
  { cell: TR + SEG_BASE,           wide: true,  check: "canonical" },
  { cell: TR + SEG_LIMIT,          wide: false, check: "32 bits" },
  { cell: segmentBase(Segment.FS), wide: true,  check: "canonical" },
  { cell: segmentBase(Segment.GS), wide: true,  check: "canonical" },
  { cell: MSR_KERNEL_GS_BASE,      wide: true,  check: "canonical" },
  { cell: MSR_LSTAR,               wide: true,  check: "canonical" },
  { cell: MSR_STAR,                wide: true,  check: "any" },
  { cell: MSR_FMASK,               wide: true,  check: "32 bits" },
];

/** A system context as the cache holds it: words for state cells. Loading it cannot fail. */
export type SystemContext = readonly (readonly [word: number, value: number])[];

/** Takes a system context from the 128 bytes at `offset`; undefined if it is malformed. */
export function parseSystemContext(view: DataView, offset: number): SystemContext | undefined {
  const words: [number, number][] = [[(TR + SEG_ATTRIBUTES) >> 2, BUSY_TSS]];
  for (let at = 0; at < SYSTEM_CONTEXT_BYTES; at += 8) {
    const value = view.getBigUint64(offset + at, true), field = FIELDS[at / 8];
    if (field === undefined) {
      if (value !== 0n) return undefined;
      continue;
    }
    if (!accepts(field.check, value)) return undefined;
    words.push([field.cell >> 2, view.getInt32(offset + at, true)]);
    if (field.wide) words.push([(field.cell >> 2) + 1, view.getInt32(offset + at + 4, true)]);
  }
  return words;
}

/** Makes it the processor's. */
export function loadSystemContext(m: Int32Array, context: SystemContext): void {
  for (const [word, value] of context) m[word] = value;
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
