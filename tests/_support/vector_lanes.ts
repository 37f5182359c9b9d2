/**
 * A second definition of the vector opcodes over bigints, lane by lane, written from the documentation in
 * ir/vector_opcodes.ts and the SDM's descriptions of the instructions they serve.
 */

type Operands = readonly bigint[];
type VectorMeaning = (args: Operands, imm: number) => bigint;
type Lanes = readonly bigint[];

const mask = (bits: number): bigint => (1n << BigInt(bits)) - 1n;
const s = (x: bigint, bits: number): bigint => BigInt.asIntN(bits, x);
const u = (x: bigint, bits: number): bigint => BigInt.asUintN(bits, x);

/** The lanes of a vector, the lowest first, unsigned. */
function split(x: bigint, bits: number): bigint[] {
  return Array.from({ length: 128 / bits }, (_, lane) => (x >> BigInt(lane * bits)) & mask(bits));
}
/** A vector of lanes; each is cut to its width. */
function join(lanes: Lanes, bits: number): bigint {
  return lanes.reduce((x, lane, i) => x | (u(lane, bits) << BigInt(i * bits)), 0n);
}

/** Nearest value that `bits` bits hold. */
const saturateSigned = (x: bigint, bits: number): bigint => {
  const limit = 1n << BigInt(bits - 1);
  return x >= limit ? limit - 1n : x < -limit ? -limit : x;
};
const saturateUnsigned = (x: bigint, bits: number): bigint => x < 0n ? 0n : x > mask(bits) ? mask(bits) : x;
const least = (x: bigint, y: bigint): bigint => x < y ? x : y;
const most = (x: bigint, y: bigint): bigint => x > y ? x : y;
const ones = (condition: boolean): bigint => condition ? -1n : 0n;

/** An operation on lanes of `bits` bits, unsigned or (`signed`) as signed numbers. */
function lanewise(bits: number, signed: boolean, f: (x: bigint, y: bigint) => bigint): VectorMeaning {
  return ([x, y = 0n]) => {
    const read = (lane: bigint): bigint => signed ? s(lane, bits) : lane;
    const ys = split(y, bits);
    return join(split(x!, bits).map((lane, i) => f(read(lane), read(ys[i]!))), bits);
  };
}

/** An operation on neighbouring lanes: of the first operand below, of the second above. */
function neighbours(bits: number, f: (x: bigint, y: bigint) => bigint): VectorMeaning {
  return ([x, y]) => {
    const lanes = [...split(x!, bits), ...split(y!, bits)].map((lane) => s(lane, bits));
    const pairs = Array.from({ length: 128 / bits }, (_, i) => f(lanes[2 * i]!, lanes[2 * i + 1]!));
    return join(pairs, bits);
  };
}

const WIDTHS = [8, 16, 32, 64] as const;
const each = (
  widths: readonly number[],
  rows: (bits: number) => Record<string, VectorMeaning>,
): Record<string, VectorMeaning> => Object.assign({}, ...widths.map(rows)) as Record<string, VectorMeaning>;

