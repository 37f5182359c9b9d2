/** What checks of VMCS fields have in common. SDM vol. 3C, chapter 27. */
import { isCanonicalIn, LINEAR_BITS, PHYSICAL_BITS } from "../cpu/address_widths.ts";
import { Efer } from "../cpu/system/control_bits.ts";
import { Field } from "./fields.ts";
import type { Vmcs } from "./vmcs.ts";

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

/** Whether an address lies below the physical-address width. */
export const isPhysical = (address: bigint): boolean => address >> BigInt(PHYSICAL_BITS) === 0n;
/** Whether it is also that of a page. */
export const isPage = (address: bigint): boolean => (address & 0xfffn) === 0n && isPhysical(address);
/** Whether a field is an address below the physical-address width. */
export const holdsPhysical = (v: Vmcs, field: number): boolean =>
  v.high(field) >>> 0 < 2 ** (PHYSICAL_BITS - 32);
/** Whether a field is a canonical linear address. */
export const holdsCanonical = (v: Vmcs, field: number): boolean => isCanonicalIn(LINEAR_BITS, v.high(field));

/** Whether a control register has all bits that must be 1, and only such as may be. */
export function holdsFixed(v: Vmcs, field: number, one: number, mayBeOne: number): boolean {
  const low = v.word(field);
  return v.high(field) === 0 && (low & one) === one && (low & ~mayBeOne) === 0;
}

const EFER_BITS = BigInt(Efer.SCE | Efer.LME | Efer.LMA | Efer.NXE);
/** Whether a value of IA32_EFER has no reserved bits. */
export const isEfer = (value: bigint): boolean => (value & ~EFER_BITS) === 0n;

/** Whether each byte of a value of IA32_PAT is a memory type. */
export function isPat(value: bigint): boolean {
  for (let at = 0n; at < 64n; at += 8n) {
    const type = (value >> at) & 0xffn;
    if (type > 7n || type === 2n || type === 3n) return false;
  }
  return true;
}

/** The fields of a segment register. */
export interface SegmentFields {
  readonly selector: number;
  /** Of the base: its halves. */
  readonly base: number;
  readonly baseHigh: number;
  readonly limit: number;
  readonly rights: number;
}

/** The fields of a segment register in the VMCS's order: ES CS SS DS FS GS LDTR TR. */
export function segmentFields(v: Vmcs, n: number): SegmentFields {
  return {
    selector: v.word(Field.GUEST_ES + 2 * n),
    base: v.word(Field.GUEST_ES_BASE + 2 * n),
    baseHigh: v.high(Field.GUEST_ES_BASE + 2 * n),
    limit: v.word(Field.GUEST_ES_LIMIT + 2 * n),
    rights: v.word(Field.GUEST_ES_RIGHTS + 2 * n),
  };
}

/** The event to inject. */
export interface Injection {
  readonly vector: number;
  readonly type: number;
  readonly deliversError: boolean;
  readonly reserved: number;
}

/** The VM-entry interruption information, if it is valid. */
export function injectionOf(v: Vmcs): Injection | undefined {
  const information = v.word(Field.ENTRY_INTERRUPTION);
  if (information >= 0) return undefined;
  return {
    vector: information & 0xff,
    type: (information >> 8) & 7,
    deliversError: (information & 0x800) !== 0,
    reserved: information & 0x7fff_f000,
  };
}
