/** Control-register and MSR bits that the memory side looks at. SDM vol. 3A, section 2.5; IA32_EFER: section 2.2.1. */
export const CONTROL = {
  CR0_WP: 0x1_0000,
  CR0_PG: 1 << 31,
  CR4_PSE: 0x10,
  CR4_PAE: 0x20,
  CR4_PGE: 0x80,
  CR4_LA57: 0x1000,
  CR4_PCIDE: 0x2_0000,
  CR4_SMEP: 0x10_0000,
  CR4_SMAP: 0x20_0000,
  EFER_LMA: 0x400,
  EFER_NXE: 0x800,
} as const;