const ARITHMETIC: Record<string, VectorMeaning> = {
  ...each(WIDTHS, (bits) => ({
    [`vaddi${bits}`]: lanewise(bits, false, (x, y) => x + y),
    [`vsubi${bits}`]: lanewise(bits, false, (x, y) => x - y),
    [`vcmpeq${bits}`]: lanewise(bits, false, (x, y) => ones(x === y)),
    [`vcmpgts${bits}`]: lanewise(bits, true, (x, y) => ones(x > y)),
  })),
  ...each([8, 16], (bits) => ({
    [`vaddsats${bits}`]: lanewise(bits, true, (x, y) => saturateSigned(x + y, bits)),
    [`vaddsatu${bits}`]: lanewise(bits, false, (x, y) => saturateUnsigned(x + y, bits)),
    [`vsubsats${bits}`]: lanewise(bits, true, (x, y) => saturateSigned(x - y, bits)),
    [`vsubsatu${bits}`]: lanewise(bits, false, (x, y) => saturateUnsigned(x - y, bits)),
    [`vavgu${bits}`]: lanewise(bits, false, (x, y) => (x + y + 1n) >> 1n),
  })),
  ...each([8, 16, 32], (bits) => ({
    [`vmins${bits}`]: lanewise(bits, true, least),
    [`vminu${bits}`]: lanewise(bits, false, least),
    [`vmaxs${bits}`]: lanewise(bits, true, most),
    [`vmaxu${bits}`]: lanewise(bits, false, most),
    [`vabs${bits}`]: lanewise(bits, true, (x) => x < 0n ? -x : x),
    [`vsign${bits}`]: lanewise(bits, true, (x, y) => y < 0n ? -x : y === 0n ? 0n : x),
  })),
  ...each([16, 32], (bits) => ({
    [`vmullo${bits}`]: lanewise(bits, true, (x, y) => x * y),
    [`vhadd${bits}`]: neighbours(bits, (x, y) => x + y),
    [`vhsub${bits}`]: neighbours(bits, (x, y) => x - y),
  })),
  vmulhis16: lanewise(16, true, (x, y) => (x * y) >> 16n),
  vmulhiu16: lanewise(16, false, (x, y) => (x * y) >> 16n),
  vmulhrs16: lanewise(16, true, (x, y) => ((x * y >> 14n) + 1n) >> 1n),
  vhaddsats16: neighbours(16, (x, y) => saturateSigned(x + y, 16)),
  vhsubsats16: neighbours(16, (x, y) => saturateSigned(x - y, 16)),
  vmulwideu32: lanewise(64, false, (x, y) => (x & mask(32)) * (y & mask(32))),
  vmulwides32: lanewise(64, false, (x, y) => s(x, 32) * s(y, 32)),
  vmadd16: lanewise(32, true, (x, y) => s(x, 16) * s(y, 16) + (x >> 16n) * (y >> 16n)),
  vmaddubs8: lanewise(
    16,
    false,
    (x, y) => saturateSigned((x & 0xffn) * s(y, 8) + (x >> 8n) * s(y >> 8n, 8), 16),
  ),
  vsadu8: ([x, y]) => join([0, 8].map((from) => distance(split(x!, 8), split(y!, 8), from, from, 8)), 64),
  vmpsadu8: ([x, y], imm) => {
    const first = 4 * ((imm >> 2) & 1), second = 4 * (imm & 3);
    return join(
      Array.from({ length: 8 }, (_, i) => distance(split(x!, 8), split(y!, 8), first + i, second, 4)),
      16,
    );
  },
  vminpos16: ([x]) => {
    const lanes = split(x!, 16);
    const smallest = lanes.reduce(least);
    return smallest | (BigInt(lanes.indexOf(smallest)) << 16n);
  },
};

/** Sum of the absolute differences of `count` bytes. */
function distance(x: Lanes, y: Lanes, xFrom: number, yFrom: number, count: number): bigint {
  let sum = 0n;
  for (let i = 0; i < count; i++) {
    const difference = x[xFrom + i]! - y[yFrom + i]!;
    sum += difference < 0n ? -difference : difference;
  }
  return sum;
}

/** Shifts of all lanes by one count: counts of the width or more shift everything out. */
function shifted(bits: number, signed: boolean, f: (x: bigint, count: bigint) => bigint): VectorMeaning {
  return ([x, count]) => {
    const places = least(count!, BigInt(bits));
    return join(split(x!, bits).map((lane) => f(signed ? s(lane, bits) : lane, places)), bits);
  };
}

const SHIFTS: Record<string, VectorMeaning> = {
  ...each([16, 32, 64], (bits) => ({
    [`vshl${bits}`]: shifted(bits, false, (x, count) => x << count),
    [`vshr${bits}`]: shifted(bits, false, (x, count) => x >> count),
  })),
  vsar16: shifted(16, true, (x, count) => x >> count),
  vsar32: shifted(32, true, (x, count) => x >> count),
  vshlbytes: ([x], imm) => u(x! << BigInt(8 * imm), 128),
  vshrbytes: ([x], imm) => x! >> BigInt(8 * imm),
  valignr: ([x, y], imm) => u(((x! << 128n) | y!) >> BigInt(8 * imm), 128),
};

