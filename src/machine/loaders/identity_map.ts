/** Page tables for kernels that are entered in 64-bit mode: linear addresses are physical ones. */
import type { LowMemory } from "./low_memory.ts";

const PAGE = 0x1000, ENTRIES = 512, LARGE_PAGE = 0x20_0000;
/** Present, writable; in a directory also: a 2 MB page. SDM vol. 3A, section 4.5. */
const TABLE = 3, LARGE = 0x83;
/** Gigabytes mapped: all that physical addresses of RAM and devices can be. */
const GIGABYTES = 4;

/** Writes the tables. Returns the physical address of the first, for CR3. */
export function identityMap(low: LowMemory): number {
  const table = (entries: readonly number[]): number => {
    const at = low.reserve(PAGE, PAGE);
    low.words(
      at,
      Array.from({ length: 2 * ENTRIES }, (_, n) => (n & 1) === 0 ? entries[n >> 1] ?? 0 : 0),
    );
    return at;
  };
  const directories = Array.from(
    { length: GIGABYTES },
    (_, gigabyte) =>
      table(Array.from({ length: ENTRIES }, (_, n) => (ENTRIES * gigabyte + n) * LARGE_PAGE + LARGE)),
  );
  return table([table(directories.map((at) => at + TABLE)) + TABLE]);
}
