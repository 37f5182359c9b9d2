/** The first operand of the helpers that execute repeated string instructions. */
export const RepeatForm = {
  /** Bits 3:0: bytes of an element. */
  ELEMENT: 0xf,
  /** Bits 7:4: address size in bytes. */
  ADDRESS: 0xf0,
  ADDRESS_SHIFT: 4,
  /** 64-bit mode: linear addresses have 64 bits, not 32. */
  LONG: 0x100,
  /** CMPS and SCAS: goes on while elements differ (REPNE), not while they are equal. */
  NOT_EQUAL: 0x200,
  /** Segments are checked: ES for what rDI points to, and for rSI the one whose number bits 14:12 are. */
  CHECKED: 0x400,
  SOURCE: 0x7000,
  SOURCE_SHIFT: 12,
} as const;
