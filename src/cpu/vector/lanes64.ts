/** Vector arithmetic on 64-bit lanes, a word of the result at a time. Words come low half first. */

export function addHigh(alo: number, ahi: number, blo: number, bhi: number): number {
  return (ahi + bhi + (((alo + blo) | 0) >>> 0 < alo >>> 0 ? 1 : 0)) | 0;
}
export function subHigh(alo: number, ahi: number, blo: number, bhi: number): number {
  return (ahi - bhi - (alo >>> 0 < blo >>> 0 ? 1 : 0)) | 0;
}
export function cmpeq64(alo: number, ahi: number, blo: number, bhi: number): number {
  return alo === blo && ahi === bhi ? -1 : 0;
}
export function cmpgts64(alo: number, ahi: number, blo: number, bhi: number): number {
  return ahi > bhi || (ahi === bhi && alo >>> 0 > blo >>> 0) ? -1 : 0;
}

// Shifts: the count is an unsigned 32-bit number.
export function shlLow(lo: number, count: number): number {
  return count >>> 0 > 31 ? 0 : lo << count;
}
export function shlHigh(lo: number, hi: number, count: number): number {
  if (count === 0) return hi;
  if (count >>> 0 > 31) return count >>> 0 > 63 ? 0 : lo << count;
  return (hi << count) | (lo >>> -count);
}
export function shrLow(lo: number, hi: number, count: number): number {
  if (count === 0) return lo;
  if (count >>> 0 > 31) return count >>> 0 > 63 ? 0 : (hi >>> count) | 0;
  return (lo >>> count) | (hi << -count);
}
export function shrHigh(hi: number, count: number): number {
  return count >>> 0 > 31 ? 0 : (hi >>> count) | 0;
}
