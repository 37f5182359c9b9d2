/** PDEP and PEXT on 64 bits in halves, and CRC-32C. SDM vol. 2B, "PDEP", "PEXT"; vol. 2A, "CRC32". */

/** Deposits the low bits of hi:lo where the mask has ones; the upper half goes to `out[at]`. */
export function depositBits(
  out: Int32Array,
  at: number,
  lo: number,
  hi: number,
  maskLo: number,
  maskHi: number,
): number {
  const result = deposit32(lo, maskLo);
  const used = ones(maskLo);
  // The bits that the lower half of the mask has not taken.
  const rest = used === 0 ? lo : used === 32 ? hi : (lo >>> used) | (hi << (32 - used));
  out[at] = deposit32(rest, maskHi);
  return result;
}

/** Extracts the bits of hi:lo where the mask has ones; the upper half goes to `out[at]`. */
export function extractBits(
  out: Int32Array,
  at: number,
  lo: number,
  hi: number,
  maskLo: number,
  maskHi: number,
): number {
  const low = extract32(lo, maskLo), high = extract32(hi, maskHi);
  const used = ones(maskLo);
  if (used === 32) {
    out[at] = high;
    return low;
  }
  out[at] = used === 0 ? 0 : high >>> (32 - used);
  return low | (high << used);
}

function deposit32(bits: number, mask: number): number {
  let result = 0;
  for (let left = mask, rest = bits; left !== 0; left &= left - 1, rest >>>= 1) {
    if ((rest & 1) !== 0) result |= left & -left;
  }
  return result;
}

function extract32(bits: number, mask: number): number {
  let result = 0;
  for (let left = mask, to = 1; left !== 0; left &= left - 1, to <<= 1) {
    if ((bits & left & -left) !== 0) result |= to;
  }
  return result;
}

function ones(x: number): number {
  let count = 0;
  for (let left = x; left !== 0; left &= left - 1) count++;
  return count;
}

/** The Castagnoli polynomial 0x11edc6f41, reflected. */
const POLYNOMIAL = 0x82f6_3b78;

const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) !== 0 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  return crc;
});

/** Accumulates the low `bytes` bytes of `data` into a CRC-32C. */
export function crc32c(crc: number, data: number, bytes: number): number {
  let result = crc;
  for (let byte = 0; byte < bytes; byte++) {
    result = TABLE[(result ^ (data >>> (8 * byte))) & 0xff]! ^ (result >>> 8);
  }
  return result;
}
