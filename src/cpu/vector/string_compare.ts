/** PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM up to IntRes2. SDM vol. 1, section 14.3 of "SSE4.2", and vol. 2B, 4.1. */
import type { Words } from "./words.ts";

const words = new Int32Array(8);
const bytes = new Uint8Array(words.buffer);
const views = [
  bytes,
  new Uint16Array(words.buffer),
  new Int8Array(words.buffer),
  new Int16Array(words.buffer),
] as const;

/** Aggregation operations: bits 3:2 of the control. */
const Aggregation = { EQUAL_ANY: 0, RANGES: 1, EQUAL_EACH: 2, EQUAL_ORDERED: 3 } as const;

/** Elements that count: at most `count`; a negative length means up to the first 0. */
function validElements(from: number, count: number, length: number, view: ArrayLike<number>): number {
  if (length >= 0) return Math.min(length, count);
  for (let i = 0; i < count; i++) if (view[from + i] === 0) return i;
  return count;
}

/** IntRes2, bit 16: the second operand is shorter than a vector, bit 17: the first is. */
export function stringcompare(
  _out: Words,
  a0: number,
  a1: number,
  a2: number,
  a3: number,
  b0: number,
  b1: number,
  b2: number,
  b3: number,
  lengthA: number,
  lengthB: number,
  control: number,
): number {
  words[0] = a0;
  words[1] = a1;
  words[2] = a2;
  words[3] = a3;
  words[4] = b0;
  words[5] = b1;
  words[6] = b2;
  words[7] = b3;
  const view = views[control & 3]!;
  const count = (control & 1) === 0 ? 16 : 8;
  const all = (1 << count) - 1;
  const na = validElements(0, count, lengthA, view), nb = validElements(count, count, lengthB, view);
  let result = aggregate(view, count, na, nb, (control >> 2) & 3);
  const negate = (control >> 4) & 3;
  // Negative polarity inverts all; masked negative only the elements of the second operand that count.
  if (negate === 1) result ^= all;
  else if (negate === 3) result ^= (1 << nb) - 1;
  return result | (nb < count ? 0x1_0000 : 0) | (na < count ? 0x2_0000 : 0);
}

function aggregate(view: ArrayLike<number>, count: number, na: number, nb: number, kind: number): number {
  let result = 0;
  for (let j = 0; j < count; j++) {
    if (holds(view, count, na, nb, kind, j)) result |= 1 << j;
  }
  return result;
}

/** IntRes1[j]: how elements beyond the ends compare depends on the operation. SDM vol. 2B, table 4-7. */
function holds(
  view: ArrayLike<number>,
  count: number,
  na: number,
  nb: number,
  kind: number,
  j: number,
): boolean {
  const x = view[count + j]!;
  switch (kind) {
    case Aggregation.EQUAL_ANY:
      if (j >= nb) return false;
      for (let i = 0; i < na; i++) if (view[i] === x) return true;
      return false;
    case Aggregation.RANGES:
      if (j >= nb) return false;
      for (let i = 0; i + 1 < na; i += 2) if (view[i]! <= x && x <= view[i + 1]!) return true;
      return false;
    case Aggregation.EQUAL_EACH:
      if (j >= na || j >= nb) return j >= na && j >= nb;
      return view[j] === x;
    default:
      for (let i = 0; i < na && i + j < count; i++) {
        if (i + j >= nb || view[i] !== view[count + i + j]) return false;
      }
      return true;
  }
}
