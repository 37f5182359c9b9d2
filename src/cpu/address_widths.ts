/** Widths of addresses, as CPUID leaf 80000008H reports them. SDM vol. 3A, section 4.1.4. */

/** Bits of a physical address (MAXPHYADDR). */
export const PHYSICAL_BITS = 40;
/** Bits of a linear address with 4-level paging. */
export const LINEAR_BITS = 48;

/** Bits of a physical address in the upper half of a 64-bit value. */
export const PHYSICAL_HIGH: number = 2 ** (PHYSICAL_BITS - 32) - 1;
