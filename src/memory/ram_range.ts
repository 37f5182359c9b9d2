/** Ranges of linear addresses for those who look from outside: found first, then read or written as a whole. */
import { type LinearMemory, PAGE_SIZE } from "./physical.ts";

/** A piece of a range that lies in one page. */
interface RamPiece {
  readonly physical: number;
  readonly length: number;
  /** Bytes of the range before it. */
  readonly start: number;
}

/** The RAM behind a range of linear addresses. */
export interface RamRange {
  readonly pieces: readonly RamPiece[];
  /** Bytes from its start up to the first that is not in RAM. */
  readonly reached: number;
}

/**
 * Finds a range page by page, as far as it is in RAM. It goes on at address 0 behind the last one.
 *
 * @param translate the physical address of a linear one; undefined: nothing is mapped there
 */
export function findRange(
  memory: LinearMemory,
  address: bigint,
  size: number,
  translate: (linear: bigint) => number | undefined,
): RamRange {
  const pieces: RamPiece[] = [];
  let start = 0;
  while (start < size) {
    const linear = BigInt.asUintN(64, address + BigInt(start)), physical = translate(linear);
    const length = Math.min(size - start, PAGE_SIZE - Number(BigInt.asUintN(32, linear)) % PAGE_SIZE);
    if (physical === undefined || physical + length > memory.ramBytes) break;
    pieces.push({ physical, length, start });
    start += length;
  }
  return { pieces, reached: start };
}

/**
 * The same for all of a range.
 *
 * @throws {RangeError} if some of it is not in RAM
 */
export function findWholeRange(
  memory: LinearMemory,
  address: bigint,
  size: number,
  translate: (linear: bigint) => number | undefined,
): RamRange {
  const range = findRange(memory, address, size, translate);
  if (range.reached === size) return range;
  const missing = BigInt.asUintN(64, address + BigInt(range.reached));
  throw new RangeError(`Cannot reach memory at 0x${missing.toString(16)}: nothing is mapped there`);
}

/** The bytes of a range, as many as are in RAM. */
export function readRange(memory: LinearMemory, { pieces, reached }: RamRange): Uint8Array {
  const bytes = new Uint8Array(reached);
  for (const { physical, length, start } of pieces) bytes.set(memory.ram(physical, length), start);
  return bytes;
}

/**
 * Writes bytes into a range.
 *
 * @param wroteRam is told of each piece, so that code from there is forgotten
 */
export function writeRange(
  memory: LinearMemory,
  { pieces }: RamRange,
  bytes: Uint8Array,
  wroteRam: (physical: number, length: number) => void,
): void {
  for (const { physical, length, start } of pieces) {
    memory.ram(physical, length).set(bytes.subarray(start, start + length));
    wroteRam(physical, length);
  }
}
