/** The descriptors that Linux's boot protocol asks for. */
import type { LowMemory } from "./low_memory.ts";

/** Their selectors. */
export const BOOT_CODE = 0x10, BOOT_DATA = 0x18;

/** Present, accessed, DPL 0, limit 2^32 - 1: code of 64 and of 32 bits; data. */
const CODE = { 64: [0x0000_ffff, 0x00af_9b00], 32: [0x0000_ffff, 0x00cf_9b00] } as const;
const DATA = [0x0000_ffff, 0x00cf_9300] as const;

/** A global descriptor table: physical address and size in bytes. */
export interface DescriptorTable {
  readonly gdt: number;
  readonly gdtSize: number;
}

/** Writes it, for code of so many bits. */
export function bootDescriptors(low: LowMemory, codeBits: keyof typeof CODE): DescriptorTable {
  const words = [0, 0, 0, 0, ...CODE[codeBits], ...DATA], gdtSize = 4 * words.length;
  const gdt = low.reserve(gdtSize);
  low.words(gdt, words);
  return { gdt, gdtSize };
}
