/** What checks of VMCS fields have in common. SDM vol. 3C, chapter 27. */
import { isCanonicalIn, LINEAR_BITS, PHYSICAL_BITS, PHYSICAL_HIGH } from "../cpu/address_widths.ts";
import { Efer } from "../cpu/system/control_bits.ts";
import { Field } from "./fields.ts";
import type { Fields } from "./field_check.ts";

/** Interruption types. SDM vol. 3C, section 25.8.3. */
export const EventType = {
  EXTERNAL: 0,
  NMI: 2,
  HARDWARE: 3,
  SOFTWARE: 4,
  PRIVILEGED: 5,
  EXCEPTION: 6,
  OTHER: 7,
} as const;

/** What lies below the physical-address width. */
export const PHYSICAL_END: number = 2 ** PHYSICAL_BITS;
/** Whether an address is that of a page below it. */
export const isPage = (address: bigint): boolean =>
  (address & 0xfffn) === 0n && address >> BigInt(PHYSICAL_BITS) === 0n;
/** Whether a field is an address below it. */
export const holdsPhysical = (v: Fields, field: number): boolean => (v.high(field) & ~PHYSICAL_HIGH) === 0;
/** Whether it is also that of a page. */
export const holdsPage = (v: Fields, field: number): boolean =>
  (v.word(field) & 0xfff) === 0 && holdsPhysical(v, field);
/** Whether a field is a canonical linear address. */
export const holdsCanonical = (v: Fields, field: number): boolean =>
  isCanonicalIn(LINEAR_BITS, v.high(field));

/** Whether a field has all bits that must be 1, and only such as may be: none of its upper half. */
export function holdsFixed(v: Fields, field: number, one: number, mayBeOne: number): boolean {
  const low = v.word(field);
  return v.high(field) === 0 && (low & one) === one && (low & ~mayBeOne) === 0;
}

const EFER_BITS = Efer.SCE | Efer.LME | Efer.LMA | Efer.NXE;
/** Whether a field is a value of IA32_EFER: it has no reserved bits. */
export const holdsEfer = (v: Fields, field: number): boolean =>
  v.high(field) === 0 && (v.word(field) & ~EFER_BITS) === 0;

/** Whether each byte of a field is a memory type, as in IA32_PAT. */
export const holdsPat = (v: Fields, field: number): boolean =>
  areMemoryTypes(v.word(field)) && areMemoryTypes(v.high(field));

/** Whether each of four bytes is 0, 1 or 4 to 7. */
const areMemoryTypes = (bytes: number): boolean =>
  (bytes & 0xf8f8_f8f8) === 0 && (bytes & ~(bytes >> 1) & 0x0202_0202) === 0;

/** The event to inject. */
export interface Injection {
  readonly vector: number;
  readonly type: number;
  readonly deliversError: boolean;
  readonly reserved: number;
}

/** The VM-entry interruption information, if it is valid. */
export function injectionOf(v: Fields): Injection | undefined {
  const information = v.word(Field.ENTRY_INTERRUPTION);
  if (information >= 0) return undefined;
  return {
    vector: information & 0xff,
    type: (information >> 8) & 7,
    deliversError: (information & 0x800) !== 0,
    reserved: information & 0x7fff_f000,
  };
}
