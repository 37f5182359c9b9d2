/** Page tables and descriptors for kernels that are entered in 64-bit mode: linear addresses are physical ones. */
import type { LowMemory } from "./low_memory.ts";

const PAGE = 0x1000, ENTRIES = 512, LARGE_PAGE = 0x20_0000;
/** Present, writable; in a directory also: a 2 MB page. SDM vol. 3A, section 4.5. */
const TABLE = 3, LARGE = 0x83;
/** Gigabytes mapped: all that physical addresses of RAM and devices can be. */
const GIGABYTES = 4;
/** Present, accessed, DPL 0, limit 2^32 - 1: 64-bit code; data. */
const CODE = [0x0000_ffff, 0x00af_9b00], DATA = [0x0000_ffff, 0x00cf_9300];

/** Selectors that Linux's boot protocol asks for. */
export const BOOT_CODE = 0x10, BOOT_DATA = 0x18;

/** Where the tables are: physical addresses. */
export interface LongModeTables {
  readonly cr3: number;
  readonly gdt: number;
  readonly gdtSize: number;
}

/** Writes the tables. */
export function identityMap(low: LowMemory): LongModeTables {
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
  const cr3 = table([table(directories.map((at) => at + TABLE)) + TABLE]);
  const descriptors = [0, 0, 0, 0, ...CODE, ...DATA];
  const gdtSize = 4 * descriptors.length;
  const gdt = low.reserve(gdtSize);
  low.words(gdt, descriptors);
  return { cr3, gdt, gdtSize };
}
