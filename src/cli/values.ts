/** Reads the values that options take: counts, addresses, sizes. */

/** A whole number from 0: decimal, hexadecimal with 0x, `_` between digits allowed. */
export function parseBigInteger(text: string): bigint {
  const plain = text.replaceAll("_", "");
  if (!/^(?:\d+|0[xX][\da-fA-F]+)$/.test(plain)) {
    throw new RangeError("must be a whole number such as 4096 or 0x1000");
  }
  return BigInt(plain);
}

/** A count that a JavaScript number holds exactly; also with an exponent, as 1e9 or 2.5e9. */
export function parseCount(text: string): number {
  const scaled = /^\d+(?:\.\d+)?e\d{1,2}$/i.test(text) && Number.isInteger(Number(text));
  const count = scaled ? Number(text) : Number(parseBigInteger(text));
  if (!Number.isSafeInteger(count)) throw new RangeError("must be less than 9007199254740992");
  return count;
}

/** The name of a file or folder. */
export function parsePath(text: string): string {
  if (text === "") throw new RangeError("must be the name of a file, not empty");
  return text;
}

/** Guest RAM is a whole number of WebAssembly pages, and all of it has a 32-bit offset in the linear memory. */
const RAM_UNIT = 0x1_0000, MAX_RAM = 0xe000_0000;

const UNITS: Readonly<Record<string, number>> = { "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

/** A number of bytes: a count, or one with K, M or G (powers of 1024). */
export function parseSize(text: string): number {
  const [, digits, unit] = /^(.*?)([KMG]?)$/.exec(text.toUpperCase().replace(/^0X/, "0x"))!;
  try {
    return parseCount(digits!) * UNITS[unit!]!;
  } catch {
    throw new RangeError("must be a number of bytes such as 65536, 64K, 256M or 1G");
  }
}

/** A size that guest RAM can have. */
export function parseRam(text: string): number {
  const size = parseSize(text);
  if (size < RAM_UNIT || size > MAX_RAM || size % RAM_UNIT !== 0) {
    throw new RangeError(`must be a multiple of 64K from 64K to ${MAX_RAM / UNITS.M!}M`);
  }
  return size;
}

/** A seed of 32 bits. */
export function parseSeed(text: string): number {
  const seed = parseCount(text);
  if (seed > 0xffff_ffff) throw new RangeError("must be less than 4294967296");
  return seed;
}

/** An address of up to 64 bits. */
export function parseAddress(text: string): bigint {
  const address = parseBigInteger(text);
  if (address >= 1n << 64n) throw new RangeError("must be less than 0x10000000000000000");
  return address;
}

/** A range of memory. */
export interface AddressRange {
  readonly address: bigint;
  /** Bytes. */
  readonly size: number;
}

/** `ADDR:SIZE`. */
export function parseRange(text: string): AddressRange {
  const [address, size, ...more] = text.split(":");
  if (address === undefined || size === undefined || more.length > 0) {
    throw new RangeError("must be an address and a size such as 0x20000:4K");
  }
  const range = { address: parseAddress(address), size: parseSize(size) };
  if (range.size === 0) throw new RangeError("must have a size that is not 0");
  if (range.address + BigInt(range.size) > 1n << 64n) {
    throw new RangeError("must end below 0x10000000000000000");
  }
  return range;
}
