/** 64-bit integer arithmetic on constants, as signed 32-bit halves. */

/** A 64-bit integer: low and high half. */
export type Halves = readonly [lo: number, hi: number];

/** x + y. */
export function add64([xl, xh]: Halves, [yl, yh]: Halves): Halves {
  const lo = (xl + yl) | 0;
  return [lo, (xh + yh + (lo >>> 0 < xl >>> 0 ? 1 : 0)) | 0];
}
/** x - y. */
export function sub64([xl, xh]: Halves, [yl, yh]: Halves): Halves {
  return [(xl - yl) | 0, (xh - yh - (xl >>> 0 < yl >>> 0 ? 1 : 0)) | 0];
}
/** Upper 32 bits of the unsigned product of 32-bit numbers. */
export function mulhu32(x: number, y: number): number {
  const x0 = x & 0xffff, x1 = x >>> 16, y0 = y & 0xffff, y1 = y >>> 16;
  const middle = x1 * y0 + ((x0 * y0) >>> 16);
  const low = (middle % 0x10000) + x0 * y1;
  return (x1 * y1 + Math.floor(middle / 0x10000) + Math.floor(low / 0x10000)) | 0;
}
/** Unsigned product of 32-bit numbers. */
export function mulwideu32(x: number, y: number): Halves {
  return [Math.imul(x, y), mulhu32(x, y)];
}
/** Signed product of 32-bit numbers. */
export function mulwides32(x: number, y: number): Halves {
  return [Math.imul(x, y), (mulhu32(x, y) - (x < 0 ? y : 0) - (y < 0 ? x : 0)) | 0];
}
/** x × y, low 64 bits. */
export function mul64([xl, xh]: Halves, [yl, yh]: Halves): Halves {
  return [Math.imul(xl, yl), (mulhu32(xl, yl) + Math.imul(xl, yh) + Math.imul(xh, yl)) | 0];
}
/** x × y unsigned, high 64 bits. */
export function mulhu64([xl, xh]: Halves, [yl, yh]: Halves): Halves {
  const low: Halves = [mulhu32(xl, yl), 0];
  const cross = add64(mulwideu32(xh, yl), low);
  const other = add64(mulwideu32(xl, yh), [cross[0], 0]);
  return add64(add64(mulwideu32(xh, yh), [cross[1], 0]), [other[1], 0]);
}
/** x × y signed, high 64 bits. */
export function mulhs64(x: Halves, y: Halves): Halves {
  let result = mulhu64(x, y);
  if (x[1] < 0) result = sub64(result, y);
  if (y[1] < 0) result = sub64(result, x);
  return result;
}
/** x << count; the count is taken modulo 64, here and below. */
export function shl64([lo, hi]: Halves, count: number): Halves {
  const n = count & 63;
  if (n === 0) return [lo, hi];
  if (n >= 32) return [0, lo << (n - 32)];
  return [lo << n, (hi << n) | (lo >>> (32 - n))];
}
/** x >> count, zeros from the left. */
export function shr64([lo, hi]: Halves, count: number): Halves {
  const n = count & 63;
  if (n === 0) return [lo, hi];
  if (n >= 32) return [(hi >>> (n - 32)) | 0, 0];
  return [(lo >>> n) | (hi << (32 - n)), (hi >>> n) | 0];
}
/** x >> count, copies of the sign from the left. */
export function sar64([lo, hi]: Halves, count: number): Halves {
  const n = count & 63;
  if (n === 0) return [lo, hi];
  if (n >= 32) return [hi >> (n - 32), hi >> 31];
  return [(lo >>> n) | (hi << (32 - n)), hi >> n];
}
/** x rotated left. */
export function rotl64(x: Halves, count: number): Halves {
  const [l0, h0] = shl64(x, count);
  const n = count & 63;
  if (n === 0) return x;
  const [l1, h1] = shr64(x, 64 - n);
  return [l0 | l1, h0 | h1];
}
/** x rotated right. */
export function rotr64(x: Halves, count: number): Halves {
  return rotl64(x, 64 - (count & 63));
}
/** x < y, unsigned. */
export function ltu64([xl, xh]: Halves, [yl, yh]: Halves): boolean {
  return xh === yh ? xl >>> 0 < yl >>> 0 : xh >>> 0 < yh >>> 0;
}
/** x < y, signed. */
export function lts64([xl, xh]: Halves, [yl, yh]: Halves): boolean {
  return xh === yh ? xl >>> 0 < yl >>> 0 : xh < yh;
}
/** Number of bits set in a 32-bit number. */
export function popcnt32(x: number): number {
  const pairs = x - ((x >>> 1) & 0x55555555);
  const nibbles = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
/** Zeros below the lowest bit set in a 32-bit number; 32 for 0. */
export function ctz32(x: number): number {
  return x === 0 ? 32 : 31 - Math.clz32(x & -x);
}
/** A 32-bit number with its bytes reversed. */
export function bswap32(x: number): number {
  return (x << 24) | ((x & 0xff00) << 8) | ((x >>> 8) & 0xff00) | (x >>> 24);
}
