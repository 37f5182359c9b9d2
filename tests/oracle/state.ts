/** Random states for cases: edge values, pointers into the data pages and near their ends, floating-point specials. */
import { HIGH_DATA, LOW_DATA } from "./layout.ts";
import type { Random } from "./random.ts";

const EDGES = [
  0n,
  1n,
  2n,
  0x7fn,
  0x80n,
  0xffn,
  0x7fffn,
  0x8000n,
  0xffffn,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0x1_0000_0000n,
  0x7fff_ffff_ffff_ffffn,
  0x8000_0000_0000_0000n,
  0xffff_ffff_ffff_ffffn,
  0xffff_ffff_8000_0000n,
]; // deno-fmt-ignore
const SINGLES = [
  0, 0x8000_0000, 1, 0x8000_0001, 0x7f_ffff, 0x80_0000, 0x3f80_0000, 0xbf80_0000, 0x7f7f_ffff, 0x7f80_0000, 0xff80_0000,
  0x7fc0_0000, 0x7f80_0001, 0xffc1_2345, 0x4f00_0000, 0xcf00_0000, 0x5f00_0000, 0xdf00_0000, 0x3f00_0000, 0x3fc0_0000,
  0x4020_0000, 0x7fff_ffff, 0xffff_ffff, 0x00ff_00ff, 0x0101_0101, 0x8080_8080, 0x8000_8000, 0x7fff_7fff, 0x7f7f_7f7f,
]; // deno-fmt-ignore
const DOUBLES = [
  0n, 1n << 63n, 1n, 0xf_ffff_ffff_ffffn, 0x10_0000_0000_0000n, 0x3ff0n << 48n, 0xbff0n << 48n, 0x7fef_ffff_ffff_ffffn,
  0x7ff0n << 48n, 0xfff0n << 48n, 0x7ff8n << 48n, (0x7ff0n << 48n) | 1n, (0xfff8n << 48n) | 0x1_2345n, 0x41e0n << 48n,
  0x43e0n << 48n, 0xc3e0n << 48n, 0x41df_ffff_ffc0_0000n, 0x3fe0n << 48n, 0x4004n << 48n, 0x36a0n << 48n,
  0x47ef_ffff_e000_0000n, 0x3800n << 48n,
]; // deno-fmt-ignore

/** MXCSR: all masked, with and without PE set. */
const MXCSR_DEFAULT = 0x1f80, MXCSR_PLAIN = 0x1fa0;
const CONTROL_WORDS = [0x37f, 0x27f, 0x7f, 0xb7f, 0x77f, 0xf7f];

/** A pointer to data: mostly valid, often near the end of a page, sometimes just outside. */
export function pointer(random: Random): bigint {
  const small = BigInt(random.below(16));
  switch (random.below(12)) {
    case 6:
      return LOW_DATA + 0x1000n - small;
    case 7:
      return LOW_DATA + 0x2000n - small;
    case 8:
      return LOW_DATA + BigInt(random.below(0x3000));
    case 9:
      return HIGH_DATA + BigInt(random.below(0x1000));
    case 10:
      return HIGH_DATA + 0x1000n - small;
    case 11:
      return LOW_DATA - small;
    default:
      return LOW_DATA + BigInt(random.below(0x200)) * 16n;
  }
}

/** General registers: values of every size, and enough pointers for memory operands to work. */
export function generalRegisters(random: Random): BigUint64Array {
  const gpr = new BigUint64Array(16);
  for (let n = 0; n < 16; n++) gpr[n] = value(random);
  gpr[4] = random.oneIn(12) ? pointer(random) : LOW_DATA + 0x400n + BigInt(random.below(0x200) * 8);
  for (const n of [3, 5, 6, 7]) if (random.oneIn(2)) gpr[n] = pointer(random);
  if (random.oneIn(3)) gpr[1] = BigInt(random.below(70));
  if (random.oneIn(3)) gpr[2] = random.oneIn(2) ? 0n : BigInt.asUintN(64, BigInt.asIntN(64, gpr[0]!) >> 63n);
  return gpr;
}

function value(random: Random): bigint {
  const kind = random.below(10);
  if (kind < 2) return BigInt.asUintN(64, random.pick(EDGES));
  if (kind < 4) return BigInt(random.below(300));
  if (kind < 7) return pointer(random);
  return random.wide() >> BigInt(random.pick([0, 0, 16, 32, 48]));
}

