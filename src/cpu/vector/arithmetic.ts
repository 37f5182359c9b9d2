/**
 * Vector arithmetic one 32-bit word at a time: four bytes or two 16-bit lanes in a number, without loops, so that
 * compiled code can inline it. Every function takes and returns signed 32-bit numbers.
 */

/** Sign bits of the lanes of a word. */
const H8 = 0x8080_8080 | 0, H16 = 0x8000_8000 | 0;

// Masks of whole lanes from their top bits.
const spread8 = (top: number): number => Math.imul(top >>> 7, 0xff);
const spread16 = (top: number): number => Math.imul(top >>> 15, 0xffff);

export function addi8(a: number, b: number): number {
  return ((a & ~H8) + (b & ~H8)) ^ ((a ^ b) & H8);
}
export function addi16(a: number, b: number): number {
  return ((a & ~H16) + (b & ~H16)) ^ ((a ^ b) & H16);
}
export function addi32(a: number, b: number): number {
  return (a + b) | 0;
}
export function subi8(a: number, b: number): number {
  return ((a | H8) - (b & ~H8)) ^ ((a ^ ~b) & H8);
}
export function subi16(a: number, b: number): number {
  return ((a | H16) - (b & ~H16)) ^ ((a ^ ~b) & H16);
}
export function subi32(a: number, b: number): number {
  return (a - b) | 0;
}

// Signed saturation: where the sum left the range, the limit on the first operand's side.
export function addsats8(a: number, b: number): number {
  const sum = addi8(a, b);
  const out = spread8(~(a ^ b) & (a ^ sum) & H8);
  return (sum & ~out) | ((((a & H8) >>> 7) + 0x7f7f_7f7f) & out);
}
export function addsats16(a: number, b: number): number {
  const sum = addi16(a, b);
  const out = spread16(~(a ^ b) & (a ^ sum) & H16);
  return (sum & ~out) | ((((a & H16) >>> 15) + 0x7fff_7fff) & out);
}
export function subsats8(a: number, b: number): number {
  const difference = subi8(a, b);
  const out = spread8((a ^ b) & (a ^ difference) & H8);
  return (difference & ~out) | ((((a & H8) >>> 7) + 0x7f7f_7f7f) & out);
}
export function subsats16(a: number, b: number): number {
  const difference = subi16(a, b);
  const out = spread16((a ^ b) & (a ^ difference) & H16);
  return (difference & ~out) | ((((a & H16) >>> 15) + 0x7fff_7fff) & out);
}
export function addsatu8(a: number, b: number): number {
  const sum = addi8(a, b);
  return sum | spread8(((a & b) | ((a | b) & ~sum)) & H8);
}
export function addsatu16(a: number, b: number): number {
  const sum = addi16(a, b);
  return sum | spread16(((a & b) | ((a | b) & ~sum)) & H16);
}
// Lanes in which a < b, as unsigned numbers.
function below8(a: number, b: number): number {
  return spread8(((~a & b) | (~(a ^ b) & subi8(a, b))) & H8);
}
function below16(a: number, b: number): number {
  return spread16(((~a & b) | (~(a ^ b) & subi16(a, b))) & H16);
}
export function subsatu8(a: number, b: number): number {
  return subi8(a, b) & ~below8(a, b);
}
export function subsatu16(a: number, b: number): number {
  return subi16(a, b) & ~below16(a, b);
}

export function minu8(a: number, b: number): number {
  return b ^ ((a ^ b) & below8(a, b));
}
export function minu16(a: number, b: number): number {
  return b ^ ((a ^ b) & below16(a, b));
}
export function minu32(a: number, b: number): number {
  return a >>> 0 < b >>> 0 ? a : b;
}
export function maxu8(a: number, b: number): number {
  return a ^ ((a ^ b) & below8(a, b));
}
export function maxu16(a: number, b: number): number {
  return a ^ ((a ^ b) & below16(a, b));
}
export function maxu32(a: number, b: number): number {
  return a >>> 0 < b >>> 0 ? b : a;
}
// Flipping sign bits maps the signed order to the unsigned one.
export function mins8(a: number, b: number): number {
  return b ^ ((a ^ b) & below8(a ^ H8, b ^ H8));
}
export function mins16(a: number, b: number): number {
  return b ^ ((a ^ b) & below16(a ^ H16, b ^ H16));
}
export function mins32(a: number, b: number): number {
  return a < b ? a : b;
}
export function maxs8(a: number, b: number): number {
  return a ^ ((a ^ b) & below8(a ^ H8, b ^ H8));
}
export function maxs16(a: number, b: number): number {
  return a ^ ((a ^ b) & below16(a ^ H16, b ^ H16));
}
export function maxs32(a: number, b: number): number {
  return a < b ? b : a;
}

export function cmpeq8(a: number, b: number): number {
  const x = a ^ b;
  return spread8(~(((x & ~H8) + 0x7f7f_7f7f) | x) & H8);
}
export function cmpeq16(a: number, b: number): number {
  const x = a ^ b;
  return spread16(~(((x & ~H16) + 0x7fff_7fff) | x) & H16);
}
export function cmpeq32(a: number, b: number): number {
  return a === b ? -1 : 0;
}
export function cmpgts8(a: number, b: number): number {
  return below8(b ^ H8, a ^ H8);
}
export function cmpgts16(a: number, b: number): number {
  return below16(b ^ H16, a ^ H16);
}
export function cmpgts32(a: number, b: number): number {
  return a > b ? -1 : 0;
}

export function avgu8(a: number, b: number): number {
  return ((a | b) - (((a ^ b) & 0xfefe_fefe) >>> 1)) | 0;
}
export function avgu16(a: number, b: number): number {
  return ((a | b) - (((a ^ b) & 0xfffe_fffe) >>> 1)) | 0;
}

export function abs8(a: number): number {
  const negative = spread8(a & H8);
  return subi8(a ^ negative, negative);
}
export function abs16(a: number): number {
  const negative = spread16(a & H16);
  return subi16(a ^ negative, negative);
}
export function abs32(a: number): number {
  return a < 0 ? -a | 0 : a;
}
export function sign8(a: number, b: number): number {
  const negative = spread8(b & H8);
  return subi8(a ^ negative, negative) & ~cmpeq8(b, 0);
}
export function sign16(a: number, b: number): number {
  const negative = spread16(b & H16);
  return subi16(a ^ negative, negative) & ~cmpeq16(b, 0);
}
export function sign32(a: number, b: number): number {
  return b < 0 ? -a | 0 : b === 0 ? 0 : a;
}

// Shifts: the count is an unsigned 32-bit number.
export function shl16(a: number, count: number): number {
  return count >>> 0 > 15 ? 0 : ((a << count) & 0xffff) | ((a & ~0xffff) << count);
}
export function shl32(a: number, count: number): number {
  return count >>> 0 > 31 ? 0 : a << count;
}
export function shr16(a: number, count: number): number {
  return count >>> 0 > 15 ? 0 : ((a & 0xffff) >>> count) | ((a >>> count) & ~0xffff);
}
export function shr32(a: number, count: number): number {
  return count >>> 0 > 31 ? 0 : (a >>> count) | 0;
}
export function sar16(a: number, count: number): number {
  const n = count >>> 0 > 15 ? 15 : count;
  return (((a << 16) >> 16 >> n) & 0xffff) | ((a >> n) & ~0xffff);
}
export function sar32(a: number, count: number): number {
  return a >> (count >>> 0 > 31 ? 31 : count);
}

export function bitselect(a: number, b: number, mask: number): number {
  return b ^ ((a ^ b) & mask);
}
