/** MTRRs: memory types of physical ranges. They are kept and checked; there are no caches. SDM vol. 3A, section 12.11. */
import type { MsrValue } from "../cpu/system/bus.ts";
import { fields, i32, list, type Shape, such } from "../snapshot/shape.ts";

/** Numbers of the MSRs. SDM vol. 4, table 2-2. */
const CAPABILITIES = 0xfe, VARIABLE = 0x200, DEFAULT_TYPE = 0x2ff;
const FIXED: readonly number[] = [
  0x250,
  0x258,
  0x259,
  0x268,
  0x269,
  0x26a,
  0x26b,
  0x26c,
  0x26d,
  0x26e,
  0x26f,
]; // deno-fmt-ignore
const VARIABLE_COUNT = 8;
/** IA32_MTRRCAP: eight variable ranges, fixed ranges, write-combining. */
const CAPABILITY_BITS = VARIABLE_COUNT | 0x100 | 0x400;
/** IA32_MTRR_DEF_TYPE: enabled, fixed ranges enabled, write-back: as firmware leaves it. */
const DEFAULT_TYPE_RESET = 0xc06, DEFAULT_TYPE_RESERVED = ~0xcff;
const WRITE_BACK = 6, ALL_WRITE_BACK = 0x0606_0606;
/** UC WC WT WP WB. */
const TYPES: readonly number[] = [0, 1, 4, 5, WRITE_BACK];
/** Base: the type in bits 7:0; mask: valid in bit 11. With 40 physical address bits. */
const BASE_RESERVED = 0xf00, MASK_RESERVED = 0x7ff, RESERVED_HIGH = ~0xff;

const REGISTERS: readonly number[] = [
  DEFAULT_TYPE,
  ...FIXED,
  ...Array.from({ length: 2 * VARIABLE_COUNT }, (_, n) => VARIABLE + n),
];

/** The saved state. */
export type MemoryTypeRangesState = readonly { readonly lo: number; readonly hi: number }[];
/** What it looks like: values of the registers in the order of `REGISTERS`, as WRMSR accepts them. */
export const MEMORY_TYPE_RANGES_STATE: Shape<MemoryTypeRangesState> = such(
  list(fields({ lo: i32, hi: i32 }), REGISTERS.length),
  (values) => values.every(({ lo, hi }, n) => isValid(REGISTERS[n]!, lo, hi)),
  "values that MTRRs can have",
);

/** The MTRRs of one processor. */
export class MemoryTypeRanges {
  readonly #values = new Map<number, MsrValue>([
    [DEFAULT_TYPE, { lo: DEFAULT_TYPE_RESET, hi: 0 }],
    ...FIXED.map((index) => [index, { lo: ALL_WRITE_BACK, hi: ALL_WRITE_BACK }] as const),
    ...Array.from({ length: 2 * VARIABLE_COUNT }, (_, n) => [VARIABLE + n, { lo: 0, hi: 0 }] as const),
  ]);

  saveState(): MemoryTypeRangesState {
    return REGISTERS.map((index) => ({ ...this.#values.get(index)! }));
  }

  loadState(state: MemoryTypeRangesState): void {
    for (const [n, value] of state.entries()) this.#values.set(REGISTERS[n]!, value);
  }

  /** Reads a register; undefined: it is none of these. */
  read(index: number): MsrValue | undefined {
    return index === CAPABILITIES ? { lo: CAPABILITY_BITS, hi: 0 } : this.#values.get(index);
  }

  /** Writes one; false: #GP(0). */
  write(index: number, lo: number, hi: number): boolean {
    if (!this.#values.has(index) || !isValid(index, lo, hi)) return false;
    this.#values.set(index, { lo, hi });
    return true;
  }
}

function isValid(index: number, lo: number, hi: number): boolean {
  if (index === DEFAULT_TYPE) {
    return hi === 0 && (lo & DEFAULT_TYPE_RESERVED) === 0 && TYPES.includes(lo & 0xff);
  }
  if (FIXED.includes(index)) return areTypes(lo) && areTypes(hi);
  if ((hi & RESERVED_HIGH) !== 0) return false;
  const isBase = (index & 1) === 0;
  return isBase ? (lo & BASE_RESERVED) === 0 && TYPES.includes(lo & 0xff) : (lo & MASK_RESERVED) === 0;
}

/** Whether each of four bytes is a memory type. */
function areTypes(word: number): boolean {
  return [0, 8, 16, 24].every((shift) => TYPES.includes((word >>> shift) & 0xff));
}
