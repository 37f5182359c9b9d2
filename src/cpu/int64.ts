/**
 * 64-bit integer arithmetic on 32-bit halves. Functions with a 64-bit result return its low half and store the high
 * half in `out[at]`. Counts are taken modulo 64.
 */

/** Upper 32 bits of the unsigned product: four multiplications of 16-bit parts beat doubles (ARCHITECTURE.md). */
export function mulHighU32(x: number, y: number): number {
  const xl = x & 0xffff, xh = x >>> 16, yl = y & 0xffff, yh = y >>> 16;
  const low = Math.imul(xl, yl);
  const middle = Math.imul(xh, yl) + (low >>> 16);
  const middle2 = Math.imul(xl, yh) + (middle & 0xffff);
  return (Math.imul(xh, yh) + (middle >>> 16) + (middle2 >>> 16)) | 0;
}

/** Upper 32 bits of the signed product. */
export function mulHighS32(x: number, y: number): number {
  return (mulHighU32(x, y) - (x < 0 ? y : 0) - (y < 0 ? x : 0)) | 0;
}

/** Low 64 bits of the product. */
export function mul64(out: Int32Array, at: number, xl: number, xh: number, yl: number, yh: number): number {
  out[at] = mulHighU32(xl, yl) + Math.imul(xl, yh) + Math.imul(xh, yl);
  return Math.imul(xl, yl);
}

/** Upper 64 bits of the unsigned product. */
export function mulhu64(out: Int32Array, at: number, xl: number, xh: number, yl: number, yh: number): number {
  // Column sums stay below 2^34, exact in a double.
  const column1 = (mulHighU32(xl, yl) >>> 0) + (Math.imul(xl, yh) >>> 0) + (Math.imul(xh, yl) >>> 0);
  const carry1 = Math.floor(column1 / 0x1_0000_0000);
  const column2 = (mulHighU32(xl, yh) >>> 0) + (mulHighU32(xh, yl) >>> 0) + (Math.imul(xh, yh) >>> 0) +
    carry1;
  out[at] = (mulHighU32(xh, yh) >>> 0) + Math.floor(column2 / 0x1_0000_0000);
  return column2 | 0;
}

/** Upper 64 bits of the signed product. */
export function mulhs64(out: Int32Array, at: number, xl: number, xh: number, yl: number, yh: number): number {
  let lo = mulhu64(out, at, xl, xh, yl, yh);
  if (xh < 0) {
    const borrow = (lo >>> 0) < (yl >>> 0) ? 1 : 0;
    lo = (lo - yl) | 0;
    out[at] = out[at]! - yh - borrow;
  }
  if (yh < 0) {
    const borrow = (lo >>> 0) < (xl >>> 0) ? 1 : 0;
    lo = (lo - xl) | 0;
    out[at] = out[at]! - xh - borrow;
  }
  return lo;
}

/** 1 if the signed product does not fit in 32 bits: as doubles, the product and its low half differ then. */
export function mulo32(x: number, y: number): number {
  return x * y !== Math.imul(x, y) ? 1 : 0;
}

/** Doubles on both sides of 2^63, further from it than rounding of factors and product moves a product. */
const SURELY_BELOW = 0x7fff_ffff_ffff_c000, SURELY_ABOVE = 0x8000_0000_0000_4000;
const halves = new Int32Array(1);

/** 1 if the signed product does not fit in 64 bits. */
export function mulo64(xl: number, xh: number, yl: number, yh: number): number {
  if (xh === xl >> 31 && yh === yl >> 31) return 0;
  const x = xh * 0x1_0000_0000 + (xl >>> 0), y = yh * 0x1_0000_0000 + (yl >>> 0);
  const product = Math.abs(x * y);
  if (product < SURELY_BELOW) return 0;
  if (product > SURELY_ABOVE) return 1;
  const hi = mulhs64(halves, 0, xl, xh, yl, yh), top = halves[0]!;
  mul64(halves, 0, xl, xh, yl, yh);
  const sign = halves[0]! >> 31;
  return hi === sign && top === sign ? 0 : 1;
}

/** Shift left. */
export function shl64(out: Int32Array, at: number, lo: number, hi: number, count: number): number {
  const n = count & 63;
  if (n === 0) {
    out[at] = hi;
    return lo;
  }
  if (n >= 32) {
    out[at] = lo << n;
    return 0;
  }
  out[at] = (hi << n) | (lo >>> (32 - n));
  return lo << n;
}

/** Logical shift right. */
export function shr64(out: Int32Array, at: number, lo: number, hi: number, count: number): number {
  const n = count & 63;
  if (n === 0) {
    out[at] = hi;
    return lo;
  }
  if (n >= 32) {
    out[at] = 0;
    return (hi >>> n) | 0;
  }
  out[at] = hi >>> n;
  return (lo >>> n) | (hi << (32 - n));
}

/** Arithmetic shift right. */
export function sar64(out: Int32Array, at: number, lo: number, hi: number, count: number): number {
  const n = count & 63;
  if (n === 0) {
    out[at] = hi;
    return lo;
  }
  if (n >= 32) {
    out[at] = hi >> 31;
    return hi >> n;
  }
  out[at] = hi >> n;
  return (lo >>> n) | (hi << (32 - n));
}

/** Rotate left. */
export function rotl64(out: Int32Array, at: number, lo: number, hi: number, count: number): number {
  const n = count & 63;
  const shift = n & 31;
  const [a, b] = n >= 32 ? [hi, lo] : [lo, hi];
  if (shift === 0) {
    out[at] = b;
    return a;
  }
  out[at] = (b << shift) | (a >>> (32 - shift));
  return (a << shift) | (b >>> (32 - shift));
}

/** Number of ones. */
export function popcnt32(x: number): number {
  x = x - ((x >>> 1) & 0x5555_5555);
  x = (x & 0x3333_3333) + ((x >>> 2) & 0x3333_3333);
  return Math.imul((x + (x >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}

/** Trailing zeros, 32 for 0. */
export function ctz32(x: number): number {
  return x === 0 ? 32 : 31 - Math.clz32(x & -x);
}

/** Bytes in reverse order. */
export function bswap32(x: number): number {
  return (x << 24) | ((x & 0xff00) << 8) | ((x >>> 8) & 0xff00) | (x >>> 24);
}

/** Unsigned x < y, as 0 or 1. */
export function ltu64(xl: number, xh: number, yl: number, yh: number): number {
  return (xh === yh ? (xl >>> 0) < (yl >>> 0) : (xh >>> 0) < (yh >>> 0)) ? 1 : 0;
}

/** Signed x < y, as 0 or 1. */
export function lts64(xl: number, xh: number, yl: number, yh: number): number {
  return (xh === yh ? (xl >>> 0) < (yl >>> 0) : xh < yh) ? 1 : 0;
}