/** Sixteen bytes of vector data of some kind. */
export function vectorBytes(random: Random, view: DataView, at: number): void {
  const kind = random.below(6);
  for (let n = 0; n < 4; n++) view.setUint32(at + 4 * n, random.bits(), true);
  for (let n = 0; n < 4; n++) {
    if (kind === 1) view.setUint32(at + 4 * n, random.pick(SINGLES), true);
    if (kind === 2) {
      view.setUint32(
        at + 4 * n,
        (0x3e00_0000 + random.below(0x400_0000)) | (random.bits() & (1 << 31)),
        true,
      );
    }
  }
  for (let n = 0; n < 2; n++) {
    if (kind === 3) view.setBigUint64(at + 8 * n, random.pick(DOUBLES), true);
    if (kind === 4) {
      const low = random.oneIn(2) ? 0 : random.bits();
      view.setBigUint64(
        at + 8 * n,
        (BigInt(0x3fc0_0000 + random.below(0x80_0000)) << 32n) | BigInt(low),
        true,
      );
    }
  }
  if (kind === 5) {
    for (let n = 0; n < 16; n++) {
      view.setUint8(
        at + n,
        random.pick([0, 1, 2, 3, 5, 0x7f, 0x80, 0x81, 0xff, 65, 66, 67, random.below(256)]),
      );
    }
  }
}

/** Ten bytes of an 80-bit number of some kind. */
export function extendedBytes(random: Random, view: DataView, at: number): void {
  const INTEGER = 1n << 63n;
  let significand = random.wide() | INTEGER;
  let exponent = 0x3fff - 70 + random.below(140);
  switch (random.below(12)) {
    case 0:
      [exponent, significand] = [0, 0n];
      break;
    case 1:
      exponent = 0x7fff;
      significand = random.pick([INTEGER, 3n << 62n, INTEGER | 5n, (3n << 62n) | 77n]);
      break;
    case 2: // denormal
      [exponent, significand] = [0, significand & ~INTEGER];
      break;
    case 3:
      exponent = random.pick([1, 0x7ffe, 2, 0x3fff, 0x3ffe, 0x4000, 0x403e, 0x403d, 0x401e]);
      significand = random.pick([INTEGER, significand, 0xffff_ffff_ffff_ffffn, 3n << 62n]);
      break;
    case 4: // unnormal, pseudo-NaN
      if (random.oneIn(4)) {
        [significand, exponent] = [significand & ~INTEGER, random.pick([exponent, 0x7fff, 1])];
      }
      break;
    case 5: { // a small integer
      significand = BigInt(random.below(1000) + 1);
      exponent = 0x3fff + 63;
      for (; (significand & INTEGER) === 0n; significand <<= 1n) exponent--;
      break;
    }
    case 6:
      exponent = random.below(0x8000);
      break;
    case 7: // a double
      significand &= ~0x7ffn;
  }
  view.setBigUint64(at, significand, true);
  view.setUint16(at + 8, exponent | (random.bits() & 0x8000), true);
}

/** An FXSAVE image. Without `x87`, the x87 unit has its default control word and no pending exception. */
export function fxImage(random: Random, x87: boolean): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(512);
  const view = new DataView(bytes.buffer);
  const control = random.oneIn(8) ? (random.bits() & 0xf3f) | 0x40 : random.pick(CONTROL_WORDS);
  view.setUint16(0, x87 ? control : 0x37f, true);
  view.setUint16(2, (random.below(8) << 11) | (x87 ? random.bits() & 0x4700 : 0), true);
  view.setUint8(4, x87 ? random.pick([0xff, 0xff, 0xff, 0xfe, 0, random.below(256)]) : random.below(256));
  view.setUint32(24, mxcsr(random), true);
  for (let n = 0; n < 8; n++) extendedBytes(random, view, 32 + 16 * n);
  for (let n = 0; n < 16; n++) vectorBytes(random, view, 160 + 16 * n);
  return bytes;
}

function mxcsr(random: Random): number {
  switch (random.below(5)) {
    case 0:
      return MXCSR_DEFAULT;
    case 1:
      return MXCSR_DEFAULT | (random.bits() & 0xe07f);
    case 2:
      return random.bits() & 0xffff;
    default:
      return MXCSR_PLAIN;
  }
}

/** The data pages: half vector data and 80-bit numbers, runs of equal bytes for string instructions. */
export function dataImage(random: Random, bytes: number): Uint8Array<ArrayBuffer> {
  const image = new Uint8Array(bytes);
  const view = new DataView(image.buffer);
  for (let at = 0; at < bytes; at += 16) {
    if (random.oneIn(3)) extendedBytes(random, view, at);
    else vectorBytes(random, view, at);
  }
  for (let n = 0; n < 40; n++) {
    const from = random.below(bytes - 300);
    image.fill(random.pick([0, 0xff, 0x41]), from, from + random.below(300));
  }
  return image;
}
