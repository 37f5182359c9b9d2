/** A multiplicative hash without collisions for the targets of a computed jump. */

/** `(lo * multiplier) >>> shift` indexes `table`, which has the number of the target, or -1. */
export interface TargetHash {
  readonly multiplier: number;
  readonly shift: number;
  readonly table: readonly number[];
}

/** Multipliers that are tried before the table is doubled. */
const TRIES = 64;
/** 2^32 divided by the golden ratio, and what changes it from try to try. */
const FIRST_MULTIPLIER = 0x9e37_79b1, STEP = 0x6c07_8966;

/** Finds a hash for different 32-bit values. */
export function hashOf(values: readonly number[]): TargetHash {
  for (let bits = Math.max(1, Math.ceil(Math.log2(values.length)));; bits++) {
    for (let n = 0; n < TRIES; n++) {
      const multiplier = (FIRST_MULTIPLIER + Math.imul(STEP, n)) | 1, shift = 32 - bits;
      const table = tableOf(values, multiplier, shift);
      if (table !== undefined) return { multiplier: multiplier | 0, shift, table };
    }
  }
}

function tableOf(values: readonly number[], multiplier: number, shift: number): number[] | undefined {
  const table = new Array<number>(2 ** (32 - shift)).fill(-1);
  for (const [n, value] of values.entries()) {
    const index = Math.imul(value, multiplier) >>> shift;
    if (table[index] !== -1) return undefined;
    table[index] = n;
  }
  return table;
}