/** The lanes of `x` in the order that two bits of `imm` each name, from lane `from` on; the others stay. */
function chosenWords(x: bigint, imm: number, from: number): bigint {
  const lanes = split(x, 16);
  return join(
    lanes.map((lane, i) => i < from || i >= from + 4 ? lane : lanes[from + ((imm >> (2 * (i - from))) & 3)]!),
    16,
  );
}

const interleaved = (bits: number, half: 0 | 1): VectorMeaning => ([x, y]) => {
  const count = 64 / bits;
  const xs = split(x!, bits), ys = split(y!, bits);
  return join(
    Array.from({ length: 2 * count }, (_, i) => (i % 2 === 0 ? xs : ys)[half * count + (i >> 1)]!),
    bits,
  );
};

const packed = (bits: number, saturate: (x: bigint, bits: number) => bigint): VectorMeaning => ([x, y]) =>
  join([...split(x!, bits), ...split(y!, bits)].map((lane) => saturate(s(lane, bits), bits / 2)), bits / 2);

const extended = (from: number, to: number, signed: boolean): VectorMeaning => ([x]) =>
  join(split(x!, from).slice(0, 128 / to).map((lane) => signed ? s(lane, from) : lane), to);

const SHUFFLES: Record<string, VectorMeaning> = {
  vshuffle32: ([x, y], imm) => {
    const lanes = [...split(x!, 32), ...split(y!, 32)];
    return join([0, 1, 2, 3].map((i) => lanes[(imm >> (4 * i)) & 7]!), 32);
  },
  vshufflelow16: ([x], imm) => chosenWords(x!, imm, 0),
  vshufflehigh16: ([x], imm) => chosenWords(x!, imm, 4),
  vshuffle8: ([x, y]) => {
    const bytes = split(x!, 8);
    return join(split(y!, 8).map((index) => index >= 0x80n ? 0n : bytes[Number(index & 15n)]!), 8);
  },
  ...each([8, 16], (bits) => ({
    [`vunpacklow${bits}`]: interleaved(bits, 0),
    [`vunpackhigh${bits}`]: interleaved(bits, 1),
  })),
  ...each([16, 32], (bits) => ({
    [`vpacks${bits}`]: packed(bits, saturateSigned),
    [`vpacku${bits}`]: packed(bits, saturateUnsigned),
  })),
  ...each([16, 32, 64], (to) =>
    each([8, 16, 32].filter((from) => from < to), (from) => ({
      [`vsext${from}to${to}`]: extended(from, to, true),
      [`vzext${from}to${to}`]: extended(from, to, false),
    }))),
  vbitselect: ([x, y, choice]) => (x! & choice!) | (y! & ~choice! & mask(128)),
  vspread8: ([x]) => join(Array.from({ length: 16 }, (_, i) => ones(((x! >> BigInt(i)) & 1n) === 1n)), 8),
  vspread16: ([x]) => join(Array.from({ length: 8 }, (_, i) => ones(((x! >> BigInt(i)) & 1n) === 1n)), 16),
  vclmul: ([x, y], imm) => carryless(split(x!, 64)[imm & 1]!, split(y!, 64)[(imm >> 4) & 1]!),
};

function carryless(x: bigint, y: bigint): bigint {
  let product = 0n;
  for (let bit = 0n; bit < 64n; bit++) if (((y >> bit) & 1n) === 1n) product ^= x << bit;
  return product;
}

/** Meanings by opcode. AES, SHA and PCMPxSTRx are compared with the processor only (tests/oracle/). */
export const VECTOR_MEANINGS: Readonly<Record<string, VectorMeaning>> = {
  ...ARITHMETIC,
  ...SHIFTS,
  ...SHUFFLES,
};
