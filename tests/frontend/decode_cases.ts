/** Bytes for tests of the decoder: every opcode after many prefixes, and random ones that look like instructions. */
import type { CodeSize } from "../../src/frontend/instruction.ts";
import { SLOT } from "./decode_oracle.ts";

/** A small fast generator of random numbers (xorshift), so that a seed gives the same bytes everywhere. */
export class Random {
  constructor(private state: number) {
    this.state |= 1;
  }

  /** 32 random bits. */
  next(): number {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return this.state = x;
  }

  /** A random number from 0 to `bound` - 1. */
  below(bound: number): number {
    return (this.next() >>> 0) % bound;
  }
}

/** Prefixes that systematic cases stand behind. */
// deno-fmt-ignore
const PREFIXES: readonly (readonly number[])[] = [
  [],
  [0x66],
  [0xf3],
  [0xf2],
  [0x67],
  [0xf0],
  [0x66, 0xf3],
  [0xf2, 0x66],
  [0x64],
  [0x2e, 0x66, 0x67],
  [0xf3, 0xf2],
  [0xf0, 0x66],
  [0x65, 0x26],
];
const REX_PREFIXES: readonly (readonly number[])[] = [[], [0x40], [0x48], [0x4f], [0x41], [0x44]];
const ESCAPES: readonly (readonly number[])[] = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]];

/** ModR/M bytes of a systematic case: every reg and rm in turn, memory and register. `thorough` takes all 256. */
function modrms(thorough: boolean, salt: number): number[] {
  if (thorough) return Array.from({ length: 256 }, (_, i) => i);
  const list: number[] = [];
  for (let reg = 0; reg < 8; reg++) {
    list.push((((salt + reg) % 4) << 6) | (reg << 3) | ((salt * 3 + reg) & 7));
  }
  return list;
}

/**
 * Yields buffers of slots: every opcode of every map, behind every prefix of the lists, with ModR/M bytes of every
 * class and random bytes behind them; then VEX prefixes of every kind.
 */
export function* systematicCases(
  codeSize: CodeSize,
  random: Random,
  thorough: boolean,
): Generator<Uint8Array> {
  let salt = 0;
  for (const legacy of PREFIXES) {
    for (const rex of codeSize === 64 ? REX_PREFIXES : [[]]) {
      const heads: number[][] = [];
      for (const escape of ESCAPES) {
        for (let opcode = 0; opcode < 256; opcode++) {
          for (const modrm of modrms(thorough, salt++)) {
            heads.push([...legacy, ...rex, ...escape, opcode, modrm]);
          }
        }
      }
      yield slots(heads, random);
    }
  }
  for (let map = 1; map < 4; map++) {
    const heads: number[][] = [];
    for (let opcode = 0; opcode < 256; opcode++) {
      for (let variant = 0; variant < 64; variant++) {
        const last = ((variant & 4) << 5) | (variant & 8 ? 0x78 : random.below(16) << 3) |
          (variant & 16 ? 4 : 0) |
          (variant & 3);
        const second = 0xe0 ^ (codeSize === 64 ? random.below(8) << 5 : 0) | map;
        heads.push([0xc4, second, last, opcode, random.below(256)]);
        if (map === 1) heads.push([0xc5, 0x80 | last, opcode, random.below(256)]);
      }
    }
    yield slots(heads, random);
  }
}

function slots(heads: readonly (readonly number[])[], random: Random): Uint8Array {
  const bytes = randomBytes(heads.length * SLOT, random);
  heads.forEach((head, i) => bytes.set(head, i * SLOT));
  return bytes;
}

function randomBytes(length: number, random: Random): Uint8Array {
  const words = new Int32Array(length >> 2);
  for (let i = 0; i < words.length; i++) words[i] = random.next();
  return new Uint8Array(words.buffer);
}

const COMMON_PREFIXES = [0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65];

/** A buffer of `count` slots of random bytes, most of which start as instructions do. */
export function randomCases(count: number, random: Random): Uint8Array {
  const bytes = randomBytes(count * SLOT, random);
  for (let slot = 0; slot < bytes.length; slot += SLOT) {
    const choice = bytes[slot + 15]!;
    let at = slot;
    if (choice & 1) {
      for (let n = random.below(choice & 2 ? 3 : 16); n > 0 && at < slot + 14; n--) {
        bytes[at++] = random.below(8) === 0 ? 0x40 | random.below(16) : COMMON_PREFIXES[random.below(11)]!;
      }
    }
    if (choice & 4) bytes[at++] = 0x40 | random.below(16);
    if (at >= slot + 12) continue;
    if (choice & 8) {
      bytes[at++] = 0x0f;
      if ((choice & 0x70) === 0x10) bytes[at] = 0x38;
      if ((choice & 0x70) === 0x20) bytes[at] = 0x3a;
    } else if ((choice & 0xf0) === 0xf0) {
      bytes[at] = choice & 0x80 ? 0xc4 : 0xc5;
      if (choice & 0x80) bytes[at + 1] = (bytes[at + 1]! & 0xe0) | (1 + random.below(3));
    }
  }
  return bytes;
}
