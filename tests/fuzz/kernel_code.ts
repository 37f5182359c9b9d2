/** Random code for CPL 0: more of what only kernels and hypervisors execute than chance gives. */
import { RandomNumbers } from "../../src/cpu/random.ts";

/** Random choices. */
export class Choices {
  readonly #numbers: RandomNumbers;
  constructor(seed: number) {
    this.#numbers = new RandomNumbers(seed);
  }
  below(limit: number): number {
    return (this.#numbers.next() >>> 0) % limit;
  }
  one<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
  /** True once in `n` times. */
  once(n: number): boolean {
    return this.below(n) === 0;
  }
  /** 32 bits: any, a few bits, or one of those that are likely to mean something. */
  word(likely: readonly number[]): number {
    switch (this.below(4)) {
      case 0:
        return this.#numbers.next();
      case 1:
        return 1 << this.below(32);
      default:
        return this.one(likely);
    }
  }
}

const le32 = (
  value: number,
): number[] => [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, value >>> 24];

// deno-fmt-ignore
/** Openings of system instructions. What follows is random, and so their operands are. */
const OPENINGS: readonly (readonly number[])[] = [
  [0x0f, 0x00], [0x0f, 0x01], [0x0f, 0x02], [0x0f, 0x03], [0x0f, 0x05], [0x48, 0x0f, 0x07], [0x0f, 0x20],
  [0x0f, 0x21], [0x0f, 0x22], [0x0f, 0x23], [0x0f, 0x34], [0x0f, 0x35], [0x66, 0x0f, 0x38, 0x80],
  [0x66, 0x0f, 0x38, 0x81], [0x66, 0x0f, 0x38, 0x82], [0x0f, 0x78], [0x0f, 0x79], [0x0f, 0xc7], [0x66, 0x0f, 0xc7],
  [0xf3, 0x0f, 0xc7], [0xcf], [0x48, 0xcf], [0xcb], [0x48, 0xcb], [0xff], [0x8e], [0xcd], [0x6c], [0x6e], [0xf3, 0x6d],
  [0x9d], [0x0f, 0xb2], [0x0f, 0xa1], [0x0f, 0xae], [0x0f, 0xc7, 0x28], [0xea], [0xe4], [0xe6], [0x67], [0x66], [0xf3],
];
// deno-fmt-ignore
/** Whole instructions. */
const INSTRUCTIONS: readonly (readonly number[])[] = [
  [0x0f, 0x01, 0xc1], [0x0f, 0x01, 0xc2], [0x0f, 0x01, 0xc3], [0x0f, 0x01, 0xc4], [0x0f, 0x01, 0xd4], // VMX
  [0x0f, 0x01, 0xc8], [0x0f, 0x01, 0xc9], [0x0f, 0x01, 0xca], [0x0f, 0x01, 0xcb], [0x0f, 0x01, 0xd0], [0x0f, 0x01, 0xd1],
  [0x0f, 0x01, 0xf8], [0x0f, 0x01, 0xf9], [0x0f, 0x06], [0x0f, 0x08], [0x0f, 0x09], [0x0f, 0x0b], [0x0f, 0x30],
  [0x0f, 0x31], [0x0f, 0x32], [0x0f, 0x33], [0x0f, 0xa2], [0xf4], [0xfa], [0xfb], [0xcc], [0xf1], [0xec], [0xee], [0xed],
  [0xf3, 0x90], [0x9c], [0x9d], [0x0f, 0x22, 0xd8], [0x0f, 0x22, 0xe0], [0x0f, 0x22, 0xc0], [0x48, 0xcf], [0xcf],
];
// deno-fmt-ignore
/** MSRs that there are. */
const MSRS = [
  0x10, 0x1b, 0x3a, 0x8b, 0xfe, 0x174, 0x175, 0x176, 0x179, 0x1d9, 0x200, 0x277, 0x2ff, 0x480, 0x48b, 0x491, 0x4f00,
  0x6e0, 0x802, 0x808, 0x80b, 0x830, 0x832, 0x838, 0xda0, 0xc000_0080, 0xc000_0081, 0xc000_0082, 0xc000_0084, 0xc000_0100,
  0xc000_0102,
];

/** Where the code's operands may lie. */
export interface Places {
  /** Addresses of structures. */
  readonly structures: readonly number[];
  /** VMCS regions. */
  readonly regions: readonly number[];
  /** Values of registers. */
  readonly values: readonly number[];
  /** Encodings of VMCS fields. */
  readonly fields: readonly number[];
}

/** Code of about this many bytes. */
export function randomCode(choices: Choices, bytes: number, places: Places): number[] {
  const code: number[] = [];
  while (code.length < bytes) code.push(...piece(choices, places));
  return code;
}

function piece(c: Choices, { structures, regions, values, fields }: Places): number[] {
  switch (c.below(12)) {
    case 0:
    case 1:
      return [...c.one(OPENINGS), ...junk(c, 6)];
    case 2:
    case 3:
      return [...c.one(INSTRUCTIONS)];
    case 4: // MOV r32, imm32
      return [0xb8 + c.below(8), ...le32(c.word(values))];
    case 5: // a VM function
      return [
        0xb8,
        ...le32(c.below(4)),
        0xb9,
        ...le32(c.below(6)),
        0xba,
        ...le32(c.one(structures)),
        0x0f,
        0x01,
        0xd4,
      ];
    case 6: // VMWRITE or VMREAD of a field
      return [
        ...[0xb8, ...le32(c.word(values)), 0xb9, ...le32(c.one(fields))],
        ...(c.once(3) ? [0x0f, 0x78, 0xc8] : [0x0f, 0x79, 0xc8]),
      ];
    case 7: { // VMPTRLD, VMCLEAR, VMXON, VMPTRST of what memory points to
      const [prefix, form] = c.one([[[], 0x34], [[0x66], 0x34], [[0xf3], 0x34], [[], 0x3c]] as const);
      return [...prefix, 0x0f, 0xc7, form, 0x25, ...le32(c.one(regions))];
    }
    case 8: // an MSR
      return [
        ...[0xb9, ...le32(c.once(4) ? c.word(values) : c.one(MSRS)), 0xb8, ...le32(c.word(values))],
        ...[0x31, 0xd2, 0x0f, c.once(2) ? 0x30 : 0x32],
      ];
    case 9: // a load or a store
      return [
        c.one([0x8b, 0x89, 0x87, 0x01]),
        0x04 + 8 * c.below(8),
        0x25,
        ...le32(c.one(structures) + 8 * c.below(64)),
      ];
    case 10: // INVEPT, INVVPID, INVPCID with descriptors in memory
      return [
        ...[0xb8, ...le32(c.below(5))],
        ...[0x66, 0x0f, 0x38, 0x80 + c.below(3), 0x04, 0x25, ...le32(c.one(regions))],
      ];
    default:
      return junk(c, 8);
  }
}

function junk(c: Choices, limit: number): number[] {
  return Array.from({ length: c.below(limit) }, () => c.below(256));
}
