/** Widths of addresses, as CPUID leaf 80000008H reports them. SDM vol. 3A, section 4.1.4. */

/** Bits of a physical address (MAXPHYADDR). */
export const PHYSICAL_BITS = 40;
/** Bits of a linear address with 4-level paging, and with 5-level paging. */
export const LINEAR_BITS = 48, LINEAR_BITS_57 = 57;

/** Whether bits 63 down to the highest of `bits` are equal, of an address with this upper half. SDM vol. 1, section 3.3.7.1. */
export function isCanonicalIn(bits: number, hi: number): boolean {
  const rest = hi >> (bits - 33);
  return rest === 0 || rest === -1;
}

/** Bits of a physical address in the upper half of a 64-bit value. */
export const PHYSICAL_HIGH: number = 2 ** (PHYSICAL_BITS - 32) - 1;
