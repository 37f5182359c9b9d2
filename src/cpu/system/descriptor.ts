/** Segment descriptors: their fields, and where they come from. SDM vol. 3A, sections 3.4.5 and 3.5. */

/** The eight bytes of a descriptor. */
export interface Descriptor {
  readonly lo: number;
  readonly hi: number;
}

/** Bits of a segment register's attributes: descriptor bits 55:40, those of the limit cleared. */
export const Attribute = {
  /** Type, without and with the S bit. */
  TYPE: 0xf,
  FULL_TYPE: 0x1f,
  ACCESSED: 1,
  /** Data: writable. Code: readable. */
  READ_WRITE: 2,
  /** Code: conforming. */
  CONFORMING: 4,
  CODE: 8,
  /** Code or data, not a system segment. */
  S: 0x10,
  DPL_SHIFT: 5,
  P: 0x80,
  L: 0x2000,
  DB: 0x4000,
  G: 0x8000,
} as const;

/** Types of system descriptors (S = 0). SDM vol. 3A, table 3-2. */
export const SystemType = {
  TSS16: 1,
  LDT: 2,
  TSS16_BUSY: 3,
  CALL_GATE16: 4,
  TASK_GATE: 5,
  INTERRUPT_GATE16: 6,
  TRAP_GATE16: 7,
  TSS32: 9,
  TSS32_BUSY: 11,
  CALL_GATE: 12,
  INTERRUPT_GATE: 14,
  TRAP_GATE: 15,
} as const;

/** Attributes as a segment register holds them. */
export const attributesOf = ({ hi }: Descriptor): number => (hi >>> 8) & 0xf0ff;
export const typeOf = ({ hi }: Descriptor): number => (hi >>> 8) & Attribute.FULL_TYPE;
export const dplOf = ({ hi }: Descriptor): number => (hi >>> 13) & 3;
export const isPresent = ({ hi }: Descriptor): boolean => (hi & 0x8000) !== 0;
/** Low 32 bits of the base. */
export const baseOf = ({ lo, hi }: Descriptor): number =>
  (lo >>> 16) | ((hi & 0xff) << 16) | (hi & 0xff00_0000);
/** Limit in bytes, as a signed 32-bit number. */
export function limitOf({ lo, hi }: Descriptor): number {
  const limit = (lo & 0xffff) | (hi & 0xf_0000);
  return (hi & 0x80_0000) !== 0 ? (limit << 12) | 0xfff : limit;
}
export const isCode = (d: Descriptor): boolean => (typeOf(d) & 0x18) === 0x18;
export const isConforming = (d: Descriptor): boolean => (typeOf(d) & 0x1c) === 0x1c;
export const isWritableData = (d: Descriptor): boolean => (typeOf(d) & 0x1a) === 0x12;
/** Data, or code that can be read. */
export const isReadable = (d: Descriptor): boolean => {
  const type = typeOf(d);
  return (type & 0x10) !== 0 && (type & 0xa) !== 8;
};
/** 64-bit code segment. */
export const isLongCode = ({ hi }: Descriptor): boolean => (hi & 0x20_0000) !== 0;
/** The D/B bit. */
export const isBig = ({ hi }: Descriptor): boolean => (hi & 0x40_0000) !== 0;

/** Where descriptors come from. */
export interface DescriptorSource {
  /** The descriptor of a selector that is not null. Undefined if it is outside its table, or after raising a fault. */
  read(selector: number): Descriptor | undefined;
  /** The second half of a 16-byte system descriptor: bits 63:32 of its base. Undefined as above. */
  readUpper(selector: number): Descriptor | undefined;
  /** Sets bits of the type in the table. May raise a fault. */
  setType(selector: number, descriptor: Descriptor, bits: number): void;
  /** Clears bits of the type there. May raise a fault. */
  clearType(selector: number, descriptor: Descriptor, bits: number): void;
}
